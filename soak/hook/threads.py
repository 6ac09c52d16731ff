"""Stacks of threads and asyncio tasks, innermost call first, and who started threads without own code in them."""

from __future__ import annotations

import functools
import sys
import threading
import types
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Dict, Tuple  # noqa: UP035

from .source_code import is_own, libraries

if TYPE_CHECKING:
    import asyncio

_MOST_STACKS, _DEEPEST = 500, 100
#: Most own calls kept of a thread's start, and most calls searched for them.
_STARTING, _SEARCHED = 5, 50
#: Attribute in which a thread keeps the calls that started it.
_STARTED = "_soak_started"
Stack = Tuple[Tuple[str, int, str], ...]  # noqa: UP006 - Python 3.8 knows no other


def threads() -> dict[str, Any]:
    """Return `threads` and `tasks`: each stack with its number of threads or tasks, most first."""
    started = {thread.ident: getattr(thread, _STARTED, ()) for thread in threading.enumerate()}
    running = (
        _with_starter(tuple(_calls(frame)), started.get(thread, ()))
        for thread, frame in sys._current_frames().items()  # noqa: SLF001 - the documented way to see them
        if thread != threading.get_ident()
    )
    waiting = (_awaiting(task) for task in tasks())
    return {"libraries": libraries(), "threads": _counted(running), "tasks": _counted(waiting)}


def remember_starters() -> None:
    """Make each new thread keep the own calls that start it, as threads of pools and timers wait in library code."""
    start = threading.Thread.start

    @functools.wraps(start)
    def remembered(thread: threading.Thread) -> None:
        setattr(thread, _STARTED, tuple(islice(own_calls(sys._getframe(1)), _STARTING)))  # noqa: SLF001
        start(thread)

    threading.Thread.start = remembered  # type: ignore[method-assign, assignment]


def own_calls(frame: types.FrameType | None) -> Iterator[tuple[str, int, str]]:
    """Yield the service's own calls of a stack, innermost first."""
    depth = 0
    while frame is not None and depth < _SEARCHED:
        if is_own(frame.f_code.co_filename):
            yield _call(frame)
        frame, depth = frame.f_back, depth + 1


def _with_starter(stack: Stack, starter: Stack) -> Stack:
    """Return a stack, extended by the calls that started its thread if no call of the stack is the service's own."""
    return stack if any(map(_is_own, stack)) else stack + starter


def _is_own(place: tuple[str, int, str]) -> bool:
    return is_own(place[0])


def tasks() -> list[asyncio.Task[Any]]:
    """Return all tasks of all loops that are not done; [] if they cannot be listed at the moment."""
    module = sys.modules.get("asyncio.tasks")  # do not import asyncio into a service without it
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
    """Return the coroutines that a task is in, innermost first."""
    stack: list[tuple[str, int, str]] = []
    awaited: Any = task.get_coro()
    while awaited is not None and len(stack) < _DEEPEST:
        frame = _of_coroutine(awaited, "cr_frame", "gi_frame")
        if frame is not None:
            stack.append(_call(frame))
        awaited = _of_coroutine(awaited, "cr_await", "gi_yieldfrom")
    return tuple(reversed(stack))


def _of_coroutine(awaited: Any, *names: str) -> Any:
    """Return the first of these attributes that a coroutine or generator has a value of; None of anything else."""
    known = (name for name in names if hasattr(type(awaited), name))
    return next((value for name in known if (value := getattr(awaited, name))), None)


def _call(frame: types.FrameType) -> tuple[str, int, str]:
    code = frame.f_code
    return code.co_filename, frame.f_lineno or 0, str(getattr(code, "co_qualname", code.co_name))
