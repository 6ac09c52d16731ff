"""Read Python's memory by traceback, as soak.hook takes it from tracemalloc: every live allocation, not a sample."""

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

#: Columns of large blocks that existed only for a moment.
PASSING = ("passing_objects", "count"), ("passing_space", "bytes")
#: The hook's first folders, which hold no packages: the standard library, and the hook itself.
_NO_PACKAGES = 2
#: Innermost frame added to allocations that a thread-local holds for the life of its thread.
_LOCAL = Frame("threading.local")


def read_tracebacks(data: bytes) -> StackProfile:
    """Read the hook's JSON: `tracebacks` with `size`, `count`, `frames` (file, line, function; innermost first), and
    `local` if thread-locals hold most of it; `passing` likewise; `libraries`."""
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
    # Memory that exceeds the hook's limits is reported as one sum.
    yield (Frame("elsewhere"),), (*_counted(mapping(snapshot.get("rest"))), 0.0, 0.0)


def _counted(traceback: Mapping[str, Any]) -> tuple[float, float]:
    return amount(traceback.get("count")), amount(traceback.get("size"))


def is_installed(file: str) -> bool:
    """Return True if a file belongs to an installed package: a library, shown if no own code of the target is seen."""
    return "/site-packages/" in file or "/dist-packages/" in file


def frames_of(calls: object, libraries: tuple[str, ...]) -> tuple[Frame, ...]:
    """Return calls as frames; own is what is outside of the directories `libraries`, or in an installed package.

    `libraries` are those of the standard library and of the hook, then those that packages were
    installed to. A package in one with another name (`pip install --target`) is shown as if it were
    in `site-packages`.
    """
    return tuple(_frame(items(call), libraries) for call in items(calls))


def _as_installed(file: str, folders: tuple[str, ...]) -> str:
    """Return a package's file as in `site-packages`; any other file unchanged."""
    inside = [folder for folder in folders if file.startswith(folder)]
    if not inside or is_installed(file):
        return file
    folder = max(inside, key=len)
    return f"{folder}site-packages/{file.removeprefix(folder)}"


def _frame(call: list[Any], libraries: tuple[str, ...]) -> Frame:
    match call:
        case [file, number, function]:
            place = _as_installed(text(file), libraries[_NO_PACKAGES:])
            own = not place.startswith(("<", *libraries)) or is_installed(place)
            return Frame(text(function) or place.rpartition("/")[2], place, line(number), own)
    raise ValueError("a call that is not a file, a line and a function")
