"""Profiles as Go's pprof writes them: profile.proto, gzipped or not.

The format is that of github.com/google/pprof/proto/profile.proto. Samples, of which there may be hundreds of thousands,
are kept as arrays; a stack's frames are looked up when somebody wants to read them.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from soak.diagnosis.protowire import Ints, fields, repeated, signed
from soak.errors import SoakError
from soak.model import Floats

#: A profile is never so large; what unpacks to more is no profile.
MOST_BYTES = 256 * 2**20
_GZIP = b"\x1f\x8b"
_MIXED = np.uint64(0x9E37_79B9_7F4A_7C15)


class PprofError(SoakError):
    """What was read is no profile; the message says what it looks like instead."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One call in a stack: function, source file and line (0 unknown). Without symbols, function is the address.

    `own` says that it is the target's code or a library's, and not its runtime's or standard library's; whoever reads the
    profile knows the language and decides.
    """

    function: str
    file: str = ""
    line: int = 0
    own: bool = field(default=False, compare=False)


@dataclass(frozen=True, eq=False)
class Pprof:
    """One profile: for each of n samples a stack and one value a column.

    `columns` are (type, unit) pairs such as ("inuse_space", "bytes"); `values` is (n, columns). Sample i's stack is
    `calls[starts[i]:starts[i + 1]]`, innermost first, each an index into `locations`, which hold the frames that a
    compiler folded into one, innermost first. `time` is seconds since the epoch, `seconds` how long it covers, `period`
    what a sample stands for on average, in `period_unit` (512 KiB for a heap). `symbols` is false where functions have no
    names but addresses.
    """

    columns: tuple[tuple[str, str], ...]
    values: Floats
    calls: Ints
    starts: Ints
    locations: tuple[tuple[Frame, ...], ...]
    time: float
    seconds: float
    period: float
    period_unit: str
    symbols: bool

    def column(self, name: str) -> Floats:
        """One value a sample, shape (n,), of the column with this type; PprofError where there is none."""
        for place, (kind, _) in enumerate(self.columns):
            if kind == name:
                return np.asarray(self.values[:, place])
        known = ", ".join(kind for kind, _ in self.columns) or "none"
        raise PprofError(f"the profile has no {name}, only {known}")

    def stack(self, sample: int) -> tuple[Frame, ...]:
        """A sample's calls, innermost first."""
        calls = self.calls[self.starts[sample] : self.starts[sample + 1]]
        return tuple(frame for call in calls for frame in self.locations[call])

    @cached_property
    def keys(self) -> NDArray[np.uint64]:
        """A number for each sample's stack, shape (n,): the same in every profile that holds the same stack."""
        own = np.array([_key(frames) for frames in self.locations], dtype=np.uint64)
        depth = np.arange(len(self.calls)) - np.repeat(self.starts[:-1], np.diff(self.starts))
        with np.errstate(over="ignore"):
            mixed = (own[self.calls] ^ (depth.astype(np.uint64) * _MIXED)) * _MIXED if len(self.calls) else own[:0]
            mixed = mixed ^ (mixed >> np.uint64(29))
            total = np.concatenate((np.zeros(1, dtype=np.uint64), np.cumsum(mixed, dtype=np.uint64)))
        return total[self.starts[1:]] - total[self.starts[:-1]]

    def flat(self, name: str) -> Mapping[str, float]:
        """A column's total by the innermost function, as `go tool pprof -top` has it."""
        values = self.column(name)
        has = np.diff(self.starts) > 0
        leaves = self.calls[self.starts[:-1][has]]
        by_location = np.bincount(leaves, weights=values[has], minlength=len(self.locations))
        totals: dict[str, float] = {}
        for place in np.flatnonzero(by_location):
            function = self.locations[place][0].function
            totals[function] = totals.get(function, 0.0) + float(by_location[place])
        return totals


def read_pprof(data: bytes) -> Pprof:
    """A profile from its bytes; PprofError where they are none, or not all of one."""
    raw = _unpacked(data)
    try:
        return _translated(raw)
    except (IndexError, KeyError, ValueError, OverflowError, UnicodeError) as error:
        raise PprofError(
            f"this is no pprof profile, or not all of one ({error}): it begins {_beginning(raw)}"
        ) from error


def is_go_own(function: str) -> bool:
    """Whether a Go function is the target's own code or a library's: import paths of Go's own have no dot in their first part."""
    if function.startswith("main."):
        return True
    package = function.rpartition("/")[0] or function.partition(".")[0]
    return "." in package.partition("/")[0]


