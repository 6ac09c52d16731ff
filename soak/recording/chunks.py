"""Move a recording's older rows into blocks, and read whole tables: first the blocks, then the remaining rows.

The newest rows always stay rows, so that the greatest row number and time are found among them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from soak.recording.blocks import pack, unpack
from soak.recording.columns import Columns, columns_of
from soak.recording.validation import COLUMNS, LARGEST_COUNT, column_names

#: Number of rows at which half of a table's rows are packed into a block,
MOST_ROWS = 512
#: or size of their blobs at which that happens (bytes); a scrape of 5,000 series has 40 kB.
MOST_BYTES = 8 * 2**20
#: Successive small blocks that are merged into one; recordings of days are read faster in few
#: parts.
MERGED = 4
#: Rows read at a time.
CHUNK = 2048
#: Most blocks that are unpacked at a time, and most bytes of them (except the first).
TOGETHER, TOGETHER_BYTES = 16, 2**20
#: The column that numbers the rows of each packed table.
NUMBER = {"scrapes": "rowid", "windows": "id", "requests": "window", "generator": "window"}
#: Tables packed together up to the same number, the numbering table first, and a query for the size
#: of their blobs.
_TOGETHER = {
    ("scrapes",): 'sum(length("values")) FROM scrapes',
    (
        "windows",
        "requests",
        "generator",
    ): "sum(length(latency) + coalesce(length(service), 0)) FROM requests",
}

#: Exceptions that a damaged block may raise.
_DAMAGE = (ValueError, OverflowError, TypeError, AttributeError)


def pack_older(database: sqlite3.Connection, most_rows: int = MOST_ROWS) -> None:
    """Pack the older half of each table's rows into a block if there are too many; within the caller's transaction."""
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
    """Merge a table's newest `MERGED` blocks, unless one of them is already merged or was cut because of its bytes."""
    query = 'SELECT id, first, last, data FROM blocks WHERE "table" = ? ORDER BY id DESC LIMIT ?'
    newest = database.execute(query, (table, MERGED)).fetchall()[::-1]
    spans = [last - first + 1 for _, first, last, _ in newest]
    if len(newest) < MERGED or not all(most_rows // 2 <= span < most_rows for span in spans):
        return
    try:
        columns = unpack(table, [data for *_, data in newest], list(COLUMNS[table]))
    except _DAMAGE:
        return  # the reader reports which block is damaged
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
    """Yield the wanted columns of all rows, some thousand rows at a time; columns that are not recorded are left out.

    Rows whose number is outside [first, last] may be left out. Raises ValueError for a damaged block.
    """
    yield from _blocks(database, table, wanted, first, last)
    known, key = column_names(database, table), NUMBER[table]
    names = [name for name in wanted if name in known or name == "id"]
    if not known or not names:
        return
    # The first version of scrapes has no id column, so SQLite's rowid is used.
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
    """Unpack successive blocks together; if that fails, one by one, so that the error names the damaged block."""
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
