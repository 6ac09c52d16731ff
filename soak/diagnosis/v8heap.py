"""V8's sampled heap: what is alive, by the stack that allocated it, from the inspector's HeapProfiler.getSamplingProfile.

https://chromedevtools.github.io/devtools-protocol/v8/HeapProfiler: a tree of calls whose `selfSize` is already scaled up from
the samples, of which there is one in about `interval` bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from soak.diagnosis.frames import Frame
from soak.diagnosis.gathering import Stack, amount, document, gathered, items, line, mapping, text
from soak.diagnosis.pprof import Pprof

_COLUMNS = (("inuse_space", "bytes"),)
#: Scripts that are Node's own, V8's, or nobody's, and packages.
_OTHERS = ("node:", "internal/", "evalmachine", "native ", "extensions::")
_PACKAGES = "/node_modules/"
_DEEPEST = 1000


def read_v8heap(data: bytes) -> Pprof:
    """The inspector's answer, or a `.heapprofile` file, beside the sampling's `interval` in bytes."""
    return document(data, "V8 heap profile", _read)


def _read(found: Mapping[str, Any]) -> Pprof:
    profile = mapping(found.get("profile", found))
    interval = amount(found.get("interval", 0))
    return gathered(_stacks(mapping(profile.get("head"))), _COLUMNS, period=interval, period_unit="bytes")


def _stacks(head: Mapping[str, Any]) -> Iterator[Stack]:
    """Every call of the tree that allocated something itself, with those that led to it."""
    waiting: list[tuple[Mapping[str, Any], tuple[Frame, ...]]] = [(head, ())]
    while waiting:
        node, callers = waiting.pop()
        frame = _frame(mapping(node.get("callFrame")))
        stack = callers if frame.function == "(root)" and not callers else (frame, *callers)
        size = amount(node.get("selfSize", 0))
        if len(stack) > _DEEPEST:
            raise ValueError("calls without end")
        if size:
            yield stack, (size,)
        waiting += [(mapping(child), stack) for child in items(node.get("children", []))]


def _frame(call: Mapping[str, Any]) -> Frame:
    """A call, with the line at which its function begins: V8 tells no other, and counts from 0."""
    url = text(call.get("url", ""))
    place = url.removeprefix("file://")
    own = bool(url) and not url.startswith(_OTHERS) and _PACKAGES not in url
    number = call.get("lineNumber", -1)
    return Frame(text(call.get("functionName", "")) or "(anonymous)", place, line(amount(number) + 1), own)
