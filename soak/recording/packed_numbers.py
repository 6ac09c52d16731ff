"""Whole numbers packed into bytes, and back: as few bytes each as they need, those of one place together, by zstd.

High bytes hardly change, and so stand together, as in Blosc's shuffle (Alted, Computing in Science
& Engineering 2010).
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

#: zstd's level, its own default: as small as zlib's default, packed eight times and read two to three times as fast.
LEVEL = 3
#: Bytes that packing makes less than this share smaller stay as they are: random ones are read ten times as fast so.
LEAST_SAVED = 0.1
Unsigned = NDArray[np.unsignedinteger[Any]]
SignedInts = NDArray[np.signedinteger[Any]]
_SIZE = struct.Struct("<I")
#: The first byte of a part says how it is packed.
_AS_IT_IS, _ZSTD = b"\0", b"\2"
_TOO_LARGE = "it is cut, or larger than anything that soak records"
#: Numbers of 0 bytes are all 0.
_WIDTHS = (0, 1, 2, 4, 8)
#: In the place of a width: the first number follows, in eight bytes, and then the differences, the first of which is 0.
_FROM_THE_FIRST = 16
_FIRST = struct.Struct("<Iq")
#: A width of 0, and how many numbers.
_ALL_ZERO = struct.Struct("<II")


class _OfThread(threading.local):
    """What unpacks: one for each thread, as zstd asks for."""

    def __init__(self) -> None:
        self.unpacking = zstandard.ZstdDecompressor()


_OWN = _OfThread()


def pack_changes(numbers: Ints) -> bytes:
    """The first number, and the differences: of numbers that stay as they are nothing else is kept."""
    first = numbers[:1]
    changes = pack_ints(zigzag(np.diff(numbers, prepend=first)))
    return _FIRST.pack(_FROM_THE_FIRST, *(first.tolist() or [0])) + changes


def unpack_changes(several: Sequence[bytes]) -> tuple[Ints, list[int]]:
    """The inverse, of successive blocks, and how many numbers each has."""
    firsts, rest = [], []
    for packed in several:
        has_first = len(packed) >= _FIRST.size and packed[0] == _FROM_THE_FIRST
        # In version 2 the first number was the first difference.
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
    """What differences from one to the next, as they are packed, add up to in each block, from its first number on."""
    numbers, signed, start = np.empty(len(changes), kind), unzigzag(changes), 0
    if firsts and len(set(lengths)) == 1:  # as almost always: one call for all
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
    """Signed numbers so that small ones, of either sign, have few bits (0, -1, 1, -2 become 0, 1, 2, 3)."""
    return (numbers << 1) ^ (numbers >> 63)


def unzigzag(numbers: Unsigned) -> SignedInts:
    """The inverse, in as many bytes."""
    halves: SignedInts = ((numbers >> 1) ^ -(numbers & 1)).view(f"<i{numbers.itemsize}")
    return halves


def pack_ints(numbers: Ints) -> bytes:
    """Numbers of 64 bits in as few bytes as the largest needs: how many, and then the bytes of each place together."""
    unsigned = numbers.view(np.uint64)
    largest = int(unsigned.max()) if len(unsigned) else 0
    width = next(width for width in _WIDTHS if largest < 1 << (8 * width))
    if not width:
        return _ALL_ZERO.pack(width, len(numbers))
    places = np.ascontiguousarray(unsigned.astype(f"<u{width}").view(np.uint8).reshape(-1, width).T)
    # High bytes that are all 0 are left out.
    bodies = [
        deflated(each.tobytes()) if not i or each.any() else b"" for i, each in enumerate(places)
    ]
    return b"".join([_SIZE.pack(width), *(_SIZE.pack(len(body)) for body in bodies), *bodies])


def unpack_narrow(several: Sequence[bytes]) -> tuple[Unsigned, list[int]]:
    """The numbers of successive blocks, unsigned, in as few bytes as the widest were packed in, and how many each has."""
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
    """The bytes of each place of a block's numbers, from the lowest; none of a place that is all 0."""
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
    """The inverse of `pack_ints`, of successive blocks, and how many numbers each has."""
    numbers, lengths = unpack_narrow(several)
    return numbers.astype(np.uint64).view(np.int64), lengths


def _sizes(packed: bytes) -> list[int]:
    """Of how many bytes numbers are, and of how many each place's body is."""
    width = int.from_bytes(packed[: _SIZE.size], "little")
    if width not in _WIDTHS or len(packed) < _SIZE.size * (1 + (width or 1)):
        raise ValueError(f"no numbers have {width} bytes")
    return list(struct.unpack_from(f"<{1 + width}I", packed))


def deflated(plain: bytes) -> bytes:
    """Packed, or as it is where that saves less than `LEAST_SAVED`: a first byte says which."""
    packed = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compress(plain)
    if len(packed) > (1 - LEAST_SAVED) * len(plain):
        return _AS_IT_IS + plain
    return _ZSTD + packed


def inflated(packed: bytes, most: int = LONGEST_VALUE) -> bytes:
    """ValueError for what is cut, or larger than any column is."""
    match packed[:1]:
        case b"\2":
            return _from_zstd(packed[1:], most)
        case b"\1":
            return _from_zlib(packed[1:], most)
        case _:
            return packed[1:]


def _from_zstd(packed: bytes, most: int) -> bytes:
    try:
        # It says first how large it is, and no more than that is unpacked.
        if not 0 <= zstandard.frame_content_size(packed) <= most:
            raise ValueError(_TOO_LARGE)
        return _OWN.unpacking.decompress(packed)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from None


def _from_zlib(packed: bytes, most: int) -> bytes:
    """As recordings of format version 2 are."""
    stream = zlib.decompressobj()
    try:
        plain = stream.decompress(packed, max(most, 1))  # 0 is no bound
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if not stream.eof:
        raise ValueError(_TOO_LARGE)
    return plain
