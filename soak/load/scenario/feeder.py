"""Rows of data for templates: read once by the load process, and used at random, in order, or each only once."""

from __future__ import annotations

import csv
import json
import random
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from soak.load.plan.feeds import Order, PlannedFeeder

#: Maximum number of rows, because they are kept in memory: about 100 bytes each, and 60 per column.
MAX_ROWS = 5_000_000
#: Rows read without a pause, in about 10 ms. More would delay heartbeats, and the master would
#: count the worker as lost.
_WITHOUT_REST = 10_000


class FeederError(ValueError):
    """A data file that cannot be used; the message begins with the file, and the line if there is one."""


class FeederExhausted(Exception):  # noqa: N818 - an end, not an error: the user who needs a row ends
    """Every row of a `unique` source has been used."""

    def __init__(self, name: str) -> None:
        super().__init__(f"every row of data.{name} has been used")


class DataRow:
    """One row, used as `row.sku` or `row["sku"]` in a template."""

    __slots__ = ("_columns", "_values")

    def __init__(self, columns: dict[str, int], values: tuple[Any, ...]) -> None:
        self._columns, self._values = columns, values

    def __getitem__(self, column: str) -> Any:
        return self._values[self._columns[column]]

    def __contains__(self, column: object) -> bool:
        return column in self._columns

    def as_dict(self) -> dict[str, Any]:
        """Return the row as a mapping from column to value."""
        return dict(zip(self._columns, self._values, strict=True))


class Feeder:
    """The rows of one file for one of `count` processes, the one numbered `index` from 0.

    `random` draws from all rows. `sequential` and `unique` divide the rows: this process has every
    `count`-th row from `index` on, so no two processes use the same row. `sequential` starts again
    after the last row, `unique` raises FeederExhausted.
    """

    def __init__(
        self,
        name: str,
        columns: tuple[str, ...],
        rows: list[tuple[Any, ...]],
        order: Order,
        index: int = 0,
        count: int = 1,
    ) -> None:
        if order == "sequential" and len(rows) < count:
            raise FeederError(
                f"data.{name}: {len(rows)} rows cannot be shared by {count} processes"
            )
        self._name, self._order = name, order
        self._columns = {column: place for place, column in enumerate(columns)}
        self._rows = rows if order == "random" else rows[index::count]
        self._next = 0

    @classmethod
    def load(
        cls,
        planned: PlannedFeeder,
        index: int = 0,
        count: int = 1,
        rest: Callable[[], object] = lambda: None,
    ) -> Feeder:
        """Load the rows of a file, and call `rest` after every few thousand. FeederError names file and line."""
        lines = read_feed(Path(planned.path), jsonl=planned.jsonl)
        columns = next(lines)
        rows: list[tuple[Any, ...]] = []
        while some := list(islice(lines, _WITHOUT_REST)):
            rows += some
            rest()
        return cls(planned.name, columns, rows, planned.order, index, count)

    def __len__(self) -> int:
        """Return the number of rows of this process."""
        return len(self._rows)

    def skip(self, count: int) -> None:
        """Count this many rows as used, to continue with the rows after them (no effect on random order)."""
        self._next = count if self._order == "unique" else count % max(1, len(self._rows))

    def draw(self, chance: random.Random) -> DataRow:
        """Return the next row. Raise FeederExhausted if no row is left."""
        if self._order == "random":
            return DataRow(self._columns, self._rows[int(chance.random() * len(self._rows))])
        if self._next >= len(self._rows):
            if self._order == "unique":
                raise FeederExhausted(self._name)
            self._next = 0
        self._next += 1
        return DataRow(self._columns, self._rows[self._next - 1])


def read_feed(
    path: Path, *, jsonl: bool = False, most: int = MAX_ROWS
) -> Iterator[tuple[Any, ...]]:
    """Yield the column names, then each row, without keeping them. FeederError names file and line of the first fault."""
    number = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            for number, row in enumerate(_jsonl(path, lines) if jsonl else _csv(path, lines)):
                if number > most:
                    raise FeederError(
                        f"{path}: more than {most:,} rows do not fit in memory; split the file"
                    )
                yield row
    except OSError as error:
        raise FeederError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise FeederError(f"{path}: not a text file in UTF-8 (after row {number})") from None
    if not number:
        raise FeederError(f"{path}: has no rows")


def _csv(path: Path, lines: Iterator[str]) -> Iterator[tuple[Any, ...]]:
    reader = csv.reader(lines, strict=True)
    columns: tuple[str, ...] = ()
    try:
        for values in reader:
            if not values:
                continue  # a blank line
            if not columns:
                columns = _columns(path, values)
                yield columns
            elif len(values) != len(columns):
                raise FeederError(
                    f"{path}:{reader.line_num}: {len(values)} values, and the header has {len(columns)}"
                )
            else:
                yield tuple(values)
    except csv.Error as error:
        raise FeederError(f"{path}:{reader.line_num}: not CSV: {error}") from None
    if not columns:
        raise FeederError(f"{path}: is empty; its first line names the columns")


def _columns(path: Path, names: list[str]) -> tuple[str, ...]:
    columns = tuple(sys.intern(name.strip()) for name in names)
    if "" in columns:
        raise FeederError(f"{path}:1: column {columns.index('') + 1} has no name")
    twice = [name for name in columns if columns.count(name) > 1]
    if twice:
        raise FeederError(f"{path}:1: the column {twice[0]} is there twice")
    return columns


def _jsonl(path: Path, lines: Iterator[str]) -> Iterator[tuple[Any, ...]]:
    columns: tuple[str, ...] = ()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise FeederError(
                f"{path}:{number}: not JSON: {getattr(error, 'msg', 'nested too deeply')}"
            ) from None
        if not isinstance(row, dict) or not row:
            raise FeederError(
                f'{path}:{number}: expected one JSON object a line, such as {{"sku": "A-17"}}'
            )
        if not columns:
            columns = tuple(row)
            yield columns
        for odd in row.keys() ^ set(columns):
            what = "is missing" if odd in columns else "is in no line before"
            raise FeederError(
                f"{path}:{number}: the key {odd} {what}; every line has the same keys"
            )
        yield tuple(row[column] for column in columns)
    if not columns:
        raise FeederError(f"{path}: is empty")
