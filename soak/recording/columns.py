"""Rows of a table as columns, as stored in blocks and as read from rows that are not in a block yet.

A number or second is a float64 column (NaN if absent), a count an int64 column (-1 if absent), a text
a `Texts` column and a blob a `Blobs` column.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from soak.recording.validation import COLUMNS, LARGEST_COUNT, LONGEST_SECONDS
from soak.windows import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """A column of texts: row i is `distinct[codes[i]]`, which may be None."""

    codes: Ints
    distinct: tuple[str | None, ...]

    def rows(self) -> list[str | None]:
        """Return the text of each row."""
        return [self.distinct[code] for code in self.codes.tolist()]

    def absent(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Return a mask of the rows without text, shape (n,)."""
        return np.array([text is None for text in self.distinct], dtype=bool)[self.codes]


@dataclass(frozen=True, slots=True, eq=False)
class Blobs:
    """A column of blobs, concatenated in `data`; a size of -1 means an absent blob."""

    sizes: Ints
    data: bytes | memoryview

    def ends(self) -> Ints:
        """Return the end of each row in `data`, shape (n,)."""
        return np.cumsum(np.maximum(self.sizes, 0))

    def rows(self) -> list[bytes | None]:
        """Return the blob of each row."""
        ends, sizes = self.ends().tolist(), self.sizes.tolist()
        return [
            None if size < 0 else bytes(self.data[end - size : end])
            for end, size in zip(ends, sizes, strict=True)
        ]

    def words(self, kind: str, size: int) -> tuple[Ints, np.ndarray[Any, Any]]:
        """Return each row's count of `size`-byte items, and all items as numbers of `kind`; ValueError if one is cut."""
        if np.any(np.maximum(self.sizes, 0) % size):
            raise ValueError(f"a blob is not a whole number of {size} bytes")
        return np.maximum(self.sizes, 0) // size, np.frombuffer(self.data, kind)

    def pairs(self) -> Pairs:
        """Return the histograms in these blobs, which store bucket number and count alternately."""
        words = self.words("<i4", 8)[1].reshape(-1, 2)
        return Pairs(self.sizes, words[:, 0], words[:, 1])


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """A column of histograms as blocks store them: buckets and counts of all rows; `sizes` as in `Blobs`."""

    sizes: Ints
    buckets: np.ndarray[Any, Any]
    counts: np.ndarray[Any, Any]

    def pairs(self) -> Pairs:
        """Return itself, for the same interface as `Blobs`."""
        return self

    def rows(self) -> list[bytes | None]:
        """Return the blob of each row."""
        words = np.stack([self.buckets, self.counts], axis=1).astype("<i4")
        return Blobs(self.sizes, words.tobytes()).rows()


Column = Floats | Ints | Texts | Blobs | Pairs
#: Columns by name; the name determines the type.
Columns = dict[str, Any]


def columns_of(table: str, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Columns:
    """Convert rows of a table to columns by name."""
    shapes = COLUMNS[table]
    return {
        name: _column(shapes[name], values)
        for name, values in zip(names, zip(*rows, strict=True), strict=True)
    }


def _column(shape: str, values: Sequence[Any]) -> Column:
    match shape.removesuffix("?"):
        case "text":
            distinct = {text: code for code, text in enumerate(dict.fromkeys(values))}
            codes = np.fromiter(map(distinct.__getitem__, values), np.int64, len(values))
            return Texts(codes, tuple(distinct))
        case "blob":
            sizes = [-1 if blob is None else len(blob) for blob in values]
            return Blobs(np.array(sizes, np.int64), b"".join(blob or b"" for blob in values))
        case "count":
            return np.array([-1 if count is None else count for count in values], np.int64)
        case _:
            return np.array(values, np.float64)


def rows_of(table: str, columns: Columns) -> Iterator[tuple[Any, ...]]:
    """Convert columns back to rows; the inverse of `columns_of`."""
    return zip(
        *(_values(COLUMNS[table][name], column) for name, column in columns.items()), strict=True
    )


def _values(shape: str, column: Column) -> list[Any]:
    if isinstance(column, Texts | Blobs | Pairs):
        return column.rows()
    values: list[Any] = column.tolist()
    if not shape.endswith("?"):
        return values
    return [None if value == -1 or value != value else value for value in values]  # noqa: PLR0124 - NaN


def check(table: str, columns: Columns) -> None:
    """Raise a ValueError that names the first column with an invalid value."""
    for name, column in columns.items():
        shape = COLUMNS[table][name]
        if not _as_it_should_be(shape.removesuffix("?"), shape.endswith("?"), column):
            raise ValueError(f"{name} is not a {shape.removesuffix('?')}")


def _as_it_should_be(shape: str, optional: bool, column: Column) -> bool:
    if isinstance(column, Texts):
        return optional or None not in column.distinct
    if isinstance(column, Blobs | Pairs):
        return optional or bool((column.sizes >= 0).all())
    if shape == "count":
        lowest = -1 if optional else 0
        return bool(((column >= lowest) & (column <= LARGEST_COUNT)).all())
    most = LONGEST_SECONDS if shape == "seconds" else 1e300
    with np.errstate(invalid="ignore"):
        good = np.abs(column) <= most
    return bool((good | (np.isnan(column) & optional)).all())
