"""V8's trees of calls."""

from __future__ import annotations

import json
from typing import Any

import pytest

from soak.diagnosis.profiles import v8
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.profiles.pprof import ProfileFormatError, StackProfile
from soak.diagnosis.profiles.v8 import read_v8cpu, read_v8heap


def call(name: str, url: str = "", line: int = -1) -> dict[str, Any]:
    return {"functionName": name, "url": url, "lineNumber": line}


def node(name: str, own: float, *children: dict[str, Any]) -> dict[str, Any]:
    return {"callFrame": call(name), "selfSize": own, "children": list(children)}


def heap(head: dict[str, Any], **more: Any) -> StackProfile:
    return read_v8heap(json.dumps({"head": head, **more}).encode())


def held(profile: StackProfile) -> dict[str, float]:
    return {
        "<".join(frame.function for frame in profile.stack(row)): value
        for row, [value] in enumerate(profile.values.tolist())
    }


def test_each_call_holds_its_own_below_its_callers() -> None:
    tree = node(
        "(root)", 0, node("a", 5, node("b", 7), node("(root)", 2)), node("c", 0, node("d", 0.5))
    )
    assert held(heap(tree)) == {"a": 5.0, "b<a": 7.0, "(root)<a": 2.0, "d<c": 0.5}
    assert held(heap(node("a", 3))) == {"a": 3.0}
    assert held(heap(node("(root)", 3, node("a", 1)))) == {"": 3.0, "a": 1.0}


def test_an_answer_of_the_inspector_has_the_profile_inside() -> None:
    inner = {"profile": {"head": node("a", 3)}, "interval": 512}
    profile = read_v8heap(json.dumps(inner).encode())
    assert (held(profile), profile.period, profile.period_unit) == ({"a": 3.0}, 512.0, "bytes")
    assert heap(node("a", 3)).period == 0.0
    assert profile.columns == (("inuse_space", "bytes"),)


def test_a_call_without_a_size_holds_nothing() -> None:
    assert held(heap({"callFrame": call("a")})) == {}


@pytest.mark.parametrize(
    ("seen", "frame", "own"),
    [
        (call("f", "file:///srv/a.js", 26), Frame("f", "/srv/a.js", 27), True),
        (call("f", "/srv/a.js", 0), Frame("f", "/srv/a.js", 1), True),
        (call("", "/srv/a.js", 3), Frame("(anonymous)", "/srv/a.js", 4), True),
        (call("f", "node:events", 3), Frame("f", "node:events", 4), False),
        (call("f", "internal/x.js", 3), Frame("f", "internal/x.js", 4), False),
        (call("f"), Frame("f"), False),
        ({}, Frame("(anonymous)"), False),
        ({"functionName": "f", "url": "evalmachine.<a>"}, Frame("f", "evalmachine.<a>"), False),
    ],
)
def test_a_call_has_the_line_where_its_function_begins(
    seen: dict[str, Any], frame: Frame, own: bool
) -> None:
    read = v8._frame(seen)
    assert (read, read.own) == (frame, own)


def test_calls_are_at_most_a_thousand_deep() -> None:
    def chain(length: int) -> dict[str, Any]:
        tree = node("f", 1)
        for _ in range(length - 1):
            tree = node("f", 0, tree)
        return tree

    def inside(seen: Any) -> Any:
        return seen["children"]

    [(stack, _)] = v8._stacks(chain(1000), "selfSize", inside)
    assert len(stack) == 1000
    with pytest.raises(ValueError, match="calls without end"):
        list(v8._stacks(chain(1001), "selfSize", inside))


def ran(*nodes: tuple[int, str, int, list[int]]) -> StackProfile:
    """Nodes with their number, name, hits and children."""
    rows = [
        {"id": number, "callFrame": call(name), "hitCount": hits, "children": children}
        for number, name, hits, children in nodes
    ]
    return read_v8cpu(json.dumps({"nodes": rows}).encode())


def test_what_ran_is_a_tree_of_numbered_calls() -> None:
    profile = ran((1, "(root)", 0, [2, 4]), (2, "a", 3, [3]), (3, "b", 4, []), (4, "c", 0, []))
    assert held(profile) == {"a": 3.0, "b<a": 4.0}
    assert profile.columns == (("run", "count"),)
    assert held(ran((3, "b", 4, []), (1, "(root)", 0, [3]))) == {"b": 4.0}
    assert held(ran((7, "(root)", 2, []))) == {"": 2.0}


@pytest.mark.parametrize(
    "nodes",
    [
        [(1, "a", 1, [2])],  # a call that is not there
        [(1, "a", 1, []), (2, "b", 1, [])],  # two roots
        [(1, "a", 1, [2]), (2, "b", 1, [1])],  # none
        [(1, "a", 1, [2, 2]), (2, "b", 1, [])],
        [(1, "a", 1, [2, 3]), (2, "b", 1, [3]), (3, "c", 1, [])],
        [],
    ],
)
def test_calls_that_are_not_there_or_no_tree_are_refused(
    nodes: list[tuple[int, str, int, list[int]]],
) -> None:
    with pytest.raises(ProfileFormatError, match="this is no V8 CPU profile"):
        ran(*nodes)
