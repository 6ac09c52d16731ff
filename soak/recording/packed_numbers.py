"""Pack integers into as few bytes as they need, grouped by byte position and compressed with zstd, and unpack them.

High bytes hardly change, so bytes of the same position are stored together, as in Blosc's shuffle (Alted,
Computing in Science & Engineering 2010).
"""

from __future__ import annotations

import struct
import threading
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

from soak.recording.validation import LONGEST_VALUE
from soak.windows import Ints

#: zstd's default level: as small as zlib's default, and packed eight times and read two to three
#: times as fast.
LEVEL = 3
#: Bytes for which compression saves less than this share are stored as they are, which reads ten
#: times as fast.
LEAST_SAVED = 0.1
Unsigned = NDArray[np.unsignedinteger[Any]]
SignedInts = NDArray[np.signedinteger[Any]]
_SIZE = struct.Struct("<I")
#: The first byte of a part is its compression.
_AS_IT_IS, _ZSTD = b"\0", b"\2"
_TOO_LARGE = "it is cut, or larger than anything that soak records"
#: Possible bytes per number; numbers of 0 bytes are all 0.
_WIDTHS = (0, 1, 2, 4, 8)
#: Marker in place of a width: the first number follows in eight bytes, then the differences (the
#: first is 0).
_FROM_THE_FIRST = 16
_FIRST = struct.Struct("<Iq")
#: Layout of a part of zeros: a width of 0, and the count of numbers.
_ALL_ZERO = struct.Struct("<II")


class _OfThread(threading.local):
    """One decompressor per thread, as zstd requires."""

    def __init__(self) -> None:
        self.unpacking = zstandard.ZstdDecompressor()


_OWN = _OfThread()


def pack_changes(numbers: Ints) -> bytes:
    """Pack the first number and the differences; if the numbers are constant, nothing else is stored."""
    first = numbers[:1]
    changes = pack_ints(zigzag(np.diff(numbers, prepend=first)))
    return _FIRST.pack(_FROM_THE_FIRST, *(first.tolist() or [0])) + changes


def unpack_changes(several: Sequence[bytes]) -> tuple[Ints, list[int]]:
    """Unpack successive blocks of `pack_changes`; return the numbers and how many each block has."""
    firsts, rest = [], []
    for packed in several:
        has_first = len(packed) >= _FIRST.size and packed[0] == _FROM_THE_FIRST
        # Version 2 stored the first number as the first difference.
        firsts.append(_FIRST.unpack_from(packed)[1] if has_first else 0)
        rest.append(packed[_FIRST.size :] if has_first else packed)
    if all(len(packed) == _ALL_ZERO.size and packed[0] == 0 for packed in rest):
        lengths = [_ALL_ZERO.unpack(packed)[1] for packed in rest]
        if sum(lengths) > LONGEST_VALUE:
            raise ValueError(_TOO_LARGE)
        return np.repeat(np.array(firsts, np.int64), lengths), lengths
    changes, lengths = unpack_narrow(rest)
    return summed_up(changes, lengths, np.int64, firsts), lengths


def summed_up(
    changes: Unsigned,
    lengths: Sequence[int],
    kind: type[np.signedinteger[Any]],
    firsts: Sequence[int] = (),
) -> NDArray[Any]:
    """Return the cumulative sums of packed differences in each block, starting from its first number."""
    numbers, signed, start = np.empty(len(changes), kind), unzigzag(changes), 0
    if firsts and len(set(lengths)) == 1:  # the usual case: one call for all blocks
        table = numbers.reshape(len(lengths), -1)
        signed.reshape(table.shape).cumsum(axis=1, dtype=kind, out=table)
        table += np.array(firsts, kind)[:, np.newaxis]
        return numbers
    for place, length in enumerate(lengths):
        own = numbers[start : start + length]
        signed[start : start + length].cumsum(dtype=kind, out=own)
        if firsts and firsts[place]:
            own += firsts[place]
        start += length
    return numbers


def zigzag(numbers: Ints) -> Ints:
    """Map signed numbers to unsigned so that small absolute values need few bits (0, -1, 1, -2 become 0, 1, 2, 3)."""
    return (numbers << 1) ^ (numbers >> 63)


def unzigzag(numbers: Unsigned) -> SignedInts:
    """Undo `zigzag`, keeping the number of bytes."""
    halves: SignedInts = ((numbers >> 1) ^ -(numbers & 1)).view(f"<i{numbers.itemsize}")
    return halves


