"""Read the load's windows from a recording: requests and latencies by endpoint, users, workers, generator."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from soak.latency import LAST
from soak.model import Floats, Series
from soak.recording.chunks import chunks
from soak.recording.columns import Columns, Pairs, Texts, rows_of
from soak.recording.validation import COLUMNS, LARGEST_COUNT, column_names
from soak.windows import (
    GENERATOR_FIELDS,
    Arrivals,
    Cells,
    EndpointWindows,
    GeneratorWindow,
    GeneratorWindows,
    Ints,
    WorkerCoverages,
    narrowed,
)

#: Most windows that are kept separate. In longer runs, several successive windows are combined.
MOST_WINDOWS = 10_000
#: Number of buckets of a histogram.
BUCKETS = LAST + 1
_NOTHING = np.zeros(0, np.int64)
_COUNTED = ("requests", "failed", "bytes", "late", "dropped")
_HISTOGRAMS = ("latency", "service")
_WINDOW = ("id", "time", "seconds", "users", "workers", "expected", "covered")


class _Together:
    """Combines successive windows to at most `MOST_WINDOWS` rows: ends and lengths of the rows, in seconds."""

    def __init__(self, windows: Columns) -> None:
        self._numbers = windows["id"]
        times, seconds = windows["time"], windows["seconds"]
        self._together = -(-len(times) // MOST_WINDOWS) or 1
        first = np.arange(0, len(times), self._together)
        self.times = times[np.minimum(first + self._together, len(times)) - 1]
        self.seconds = np.add.reduceat(seconds, first) if len(first) else seconds

    def rows(self, windows: Ints) -> Ints:
        """Return the row of each of these windows; raise ValueError for an unknown window."""
        return _places(self._numbers, windows) // self._together


def _places(numbers: Ints, wanted: Ints) -> Ints:
    """Return the index of each wanted number among increasing numbers; raise ValueError if one is missing."""
    places = np.minimum(np.searchsorted(numbers, wanted), max(len(numbers) - 1, 0))
    if len(wanted) and (not len(numbers) or (numbers[places] != wanted).any()):
        raise ValueError("a row is of a window or an endpoint that is not there")
    return places


class _Cells:
    """Histograms of the rows of many endpoints; those of one cell (an endpoint's row) are added up."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._parts: dict[int, list[tuple[Cells, Cells]]] = defaultdict(list)

    def add(self, cells: Ints, histograms: Pairs) -> None:
        """Add one histogram per given cell; raise ValueError for invalid buckets or counts."""
        sizes, buckets = np.maximum(histograms.sizes, 0) // 8, histograms.buckets
        counts = histograms.counts
        if not len(buckets):
            return
        lowest, highest = int(buckets.min()), int(buckets.max())
        if lowest < 0 or highest > LAST or counts.min() < 0:
            raise ValueError("a histogram has a bucket or a count that cannot be")
        distinct, which = np.unique(cells, return_inverse=True)
        width = highest - lowest + 1
        # Each distinct cell's key of bucket 0.
        bases = (distinct % self._rows) * BUCKETS
        if len(distinct) < len(cells):
            places = np.repeat(which * width - lowest, sizes)
            places += buckets
            dense = np.bincount(places, counts, len(distinct) * width)
            there = dense != 0
            kept = np.count_nonzero(there.reshape(-1, width), axis=1)
            keys, counts = np.flatnonzero(there), dense[there]
            keys += np.repeat(bases + lowest - np.arange(len(distinct)) * width, kept)
        else:
            order = np.argsort(np.repeat(which, sizes), kind="stable")
            kept = np.bincount(which, sizes, len(distinct)).astype(np.int64)
            keys, counts = np.repeat(bases, kept) + buckets[order], counts[order]
        keys, counts = keys.astype(np.int32), narrowed(counts)
        endpoints, first = np.unique(distinct // self._rows, return_index=True)
        starts = np.append(0, np.cumsum(kept))[first]
        ends = np.append(starts[1:], len(keys))
        for endpoint, start, end in zip(endpoints.tolist(), starts, ends, strict=True):
            if end > start:
                self._parts[endpoint].append((keys[start:end].copy(), counts[start:end].copy()))

    def columns(self, endpoint: int) -> tuple[Ints, Cells, Cells]:
        """Return offsets (rows + 1), buckets and counts of one endpoint, and forget them; call it once per endpoint."""
        parts = self._parts.pop(endpoint, [(_NOTHING, _NOTHING)])
        keys, counts = (np.concatenate(part) for part in zip(*_apart(parts), strict=True))
        if (keys[1:] <= keys[:-1]).any():
            keys, counts = _added_up(keys, counts)
        starts = np.arange(self._rows + 1) * BUCKETS
        offsets = np.searchsorted(keys, starts.astype(keys.dtype))
        keys -= np.repeat(starts[:-1].astype(keys.dtype), np.diff(offsets))
        return offsets, keys.astype(np.int16), narrowed(counts)


def _apart(parts: list[tuple[Cells, Cells]]) -> list[tuple[Cells, Cells]]:
    """Return the parts, each with increasing keys; merge keys shared by two parts (a row split by a chunk)."""
    apart = parts[:1]
    for keys, counts in parts[1:]:
        before, counted = apart[-1]
        first, last = np.searchsorted(before, keys[0]), np.searchsorted(keys, before[-1], "right")
        if last:
            apart[-1] = (before[:first], counted[:first])
            shared = _added_up(
                np.append(before[first:], keys[:last]), np.append(counted[first:], counts[:last])
            )
            rest = (keys[last:], counts[last:])
            apart.append((np.append(shared[0], rest[0]), np.append(shared[1], rest[1])))
        else:
            apart.append((keys, counts))
    return apart


def _added_up(keys: Cells, counts: Cells) -> tuple[Cells, Cells]:
    """Return the distinct keys in increasing order, with their counts added up."""
    order = np.argsort(keys, kind="stable")
    keys, counts = keys[order], counts[order]
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    return keys[first], narrowed(np.add.reduceat(counts, first, dtype=np.int64))


class _Failures:
    """How often each kind of failure occurred in each cell."""

    def __init__(self) -> None:
        self._cells: dict[str, list[Ints]] = defaultdict(list)
        self._counts: dict[str, list[Ints]] = defaultdict(list)

    def add(self, cells: Ints, texts: Texts) -> None:
        """Add the failures of each of these cells, as JSON or None."""
        order = np.argsort(texts.codes, kind="stable")
        starts = np.searchsorted(texts.codes[order], np.arange(len(texts.distinct) + 1))
        for code, text in enumerate(texts.distinct):
            for kind, count in _failure_kinds(text):
                failed = cells[order[starts[code] : starts[code + 1]]]
                self._cells[kind].append(failed)
                self._counts[kind].append(np.full(len(failed), count))

    def columns(self) -> dict[str, tuple[Ints, Ints]]:
        """Return for each kind its cells in increasing order, and the count in each."""
        columns = {}
        for kind, parts in self._cells.items():
            cells, which = np.unique(np.concatenate(parts), return_inverse=True)
            counts = np.zeros(len(cells), np.int64)
            np.add.at(counts, which, np.concatenate(self._counts[kind]))
            columns[kind] = (cells, counts)
        return columns


def read_windows(database: sqlite3.Connection, windows: Columns) -> Iterator[EndpointWindows]:
    """Yield every endpoint with a row for every window; a window without requests to it has zeros, and is not a gap.

    With more than `MOST_WINDOWS` windows, each row combines several successive windows.
    """
    together = _Together(windows)
    names = database.execute("SELECT id, name FROM endpoints ORDER BY id").fetchall()
    numbers, rows = np.array([row[0] for row in names], np.int64), len(together.times)
    # The first recordings do not have late and dropped arrivals.
    scheduled = "late" in column_names(database, "requests")
    counted = {name: np.zeros(len(names) * rows, np.int64) for name in _COUNTED}
    latency, service, failures = _Cells(rows), _Cells(rows), _Failures()
    for chunk in chunks(
        database, "requests", ("window", "endpoint", "failures", *_COUNTED, *_HISTOGRAMS)
    ):
        cells = _places(numbers, chunk["endpoint"]) * rows
        cells += together.rows(chunk["window"])
        for name, totals in counted.items():
            if name in chunk:
                np.add.at(totals, cells, chunk[name])
        latency.add(cells, chunk["latency"].pairs())
        if "service" in chunk:
            service.add(cells, chunk["service"].pairs())
        failures.add(cells, chunk["failures"])
    by_kind = failures.columns()
    for place, (_, endpoint) in enumerate(names):
        start, end = place * rows, (place + 1) * rows
        requests, failed, size, late, dropped = (counted[name][start:end] for name in _COUNTED)
        arrivals = Arrivals(late, dropped, *service.columns(place)) if scheduled else None
        kinds = {}
        for kind, (failing, counts) in by_kind.items():
            first, last = np.searchsorted(failing, (start, end))
            if last > first:
                kinds[kind] = np.stack([failing[first:last] - start, counts[first:last]], 1)
        yield EndpointWindows(
            endpoint,
            together.times,
            together.seconds,
            requests,
            failed,
            size,
            *latency.columns(place),
            {kind: int(table[:, 1].sum()) for kind, table in kinds.items()},
            arrivals,
            kinds,
        )


def _failure_kinds(text: str | None) -> Iterator[tuple[str, int]]:
    """Yield each kind of failure and its count; raise ValueError for an invalid count."""
    kinds = json.loads(text) if text else {}
    for kind, count in kinds.items():
        if type(count) is not int or not 0 <= count <= LARGEST_COUNT:
            raise ValueError(f"{count!r} is no number of failures")
        yield kind, count


def window_columns(database: sqlite3.Connection) -> Columns:
    """Return the table of all windows, in order."""
    parts = list(chunks(database, "windows", _WINDOW))
    if not parts:
        return {name: np.zeros(0, np.int64) for name in _WINDOW}
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def read_users(windows: Columns) -> Series | None:
    """Return the users of each window; None for a run without windows."""
    users = windows["users"].astype(np.float64)
    return Series("load_users", windows["time"], users, source="load") if len(users) else None


def read_coverage(windows: Columns) -> WorkerCoverages | None:
    """Return each window's number of expected and present workers; None for one process and the first recordings."""
    if "workers" not in windows:
        return None
    several = windows["workers"] >= 0
    columns = [windows[name][several] for name in _WINDOW if name not in ("id", "users")]
    if not several.any():
        return None
    if (columns[3] < 0).any() or not np.isfinite(columns[4]).all():
        raise ValueError("a window has workers, and not how many were expected")
    return WorkerCoverages(*columns)


def _generators_together(table: Floats) -> Floats:
    """Combine the generator's windows, shape (n, 14), in the same groups as those of the requests."""
    together = -(-len(table) // MOST_WINDOWS) or 1
    if together == 1:
        return table
    first = np.arange(0, len(table), together)
    # CPU seconds and the counts of asked, made and queued requests are added up; delays, memory,
    # connections, users, the machine's load and its number of processors take their maximum. How
    # busy the machine was is a mean, as how busy the processes were.
    added, most = np.add.reduceat(table, first), np.fmax.reduceat(table, first)
    grouped = np.where(np.isin(np.arange(table.shape[1]), (1, 3, 6, 7, 8)), added, most)
    grouped[:, 0] = table[np.minimum(first + together, len(table)) - 1, 0]
    grouped[:, 2] = np.add.reduceat(table[:, 2] * table[:, 1], first) / added[:, 1]
    known = np.isfinite(table[:, 12])
    busy, windows = np.where(known, table[:, 12], 0.0), np.add.reduceat(known, first, dtype=float)
    grouped[:, 12] = np.add.reduceat(busy, first) / np.where(windows > 0, windows, np.nan)
    return grouped


def generator_columns(chunk: Columns) -> list[Floats]:
    """Return the fields of a GeneratorWindow as columns; NaN if absent, as some fields are in older recordings."""
    nothing = np.full(len(chunk["window"]), np.nan)
    columns = []
    for name in GENERATOR_FIELDS:
        column = chunk.get(name, nothing).astype(np.float64)
        absent = COLUMNS["generator"][name] == "count?"
        columns.append(np.where(column < 0, np.nan, column) if absent else column)
    return columns


def generator_windows(chunk: Columns) -> Iterator[tuple[int, GeneratorWindow]]:
    """Yield the number of each window and its GeneratorWindow, the health of the load's own processes."""
    there = [name for name in GENERATOR_FIELDS if name in chunk]
    rows = rows_of("generator", {name: chunk[name] for name in ("window", *there)})
    for window, *health in rows:
        yield window, GeneratorWindow(**dict(zip(there, health, strict=True)))


def read_generator(database: sqlite3.Connection, windows: Columns) -> GeneratorWindows | None:
    """Return the health of the load's own processes; None if no window has it."""
    table = np.full((len(windows["id"]), 2 + len(GENERATOR_FIELDS)), np.nan)
    table[:, 0], table[:, 1] = windows["time"], windows["seconds"]
    for chunk in chunks(database, "generator", ("window", *GENERATOR_FIELDS)):
        places = _places(windows["id"], chunk["window"])
        table[places, 2:] = np.stack(generator_columns(chunk), axis=1)
    if not np.isfinite(table[:, 2]).any():
        return None
    return GeneratorWindows(*_generators_together(table).T)
