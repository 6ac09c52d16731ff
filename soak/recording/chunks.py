"""Moves a recording's older rows into blocks, and reads a table whole: its blocks, and then the rows that are in none yet.

The newest rows always stay rows, so that the greatest row number and time are found there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from soak.recording.blocks import pack, unpack
from soak.recording.columns import Columns, columns_of
from soak.recording.validation import COLUMNS, LARGEST_COUNT, column_names

#: Half of the rows of a table go into a block as soon as there are so many.
MOST_ROWS = 512
#: ... or as soon as their blobs have so many bytes: a scrape of 5,000 series has 40 kB.
MOST_BYTES = 8 * 2**20
#: So many successive blocks of few rows become one: the fewer parts there are, the faster days are read.
MERGED = 4
#: So many rows are read at a time.
CHUNK = 2048
#: So many blocks at most, and so many bytes of them after the first, are unpacked at a time.
TOGETHER, TOGETHER_BYTES = 16, 2**20
#: The column by which rows of each packed table are numbered.
NUMBER = {"scrapes": "rowid", "windows": "id", "requests": "window", "generator": "window"}
#: Tables that are packed together, up to the same number, the one that numbers them first; and the blobs of each.
_TOGETHER = {
    ("scrapes",): 'sum(length("values")) FROM scrapes',
    (
        "windows",
        "requests",
        "generator",
    ): "sum(length(latency) + coalesce(length(service), 0)) FROM requests",
}

#: What a damaged block may raise.
_DAMAGE = (ValueError, OverflowError, TypeError, AttributeError)


def pack_older(database: sqlite3.Connection, most_rows: int = MOST_ROWS) -> None:
    """Move the older half of each table's rows into a block where there are too many; within the caller's transaction."""
    for tables, blobs in _TOGETHER.items():
        key = NUMBER[tables[0]]
        (rows,) = database.execute(f"SELECT count(*) FROM {tables[0]}").fetchone()  # noqa: S608
        (size,) = database.execute(f"SELECT {blobs}").fetchone()
        if rows < 2 or (rows < most_rows and (size or 0) < MOST_BYTES):
            continue
        (last,) = database.execute(
            f"SELECT {key} FROM {tables[0]} ORDER BY {key} LIMIT 1 OFFSET ?",  # noqa: S608
            (rows // 2 - 1,),
        ).fetchone()
        for table in tables:
            _pack_up_to(database, table, last)
            _merge_newest(database, table, most_rows)


def _pack_up_to(database: sqlite3.Connection, table: str, last: int) -> None:
    names, key = list(COLUMNS[table]), NUMBER[table]
    (first,) = database.execute(f"SELECT min({key}) FROM {table}").fetchone()  # noqa: S608
    rows = database.execute(
        f"SELECT {_listed(names)} FROM {table} WHERE {key} <= ? ORDER BY {key}",  # noqa: S608
        (last,),
    ).fetchall()
    if rows:
        row = (table, first, last, pack(table, columns_of(table, names, rows)))
        database.execute('INSERT INTO blocks ("table", first, last, data) VALUES (?, ?, ?, ?)', row)
        database.execute(f"DELETE FROM {table} WHERE {key} <= ?", (last,))  # noqa: S608


def _merge_newest(database: sqlite3.Connection, table: str, most_rows: int) -> None:
    """Make one block of a table's newest `MERGED`, where none of them is a merged one or was cut for its bytes."""
    query = 'SELECT id, first, last, data FROM blocks WHERE "table" = ? ORDER BY id DESC LIMIT ?'
    newest = database.execute(query, (table, MERGED)).fetchall()[::-1]
    spans = [last - first + 1 for _, first, last, _ in newest]
    if len(newest) < MERGED or not all(most_rows // 2 <= span < most_rows for span in spans):
        return
    try:
        columns = unpack(table, [data for *_, data in newest], list(COLUMNS[table]))
    except _DAMAGE:
        return  # who reads them says which is damaged
    keep = newest[0][0]
    database.execute(
        "UPDATE blocks SET last = ?, data = ? WHERE id = ?",
        (newest[-1][2], pack(table, columns), keep),
    )
    numbers = [(number,) for number, *_ in newest[1:]]
    database.executemany("DELETE FROM blocks WHERE id = ?", numbers)


def chunks(
    database: sqlite3.Connection,
    table: str,
    wanted: Sequence[str],
    first: int = 0,
    last: int = LARGEST_COUNT,
) -> Iterator[Columns]:
    """The wanted columns of all rows, some thousand rows at a time; those that a recording does not have are left out.

    Rows whose number is not within [first, last] may be left out. ValueError for a damaged block.
    """
    yield from _blocks(database, table, wanted, first, last)
    known, key = column_names(database, table), NUMBER[table]
    names = [name for name in wanted if name in known or name == "id"]
    if not known or not names:
        return
    # The first scrapes have no column for their number, but SQLite's own.
    listed = _listed(names).replace('"id"', key)
    rows = database.execute(
        f"SELECT {listed} FROM {table} WHERE {key} BETWEEN ? AND ? ORDER BY {key}",  # noqa: S608
        (first, last),
    )
    while some := rows.fetchmany(CHUNK):
        yield columns_of(table, names, some)


def _blocks(
    database: sqlite3.Connection, table: str, wanted: Sequence[str], first: int, last: int
) -> Iterator[Columns]:
    if not column_names(database, "blocks"):
        return
    query = (
        """SELECT id, data FROM blocks WHERE "table" = ? AND last >= ? AND first <= ? ORDER BY id"""
    )
    several: list[tuple[int, bytes]] = []
    size = 0
    for number, packed in database.execute(query, (table, first, last)):
        if several and (len(several) == TOGETHER or size + len(packed) > TOGETHER_BYTES):
            yield from _unpacked(table, several, wanted)
            several, size = [], 0
        several.append((number, packed))
        size += len(packed)
    if several:
        yield from _unpacked(table, several, wanted)


def _unpacked(
    table: str, several: Sequence[tuple[int, bytes]], wanted: Sequence[str]
) -> Iterator[Columns]:
    """Successive blocks together; where that fails one by one, so that the damaged one is named."""
    try:
        columns = unpack(table, [packed for _, packed in several], wanted)
    except _DAMAGE as error:
        if len(several) == 1:
            raise ValueError(f"block {several[0][0]}: {error}") from None
        for block in several:
            yield from _unpacked(table, [block], wanted)
    else:
        yield columns


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
