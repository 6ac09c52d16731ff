"""Build profiles from formats other than profile.proto: JSON that is checked as it is read, and lists of stacks."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import numpy as np

from soak.diagnosis.profiles.frames import Frame, Locations
from soak.diagnosis.profiles.pprof import ProfileFormatError, StackProfile
from soak.errors import OTHER_SHAPE

#: Maximum length of a name of the target's functions and files, since it is shown.
_LONGEST = 300
#: Maximum amount accepted: more than any machine has.
_MOST = 1e18
_BREAKS = dict.fromkeys((*range(32), 127), " ")
HELD = (("inuse_objects", "count"), ("inuse_space", "bytes"))
THREADS = (("threads", "count"),)

Stack = tuple[tuple[Frame, ...], tuple[float, ...]]
ReadT = TypeVar("ReadT")


def parse_json_profile(data: bytes, what: str, read: Callable[[Mapping[str, Any]], ReadT]) -> ReadT:
    """Return what `read` makes of a JSON object; raise ProfileFormatError if it is not one or `read` fails."""
    try:
        return read(mapping(json.loads(data)))
    except OTHER_SHAPE as error:
        beginning = repr(data[:40].decode("ascii", "replace"))
        raise ProfileFormatError(
            f"this is no {what}, or not all of one ({error!s:.100}): it begins {beginning}"
        ) from error


def profile_from_stacks(
    stacks: Iterable[Stack],
    columns: tuple[tuple[str, str], ...],
    *,
    period: float = 0.0,
    period_unit: str = "",
) -> StackProfile:
    """Build a profile from stacks, innermost call first, each with one value per column."""
    known: dict[Frame, int] = {}
    calls: list[int] = []
    depth: list[int] = [0]
    values: list[tuple[float, ...]] = []
    for stack, amounts in stacks:
        calls += [known.setdefault(frame, len(known)) for frame in stack]
        depth.append(len(stack))
        values.append(amounts)
    frames = list(known)
    owned = {(frame.function, frame.file) for frame in frames if frame.own}
    locations = Locations(
        [(frame.function, frame.file) for frame in frames],
        np.arange(len(frames)),
        np.array([frame.line for frame in frames], dtype=np.int64),
        np.arange(len(frames) + 1),
        np.zeros(len(frames), dtype=np.int64),
        lambda function, file: (function, file) in owned,
    )
    table = np.array(values, dtype=np.float64).reshape(len(values), len(columns))
    starts = np.cumsum(depth)
    return StackProfile(
        columns,
        table,
        np.array(calls, dtype=np.int64),
        starts,
        locations,
        0.0,
        0.0,
        period,
        period_unit,
        True,
    )


def mapping(value: object) -> Mapping[str, Any]:
    """Return a JSON object; raise TypeError if the value is not one."""
    if not isinstance(value, dict):
        raise TypeError(f"a {type(value).__name__} where an object should be")
    return value


def items(value: object) -> list[Any]:
    """Return a JSON array; raise TypeError if the value is not one."""
    if not isinstance(value, list):
        raise TypeError(f"a {type(value).__name__} where an array should be")
    return value


def prose(value: object) -> str:
    """Return a string of any length; raise TypeError if the value is not one."""
    if not isinstance(value, str):
        raise TypeError(f"a {type(value).__name__} where a text should be")
    return value


def text(value: object) -> str:
    """Return a string in one line, cut to `_LONGEST`; raise TypeError if the value is not one."""
    return prose(value)[:_LONGEST].encode("utf-8", "replace").decode().translate(_BREAKS)


def amount(value: object) -> float:
    """Return a finite number; raise ValueError if the value is not one."""
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not math.isfinite(value)
        or abs(value) > _MOST
    ):
        raise ValueError(f"{value!r:.40} where a number should be")
    return float(value)


def line(value: object) -> int:
    """Return a line number, 0 if unknown; raise ValueError if the value is not a number."""
    return max(0, min(int(amount(value)), 1 << 31))