def _unpacked(data: bytes) -> bytes:
    """The bytes, gunzipped where they are gzip."""
    if not data:
        raise PprofError("the profile is empty")
    if data.startswith(_GZIP):
        unpacking = zlib.decompressobj(wbits=31)
        try:
            data = unpacking.decompress(data, MOST_BYTES)
        except zlib.error as error:
            raise PprofError(f"the profile's gzip is damaged ({error})") from error
        if unpacking.unconsumed_tail:
            raise PprofError(f"the profile unpacks to more than {MOST_BYTES >> 20} MiB")
        if not unpacking.eof:
            raise PprofError("the profile is cut off: its gzip has no end")
    if data.lstrip()[:1] in (b"<", b"{"):
        raise PprofError(f"this is a page and no profile: it begins {_beginning(data)}")
    return data


def _beginning(data: bytes) -> str:
    return repr(data[:40].decode("ascii", "replace"))


def _translated(raw: bytes) -> Pprof:
    """The message with its references followed; ValueError, IndexError or KeyError where it holds no such thing."""
    parts: dict[int, list[tuple[int, int]]] = {1: [], 2: [], 4: [], 5: [], 6: [], 11: []}
    numbers = {9: 0, 10: 0, 12: 0}
    for number, value, begin, end in fields(raw):
        if number in parts:
            parts[number].append((begin, end))
        elif number in numbers:
            numbers[number] = signed(value)
    text = [raw[begin:end].decode("utf-8", "replace") for begin, end in parts[6]]
    columns = tuple(_value_type(raw, place, text) for place in parts[1])
    if not columns:
        raise ValueError("it names no columns")
    functions = dict(_function(raw, place, text) for place in parts[5])
    located = dict(_location(raw, place, functions) for place in parts[4])
    values, calls, starts = _samples(raw, parts[2], len(columns), np.array(sorted(located), dtype=np.int64))
    return Pprof(
        columns,
        values,
        calls,
        starts,
        tuple(located[one] for one in sorted(located)),
        numbers[9] / 1e9,
        numbers[10] / 1e9,
        float(numbers[12]),
        _value_type(raw, parts[11][-1], text)[1] if parts[11] else "",
        bool(functions),
    )


def _samples(raw: bytes, places: list[tuple[int, int]], columns: int, known: Ints) -> tuple[Floats, Ints, Ints]:
    """Values (n, columns); calls as indexes into the `known` location numbers, which are sorted; and where each stack begins."""
    count = len(places)
    spans = np.array(places, dtype=np.int64).reshape(count, 2)
    data = np.frombuffer(raw, dtype=np.uint8)
    found = repeated(data, spans[:, 0], spans[:, 1], (1, 2))
    values, each = found[2].numbers(data, count)
    if (each != columns).any():
        raise ValueError(f"a sample that has not {columns} values")
    calls, depth = found[1].numbers(data, count)
    index = np.searchsorted(known, calls)
    if len(calls) and (
        not len(known) or (index >= len(known)).any() or (known[np.minimum(index, len(known) - 1)] != calls).any()
    ):
        raise ValueError("a call of a location that it does not hold")
    return values.reshape(count, columns).astype(np.float64), index, np.concatenate(([0], np.cumsum(depth)))


def _places(known: Ints, wanted: Ints) -> Ints:
    """Where each wanted number stands among the known ones, which are sorted; ValueError where one is not there."""
    if not len(wanted):
        return wanted
    # Numbered without gaps, as Go does it, they need no search.
    gapless = len(known) > 0 and known[-1] - known[0] == len(known) - 1
    index: Ints = wanted - known[0] if gapless else np.searchsorted(known, wanted)
    if not len(known) or index.min() < 0 or index.max() >= len(known) or (known[index] != wanted).any():
        raise ValueError("a call of a location that it does not hold")
    return index


def _value_type(raw: bytes, place: tuple[int, int], text: list[str]) -> tuple[str, str]:
    found = {number: value for number, value, _, _ in fields(raw, *place)}
    return text[found.get(1, 0)], text[found.get(2, 0)]


def _function(raw: bytes, place: tuple[int, int], text: list[str]) -> tuple[int, tuple[str, str]]:
    """A function's number, name and file."""
    found = {number: value for number, value, _, _ in fields(raw, *place)}
    return signed(found.get(1, 0)), (text[found.get(2, 0)], text[found.get(4, 0)])


def _location(
    raw: bytes, place: tuple[int, int], functions: Mapping[int, tuple[str, str]]
) -> tuple[int, tuple[Frame, ...]]:
    """A location's number and frames: its address alone where it has no symbol."""
    number = address = 0
    frames = []
    for kind, value, begin, end in fields(raw, *place):
        if kind == 1:
            number = signed(value)
        elif kind == 3:
            address = value
        elif kind == 4:
            line = {one: signed(what) for one, what, _, _ in fields(raw, begin, end)}
            function, file = functions[line.get(1, 0)]
            frames.append(Frame(function, file, line.get(2, 0), is_go_own(function)))
    return number, tuple(frames) or (Frame(f"{address:#x}"),)


def _key(frames: tuple[Frame, ...]) -> int:
    """A number that stands for a location's frames."""
    text = "\n".join(f"{frame.function}\t{frame.file}\t{frame.line}" for frame in frames)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
