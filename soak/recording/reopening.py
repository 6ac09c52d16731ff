"""Reopen the database of a run that is resumed: its progress, and the numbers assigned to its names."""

from __future__ import annotations

import json
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from soak.errors import RecordingError
from soak.model import Kind, Labels, label_pairs
from soak.recording.chunks import chunks
from soak.recording.files import DATABASE, WRITING
from soak.recording.validation import ADDED, COLUMNS, check_tables, column_names, reading_table

SeriesName = tuple[str, str, Labels, Kind]


@dataclass(frozen=True, slots=True)
class RecordedNames:
    """The numbers of series, layouts and endpoints in a recording, and its counts of windows and exemplars."""

    series: dict[SeriesName, int]
    layouts: dict[tuple[int, ...], int]
    endpoints: dict[str, int]
    windows: int
    exemplars: int


@dataclass(frozen=True, slots=True)
class RecordedProgress:
    """The end of the last window (or None) and the time of the last record in seconds, and the number of requests."""

    load_end: float | None
    last: float
    requests: int


def progress_of(directory: Path) -> RecordedProgress:
    """Return how far a run came; raise RecordingError if its database cannot be read or is damaged."""
    with _failures_of(directory) as path:
        database = sqlite3.connect(path)
        try:
            check_tables(database, path)
            (load_end,) = database.execute("SELECT max(time) FROM windows").fetchone()
            (last,) = database.execute(
                "SELECT max(time) FROM (SELECT time FROM scrapes UNION ALL SELECT time FROM windows"
                " UNION ALL SELECT time FROM events)"
            ).fetchone()
            with reading_table(path, "requests"):
                requests = sum(
                    int(chunk["requests"].sum())
                    for chunk in chunks(database, "requests", ("requests",))
                )
        finally:
            database.close()
    return RecordedProgress(load_end, last or 0.0, requests)


def reopen(directory: Path) -> tuple[sqlite3.Connection, RecordedNames]:
    """Open the database for more records; raise RecordingError if it is damaged or of another version."""
    with _failures_of(directory) as path:
        database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        try:
            _add_columns(database)
            _refuse_other_tables(database, path)
            database.executescript(WRITING)
            with reading_table(path, "series"):
                return database, _names(database)
        except BaseException:
            database.close()
            raise


def _add_columns(database: sqlite3.Connection) -> None:
    """Add columns that the recording's soak version did not have; existing rows have NULL there."""
    for table, columns in ADDED.items():
        there = column_names(database, table)
        for name, kind in columns.items():
            if there and name not in there:
                database.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")


def _refuse_other_tables(database: sqlite3.Connection, path: Path) -> None:
    """Raise RecordingError if a table's columns differ from those that this version writes."""
    if any(column_names(database, table) != columns.keys() for table, columns in COLUMNS.items()):
        raise RecordingError(
            f"{path}: was recorded by another version of soak, and cannot be gone on with"
        )


def _names(database: sqlite3.Connection) -> RecordedNames:
    series: dict[SeriesName, int] = {}
    for number, source, name, labels, kind in database.execute(
        "SELECT id, source, name, labels, kind FROM series"
    ):
        series[source, name, label_pairs(dict(json.loads(labels))), Kind(kind)] = number
    layouts = {
        struct.unpack(f"<{len(packed) // 4}i", packed): number
        for number, packed in database.execute("SELECT id, series FROM layouts")
    }
    endpoints = {
        name: number for number, name in database.execute("SELECT id, name FROM endpoints")
    }
    (windows,) = database.execute("SELECT coalesce(max(id), 0) FROM windows").fetchone()
    (exemplars,) = database.execute("SELECT count(*) FROM exemplars").fetchone()
    return RecordedNames(series, layouts, endpoints, windows, exemplars)


@contextmanager
def _failures_of(directory: Path) -> Iterator[Path]:
    """Yield the path of the database, and turn failures to use it into RecordingError."""
    path = directory / DATABASE
    if not path.is_file():
        raise RecordingError(f"{path}: is missing; without it there is nothing to go on with")
    try:
        yield path
    except (sqlite3.Error, struct.error, UnicodeDecodeError) as error:
        raise RecordingError(f"{path}: cannot be gone on with: {error}") from None
