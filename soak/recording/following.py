"""Reads a recording while it is written: each call gives the scrapes, windows and events that were added since the last."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from soak.errors import RecordingError
from soak.latency import Histogram
from soak.model import Event, EventKind, Kind, Labels, Sample, Scrape, label_pairs
from soak.recording.compacting import readable
from soak.recording.files import DATABASE
from soak.recording.request_windows import generator_columns
from soak.windows import EndpointWindow, GeneratorWindow, Window

#: Rows read at a time, so that attaching to a run of days takes little memory.
CHUNK = 1000


class Follower:
    """Follows one run directory; what it holds is bounded by the number of series."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = directory / DATABASE
        self._scrape = self._window = self._event = 0
        self._series: dict[int, tuple[str, Labels, Kind]] = {}
        self._layouts: dict[int, list[int]] = {}

    def new(self) -> Iterator[Scrape | Window | Event]:
        """What was added; RecordingError where it cannot be read."""
        try:
            with (
                readable(self._directory) as path,
                closing(sqlite3.connect(path, timeout=5.0)) as database,
            ):
                database.execute("PRAGMA query_only=1")
                yield from self._events(database)
                yield from self._windows(database)
                yield from self._scrapes(database)
        except (sqlite3.Error, ValueError, KeyError) as error:
            raise RecordingError(f"{self._path}: cannot be read: {error}") from None

    def _events(self, database: sqlite3.Connection) -> Iterator[Event]:
        query = "SELECT rowid, time, kind, text FROM events WHERE rowid > ? ORDER BY rowid"
        for row, time, kind, text in database.execute(query, (self._event,)).fetchall():
            self._event = row
            yield Event(
                time, EventKind(kind) if kind in frozenset(EventKind) else EventKind.WARNING, text
            )

    def _scrapes(self, database: sqlite3.Connection) -> Iterator[Scrape]:
        query = """SELECT rowid, source, time, late, took, error, layout, "values" FROM scrapes
                   WHERE rowid > ? ORDER BY rowid LIMIT ?"""
        while rows := database.execute(query, (self._scrape, CHUNK)).fetchall():
            for row, source, time, late, took, error, layout, values in rows:
                self._scrape = row
                samples = self._samples(database, layout, values) if error is None else ()
                yield Scrape(source, time, late, took, samples, error)

    def _samples(
        self, database: sqlite3.Connection, layout: int, values: bytes
    ) -> tuple[Sample, ...]:
        if layout not in self._layouts:
            for number, packed in database.execute("SELECT id, series FROM layouts"):
                self._layouts[number] = np.frombuffer(packed, "<i4").tolist()
            for number, name, labels, kind in database.execute(
                "SELECT id, name, labels, kind FROM series"
            ):
                self._series[number] = (name, label_pairs(dict(json.loads(labels))), Kind(kind))
        pairs = zip(self._layouts[layout], np.frombuffer(values, "<f8").tolist(), strict=True)
        named = ((self._series[number], value) for number, value in pairs)
        return tuple(Sample(name, value, labels, kind) for (name, labels, kind), value in named)

    def _windows(self, database: sqlite3.Connection) -> Iterator[Window]:
        query = f"""SELECT windows.id, time, seconds, users, {generator_columns(database)}
                   FROM windows LEFT JOIN generator ON generator.window = windows.id
                   WHERE windows.id > ? ORDER BY windows.id LIMIT ?"""  # noqa: S608
        while rows := database.execute(query, (self._window, CHUNK)).fetchall():
            first, last = rows[0][0], rows[-1][0]
            endpoints: dict[int, list[EndpointWindow]] = {}
            for window, seen in _endpoints(database, first, last):
                endpoints.setdefault(window, []).append(seen)
            for number, time, seconds, users, *health in rows:
                self._window = number
                generator = GeneratorWindow(*health) if health[0] is not None else None
                yield Window(time, seconds, users, tuple(endpoints.get(number, ())), generator)


def _endpoints(
    database: sqlite3.Connection, first: int, last: int
) -> Iterator[tuple[int, EndpointWindow]]:
    """The number of a window, and what one endpoint saw in it."""
    query = """SELECT window, name, requests, failures, bytes, latency, failed_latency, late, dropped
               FROM requests JOIN endpoints ON endpoints.id = endpoint WHERE window BETWEEN ? AND ?"""
    for window, name, requests, failures, size, latency, failed, late, dropped in database.execute(
        query, (first, last)
    ):
        kinds = json.loads(failures) if failures else {}
        yield (
            window,
            EndpointWindow(
                name,
                requests,
                kinds,
                size,
                _unpacked(latency),
                _unpacked(failed),
                late=late,
                dropped=dropped,
            ),
        )


def _unpacked(packed: bytes) -> Histogram:
    return Histogram.from_pairs(np.frombuffer(packed, "<i4").reshape(-1, 2).tolist())
