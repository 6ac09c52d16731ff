"""The wire format of protocol buffers, as far as reading a large message fast needs it.

Encoding: https://protobuf.dev/programming-guides/encoding. Fields that nobody asks for are skipped, repeated numbers may be
packed or not, and whatever does not fit raises ValueError.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

_VARINT, _FIXED64, _SIZED, _FIXED32 = 0, 1, 2, 5
_LONGEST = 10


def fields(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int, int, int]]:
    """Each field of a message: its number, its value where that is a number, and where its bytes begin and end."""
    end = len(data) if end is None else end
    place = start
    while place < end:
        tag, place = (data[place], place + 1) if data[place] < 0x80 else varint(data, place, end)
        number, kind = tag >> 3, tag & 7
        value = 0
        begins = place
        if kind == _VARINT:
            value, place = varint(data, place, end)
        elif kind == _SIZED:
            if place < end and data[place] < 0x80:
                size, begins = data[place], place + 1
            else:
                size, begins = varint(data, place, end)
            place = begins + size
        elif kind == _FIXED64:
            place += 8
        elif kind == _FIXED32:
            place += 4
        else:
            raise ValueError(f"a field of kind {kind} at byte {place}")
        if place > end or number == 0:
            raise ValueError(f"a field that does not fit at byte {begins}")
        yield number, value, begins, place


def varint(data: bytes, place: int, end: int) -> tuple[int, int]:
    """A number of 7 bits a byte, and where it ends."""
    value = shift = 0
    for at in range(place, min(end, place + _LONGEST)):
        byte = data[at]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at + 1
        shift += 7
    raise ValueError(f"a number without end at byte {place}")


def signed(value: int) -> int:
    """An int64 from the unsigned number that it travels as."""
    return value - (1 << 64) if value >= 1 << 63 else value


class Regions:
    """Stretches of bytes, each belonging to one of `count` messages: what one repeated field of each of them holds."""

    def __init__(self) -> None:
        self.owner: list[Ints] = []
        self.begin: list[Ints] = []
        self.end: list[Ints] = []

    def add(self, owner: Ints, begin: Ints, end: Ints) -> None:
        """Some more stretches."""
        self.owner.append(owner)
        self.begin.append(begin)
        self.end.append(end)

    def numbers(self, data: Bytes, count: int) -> tuple[Ints, Ints]:
        """All numbers in them, in the order of their messages, and how many each of `count` messages has."""
        if not self.owner:
            return np.empty(0, dtype=np.int64), np.zeros(count, dtype=np.int64)
        owner, begin, end = (np.concatenate(part) for part in (self.owner, self.begin, self.end))
        order = np.lexsort((begin, owner))
        owner, begin, end = owner[order], begin[order], end[order]
        if len(begin) > 1 and (begin[1:] < end[:-1]).any():
            raise ValueError("fields that overlap")
        inside = np.zeros(len(data) + 1, dtype=np.int8)
        np.add.at(inside, begin, 1)
        np.subtract.at(inside, end, 1)
        part = data[np.cumsum(inside[:-1], dtype=np.int8).view(bool)]
        size = end - begin
        closed = np.cumsum(size)
        ends = np.flatnonzero(part < 0x80)
        if len(part) and (part[closed[size > 0] - 1] >= 0x80).any():
            raise ValueError("a number without end")
        starts = np.concatenate((np.zeros(min(len(ends), 1), dtype=np.int64), ends[:-1] + 1))
        value = (part[starts] & 0x7F).astype(np.int64)
        longer = np.flatnonzero(ends > starts)
        for byte in range(1, _LONGEST + 1):
            if not len(longer):
                break
            if byte == _LONGEST:
                raise ValueError("a number without end")
            value[longer] |= (part[starts[longer] + byte] & 0x7F).astype(np.int64) << (7 * byte)
            longer = longer[ends[longer] - starts[longer] > byte]
        some = np.flatnonzero(size)
        held = np.add.reduceat(part < 0x80, closed[some] - size[some], dtype=np.int64) if len(some) else some
        return value, np.bincount(owner[some], weights=held, minlength=count).astype(np.int64)


def repeated(data: Bytes, begin: Ints, end: Ints, wanted: tuple[int, ...]) -> dict[int, Regions]:
    """The wanted fields of many messages at once: where the bytes of each lie; `begin` and `end` are of the messages."""
    found = {number: Regions() for number in wanted}
    messages = np.flatnonzero(end > begin)
    place = begin[messages].astype(np.int64)
    while len(messages):
        stop = end[messages]
        tag, place = _varints(data, place, stop)
        kind = tag & 7
        number = tag >> 3
        value, after = place, place
        varints, sized = kind == _VARINT, kind == _SIZED
        begins, ends = place.copy(), place.copy()
        if varints.any():
            _, ends[varints] = _varints(data, place[varints], stop[varints])
        if sized.any():
            value, after = _varints(data, place[sized], stop[sized])
            begins[sized], ends[sized] = after, after + value
        ends[kind == _FIXED64] += 8
        ends[kind == _FIXED32] += 4
        known = varints | sized | (kind == _FIXED64) | (kind == _FIXED32)
        if not known.all() or (ends > stop).any() or (ends < begins).any():
            raise ValueError("a field that does not fit")
        for one in wanted:
            mine = (number == one) & (varints | sized)
            if mine.any():
                found[one].add(messages[mine], begins[mine], ends[mine])
        going = ends < stop
        messages, place = messages[going], ends[going]
    return found


def _varints(data: Bytes, place: Ints, stop: Ints) -> tuple[Ints, Ints]:
    """One number at each place, and where each ends."""
    value = np.zeros(len(place), dtype=np.uint64)
    place = place.copy()
    going = np.arange(len(place))
    for byte in range(_LONGEST):
        if (place[going] >= stop[going]).any():
            raise ValueError("a number without end")
        read = data[place[going]]
        value[going] |= (read & 0x7F).astype(np.uint64) << np.uint64(7 * byte)
        place[going] += 1
        going = going[read >= 0x80]
        if not len(going):
            return value.astype(np.int64), place
    raise ValueError("a number without end")
