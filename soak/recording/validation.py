"""Check every value of a recording's tables before it is used; errors name the file and table."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from soak.errors import RecordingError

#: Longest time or length in a recording (31 years, in seconds). More is damage, for which analysis
#: would allocate.
LONGEST_SECONDS = 1e9
#: Largest count that a double represents exactly.
LARGEST_COUNT = 2**53
#: Longest text or blob in a recording (bytes): a scrape of 5,000 series has 40 kB, a trace a few
#: hundred.
LONGEST_VALUE = 64 * 2**20

_SHAPES = {
    "text": "typeof({0}) = 'text'",
    "seconds": f"typeof({{0}}) IN ('real', 'integer') AND abs({{0}}) <= {LONGEST_SECONDS}",
    "number": "typeof({0}) IN ('real', 'integer') AND abs({0}) <= 1e300",
    "count": f"typeof({{0}}) = 'integer' AND {{0}} BETWEEN 0 AND {LARGEST_COUNT}",
    "blob": "typeof({0}) = 'blob'",
}
#: The type of each column; `?` if a value may be absent. Columns that an older recording lacks are
#: not checked.
COLUMNS: dict[str, dict[str, str]] = {
    "series": {"id": "count", "source": "text", "name": "text", "labels": "text", "kind": "text"},
    "layouts": {"id": "count", "source": "text", "series": "blob"},
    "scrapes": {
        "id": "count",
        "source": "text",
        "time": "seconds",
        "late": "seconds",
        "took": "seconds",
        "error": "text?",
        "layout": "count?",
        "values": "blob?",
        "error_kind": "text?",
    },
    "windows": {
        "id": "count",
        "time": "seconds",
        "seconds": "seconds",
        "users": "count",
        "workers": "count?",
        "expected": "count?",
        "covered": "number?",
    },
    "endpoints": {"id": "count", "name": "text"},
    "requests": {
        "window": "count",
        "endpoint": "count",
        "requests": "count",
        "failed": "count",
        "failures": "text?",
        "bytes": "count",
        "latency": "blob",
        "failed_latency": "blob",
        "service": "blob?",
        "late": "count",
        "dropped": "count",
    },
    "generator": {
        "window": "count",
        "cpu_ratio": "number",
        "cpu_seconds": "number",
        "lag": "number",
        "memory": "count",
        "asked": "number?",
        "made": "count",
        "queued": "count",
        "connections": "count?",
        "users_asked": "count?",
        "machine_load": "number?",
        "machine_busy": "number?",
        "machine_processors": "count?",
    },
    "exemplars": {
        "id": "count",
        "time": "seconds",
        "endpoint": "text",
        "seconds": "seconds",
        "failure": "text",
        "status": "count",
        "trace": "text",
    },
    "traces": {"id": "text", "spans": "text", "cut": "count"},
    "snapshots": {
        "time": "seconds",
        "took": "seconds",
        "kind": "text",
        "stage": "text",
        "file": "text?",
        "error": "text?",
    },
    "events": {"time": "seconds", "kind": "text", "text": "text"},
    "blocks": {"id": "count", "table": "text", "first": "count", "last": "count", "data": "blob"},
}
#: Columns added after blocks were introduced: a resumed run of an earlier version has blocks
#: without them.
ADDED: dict[str, dict[str, str]] = {
    "generator": {
        "machine_load": "REAL",
        "machine_busy": "REAL",
        "machine_processors": "INTEGER",
    }
}
#: Tables that all recordings have, since the first version.
ALWAYS = ("series", "layouts", "scrapes", "windows", "endpoints", "requests", "events")


def check_tables(database: sqlite3.Connection, path: Path) -> None:
    """Check the type and range of every value; RecordingError names table, row and column of the first wrong one."""
    for table, columns in COLUMNS.items():
        there = column_names(database, table)
        if not there and table in ALWAYS:
            raise RecordingError(f"{path}: damaged: it has no table {table}")
        shapes = {
            column: _condition(column, shape)
            for column, shape in columns.items()
            if column in there
        }
        if not shapes:
            continue
        flags = ", ".join(f"NOT ({condition})" for condition in shapes.values())
        query = f"SELECT rowid, {flags} FROM {table} WHERE NOT ({' AND '.join(shapes.values())}) LIMIT 1"  # noqa: S608
        if wrong := database.execute(query).fetchone():
            column = next(
                (name for name, bad in zip(shapes, wrong[1:], strict=True) if bad),
                next(iter(shapes)),
            )
            shape = columns[column].rstrip("?")
            raise RecordingError(
                f"{path}: damaged: table {table}, row {wrong[0]}: {column} is not a {shape}"
            )


def _condition(column: str, shape: str) -> str:
    """Return an SQL condition that is true if a column's value is valid; it is never NULL."""
    condition = _SHAPES[shape.removesuffix("?")].format(f'"{column}"')
    return (
        f'("{column}" IS NULL OR {condition})'
        if shape.endswith("?")
        else f'("{column}" IS NOT NULL AND {condition})'
    )


def column_names(database: sqlite3.Connection, table: str) -> set[str]:
    """Return the names of a table's columns; empty if the table does not exist, as in the first recordings."""
    return {row[1] for row in database.execute(f"PRAGMA table_info({table})")}


@contextmanager
def reading_table(path: Path, table: str) -> Iterator[None]:
    """Turn errors about values inside the block into a RecordingError about damage of that table."""
    try:
        yield
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise RecordingError(
            f"{path}: damaged: table {table}: {type(error).__name__}: {error}"
        ) from None
