"""Read the profiles of V8's inspector: live memory by the stack that allocated it, and what ran.

https://chromedevtools.github.io/devtools-protocol/v8/HeapProfiler: a tree of calls whose `selfSize`
is already scaled up from the samples, one in about `interval` bytes; and
.../v8/Profiler: calls with the ids of their `children`, and a `hitCount` of samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.profiles.json_profile import (
    Stack,
    amount,
    items,
    line,
    mapping,
    parse_json_profile,
    profile_from_stacks,
    text,
)
from soak.diagnosis.profiles.pprof import StackProfile

_COLUMNS = (("inuse_space", "bytes"),)
#: The column with the number of CPU samples of a stack.
RUN = "run"
#: Scripts of Node or V8; packages are recognized by their folder (`is_library`).
_OTHERS = ("node:", "internal/", "evalmachine", "native ", "extensions::")
_DEEPEST = 1000


def is_own_script(url: str) -> bool:
    """Return True for a script of the target or of a library, by its address or path; False if it is unknown."""
    return bool(url) and not url.startswith(_OTHERS)


def read_v8heap(data: bytes) -> StackProfile:
    """Read the inspector's answer, or a `.heapprofile` file, and the sampling `interval` in bytes if there is one."""
    return parse_json_profile(data, "V8 heap profile", _read)


def read_v8cpu(data: bytes) -> StackProfile:
    """Read the inspector's answer, or a `.cpuprofile` file."""
    return parse_json_profile(
        data,
        "V8 CPU profile",
        lambda profile: profile_from_stacks(_run(profile), ((RUN, "count"),)),
    )


def _run(profile: Mapping[str, Any]) -> Iterator[Stack]:
    """Yield the stack of every call that was sampled, with the number of samples."""
    nodes = {
        amount(node.get("id")): node
        for node in map(mapping, items(mapping(profile.get("profile", profile)).get("nodes")))
    }
    called = [amount(child) for node in nodes.values() for child in items(node.get("children", []))]
    if not set(called) <= nodes.keys():
        raise ValueError("a call that is not there")
    [root] = nodes.keys() - set(called)  # ValueError if this is not a tree
    if len(set(called)) < len(called):
        raise ValueError("calls that are no tree")

    def inside(node: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        return [nodes[amount(child)] for child in items(node.get("children", []))]

    return _stacks(nodes[root], "hitCount", inside)


def _read(document: Mapping[str, Any]) -> StackProfile:
    profile = mapping(document.get("profile", document))
    interval = amount(document.get("interval", 0))
    head = mapping(profile.get("head"))

    def inside(node: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        return map(mapping, items(node.get("children", [])))

    return profile_from_stacks(
        _stacks(head, "selfSize", inside), _COLUMNS, period=interval, period_unit="bytes"
    )


def _stacks(
    root: Mapping[str, Any],
    value: str,
    inside: Callable[[Mapping[str, Any]], Iterable[Mapping[str, Any]]],
) -> Iterator[Stack]:
    """Yield the stack and the value of every call of a tree that has a value of its own."""
    waiting: list[tuple[Mapping[str, Any], tuple[Frame, ...]]] = [(root, ())]
    while waiting:
        node, callers = waiting.pop()
        frame = _frame(mapping(node.get("callFrame")))
        stack = callers if frame.function == "(root)" and not callers else (frame, *callers)
        own = amount(node.get(value, 0))
        if len(stack) > _DEEPEST:
            raise ValueError("calls without end")
        if own:
            yield stack, (own,)
        waiting += [(child, stack) for child in inside(node)]


def _frame(call: Mapping[str, Any]) -> Frame:
    """Return a call as a frame, with the line where its function begins: V8 gives no other line, and counts from 0."""
    url = text(call.get("url", ""))
    place = url.removeprefix("file://")
    number = call.get("lineNumber", -1)
    return Frame(
        text(call.get("functionName", "")) or "(anonymous)",
        place,
        line(amount(number) + 1),
        is_own_script(url),
    )
