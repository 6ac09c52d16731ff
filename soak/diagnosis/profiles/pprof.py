"""Read profiles of Go's pprof: profile.proto, gzipped or not.

The format is that of github.com/google/pprof/proto/profile.proto. There may be hundreds of thousands
of samples, so they are kept as arrays; a stack's frames are looked up when they are read.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from soak.diagnosis.profiles.frames import Frame as Frame  # noqa: PLC0414 - a profile's readers want both
from soak.diagnosis.profiles.frames import Locations, in_order
from soak.diagnosis.profiles.protobuf import Bytes, Ints, outline, repeated, signed
from soak.errors import SoakError
from soak.model import Floats

#: Maximum size in bytes of an unpacked profile.
MOST_BYTES = 256 * 2**20
_GZIP = b"\x1f\x8b"
#: First elements of the import paths of Go's own packages (`go list std`), and of names that the
#: linker makes.
_PACKAGES = (
    "archive bufio builtin bytes cmp compress container context crypto database debug embed encoding errors expvar flag "
    "fmt go hash html image index internal io iter log maps math mime net os path plugin reflect regexp runtime slices sort "
    "strconv strings structs sync syscall testing text time type unicode unique unsafe vendor weak type:"
)
_STANDARD = frozenset(_PACKAGES.split())
_GENERIC = re.compile(r"[(\[]")


class ProfileFormatError(SoakError):
    """The data is not a profile; the message describes it."""


@dataclass(frozen=True, eq=False)
class StackProfile:
    """One profile: for each of n samples a stack and one value per column.

    `columns` are (type, unit) pairs such as ("inuse_space", "bytes"); `values` is (n, columns).
    Sample i's stack is `calls[starts[i]:starts[i + 1]]`, innermost first, each an index into
    `locations`, which hold the frames that a compiler folded into one, innermost first. `time` is
    in seconds since the epoch, `seconds` the duration covered, `period` what a sample stands for on
    average, in `period_unit` (512 KiB for a heap). `symbols` is false if functions have only
    addresses, no names.
    """

    columns: tuple[tuple[str, str], ...]
    values: Floats
    calls: Ints
    starts: Ints
    locations: Locations
    time: float
    seconds: float
    period: float
    period_unit: str
    symbols: bool

    def column(self, name: str) -> Floats:
        """Return the column of this type, one value per sample, shape (n,); raise ProfileFormatError if there is none."""
        for place, (kind, _) in enumerate(self.columns):
            if kind == name:
                return np.asarray(self.values[:, place])
        known = ", ".join(kind for kind, _ in self.columns) or "none"
        raise ProfileFormatError(f"the profile has no {name}, only {known}")

    def stack(self, sample: int) -> tuple[Frame, ...]:
        """Return a sample's calls, innermost first."""
        calls = self.calls[self.starts[sample] : self.starts[sample + 1]]
        return tuple(frame for call in calls for frame in self.locations[int(call)])

    @cached_property
    def keys(self) -> NDArray[np.uint64]:
        """A hash of each sample's stack, shape (n,): equal in all profiles for equal stacks."""
        return in_order(self.locations.keys[self.calls], self.starts)

    def flat(self, name: str) -> Mapping[str, float]:
        """Return a column's total by innermost function, like `go tool pprof -top`."""
        values = self.column(name)
        has = np.diff(self.starts) > 0
        leaves = self.calls[self.starts[:-1][has]]
        by_location = np.bincount(leaves, weights=values[has], minlength=len(self.locations))
        totals: dict[str, float] = {}
        for place in np.flatnonzero(by_location):
            function = self.locations[int(place)][0].function
            totals[function] = totals.get(function, 0.0) + float(by_location[place])
        return totals


def read_pprof(data: bytes) -> StackProfile:
    """Parse a profile; raise ProfileFormatError if the bytes are not a complete one."""
    raw = _unpacked(data)
    try:
        return _translated(raw)
    except (IndexError, KeyError, ValueError, OverflowError, UnicodeError) as error:
        raise ProfileFormatError(
            f"this is no pprof profile, or not all of one ({error}): it begins {_beginning(raw)}"
        ) from error


def is_go_own(function: str, file: str = "") -> bool:  # noqa: ARG001 - other languages tell by the file
    """Return True if a Go function is the target's own code or a library's, not Go's runtime or standard library."""
    path = _GENERIC.split(function)[0]
    package = path.partition("/")[0] if "/" in path else path.partition(".")[0]
    return bool(package) and package not in _STANDARD and not package.startswith("0x")


