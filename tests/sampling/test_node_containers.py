"""Lengths of the containers of a real Node: those that gain entries are told, exactly, and named after the drain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.request import urlopen

import pytest

from soak.catalog.node import CONTAINER_HOLDER, CONTAINER_LENGTH
from soak.errors import TargetError
from soak.sampling.profilers import node_containers
from soak.sampling.profilers.node import NodeInspector
from soak.sampling.profilers.node_containers import Container, ContainerLengths, length_rows
from soak.snapshots import SnapshotStage
from tests.sampling.leaking import HERE
from tests.sampling.serving import free_port
from tests.targets import running, toolchain
from tests.targets.building import tool

PATHS = ("map", "bare", "set", "list", "object", "event", "signal", "full")
#: What holds each container that gains entries, and its kind.
HOLDERS = {
    "Registry.open": "Map",
    "Registry.bare": "Object",
    "seen": "Set",
    "listed": "Array",
    "byKey": "Object",
    "bus._events.price": "Array",
    "stop.#signal": "EventTarget",
}


@pytest.mark.thorough
def test_a_node_s_containers_that_gain_entries_are_counted_and_named() -> None:
    address = f"127.0.0.1:{free_port()}"
    with toolchain():
        node = tool("node")
    with running(
        [node, f"--inspect={address}", HERE / "containers.js"], ready_line_prefix="ready "
    ) as target:
        profiler = NodeInspector(address)

        def ask(path: str, times: int = 60) -> bytes:
            answers = [urlopen(f"{target.url}/{path}", timeout=60).read() for _ in range(times)]
            return bytes(answers[-1])

        def told(stage: SnapshotStage) -> Iterator[tuple[str, dict[str, str], float]]:
            for kind, data in list(profiler.take(stage)):
                if kind == "gauges":
                    assert isinstance(data, bytes)
                    yield from json.loads(data)["samples"]

        list(told("start"))
        for path in PATHS:
            ask(path)
        list(told("steady"))  # at which they are noticed
        lengths: list[dict[str, float]] = []
        for _ in range(3):
            for path in PATHS:
                ask(path)
            rows = [row for row in told("steady") if row[0] == CONTAINER_LENGTH]
            lengths.append({labels["holder"]: length for _, labels, length in rows})
        rows = list(told("drained"))
        touched = ask("touched", 1)
        profiler.close()
    names = {
        labels["holder"]: labels["name"] for name, labels, _ in rows if name == CONTAINER_HOLDER
    }
    kinds = {
        labels["holder"]: labels["kind"] for name, labels, _ in rows if name == CONTAINER_LENGTH
    }
    last = {names[holder]: length for holder, length in lengths[-1].items() if holder in names}
    assert {name: kinds[holder] for holder, name in names.items() if name in HOLDERS} == HOLDERS
    assert {name: last[name] for name in HOLDERS} == dict.fromkeys(HOLDERS, 240)
    before = {names[holder]: length for holder, length in lengths[-2].items() if holder in names}
    assert {name: before[name] for name in HOLDERS} == dict.fromkeys(HOLDERS, 180)
    assert not {"full"} & set(last), "it never gained an entry"
    assert json.loads(touched) == [], "nothing of the service runs because it is measured"


class Session:
    """An inspector that answers with what it was given, by method."""

    address = "127.0.0.1:9229"

    def __init__(self, **answers: object) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def call(self, method: str, *_: object, **__: object) -> object:
        self.asked.append(method)
        answer = self.answers.get(method.partition(".")[2], {})
        if isinstance(answer, Exception):
            raise answer
        return answer


def listing(used: float = 1e6, **answers: object) -> Session:
    made = {"result": {"objectId": "1"}, "objects": {"objectId": "2"}}
    return Session(
        **{"getHeapUsage": {"usedSize": used}, "evaluate": made, "queryObjects": made, **answers}
    )


def measured(session: Session) -> list[Container]:
    """What is measured at the first snapshot under load, at which objects are listed."""
    return ContainerLengths(session).measure(loaded=True)  # type: ignore[arg-type]


def test_a_heap_too_large_to_be_listed_is_left_alone() -> None:
    for used, asked in ((node_containers.LISTED, True), (node_containers.LISTED + 1, False)):
        session = listing(used, callFunctionOn={"result": {"value": []}})
        assert measured(session) == []
        assert ("Runtime.queryObjects" in session.asked) is asked


def test_what_v8_cannot_tell_leaves_the_snapshot_without_containers() -> None:
    for answer in (TargetError("gone"), {"no": "objects"}):
        session = listing(queryObjects=answer)
        assert measured(session) == []
        assert session.asked[-1] == "Runtime.releaseObjectGroup"
    assert measured(listing(callFunctionOn={"result": {}, "exceptionDetails": {}})) == []


def test_containers_of_several_processes_are_told_apart() -> None:
    one = [Container("Map", 1, 30.0)]
    assert [dict(labels) for _, labels, _ in length_rows([one])] == [
        {"holder": "Map 1", "kind": "Map"}
    ]
    assert [labels["holder"] for _, labels, _ in length_rows([one, [], one])] == [
        "Map 1 of worker 1",
        "Map 1 of worker 3",
    ]


def test_objects_are_listed_a_few_times_in_a_run() -> None:
    session = listing(callFunctionOn={"result": {"value": []}})
    lengths = ContainerLengths(session)  # type: ignore[arg-type]
    listed = []
    for turn in range(98):
        before = session.asked.count("Runtime.queryObjects")
        lengths.measure(loaded=turn % 2 == 0)
        if session.asked.count("Runtime.queryObjects") > before:
            listed.append(turn)
    assert listed == [0, 8, 48, 96], "every other one is under load"
