"""Read the scrapes from a recording: series as columns, and the health of each source."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from soak.model import Floats, Kind, Labels, ScrapeError, Series, SourceHealth, label_pairs
from soak.recording.chunks import chunks
from soak.recording.columns import Blobs, Columns, Texts
from soak.windows import Ints

_WANTED = ("id", "source", "time", "late", "error", "layout", "values", "error_kind")
#: The first recordings have no kinds of errors: their text began with this if the process no longer
#: existed.
_GONE = "gone: "


def read_scrapes(
    database: sqlite3.Connection,
) -> tuple[tuple[Series, ...], tuple[SourceHealth, ...]]:
    """Return all series and the health of each source, both in the order of their first appearance."""
    layouts, polls = _layouts(database), _Polls()
    for chunk in chunks(database, "scrapes", _WANTED):
        polls.add(chunk)
        good, numbers = np.flatnonzero(chunk["error"].absent()), chunk["layout"]
        for layout in np.unique(numbers[good]).tolist():
            rows = good[numbers[good] == layout]
            layouts[layout].add(chunk["time"][rows], _table(chunk["values"], rows))
    return tuple(_series(database, layouts)), tuple(polls.health())


def _table(blobs: Blobs, rows: Ints) -> Floats:
    """Return the values of rows of one layout, shape (rows, series)."""
    width = int(blobs.sizes[rows[0]]) // 8
    if width < 0 or (blobs.sizes[rows] != 8 * width).any():
        raise ValueError("scrapes of one layout differ in their number of values")
    words: Floats = np.frombuffer(blobs.data, "<f8")
    first = blobs.ends()[rows] // 8 - width
    if rows[-1] - rows[0] + 1 == len(rows):
        return words[first[0] : first[0] + width * len(rows)].reshape(len(rows), width)
    return np.take(words, first[:, np.newaxis] + np.arange(width))


class _Layout:
    """The scrapes of one layout: `values` has a row per series and a column per scrape."""

    def __init__(self, ids: list[int], scrapes: int) -> None:
        self.ids = ids
        self._times = np.empty(scrapes)
        self._values = np.empty((len(ids), scrapes))
        self._filled = 0

    def add(self, times: Floats, table: Floats) -> None:
        """Add scrapes: their times (seconds), and values of shape (scrapes, series)."""
        if table.shape[1] != len(self.ids):
            raise ValueError(f"{table.shape[1]} values for {len(self.ids)} series")
        into = slice(self._filled, self._filled + len(times))
        self._times[into], self._values[:, into] = times, table.T
        self._filled += len(times)

    def series(self) -> Iterator[tuple[int, Floats, Floats]]:
        """Yield each series' id, times and values, in order of time."""
        times, rows = self._times[: self._filled], self._values[:, : self._filled]
        order = None if bool((np.diff(times) >= 0).all()) else np.argsort(times, kind="stable")
        for series, values in zip(self.ids, rows, strict=True):
            yield (
                (series, times, values) if order is None else (series, times[order], values[order])
            )


def _layouts(database: sqlite3.Connection) -> dict[int, _Layout]:
    """Return every layout, with space for its scrapes."""
    scrapes: dict[int, int] = defaultdict(int)
    for chunk in chunks(database, "scrapes", ("layout",)):
        for layout, count in zip(*np.unique(chunk["layout"], return_counts=True), strict=True):
            scrapes[int(layout)] += int(count)
    layouts = {}
    for layout, packed in database.execute("SELECT id, series FROM layouts"):
        ids = np.frombuffer(packed, "<i4").tolist()
        if len(set(ids)) != len(ids):
            raise ValueError(f"layout {layout} names a series twice")
        layouts[layout] = _Layout(ids, scrapes[layout])
    return layouts


def _series(database: sqlite3.Connection, layouts: dict[int, _Layout]) -> Iterator[Series]:
    names = {
        row[0]: _named(row)
        for row in database.execute("SELECT id, source, name, labels, kind FROM series")
    }
    pieces: dict[int, list[tuple[Floats, Floats]]] = defaultdict(list)
    for layout in sorted(layouts):
        for series, times, values in layouts.pop(layout).series():
            if len(times):
                pieces[series].append((times, values))
    for series in sorted(pieces):
        source, name, labels, kind = names[series]
        yield Series(name, *_joined(pieces.pop(series)), labels, kind, source)


def _named(row: tuple[Any, ...]) -> tuple[str, str, Labels, Kind]:
    """Return source, name, labels and kind of a row of the table `series`."""
    labels = dict(json.loads(row[3]))
    if not all(isinstance(text, str) for pair in labels.items() for text in pair):
        raise ValueError(f"the labels of series {row[0]} are not text")
    return row[1], row[2], label_pairs(labels), Kind(row[4])


def _joined(pieces: list[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """Join the pieces of one series in order of time."""
    if len(pieces) == 1:
        return pieces[0]
    times = np.concatenate([piece[0] for piece in pieces])
    order = np.argsort(times, kind="stable")
    return times[order], np.concatenate([piece[1] for piece in pieces])[order]


class _Polls:
    """Every scrape's number, time, delay, and the codes of its source, error and kind of error, as columns."""

    def __init__(self) -> None:
        self._codes: dict[str | None, int] = {}
        self._parts: list[tuple[Ints, Floats, Floats, Ints, Ints, Ints]] = []

    def add(self, chunk: Columns) -> None:
        """Add a chunk of scrapes."""
        # The first recordings have no kinds of errors.
        kinds = self._coded(chunk["error_kind"]) if "error_kind" in chunk else chunk["id"] * 0 - 1
        source, error = self._coded(chunk["source"]), self._coded(chunk["error"])
        self._parts.append((chunk["id"], chunk["time"], chunk["late"], source, error, kinds))

    def _coded(self, texts: Texts) -> Ints:
        """Return codes of texts that are the same in all chunks."""
        codes = [self._codes.setdefault(text, len(self._codes)) for text in texts.distinct]
        return np.array(codes, np.int64)[texts.codes]

    def health(self) -> Iterator[SourceHealth]:
        """Yield the health of each source, in the order of their first appearance."""
        if not self._parts:
            return
        columns = [np.concatenate(column) for column in zip(*self._parts, strict=True)]
        recorded = np.argsort(columns[0], kind="stable")
        _, times, lates, sources, errors, kinds = (column[recorded] for column in columns)
        texts, nothing = list(self._codes), self._codes.get(None, -1)
        distinct, first = np.unique(sources, return_index=True)
        for source in distinct[np.argsort(first)].tolist():
            rows = np.flatnonzero(sources == source)
            failed = rows[errors[rows] != nothing]
            last = texts[errors[rows[-1]]] or ""
            kind = kinds[rows[-1]]
            gone = last.startswith(_GONE) if kind < 0 else texts[kind] == ScrapeError.GONE
            told = (texts[errors[failed[-1]]] or "").removeprefix(_GONE) if len(failed) else None
            worst = float(lates[rows].max())
            rows = rows[np.argsort(times[rows], kind="stable")]
            yield SourceHealth(
                texts[source] or "",
                len(rows),
                len(failed),
                worst,
                told,
                gone,
                times[rows],
                errors[rows] == nothing,
            )
