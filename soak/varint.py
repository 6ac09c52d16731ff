"""Read varints, 7 bits per byte, as in protocol buffers: https://protobuf.dev/programming-guides/encoding."""

from __future__ import annotations

LONGEST = 10


def varint(data: bytes, place: int, end: int) -> tuple[int, int]:
    """Return the number at `place`, and where it ends; raise ValueError if it does not end before `end`."""
    value = shift = 0
    for at in range(place, min(end, place + LONGEST)):
        byte = data[at]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at + 1
        shift += 7
    raise ValueError(f"a number without end at byte {place}")
