"""Read the wire format of protocol buffers, as far as is needed to read a large message fast.

Encoding: https://protobuf.dev/programming-guides/encoding. Fields that are not wanted are skipped,
repeated numbers may be packed or not, and malformed data raises ValueError.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from soak.varint import LONGEST, varint

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

_VARINT, _FIXED64, _SIZED, _FIXED32 = 0, 1, 2, 5
_WIDTHS = {_FIXED64: 8, _FIXED32: 4}


def outline(data: bytes, wanted: Sequence[int]) -> tuple[dict[int, Ints], dict[int, int]]:
    """Return the byte spans of a message's wanted length-delimited fields, (n, 2) each; and its last varint per field."""
    end, place = len(data), 0
    sized = {number: array("q") for number in wanted}
    skipped = array("q")
    numbers: dict[int, int] = {}
    while place < end:
        tag, place = (data[place], place + 1) if data[place] < 0x80 else varint(data, place, end)
        kind = tag & 7
        if kind == _SIZED:
            size, begin = (
                (data[place], place + 1)
                if place < end and data[place] < 0x80
                else varint(data, place, end)
            )
            place = begin + size
            held = sized.get(tag >> 3, skipped)
            held.append(begin)
            held.append(place)
        elif kind == _VARINT:
            numbers[tag >> 3], place = varint(data, place, end)
        elif kind in _WIDTHS:
            place += _WIDTHS[kind]
        else:
            raise ValueError(f"a field of kind {kind} at byte {place}")
        if place > end or tag < 8:
            raise ValueError(f"a field that does not fit at byte {place}")
    return {
        number: np.frombuffer(held, dtype=np.int64).reshape(-1, 2) for number, held in sized.items()
    }, numbers


def signed(value: int) -> int:
    """Convert the unsigned number on the wire to an int64."""
    return value - (1 << 64) if value >= 1 << 63 else value


class Regions:
    """The byte stretches of one field in `count` messages, in which it may occur any number of times."""

    def __init__(self, data: Bytes, count: int, parts: Sequence[tuple[Ints, Ints, Ints]]) -> None:
        self._data, self._count = data, count
        none = np.empty(0, dtype=np.int64)
        owner, begin, end = (
            np.concatenate([none, *column])
            for column in (zip(*parts, strict=True) if parts else [()] * 3)
        )
        order = np.lexsort((begin, owner))
        self.owner, self.begin, self.end = owner[order], begin[order], end[order]
        if (self.begin[1:] < self.end[:-1]).any():
            raise ValueError("fields that overlap")

    @property
    def spans(self) -> Ints:
        """The begin and end of each occurrence of the field, (n, 2), in the order of the messages."""
        return np.stack((self.begin, self.end), axis=1)

    def each(self) -> Ints:
        """Return how often each message has the field, (count,)."""
        return np.bincount(self.owner, minlength=self._count)

    def numbers(self) -> tuple[Ints, Ints]:
        """Return all numbers, in the order of their messages, and how many each message has, (count,)."""
        some = self.end > self.begin
        begin, end = self.begin[some], self.end[some]
        edges = np.concatenate(([0], np.stack((begin, end), axis=1).ravel(), [len(self._data)]))
        part = self._data[np.repeat(np.resize([False, True], len(edges) - 1), np.diff(edges))]
        final = part < 0x80
        closed = np.cumsum(end - begin)
        if not final[closed - 1].all():
            raise ValueError("a number without end")
        ends = np.flatnonzero(final)
        # The last byte of a number shows to which stretch it belongs, so no sum over all bytes is
        # needed.
        held = np.diff(np.searchsorted(ends, closed), prepend=0)
        each = np.bincount(self.owner[some], weights=held, minlength=self._count).astype(np.int64)
        return _numbers(part, ends), each

    def last(self) -> Ints:
        """Return the last number of each message, 0 if it has none, (count,)."""
        numbers, each = self.numbers()
        value = np.zeros(self._count, dtype=np.int64)
        value[each > 0] = numbers[np.cumsum(each)[each > 0] - 1]
        return value


def _numbers(part: Bytes, ends: Ints) -> Ints:
    """Decode adjacent varints, given the last byte of each."""
    size = np.diff(ends, prepend=-1)
    longest = int(size.max(initial=0))
    if longest > LONGEST:
        raise ValueError("a number without end")
    value = part[ends].astype(np.int64)
    for byte in range(1, longest):
        np.copyto(value, (value << 7) | (part[ends - byte] & 0x7F), where=size > byte)
    return value


def repeated(data: Bytes, spans: Ints, wanted: Sequence[int]) -> dict[int, Regions]:
    """Return the wanted fields of many messages at once, given the spans of the messages, (n, 2)."""
    fields: dict[int, list[tuple[Ints, Ints, Ints]]] = {number: [] for number in wanted}
    messages = np.flatnonzero(spans[:, 1] > spans[:, 0])
    place = spans[messages, 0]
    while len(messages):
        stop = spans[messages, 1]
        tag, place = _varints(data, place, stop)
        kind = tag & 7
        varints, sized = kind == _VARINT, kind == _SIZED
        begins, ends = place.copy(), place.copy()
        if varints.any():
            ends[varints] = _varints(data, place[varints], stop[varints])[1]
        if sized.any():
            size, begins[sized] = _varints(data, place[sized], stop[sized])
            ends[sized] = begins[sized] + size
        for fixed, width in _WIDTHS.items():
            ends[kind == fixed] += width
        known = varints | sized | (kind == _FIXED64) | (kind == _FIXED32)
        if not known.all() or (ends > stop).any() or (ends < begins).any():
            raise ValueError("a field that does not fit")
        for number, parts in fields.items():
            mine = (tag >> 3 == number) & (varints | sized)
            if mine.any():
                parts.append((messages[mine], begins[mine], ends[mine]))
        going = ends < stop
        messages, place = messages[going], ends[going]
    return {number: Regions(data, len(spans), parts) for number, parts in fields.items()}


def _varints(data: Bytes, place: Ints, stop: Ints) -> tuple[Ints, Ints]:
    """Decode one varint at each place; return the numbers and where each ends."""
    value = np.zeros(len(place), dtype=np.uint64)
    place = place.copy()
    going = np.arange(len(place))
    for byte in range(LONGEST):
        if (place[going] >= stop[going]).any():
            raise ValueError("a number without end")
        read = data[place[going]]
        value[going] |= (read & 0x7F).astype(np.uint64) << np.uint64(7 * byte)
        place[going] += 1
        going = going[read >= 0x80]
        if not len(going):
            return value.astype(np.int64), place
    raise ValueError("a number without end")
