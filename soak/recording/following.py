"""Read a recording during a run: each call yields the scrapes, windows and events added since the last call."""

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
from soak.recording.chunks import chunks
from soak.recording.columns import rows_of
from soak.recording.compacting import readable
from soak.recording.files import DATABASE
from soak.recording.request_windows import generator_windows
from soak.windows import GENERATOR_FIELDS, EndpointWindow, Window

_SCRAPE = ("id", "source", "time", "late", "took", "error", "layout", "values")
_WINDOW = ("id", "time", "seconds", "users")
_REQUESTS = (
    "window",
    "endpoint",
    "requests",
    "failures",
    "bytes",
    "latency",
    "failed_latency",
    "late",
    "dropped",
)


class Follower:
    """Follows one run directory; its memory is bounded by the number of series."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = directory / DATABASE
        self._scrape = self._window = self._event = 0
        self._series: dict[int, tuple[str, Labels, Kind]] = {}
        self._layouts: dict[int, list[int]] = {}

    def new(self) -> Iterator[Scrape | Window | Event]:
        """Yield the added records; raise RecordingError if the recording cannot be read."""
        try:
            with (
                readable(self._directory) as path,
                closing(sqlite3.connect(path, timeout=5.0)) as database,
            ):
                database.execute("PRAGMA query_only=1")
                # Read everything in one transaction; otherwise rows could move into a block that
                # was already read.
                database.execute("BEGIN")
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
        for chunk in chunks(database, "scrapes", _SCRAPE, self._scrape + 1):
            for row, source, time, late, took, error, layout, values in sorted(
                rows_of("scrapes", chunk)
            ):
                if row > self._scrape:
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
        names = dict(database.execute("SELECT id, name FROM endpoints"))
        for chunk in chunks(database, "windows", _WINDOW, self._window + 1):
            rows = list(rows_of("windows", chunk))
            first, last = rows[0][0], rows[-1][0]
            endpoints: dict[int, list[EndpointWindow]] = {}
            for requests in chunks(database, "requests", _REQUESTS, first, last):
                for window, endpoint, *seen in rows_of("requests", requests):
                    endpoints.setdefault(window, []).append(_endpoint(names[endpoint], *seen))
            generators = {
                window: health
                for part in chunks(
                    database, "generator", ("window", *GENERATOR_FIELDS), first, last
                )
                for window, health in generator_windows(part)
            }
            for number, time, seconds, users in rows:
                if number > self._window:
                    self._window = number
                    seen_by = tuple(endpoints.get(number, ()))
                    yield Window(time, seconds, users, seen_by, generators.get(number))


def _endpoint(
    name: str,
    requests: int,
    failures: str | None,
    size: int,
    latency: bytes,
    failed: bytes,
    late: int = 0,
    dropped: int = 0,
) -> EndpointWindow:
    """Return one endpoint's part of a window from its columns."""
    kinds = json.loads(failures) if failures else {}
    histograms = _unpacked(latency), _unpacked(failed)
    return EndpointWindow(name, requests, kinds, size, *histograms, late=late, dropped=dropped)


def _unpacked(packed: bytes) -> Histogram:
    return Histogram.from_pairs(np.frombuffer(packed, "<i4").reshape(-1, 2).tolist())
