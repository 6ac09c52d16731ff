"""Python's memory by traceback, as soak.hook gives it from tracemalloc: every allocation that is alive, not a sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.profiles.json_profile import (
    HELD,
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

#: What was there for a moment, in large blocks.
PASSING = ("passing_objects", "count"), ("passing_space", "bytes")
#: What holds a value for a thread's life, as the innermost call of who allocated it.
_LOCAL = Frame("threading.local")


def read_tracebacks(data: bytes) -> StackProfile:
    """The hook's JSON: `tracebacks` of `size`, `count`, `frames` (file, line, function), innermost first, and whether
    thread-`local`s hold most of it; `passing` likewise; `libraries`."""
    return parse_json_profile(
        data,
        "tracemalloc snapshot",
        lambda snapshot: profile_from_stacks(_stacks(snapshot), (*HELD, *PASSING)),
    )


def _stacks(snapshot: Mapping[str, Any]) -> Iterator[Stack]:
    libraries = tuple(text(root) for root in items(snapshot.get("libraries")))
    for traceback in map(mapping, items(snapshot.get("tracebacks"))):
        held = (_LOCAL,) if traceback.get("local") is True else ()
        yield (
            (*held, *frames_of(traceback.get("frames"), libraries)),
            (*_counted(traceback), 0.0, 0.0),
        )
    for traceback in map(mapping, items(snapshot.get("passing", []))):
        yield frames_of(traceback.get("frames"), libraries), (0.0, 0.0, *_counted(traceback))
    # What the hook left out for its bounds is there all the same.
    yield (Frame("elsewhere"),), (*_counted(mapping(snapshot.get("rest"))), 0.0, 0.0)


def _counted(traceback: Mapping[str, Any]) -> tuple[float, float]:
    return amount(traceback.get("count")), amount(traceback.get("size"))


def is_installed(file: str) -> bool:
    """Whether a file is an installed package's: a library's, which is shown where the target's own code is not seen."""
    return "/site-packages/" in file or "/dist-packages/" in file


def frames_of(calls: object, libraries: tuple[str, ...]) -> tuple[Frame, ...]:
    """Calls as frames; own is what lies under none of the directories of the standard library and installed packages."""
    return tuple(_frame(items(call), libraries) for call in items(calls))


def _frame(call: list[Any], libraries: tuple[str, ...]) -> Frame:
    match call:
        case [file, number, function]:
            place = text(file)
            own = not place.startswith(("<", *libraries)) or is_installed(place)
            return Frame(text(function) or place.rpartition("/")[2], place, line(number), own)
    raise ValueError("a call that is not a file, a line and a function")