def pack_ints(numbers: Ints) -> bytes:
    """Pack 64-bit numbers in as few bytes as the largest needs, grouped by byte position."""
    unsigned = numbers.view(np.uint64)
    largest = int(unsigned.max()) if len(unsigned) else 0
    width = next(width for width in _WIDTHS if largest < 1 << (8 * width))
    if not width:
        return _ALL_ZERO.pack(width, len(numbers))
    places = np.ascontiguousarray(unsigned.astype(f"<u{width}").view(np.uint8).reshape(-1, width).T)
    # Byte positions that are all 0 are left out.
    bodies = [
        deflated(each.tobytes()) if not i or each.any() else b"" for i, each in enumerate(places)
    ]
    return b"".join([_SIZE.pack(width), *(_SIZE.pack(len(body)) for body in bodies), *bodies])


def unpack_narrow(several: Sequence[bytes]) -> tuple[Unsigned, list[int]]:
    """Unpack successive blocks as unsigned numbers of the widest block's width; return them and each block's count."""
    blocks, room = [], LONGEST_VALUE
    for packed in several:
        places = _places(packed, room)
        room -= sum(map(len, places))
        blocks.append(places)
    lengths = [len(places[0]) for places in blocks]
    width = max(len(places) for places in blocks)
    numbers = np.zeros(sum(lengths), f"<u{width}")
    into = numbers.view(np.uint8).reshape(-1, width)
    for place in range(width):
        if any(place < len(places) and places[place] for places in blocks):
            plain = b"".join(
                (places[place] if place < len(places) else b"") or bytes(length)
                for places, length in zip(blocks, lengths, strict=True)
            )
            into[:, place] = np.frombuffer(plain, np.uint8)
    return numbers, lengths


def _places(packed: bytes, most: int) -> list[bytes]:
    """Return the bytes of a block's numbers by position, from the lowest; empty for a position that is all 0."""
    width, *sizes = _sizes(packed)
    if not width:
        count = int.from_bytes(packed[_SIZE.size :][: _SIZE.size], "little")
        if count > most:
            raise ValueError(_TOO_LARGE)
        return [bytes(count)]
    start, places = _SIZE.size * (1 + width), list[bytes]()
    for size in sizes:
        plain = inflated(packed[start : start + size], most) if size else b""
        if size and places and len(plain) != len(places[0]):
            raise ValueError("numbers have not as many high bytes as low ones")
        places.append(plain)
        start += size
    return places


def unpack_ints(several: Sequence[bytes]) -> tuple[Ints, list[int]]:
    """Unpack successive blocks of `pack_ints`; return the numbers and how many each block has."""
    numbers, lengths = unpack_narrow(several)
    return numbers.astype(np.uint64).view(np.int64), lengths


def _sizes(packed: bytes) -> list[int]:
    """Return the bytes per number, and the size of each byte position's body."""
    width = int.from_bytes(packed[: _SIZE.size], "little")
    if width not in _WIDTHS or len(packed) < _SIZE.size * (1 + (width or 1)):
        raise ValueError(f"no numbers have {width} bytes")
    return list(struct.unpack_from(f"<{1 + width}I", packed))


def deflated(plain: bytes) -> bytes:
    """Compress bytes, or store them unchanged if that saves less than `LEAST_SAVED`; the first byte says which."""
    packed = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compress(plain)
    if len(packed) > (1 - LEAST_SAVED) * len(plain):
        return _AS_IT_IS + plain
    return _ZSTD + packed


def inflated(packed: bytes, most: int = LONGEST_VALUE) -> bytes:
    """Decompress bytes; raise ValueError if they are cut or larger than any column."""
    match packed[:1]:
        case b"\2":
            return _from_zstd(packed[1:], most)
        case b"\1":
            return _from_zlib(packed[1:], most)
        case _:
            return packed[1:]


def _from_zstd(packed: bytes, most: int) -> bytes:
    try:
        # The frame states its size first, so no more than `most` bytes are unpacked.
        if not 0 <= zstandard.frame_content_size(packed) <= most:
            raise ValueError(_TOO_LARGE)
        return _OWN.unpacking.decompress(packed)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from None


def _from_zlib(packed: bytes, most: int) -> bytes:
    """Decompress bytes of format version 2."""
    stream = zlib.decompressobj()
    try:
        plain = stream.decompress(packed, max(most, 1))  # 0 would mean no bound
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if not stream.eof:
        raise ValueError(_TOO_LARGE)
    return plain
