"""Blocks: many rows of one table packed into one blob, bit for bit, each column by itself.

Rows of days take too much as they are. A block is JSON, which names the columns and the sizes of
their parts, and then the parts, each packed by zstd: numbers as differences from one row to the
next, split by bytes so that the high ones, which hardly change, stand together (as Blosc's shuffle
does, Alted, Computing in Science & Engineering 2010).
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

from soak.recording.columns import Blobs, Column, Columns, Pairs, Texts, check
from soak.recording.validation import ADDED, COLUMNS, LONGEST_VALUE
from soak.windows import Ints

#: zstd's level, its own default: as small as zlib's default, packed eight times and read two to three times as fast.
LEVEL = 3
#: By which column a block's rows are sorted, so that like stands next to like.
SORTED_BY = {"scrapes": "layout", "requests": "endpoint"}
#: Bytes that packing makes less than this share smaller stay as they are: random ones are read ten times as fast so.
LEAST_SAVED = 0.1
Unsigned = NDArray[np.unsignedinteger[Any]]
SignedInts = NDArray[np.signedinteger[Any]]
_SIZE = struct.Struct("<I")
#: The first byte of a part says how it is packed.
_AS_IT_IS, _ZSTD = b"\0", b"\2"
_TOO_LARGE = "it is cut, or larger than anything that soak records"
_WIDTHS = (1, 2, 4, 8)
#: Counts of a histogram are recorded in four bytes.
_MOST_COUNTED = 2**31 - 1


def pack(table: str, columns: Columns) -> bytes:
    """Rows of a table as one blob; they are sorted by `SORTED_BY` before."""
    if table in SORTED_BY:
        columns = _sorted(columns, SORTED_BY[table])
    named, bodies = {}, []
    for name, column in columns.items():
        parts = _pack_column(name, column)
        named[name] = [len(part) for part in parts]
        bodies += parts
    head = json.dumps(named).encode()
    return b"".join([_SIZE.pack(len(head)), head, *bodies])


def unpack(table: str, blocks: Sequence[bytes], wanted: Sequence[str]) -> Columns:
    """The wanted columns of all rows of successive blocks, in that order; ValueError for what no block holds.

    Several at a time cost little more than one: what is done to a column is done once. A column that
    was added later is left out where none of the blocks has it.
    """
    several = [_parts(packed) for packed in blocks]
    columns, lengths = {}, set()
    for name in wanted:
        if name in ADDED.get(table, {}) and not any(name in parts for parts in several):
            continue
        if not all(name in parts for parts in several):
            raise ValueError(f"it has no column {name}")
        shape = COLUMNS[table][name].removesuffix("?")
        columns[name], rows = _unpack_column(name, shape, [parts[name] for parts in several])
        lengths.add(tuple(rows))
    if len(lengths) > 1:
        raise ValueError("its columns differ in length")
    check(table, columns)
    return columns


def _parts(packed: bytes) -> dict[str, list[bytes]]:
    """The parts of each column of a block."""
    place = _SIZE.size + int.from_bytes(packed[: _SIZE.size], "little")
    parts: dict[str, list[bytes]] = {}
    for name, sizes in json.loads(packed[_SIZE.size : place]).items():
        parts[name] = []
        for size in sizes:
            parts[name].append(packed[place : place + size])
            place += size
    return parts


def _sorted(columns: Columns, by: str) -> Columns:
    """The same rows, those of one value of a column of counts together, else in their order."""
    order = np.argsort(columns[by], kind="stable")
    return {name: _taken(column, order) for name, column in columns.items()}


def _taken(column: Column, order: Ints) -> Column:
    match column:
        case Texts(codes, distinct):
            return Texts(codes[order], distinct)
        case Blobs() | Pairs():
            rows = column.rows()
            return Blobs(column.sizes[order], b"".join(rows[row] or b"" for row in order.tolist()))
        case _:
            return column[order]


def _pack_column(name: str, column: Column) -> list[bytes]:
    match column:
        case Texts(codes, distinct):
            return [_deflated(json.dumps(distinct).encode()), _pack_ints(codes)]
        case Blobs(sizes) if name == "values":
            return [_pack_ints(sizes), _pack_values(column)]
        case Blobs(sizes) | Pairs(sizes):
            pairs = column.pairs()
            buckets, counts = pairs.buckets.astype(np.int64), pairs.counts.astype(np.int64)
            return [_pack_ints(sizes), _pack_changes(buckets), _pack_ints(counts)]
        case _:
            return [_pack_changes(column.view(np.int64))]


def _unpack_column(
    name: str, shape: str, several: Sequence[list[bytes]]
) -> tuple[Column, list[int]]:
    """One column of successive blocks, and how many rows of it each block has."""
    first = [parts[0] for parts in several]
    match shape:
        case "text":
            return _unpack_texts(name, first, [parts[1] for parts in several])
        case "blob" if name == "values":
            sizes, rows = _unpack_ints(first)
            return Blobs(sizes, _unpack_values(sizes, rows, [parts[1] for parts in several])), rows
        case "blob":
            sizes, rows = _unpack_ints(first)
            changes, pairs = _unpack_narrow([parts[1] for parts in several])
            counts, counted = _unpack_narrow([parts[2] for parts in several])
            if pairs != counted or _sums(np.maximum(sizes, 0), rows) != [8 * n for n in pairs]:
                raise ValueError(f"{name} has not as many pairs as its rows say")
            if len(counts) and counts.max() > _MOST_COUNTED:
                raise ValueError(f"{name} has a count that no histogram has")
            buckets = np.empty(len(changes), np.int32)
            _sum_up(changes, pairs, buckets)
            return Pairs(sizes, buckets, counts), rows
        case "count":
            return _unpack_changes(first)
        case _:
            numbers, rows = _unpack_changes(first)
            return numbers.view(np.float64), rows


def _unpack_texts(
    name: str, texts: Sequence[bytes], codes: Sequence[bytes]
) -> tuple[Texts, list[int]]:
    """A column of texts, each text of all blocks once."""
    unpacked, rows = _unpack_ints(codes)
    numbers: dict[str | None, int] = {}
    end = 0
    for packed, count in zip(texts, rows, strict=True):
        distinct = json.loads(_inflated(packed))
        if not all(text is None or isinstance(text, str) for text in distinct):
            raise ValueError(f"{name} is not a text")
        end += count
        own = unpacked[end - count : end]
        if count and not (own.min() >= 0 and own.max() < len(distinct)):
            raise ValueError(f"{name} has a text that is not there")
        known = [numbers.setdefault(text, len(numbers)) for text in distinct]
        own[:] = np.array(known, np.int64)[own]
    return Texts(unpacked, tuple(numbers)), rows


def _sums(numbers: Ints, lengths: Sequence[int]) -> list[int]:
    """The sum of each stretch of so many numbers."""
    totals = np.append(0, np.cumsum(numbers))
    ends = np.cumsum(lengths, dtype=np.int64)
    sums: list[int] = (totals[ends] - totals[ends - np.array(lengths, np.int64)]).tolist()
    return sums


def _runs(sizes: Ints) -> list[tuple[int, int]]:
    """Successive rows of one size: how many, and of how many numbers each."""
    words = np.maximum(sizes, 0) // 8
    starts = np.flatnonzero(np.diff(words, prepend=-1))
    counts = np.diff(starts, append=len(words))
    return list(zip(counts.tolist(), words[starts].tolist(), strict=True))


def _pack_values(column: Blobs) -> bytes:
    """Numbers of 8 bytes, those of one series after another."""
    words, place = column.words("<i8", 8)[1], 0
    turned = np.empty(len(words), np.int64)
    for rows, width in _runs(column.sizes):
        table = words[place : place + rows * width].reshape(rows, width)
        turned[place : place + rows * width] = np.diff(table, axis=0, prepend=0).T.ravel()
        place += rows * width
    return _pack_ints(_zigzag(turned))


def _unpack_values(
    sizes: Ints, rows: Sequence[int], several: Sequence[bytes]
) -> bytes | memoryview:
    narrow, counts = _unpack_narrow(several)
    if _sums(np.maximum(sizes, 0), rows) != [8 * count for count in counts]:
        raise ValueError("values has not as many numbers as its rows say")
    turned, place, row = _unzigzag(narrow), 0, 0
    words = np.empty(len(turned), "<i8")
    for count in rows:
        for together, width in _runs(sizes[row : row + count]):
            stretch = slice(place, place + together * width)
            table = turned[stretch].reshape(width, together)
            into = words[stretch].reshape(together, width)
            into[:] = np.cumsum(table, axis=1, dtype=np.int64).T
            place += together * width
        row += count
    return _seen_as_bytes(words)


def _pack_changes(numbers: Ints) -> bytes:
    return _pack_ints(_zigzag(np.diff(numbers, prepend=0)))


def _unpack_changes(several: Sequence[bytes]) -> tuple[Ints, list[int]]:
    changes, lengths = _unpack_narrow(several)
    numbers = np.empty(len(changes), np.int64)
    _sum_up(changes, lengths, numbers)
    return numbers, lengths


def _sum_up(changes: Unsigned, lengths: Sequence[int], numbers: NDArray[Any]) -> None:
    """What differences from one to the next, as they are packed, add up to in each block."""
    signed, start = _unzigzag(changes), 0
    for length in lengths:
        end = start + length
        np.cumsum(signed[start:end], dtype=numbers.dtype, out=numbers[start:end])
        start = end


def _zigzag(numbers: Ints) -> Ints:
    """Signed numbers so that small ones, of either sign, have few bits (0, -1, 1, -2 become 0, 1, 2, 3)."""
    return (numbers << 1) ^ (numbers >> 63)


def _unzigzag(numbers: Unsigned) -> SignedInts:
    """The inverse, in as many bytes."""
    halves: SignedInts = ((numbers >> 1) ^ -(numbers & 1)).view(f"<i{numbers.itemsize}")
    return halves


def _pack_ints(numbers: Ints) -> bytes:
    """Numbers of 64 bits in as few bytes as the largest needs: how many, and then the bytes of each place together."""
    unsigned = numbers.view(np.uint64)
    largest = int(unsigned.max()) if len(unsigned) else 0
    width = next(width for width in _WIDTHS if largest < 1 << (8 * width))
    places = np.ascontiguousarray(unsigned.astype(f"<u{width}").view(np.uint8).reshape(-1, width).T)
    # High bytes that are all 0 are left out.
    bodies = [
        _deflated(each.tobytes()) if not i or each.any() else b"" for i, each in enumerate(places)
    ]
    return b"".join([_SIZE.pack(width), *(_SIZE.pack(len(body)) for body in bodies), *bodies])


def _seen_as_bytes(words: NDArray[Any]) -> bytes | memoryview:
    """The bytes of numbers, which are not copied; of none at all there is no view."""
    return words.data.cast("B") if words.size else b""


def _unpack_narrow(several: Sequence[bytes]) -> tuple[Unsigned, list[int]]:
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
    start, places = _SIZE.size * (1 + width), list[bytes]()
    for size in sizes:
        plain = _inflated(packed[start : start + size], most) if size else b""
        if size and places and len(plain) != len(places[0]):
            raise ValueError("numbers have not as many high bytes as low ones")
        places.append(plain)
        start += size
    return places


def _unpack_ints(several: Sequence[bytes]) -> tuple[Ints, list[int]]:
    numbers, lengths = _unpack_narrow(several)
    return numbers.astype(np.uint64).view(np.int64), lengths


def _sizes(packed: bytes) -> list[int]:
    """Of how many bytes numbers are, and of how many each place's body is."""
    width = int.from_bytes(packed[: _SIZE.size], "little")
    if width not in _WIDTHS or len(packed) < _SIZE.size * (1 + width):
        raise ValueError(f"no numbers have {width} bytes")
    return list(struct.unpack_from(f"<{1 + width}I", packed))


def _deflated(plain: bytes) -> bytes:
    """Packed, or as it is where that saves less than `LEAST_SAVED`: a first byte says which."""
    packed = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compress(plain)
    if len(packed) > (1 - LEAST_SAVED) * len(plain):
        return _AS_IT_IS + plain
    return _ZSTD + packed


def _inflated(packed: bytes, most: int = LONGEST_VALUE) -> bytes:
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
        return zstandard.ZstdDecompressor().decompress(packed)
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