def _unpacked(data: bytes) -> bytes:
    """Return the bytes, unpacked if they are gzip."""
    if not data:
        raise ProfileFormatError("the profile is empty")
    if data.startswith(_GZIP):
        unpacking = zlib.decompressobj(wbits=31)
        try:
            data = unpacking.decompress(data, MOST_BYTES)
        except zlib.error as error:
            raise ProfileFormatError(f"the profile's gzip is damaged ({error})") from error
        if unpacking.unconsumed_tail:
            raise ProfileFormatError(f"the profile unpacks to more than {MOST_BYTES >> 20} MiB")
        if not unpacking.eof:
            raise ProfileFormatError("the profile is cut off: its gzip has no end")
    if data.lstrip()[:1] in (b"<", b"{"):
        raise ProfileFormatError(f"this is a page and no profile: it begins {_beginning(data)}")
    return data


def _beginning(data: bytes) -> str:
    return repr(data[:40].decode("ascii", "replace"))


def _translated(raw: bytes) -> StackProfile:
    """Decode the message and resolve its references; raise ValueError or IndexError if one is invalid."""
    parts, numbers = outline(raw, (1, 2, 4, 5, 6, 11))
    data = np.frombuffer(raw, dtype=np.uint8)
    text = [raw[begin:end].decode("utf-8", "replace") for begin, end in parts[6].tolist()]
    columns = _value_types(data, parts[1], text)
    if not columns:
        raise ValueError("it names no columns")
    numbered, locations = _locations(data, parts[4], *_functions(data, parts[5], text))
    values, calls, starts = _samples(data, parts[2], len(columns), numbered)
    return StackProfile(
        columns,
        values,
        calls,
        starts,
        locations,
        signed(numbers.get(9, 0)) / 1e9,
        signed(numbers.get(10, 0)) / 1e9,
        float(signed(numbers.get(12, 0))),
        next((unit for _, unit in _value_types(data, parts[11][-1:], text)), ""),
        len(parts[5]) > 0,
    )


def _value_types(data: Bytes, spans: Ints, text: list[str]) -> tuple[tuple[str, str], ...]:
    """Return the type and unit of each column."""
    fields = repeated(data, spans, (1, 2))
    kinds, units = _chosen(fields[1].last(), text), _chosen(fields[2].last(), text)
    return tuple(zip(kinds, units, strict=True))


def _chosen(places: Ints, text: list[str]) -> list[str]:
    """Return the strings at these indices; raise IndexError if one is out of range."""
    if (places < 0).any():
        raise IndexError("a text of a negative number")
    return [text[place] for place in places.tolist()]


def _functions(data: Bytes, spans: Ints, text: list[str]) -> tuple[Ints, list[tuple[str, str]]]:
    """Return the functions' ids, ascending, and the name and file of each."""
    fields = repeated(data, spans, (1, 2, 4))
    numbered, chosen = np.unique(fields[1].last(), return_index=True)
    names = _chosen(fields[2].last()[chosen], text)
    return numbered, list(zip(names, _chosen(fields[4].last()[chosen], text), strict=True))


def _locations(
    data: Bytes, spans: Ints, functions: Ints, names: list[tuple[str, str]]
) -> tuple[tuple[Ints, Ints], Locations]:
    """Return the locations' ids, ascending, with the place of each, and the locations."""
    fields = repeated(data, spans, (1, 3, 4))
    lines = repeated(data, fields[4].spans, (1, 2))
    called = _places(functions, lines[1].last(), "a function")
    starts = np.concatenate(([0], np.cumsum(fields[4].each())))
    locations = Locations(names, called, lines[2].last(), starts, fields[3].last(), is_go_own)
    numbered, chosen = np.unique(fields[1].last(), return_index=True)
    return (numbered, chosen), locations


def _samples(
    data: Bytes, spans: Ints, columns: int, known: tuple[Ints, Ints]
) -> tuple[Floats, Ints, Ints]:
    """Return values (n, columns); calls as places of the `known` location ids; and where each stack begins."""
    fields = repeated(data, spans, (1, 2))
    values, each = fields[2].numbers()
    if (each != columns).any():
        raise ValueError(f"a sample that has not {columns} values")
    calls, depth = fields[1].numbers()
    starts = np.concatenate(([0], np.cumsum(depth)))
    numbered, chosen = known
    return (
        values.reshape(len(spans), columns).astype(np.float64),
        chosen[_places(numbered, calls, "a location")],
        starts,
    )


def _places(known: Ints, wanted: Ints, what: str) -> Ints:
    """Return the position of each wanted id among the sorted known ones; raise ValueError if one is missing."""
    if not len(wanted):
        return wanted
    # Go numbers without gaps, which needs no search.
    gapless = len(known) > 0 and known[-1] - known[0] == len(known) - 1
    index: Ints = wanted - known[0] if gapless else np.searchsorted(known, wanted)
    if (
        not len(known)
        or index.min() < 0
        or index.max() >= len(known)
        or (known[index] != wanted).any()
    ):
        raise ValueError(f"a call of {what} that it does not hold")
    return index
