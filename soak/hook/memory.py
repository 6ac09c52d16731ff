"""Report memory: what is alive by traceback, what thread-locals hold, short peaks, and exact counts."""

from __future__ import annotations

import collections
import gc
import sys
import threading
import time
import tracemalloc
import types
from typing import Any

from .containers import lengths_and_containers
from .entry_sizes import entry_sizes, forget
from .objects import attributes, is_a
from .openings import count_openings, openings, stop_counting
from .process_memory import collect, in_use, resident, trim
from .source_code import call, libraries
from .threads import tasks
from .tracing import Tracing
from .window_sums import Held, Traceback, alive

_HERE = __file__.rpartition("/")[0] + "/"
_MOST_TRACEBACKS = 2000
_MOST_HELD, _DEEPLY = 200000, 5
#: Watching for a peak: seconds in all and between looks; bytes of a peak and of a large block; most
#: tracebacks.
_WATCHED, _EVERY, _LARGE, _BLOCK, _MOST_PASSING = 0.25, 0.005, 4 << 20, 256 << 10, 20
#: Objects that a thread-local only refers to, and does not hold.
_NOT_HELD = (type, types.ModuleType, types.FunctionType, types.MethodType, threading.Thread)


class Memory:
    """The pages about memory."""

    def __init__(self, frames: int) -> None:
        self._tracing = Tracing(frames)

    def page(self) -> dict[str, Any]:
        """Return what was allocated since the first call and is still alive after a collection, by traceback."""
        self._tracing.begin()
        count_openings()
        with self._tracing.aside:
            return self._page()

    def _page(self) -> dict[str, Any]:
        whole = not self._tracing.in_windows
        high = _high() if whole else {}
        held = self._tracing.held()
        tracebacks = [
            traceback
            for traceback in sorted(held, key=lambda key: -held[key][0])
            if not _of_the_hook(traceback)
        ]
        kept, rest = tracebacks[:_MOST_TRACEBACKS], tracebacks[_MOST_TRACEBACKS:]
        local = _in_thread_locals() if whole else {}
        passed = [
            traceback
            for traceback in sorted(high, key=lambda key: -high[key][0])
            if high[traceback][0] - held.get(traceback, (0, 0))[0] >= _LARGE // 4
            and not _of_the_hook(traceback)
        ]
        return {
            "libraries": libraries(),
            "tracebacks": [
                {
                    **_told(traceback, held[traceback]),
                    "local": 2 * local.get(traceback, 0) > held[traceback][0],
                }
                for traceback in kept
            ],
            "rest": {
                "size": sum(held[traceback][0] for traceback in rest),
                "count": sum(held[traceback][1] for traceback in rest),
            },
            "passing": [_told(traceback, high[traceback]) for traceback in passed[:_MOST_PASSING]],
        }

    def gauges(self) -> dict[str, Any]:
        """Return exact counts as rows of name, labels and value, and the cost of tracing."""
        with self._tracing.aside:
            return self._gauges()

    def _gauges(self) -> dict[str, Any]:
        rows: list[list[Any]] = [
            ["python_asyncio_tasks", {}, len(tasks())],
            ["python_gc_enabled", {}, int(gc.isenabled())],
            ["python_tracing_share_ratio", {}, self._tracing.share],
            ["python_tracing_duty_ratio", {}, self._tracing.duty],
        ]
        collect()
        size = resident()
        if size is not None:
            rows.append(["process_resident_after_gc_bytes", {}, size])
        held = in_use()
        if held is not None:
            # What tracing itself takes of it comes and goes with its windows.
            own = tracemalloc.get_tracemalloc_memory() if tracemalloc.is_tracing() else 0
            rows.append(["python_held_bytes", {}, held - own])
        if hasattr(sys, "getallocatedblocks"):  # CPython counts them at no cost
            rows.append(["python_allocated_blocks", {}, sys.getallocatedblocks()])
        if tracemalloc.is_tracing() and not self._tracing.in_windows:
            rows.append(["python_traced_memory_bytes", {}, tracemalloc.get_traced_memory()[0]])
        told, containers = lengths_and_containers()
        rows += [["python_container_length", labels, length] for labels, length in told]
        sizes = entry_sizes(told, containers)
        rows += [["python_container_entry_bytes", labels, size] for labels, size in sizes]
        rows += [["python_openings", labels, count] for labels, count in openings()]
        return {"samples": rows}

    def trimmed_gauges(self) -> dict[str, Any]:
        """Return the gauges, and the bytes that the C library's allocator returned when told to."""
        document = self.gauges()
        given_back = trim()
        if given_back is not None:
            document["samples"].append(["python_malloc_trimmed_bytes", {}, given_back])
        return document

    def collect(self) -> dict[str, Any]:
        """Run a garbage collection."""
        return {"collected": collect()}

    def end(self) -> dict[str, Any]:
        """Stop tracing until memory is requested again."""
        self._tracing.end()
        stop_counting()
        forget()
        return {}


def _told(traceback: Traceback, held: tuple[float, float]) -> dict[str, Any]:
    return {"size": held[0], "count": held[1], "frames": [call(*place) for place in traceback]}


def _high() -> Held:
    """Return the large blocks at a memory peak, if one occurs while memory is watched; otherwise an empty dict.

    It returns after the peak has passed, if that does not take too long, so that temporary blocks are not
    counted as held.
    """
    blocks: Held = {}
    floor, end = sys.maxsize, time.monotonic() + _WATCHED
    while time.monotonic() < end:
        now = tracemalloc.get_traced_memory()[0]
        floor = min(floor, now)
        if blocks and now - floor < _LARGE // 2:
            break
        if not blocks and now - floor >= _LARGE:
            blocks, end = alive(_BLOCK), time.monotonic() + _WATCHED
        time.sleep(_EVERY)
    return blocks


def _in_thread_locals() -> dict[Traceback, int]:
    """Return bytes by traceback of what thread-locals hold, in containers and attributes a few levels deep."""
    sizes: dict[Traceback, int] = {}
    locals_ = [value for value in gc.get_objects() if is_a(value, threading.local)]
    waiting = [
        (held, 0) for value in locals_ for held in gc.get_referents(value) if type(held) is dict
    ]
    seen: set[int] = set()
    while waiting and len(seen) < _MOST_HELD:
        value, depth = waiting.pop()
        if id(value) in seen or is_a(value, _NOT_HELD):
            continue
        seen.add(id(value))
        traceback = tracemalloc._get_object_traceback(value)  # type: ignore[attr-defined]  # noqa: SLF001
        if traceback is not None:
            sizes[traceback] = sizes.get(traceback, 0) + sys.getsizeof(value, 0)
        if depth < _DEEPLY:
            waiting += [(inner, depth + 1) for inner in _inside(value)]
    return sizes


def _inside(value: Any) -> list[Any]:
    if is_a(value, dict):
        return list(dict.values(value))
    if is_a(value, (list, tuple, set, frozenset, collections.deque)):
        return gc.get_referents(value)
    return [inner for _, inner in attributes(value)]


def _of_the_hook(traceback: Traceback) -> bool:
    """Return True if the innermost call of a traceback is this hook's or tracemalloc's."""
    return traceback[0][0].startswith(_HERE) or traceback[0][0] == tracemalloc.__file__
