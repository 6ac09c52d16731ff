"""Blocks: many rows of a table packed losslessly into one blob, column by column.

The plain rows of days take too much space. A block is a JSON head, with the columns' names and the
sizes of their parts, followed by the parts: numbers as differences from row to row, packed by
`packed_numbers`.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soak.recording.columns import Blobs, Column, Columns, Pairs, Texts, check
from soak.recording.packed_numbers import (
    deflated,
    inflated,
    pack_changes,
    pack_ints,
    summed_up,
    unpack_changes,
    unpack_ints,
    unpack_narrow,
    unzigzag,
    zigzag,
)
from soak.recording.validation import ADDED, COLUMNS
from soak.windows import Ints

#: The column by which a table's rows are sorted within a block, so that similar rows are adjacent.
SORTED_BY = {"scrapes": "layout", "requests": "endpoint"}
_SIZE = struct.Struct("<I")
#: Largest count in a histogram, which is recorded in four bytes.
_MOST_COUNTED = 2**31 - 1


def pack(table: str, columns: Columns) -> bytes:
    """Pack rows of a table into one blob, after sorting them by `SORTED_BY`."""
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
    """Return the wanted columns of all rows of successive blocks, in that order; ValueError for a missing column.

    Several blocks cost little more than one, because each operation on a column is done once for all. A
    column that was added later is left out if no block has it.
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
    """Return the parts of each column of a block."""
    place = _SIZE.size + int.from_bytes(packed[: _SIZE.size], "little")
    parts: dict[str, list[bytes]] = {}
    for name, sizes in json.loads(packed[_SIZE.size : place]).items():
        parts[name] = []
        for size in sizes:
            parts[name].append(packed[place : place + size])
            place += size
    return parts


def _sorted(columns: Columns, by: str) -> Columns:
    """Return the rows sorted by a column of counts; rows with equal values keep their order."""
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
            return [deflated(json.dumps(distinct).encode()), pack_ints(codes)]
        case Blobs(sizes) if name == "values":
            return [pack_ints(sizes), _pack_values(column)]
        case Blobs(sizes) | Pairs(sizes):
            pairs = column.pairs()
            buckets, counts = pairs.buckets.astype(np.int64), pairs.counts.astype(np.int64)
            changes = pack_ints(zigzag(np.diff(buckets, prepend=0)))
            return [pack_ints(sizes), changes, pack_ints(counts)]
        case _:
            return [pack_changes(column.view(np.int64))]


def _unpack_column(
    name: str, shape: str, several: Sequence[list[bytes]]
) -> tuple[Column, list[int]]:
    """Return one column of successive blocks, and each block's number of rows."""
    first = [parts[0] for parts in several]
    match shape:
        case "text":
            return _unpack_texts(name, first, [parts[1] for parts in several])
        case "blob" if name == "values":
            sizes, rows = unpack_ints(first)
            return Blobs(sizes, _unpack_values(sizes, rows, [parts[1] for parts in several])), rows
        case "blob":
            sizes, rows = unpack_ints(first)
            changes, pairs = unpack_narrow([parts[1] for parts in several])
            counts, counted = unpack_narrow([parts[2] for parts in several])
            if pairs != counted or _sums(np.maximum(sizes, 0), rows) != [8 * n for n in pairs]:
                raise ValueError(f"{name} has not as many pairs as its rows say")
            if len(counts) and counts.max() > _MOST_COUNTED:
                raise ValueError(f"{name} has a count that no histogram has")
            return Pairs(sizes, summed_up(changes, pairs, np.int32), counts), rows
        case "count":
            return unpack_changes(first)
        case _:
            numbers, rows = unpack_changes(first)
            return numbers.view(np.float64), rows


def _unpack_texts(
    name: str, texts: Sequence[bytes], codes: Sequence[bytes]
) -> tuple[Texts, list[int]]:
    """Return a column of texts, with each distinct text once over all blocks."""
    unpacked, rows = unpack_ints(codes)
    numbers: dict[str | None, int] = {}
    end = 0
    for packed, count in zip(texts, rows, strict=True):
        distinct = json.loads(inflated(packed))
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
    """Return the sums of successive stretches of numbers with these lengths."""
    totals = np.append(0, np.cumsum(numbers))
    ends = np.cumsum(lengths, dtype=np.int64)
    sums: list[int] = (totals[ends] - totals[ends - np.array(lengths, np.int64)]).tolist()
    return sums


def _runs(sizes: Ints) -> list[tuple[int, int]]:
    """Return runs of successive rows of equal size, as (number of rows, numbers per row)."""
    words = np.maximum(sizes, 0) // 8
    starts = np.flatnonzero(np.diff(words, prepend=-1))
    counts = np.diff(starts, append=len(words))
    return list(zip(counts.tolist(), words[starts].tolist(), strict=True))


def _pack_values(column: Blobs) -> bytes:
    """Pack rows of 8-byte numbers, series by series."""
    words, place = column.words("<i8", 8)[1], 0
    turned = np.empty(len(words), np.int64)
    for rows, width in _runs(column.sizes):
        table = words[place : place + rows * width].reshape(rows, width)
        turned[place : place + rows * width] = np.diff(table, axis=0, prepend=0).T.ravel()
        place += rows * width
    return pack_ints(zigzag(turned))


def _unpack_values(
    sizes: Ints, rows: Sequence[int], several: Sequence[bytes]
) -> bytes | memoryview:
    narrow, counts = unpack_narrow(several)
    if _sums(np.maximum(sizes, 0), rows) != [8 * count for count in counts]:
        raise ValueError("values has not as many numbers as its rows say")
    turned, place, row = unzigzag(narrow), 0, 0
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


def _seen_as_bytes(words: NDArray[Any]) -> bytes | memoryview:
    """Return the numbers' bytes without a copy; an empty array has no view, so b"" is returned for it."""
    return words.data.cast("B") if words.size else b""
