"""Threads and asyncio tasks by their stacks, innermost call first."""

from __future__ import annotations

import sys
import threading
import types
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Dict, Tuple  # noqa: UP035

from .source_code import libraries

if TYPE_CHECKING:
    import asyncio

_MOST_STACKS, _DEEPEST = 500, 100
Stack = Tuple[Tuple[str, int, str], ...]  # noqa: UP006 - Python 3.8 knows no other


def threads() -> dict[str, Any]:
    """`threads` and `tasks`, each a stack and how many are in it, most first."""
    running = (
        tuple(_calls(frame))
        for thread, frame in sys._current_frames().items()  # noqa: SLF001 - the documented way to see them
        if thread != threading.get_ident()
    )
    waiting = (_awaiting(task) for task in tasks())
    return {"libraries": libraries(), "threads": _counted(running), "tasks": _counted(waiting)}


def tasks() -> list[asyncio.Task[Any]]:
    """All tasks of all loops that are not done; none where they cannot be listed just now."""
    module = sys.modules.get("asyncio.tasks")  # a service without asyncio is not made to import it
    for name in ("_scheduled_tasks", "_all_tasks"):
        listed = getattr(module, name, None)
        if listed is not None:
            try:
                return [task for task in list(listed) if not task.done()]
            except RuntimeError:  # the set changed while it was copied
                return []
    return []


def _counted(stacks: Iterable[Stack]) -> list[dict[str, Any]]:
    counts: Dict[Stack, int] = {}  # noqa: UP006
    for stack in stacks:
        counts[stack] = counts.get(stack, 0) + 1
    most = sorted(counts.items(), key=lambda pair: -pair[1])[:_MOST_STACKS]
    return [{"count": count, "frames": stack} for stack, count in most]


def _calls(frame: types.FrameType | None) -> Iterator[tuple[str, int, str]]:
    depth = 0
    while frame is not None and depth < _DEEPEST:
        yield _call(frame)
        frame, depth = frame.f_back, depth + 1


def _awaiting(task: asyncio.Task[Any]) -> Stack:
    """The coroutines that a task is in, from the one that waits outwards."""
    stack: list[tuple[str, int, str]] = []
    awaited: Any = task.get_coro()
    while awaited is not None and len(stack) < _DEEPEST:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if frame is not None:
            stack.append(_call(frame))
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
    return tuple(reversed(stack))


def _call(frame: types.FrameType) -> tuple[str, int, str]:
    code = frame.f_code
    return code.co_filename, frame.f_lineno or 0, str(getattr(code, "co_qualname", code.co_name))
