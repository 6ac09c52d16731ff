"""Containers that gain entries: which ones, how fast, through which endpoint, and where they are filled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import pytest

from soak.catalog import node
from soak.catalog.metrics import ResourceKind
from soak.catalog.python import CONTAINER_LENGTH, ENTRY_BYTES
from soak.diagnosis import thresholds
from soak.diagnosis.attribution.attribution import EVERY, Attribution
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects import growing_containers as module
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.growing_containers import (
    GrowingContainer,
    containers,
    containers_of,
    frame_of_labels,
    growing_containers,
    kept_closures,
    kept_listeners,
    listening_container,
    named_holder,
)
from soak.model import Place, Series
from tests.boundaries import pins
from tests.diagnosis.suspects.parts import amount, context, gauge, signal, windows

ASKED = [windows("GET /a", [1] * 40)]


def length(values: Any, first: float = 1.0, **labels: str) -> Series:
    return gauge(CONTAINER_LENGTH, values, first, **labels)


def growing(values: Any, **labels: str) -> GrowingContainer | None:
    return module._growing(length(values, 1.0, **labels), context(requests=ASKED))


def test_a_container_has_its_holder_kind_rate_endpoint_and_place() -> None:
    labels = {"holder": "shop.SEEN", "kind": "list", "file": "/srv/shop.py", "line": "7"}
    found = growing(2.0 * np.arange(29), **labels)
    assert found is not None
    assert (found.holder, found.kind) == ("shop.SEEN", "list")
    assert found.per_request == pytest.approx(2.0)
    assert [each.endpoint for each in found.endpoints] == ["GET /a"]
    assert found.place == Place("shop.SEEN", "shop.py", 7)
    bare = growing(2.0 * np.arange(29))
    assert bare is not None
    assert (bare.holder, bare.kind, bare.place) == ("?", "container", Place("?"))


def test_a_container_of_node_is_named_by_what_held_it_after_the_drain() -> None:
    lengths = gauge(node.CONTAINER_LENGTH, 2.0 * np.arange(29), holder="Map 3", kind="Map")
    labels = (("holder", "Map 3"), ("name", "registry.open"), ("file", "/srv/shop.js"))
    held = replace(gauge(node.CONTAINER_HOLDER, [1.0], 40.0), labels=labels)
    other = replace(held, labels=(("holder", "Map 4"), *labels[1:]))
    [named] = containers(context(lengths, held, requests=ASKED))
    assert (named.holder, named.kind) == ("registry.open", "Map")
    assert named.place == Place("registry.open", "shop.js")
    assert named_holder(named) == "registry.open (Map)"
    for beside in ((), (other,)):
        [unnamed] = containers(context(lengths, *beside, requests=ASKED))
        assert (unnamed.place, named_holder(unnamed)) == (None, "a Map")
    assert named_holder(replace(unnamed, kind="Array")) == "an Array"


@pytest.mark.parametrize(
    ("values", "grows"),
    [
        ([0, 10, 20], True),
        ([0, 20], False),
        ([0, 10, 19], False),
        ([0, np.nan, 20], False),
        ([0, np.nan, 10, 30], False),
        ([0, 10, np.nan, 30], True),
        ([0, 10, np.nan, 30, 40], True),
        ([0, 60, 0, 20], False),
        ([20, 10, 0], False),
        ([90, 100, 109], False),
        ([90, 100, 110], True),
    ],
)
def test_a_container_grows_from_three_snapshots_and_twenty_entries_on_and_surely(
    values: list[float], grows: bool
) -> None:
    assert (growing(values) is not None) is grows


def test_only_the_judged_stretch_counts_and_only_with_requests() -> None:
    series = length([0, 10, 20, 30, 40])
    assert module._growing(series, context(requests=ASKED, warmup=3.0)) is not None
    assert module._growing(series, context(requests=ASKED, warmup=4.0)) is None
    still = [windows("GET /a", [1] + [0] * 39)]
    assert module._growing(series, context(requests=still)) is None
    once = [windows("GET /a", [0, 1] + [0] * 38)]
    found = module._growing(length([0, 20, 20]), context(requests=once))
    assert found is not None
    assert found.per_request == pytest.approx(20.0)
    told = "attribute_by_endpoint"
    with mock.patch.object(module, told, return_value=Attribution("x", "entries", ())) as asked:
        assert growing([0, 10, 20, 30]) is not None
    assert asked.call_args.kwargs == {"integer": True}
    with mock.patch.object(module, "slope_and_error", return_value=(1.0, 1.0)):
        assert growing([0, 10, 20, 30]) is None


def test_containers_come_fastest_first() -> None:
    slow, fast = (
        length(each * np.arange(29.0), holder=name) for name, each in (("slow", 1), ("fast", 3))
    )
    steady = length(np.full(29, 9.0), holder="steady")
    run = context(slow, steady, fast, requests=ASKED)
    assert [each.holder for each in containers(run)] == ["fast", "slow"]


def held(holder: str, *endpoints: str, each: float = 2.0) -> GrowingContainer:
    amounts = tuple(amount(endpoint, 0.5) for endpoint in endpoints)
    return GrowingContainer(holder, "dict", each, amounts, Place(holder))


def case(endpoint: str, *what: ResourceKind, shared: tuple[str, ...] = ()) -> Case:
    signals = tuple(
        signal(each, unit="threads" if each is ResourceKind.THREADS else "bytes") for each in what
    )
    parts = tuple(Case(each) for each in shared)
    return Case(endpoint, signals, tuple(each.each for each in signals), parts=parts)


A, B, BOTH, UNKNOWN = (
    held("a", "GET /a"),
    held("b", "POST /b"),
    held("both", "GET /a", "POST /b"),
    held("unknown"),
)


@pytest.mark.parametrize(
    ("subject", "holders"),
    [
        (case("GET /a"), ["a", "both", "unknown"]),
        (case("POST /b"), ["b", "both", "unknown"]),
        (case("GET /c"), ["unknown"]),
        (case(""), ["a", "b", "both", "unknown"]),
        (case("GET /a and POST /b", shared=("GET /a", "POST /b")), ["a", "b", "both", "unknown"]),
    ],
)
def test_a_case_s_containers_grow_through_its_endpoint_or_an_unknown_one(
    subject: Case, holders: list[str]
) -> None:
    with mock.patch.object(module, "containers", return_value=[A, B, BOTH, UNKNOWN]):
        assert [each.holder for each in containers_of(subject, context())] == holders


def test_three_containers_of_a_case_of_memory_alone_are_told() -> None:
    def told(subject: Case, *found: GrowingContainer) -> str:
        with mock.patch.object(module, "containers", return_value=found):
            return growing_containers(subject, context())

    memory = case("", ResourceKind.MEMORY)
    assert told(memory, A, BOTH) == (
        "a (dict) gains 0.5 entries per request to GET /a; "
        "both (dict) gains 2 entries per request of any kind."
    )
    assert told(memory, *[UNKNOWN] * 4).count("unknown (dict)") == 3
    assert told(memory) == ""
    assert told(case(""), A) == ""
    assert told(case("", ResourceKind.MEMORY, ResourceKind.THREADS), A) == ""


def test_a_container_of_closures_is_told_with_the_first_of_them() -> None:
    def told(*entries: str, what: ResourceKind = ResourceKind.MEMORY) -> str:
        kept = replace(A, entries=entries)
        with mock.patch.object(module, "containers", return_value=[B, kept]):
            return kept_closures(case("GET /a", what), context())

    assert told("shop.Entry", "shop.answer.<locals>.flush()") == (
        "a (dict) holds ever more of shop.answer.<locals>.flush(): "
        "a closure, which keeps the variables of the function around it."
    )
    assert told("shop.Entry", "shop.answer.<locals>.Entry") == told() == ""
    assert told("shop.answer.<locals>.flush()", what=ResourceKind.THREADS) == ""


@pytest.mark.parametrize(
    ("entry", "holds"),
    [
        ("sqlalchemy.orm.session.Session", True),
        ("sqlalchemy.ext.asyncio.session.AsyncSession", True),
        ("psycopg.Connection", True),
        ("psycopg2.extensions.connection", True),
        ("asyncpg.pool.PoolConnectionProxy", True),
        ("sqlalchemy.pool.base._ConnectionFairy", True),
        ("shop.SessionData", False),
        ("sqlalchemy.engine.base.Engine", False),
    ],
)
def test_what_holds_connections_is_known_by_its_class(entry: str, holds: bool) -> None:
    kept = replace(A, entries=("shop.Entry", entry))
    with mock.patch.object(module, "containers", return_value=[B, kept]):
        found = module.containers_of_connections(case("GET /a"), context())
    assert found == ([kept] if holds else [])


def test_what_a_container_gains_is_per_request_to_its_only_endpoint() -> None:
    assert module._gain(held("x", each=1.0)) == "1 entry per request of any kind"
    assert module._gain(held("x", each=1.5)) == "1.5 entries per request of any kind"
    assert module._gain(held("x", EVERY)) == "2 entries per request of any kind"
    assert module._gain(A) == "0.5 entries per request to GET /a"
    assert module._gain(BOTH) == "2 entries per request of any kind"


def test_the_labels_of_the_hook_are_a_frame() -> None:
    labels = {"function": "keep", "file": "/srv/shop.py", "line": "12"}
    frame = frame_of_labels(labels, "other", own=True)
    assert (frame, frame.own) == (Frame("keep", "/srv/shop.py", 12), True)
    assert frame_of_labels({"line": "x"}, "other") == Frame("other")
    assert frame_of_labels({}) == Frame("", "", 0)
    assert frame_of_labels({}).own is False


@pytest.mark.parametrize(("entries", "first"), [(1.0, "shop.CARTS"), (0.4, "shop.Cart")])
def test_a_container_comes_before_the_class_of_its_entries(entries: float, first: str) -> None:
    """Unless it gains less than half as many: then others keep most of the objects."""
    run = context(
        length(1.0 * np.arange(60), holder="shop.Cart", kind="objects"),
        length(entries * np.arange(60), holder="shop.CARTS", kind="dict"),
        requests=ASKED,
    )
    assert containers(run)[0].holder == first


def test_objects_of_a_class_are_told_as_objects() -> None:
    of_class = GrowingContainer("shop.Cart", "objects", 1.0, (), Place("shop.Cart"))
    assert module.named_holder(of_class) == "class shop.Cart"
    assert module._gain(of_class) == "1 object per request of any kind"
    assert module._gain(replace(of_class, per_request=0.5)) == "0.5 objects per request of any kind"
    assert module._gain(replace(of_class, kind="dict")) == "1 entry per request of any kind"


def test_what_a_store_keeps_in_several_containers_is_added_up() -> None:
    """Those of another owner, at another rate, and the class of the entries are left out."""
    rows = (
        ("shop.HUB.receivers", "dict", 1.0, 300.0),
        ("shop.HUB.index", "dict", 1.0, 40.0),
        ("shop.HUB.seen", "set", 2.0, 500.0),
        ("shop.OTHER", "list", 1.0, 700.0),
        ("shop.HUB.Receiver", "objects", 1.0, 900.0),
    )
    series = [length(rate * np.arange(60), holder=name, kind=kind) for name, kind, rate, _ in rows]
    sizes = [gauge(ENTRY_BYTES, [size] * 60, 1.0, holder=name) for name, _, _, size in rows]
    run = context(*series, *sizes, requests=ASKED)
    case = Case("", (signal(ResourceKind.HEAP),), (amount(""),))
    found = {each.holder: module.with_siblings(each, case, run) for each in containers(run)}
    assert found["shop.HUB.receivers"].entry_bytes == 340.0
    assert found["shop.HUB.seen"].entry_bytes == 500.0
    assert found["shop.OTHER"].entry_bytes == 700.0
    assert found["shop.HUB.Receiver"].entry_bytes == 900.0


@pins(thresholds, "ENTRY_SEEN", "LARGEST_ENTRY")
def test_a_container_of_small_entries_is_not_what_makes_memory_grow() -> None:
    """Each entry would hold more than 20 times what was measured of it, or more than 128 KiB."""
    for entry, heap, explains in (
        (50.0, 1000.0, True),
        (50.0, 1001.0, False),
        (0.0, 131072.0, True),
        (0.0, 131073.0, False),
    ):
        one = replace(held("shop.LOCKS", each=1.0), entry_bytes=entry)
        growth = Case("", (signal(ResourceKind.HEAP, each=heap),), (amount(""),))
        with mock.patch.object(module, "containers", return_value=[one]):
            assert containers_of(growth, context()) == ([one] if explains else [])


@pins(thresholds, "CLEARED_SHARE")
def test_a_container_that_was_swept_in_the_course_of_the_run_is_bounded() -> None:
    def swept(to: float) -> bool:
        values = [0.0, 100, 200, 300, 400, to, to + 100, to + 200, to + 300, to + 400, to + 500]
        return growing(values) is None

    assert not swept(201.0)
    assert swept(199.0)


@pytest.mark.parametrize(
    ("name", "kind", "listens"),
    [
        ("bus._events.price", "Array", True),
        ("stop.signal", "EventTarget", True),
        ("bus.open", "Map", False),
    ],
)
def test_listeners_that_stay_on_an_emitter_are_told(name: str, kind: str, listens: bool) -> None:
    lengths = gauge(node.CONTAINER_LENGTH, 2.0 * np.arange(29), holder="X 1", kind=kind)
    labels = (("holder", "X 1"), ("name", name), ("file", "/srv/shop.js"))
    held = replace(gauge(node.CONTAINER_HOLDER, [1.0], 40.0), labels=labels)
    run = context(lengths, held, requests=ASKED)
    heap = Case("GET /a", (signal(ResourceKind.HEAP),), (amount("GET /a"),))
    assert (listening_container(heap, run) is not None) is listens
    said = kept_listeners(heap, run)
    assert bool(said) is listens
    if listens:
        assert said.startswith(f"{name} ({kind}) gains 2.01 entries per request to GET /a")
        assert said.endswith(": listeners that are never removed.")
    counted = Case("GET /a", (signal(ResourceKind.THREADS, unit="threads"),), (amount("GET /a"),))
    assert kept_listeners(counted, run) == ""


def test_a_container_with_a_known_maximum_is_no_suspect_while_it_fills() -> None:
    for bound, grows in (("10000", False), ("none", True)):
        lengths = length(2.0 * np.arange(29), 1.0, holder="shop.LAST", bound=bound)
        assert bool(containers(context(lengths, requests=ASKED))) is grows
