"""Reads the load's windows out of a recording: requests and latencies by endpoint, users, workers, the generator's health."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from soak.latency import LAST
from soak.model import Floats, Series
from soak.recording.validation import LARGEST_COUNT, columns_of
from soak.windows import (
    GENERATOR_FIELDS,
    Arrivals,
    EndpointWindows,
    GeneratorWindows,
    Ints,
    WorkerCoverages,
)

#: So many windows at most are told apart once read: those of days at a second each are taken together, a few at a time.
MOST_WINDOWS = 10_000
#: So many histograms are unpacked at a time.
CHUNK = 2048


class _Cells:
    """Ragged histograms of n rows, packed as (bucket, count) pairs of int32, in the rows' order; those of one row add up."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._pending: list[tuple[int, bytes]] = []
        self._parts: list[tuple[Ints, Ints, Ints]] = []

    def add(self, row: int, packed: bytes) -> None:
        """Take a histogram of one row; rows never fall."""
        if len(packed) % 8:
            raise ValueError(f"a histogram of {len(packed)} bytes")
        if len(self._pending) >= CHUNK and self._pending[-1][0] != row:
            self._flush()
        self._pending.append((row, packed))

    def _flush(self) -> None:
        """Unpack what is pending; ValueError for what no histogram holds."""
        pairs = np.frombuffer(b"".join(packed for _, packed in self._pending), "<i4").reshape(-1, 2)
        if len(pairs) and (pairs.min() < 0 or pairs[:, 0].max() > LAST):
            raise ValueError("a histogram has a bucket or a count that cannot be")
        sizes = [len(packed) // 8 for _, packed in self._pending]
        rows = np.repeat(np.array([row for row, _ in self._pending], dtype=np.int64), sizes)
        buckets, counts = pairs[:, 0].astype(np.int64), pairs[:, 1].astype(np.int64)
        if len({row for row, _ in self._pending}) < len(self._pending):
            cells, which = np.unique(rows * (LAST + 1) + buckets, return_inverse=True)
            total = np.zeros(len(cells), np.int64)
            np.add.at(total, which, counts)
            rows, buckets, counts = cells // (LAST + 1), cells % (LAST + 1), total
        self._parts.append((rows, buckets, counts))
        self._pending.clear()

    def columns(self) -> tuple[Ints, Ints, Ints]:
        """Offsets (n + 1), buckets, counts."""
        self._flush()
        rows, buckets, counts = (
            np.concatenate([part[column] for part in self._parts]) for column in range(3)
        )
        sizes = np.bincount(rows, minlength=self._rows)
        return np.concatenate(([0], np.cumsum(sizes))).astype(np.int64), buckets, counts


class _Endpoint:
    """The columns of one endpoint while its rows are read."""

    def __init__(self, windows: int) -> None:
        self.requests, self.failures, self.size, self.late, self.dropped = (
            np.zeros(windows, np.int64) for _ in range(5)
        )
        self.latency, self.service = (_Cells(windows) for _ in range(2))
        self.kinds: dict[str, int] = defaultdict(int)
        self.failed: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self.last = -1


def read_windows(database: sqlite3.Connection) -> Iterator[EndpointWindows]:
    """Every endpoint with a row for every window: one it was not asked in has no requests, and is not a gap.

    Of more than `MOST_WINDOWS` windows, each row is several successive ones together.
    """
    frame = database.execute("SELECT id, time, seconds FROM windows ORDER BY id").fetchall()
    together = -(-len(frame) // MOST_WINDOWS) or 1
    place_of = {row[0]: index for index, row in enumerate(frame)}
    times, seconds = np.array([row[1] for row in frame]), np.array([row[2] for row in frame])
    if together > 1:
        first = np.arange(0, len(frame), together)
        times, seconds = (
            times[np.minimum(first + together, len(frame)) - 1],
            np.add.reduceat(seconds, first),
        )
    scheduled = "late" in columns_of(database, "requests")  # the first recordings had no schedule
    schedule = "late, dropped, service" if scheduled else "0, 0, NULL"
    names = database.execute("SELECT id, name FROM endpoints ORDER BY id").fetchall()
    endpoints = {row[0]: _Endpoint(len(times)) for row in names}
    query = f"SELECT endpoint, window, requests, failed, failures, bytes, latency, {schedule} FROM requests"  # noqa: S608
    for (
        endpoint,
        window,
        asked,
        failed,
        failures,
        received,
        latency,
        late,
        dropped,
        service,
    ) in database.execute(query):
        columns, place = endpoints[endpoint], place_of[window]
        if place <= columns.last:
            raise ValueError(f"window {window} is not in order")
        columns.last = place
        row = place // together
        columns.requests[row] += asked
        columns.failures[row] += failed
        columns.size[row] += received
        columns.late[row] += late
        columns.dropped[row] += dropped
        columns.latency.add(row, latency)
        columns.service.add(row, service or b"")
        for kind, count in _failure_kinds(failures):
            columns.kinds[kind] += count
            columns.failed[kind].append((row, count))
    for endpoint, name in names:
        columns = endpoints.pop(endpoint)
        arrivals = (
            Arrivals(columns.late, columns.dropped, *columns.service.columns())
            if scheduled
            else None
        )
        counted = (columns.requests, columns.failures, columns.size)
        failed = {
            kind: np.array(rows, dtype=np.int64).reshape(-1, 2)
            for kind, rows in columns.failed.items()
        }
        cells = columns.latency.columns()
        yield EndpointWindows(
            name, times, seconds, *counted, *cells, dict(columns.kinds), arrivals, failed
        )


def _failure_kinds(text: str | None) -> Iterator[tuple[str, int]]:
    """Each kind of failure and how often; ValueError for what is none."""
    kinds = json.loads(text) if text else {}
    for kind, count in kinds.items():
        if type(count) is not int or not 0 <= count <= LARGEST_COUNT:
            raise ValueError(f"{count!r} is no number of failures")
        yield kind, count


def read_users(database: sqlite3.Connection) -> Series | None:
    """The users of each window; None for a run without windows."""
    rows = database.execute("SELECT time, users FROM windows ORDER BY id").fetchall()
    table = np.array(rows, dtype=np.float64).reshape(-1, 2)
    return Series("load_users", table[:, 0], table[:, 1], source="load") if rows else None


def read_coverage(database: sqlite3.Connection) -> WorkerCoverages | None:
    """How many of the expected workers each window has; None for runs by one process, and for the first recordings."""
    if "workers" not in columns_of(database, "windows"):
        return None
    query = "SELECT time, seconds, workers, expected, covered FROM windows WHERE workers IS NOT NULL ORDER BY id"
    table = np.array(database.execute(query).fetchall(), dtype=np.float64).reshape(-1, 5).T
    times, seconds, present, expected, covered = table
    if not np.isfinite(table).all():
        raise ValueError("a window has workers, and not how many were expected")
    return (
        WorkerCoverages(
            times, seconds, present.astype(np.int64), expected.astype(np.int64), covered
        )
        if len(times)
        else None
    )


def _together(table: Floats) -> Floats:
    """The generator's windows, shape (n, 11), as many together as the requests' are."""
    together = -(-len(table) // MOST_WINDOWS) or 1
    if together == 1:
        return table
    first = np.arange(0, len(table), together)
    # CPU seconds and what was asked, made and queued add up; of delays, memory, connections and
    # users the most counts.
    added, most = np.add.reduceat(table, first), np.fmax.reduceat(table, first)
    grouped = np.where(np.isin(np.arange(11), (1, 3, 6, 7, 8)), added, most)
    grouped[:, 0] = table[np.minimum(first + together, len(table)) - 1, 0]
    grouped[:, 2] = np.add.reduceat(table[:, 2] * table[:, 1], first) / added[:, 1]
    return grouped


def generator_columns(database: sqlite3.Connection) -> str:
    """The fields of a GeneratorWindow as columns of a query; NULL for those that an older recording does not have."""
    known = columns_of(database, "generator")
    return ", ".join(name if name in known else f"NULL AS {name}" for name in GENERATOR_FIELDS)


def read_generator(database: sqlite3.Connection) -> GeneratorWindows | None:
    """How the load's own processes fared; None where no window says."""
    if not columns_of(database, "generator"):
        return None
    rows = database.execute(
        f"""SELECT time, seconds, {generator_columns(database)}
           FROM windows LEFT JOIN generator ON generator.window = windows.id ORDER BY windows.id"""  # noqa: S608
    ).fetchall()
    table = _together(np.array(rows, dtype=np.float64).reshape(-1, 2 + len(GENERATOR_FIELDS)))
    return GeneratorWindows(*table.T) if np.isfinite(table[:, 2]).any() else None
