"""Reads the load's windows out of a recording: requests and latencies by endpoint, users, workers, the generator's health."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from soak.latency import LAST
from soak.model import Series
from soak.recording.checks import LARGEST_COUNT, columns_of
from soak.windows import Arrivals, EndpointWindows, GeneratorWindows, Ints, WorkerCoverages


@dataclass(slots=True)
class _Cells:
    """Ragged histograms of n windows, packed as (bucket, count) pairs of int32, in the windows' order."""

    sizes: Ints
    packed: bytearray = field(default_factory=bytearray)

    def add(self, row: int, packed: bytes) -> None:
        """Take the histogram of one window; windows rise."""
        if len(packed) % 8:
            raise ValueError(f"a histogram of {len(packed)} bytes")
        self.sizes[row] = len(packed) // 8
        self.packed += packed

    def columns(self) -> tuple[Ints, Ints, Ints]:
        """Offsets (n + 1), buckets, counts; ValueError for what no histogram holds."""
        pairs = np.frombuffer(self.packed, "<i4").reshape(-1, 2)
        buckets, counts = pairs[:, 0].astype(np.int64), pairs[:, 1].astype(np.int64)
        if len(pairs) and (buckets.min() < 0 or buckets.max() > LAST or counts.min() < 0):
            raise ValueError("a histogram has a bucket or a count that cannot be")
        return np.concatenate(([0], np.cumsum(self.sizes))).astype(np.int64), buckets, counts


class _Endpoint:
    """The columns of one endpoint while its rows are read."""

    def __init__(self, windows: int) -> None:
        self.requests, self.failures, self.size, self.late, self.dropped = (
            np.zeros(windows, np.int64) for _ in range(5)
        )
        self.latency, self.service = (_Cells(np.zeros(windows, np.int64)) for _ in range(2))
        self.kinds: dict[str, int] = defaultdict(int)
        self.last = -1


def read_windows(database: sqlite3.Connection) -> Iterator[EndpointWindows]:
    """Every endpoint with a row for every window: one it was not asked in has no requests, and is not a gap."""
    frame = database.execute("SELECT id, time, seconds FROM windows ORDER BY id").fetchall()
    row_of = {row[0]: index for index, row in enumerate(frame)}
    times, seconds = np.array([row[1] for row in frame]), np.array([row[2] for row in frame])
    scheduled = "late" in columns_of(database, "requests")  # the first recordings had no schedule
    schedule = "late, dropped, service" if scheduled else "0, 0, NULL"
    names = database.execute("SELECT id, name FROM endpoints ORDER BY id").fetchall()
    endpoints = {row[0]: _Endpoint(len(frame)) for row in names}
    query = f"SELECT endpoint, window, requests, failed, failures, bytes, latency, {schedule} FROM requests"  # noqa: S608
    for endpoint, window, asked, failed, failures, received, latency, late, dropped, service in database.execute(query):
        columns, row = endpoints[endpoint], row_of[window]
        if row <= columns.last:
            raise ValueError(f"window {window} is not in order")
        columns.last = row
        columns.requests[row], columns.failures[row], columns.size[row] = asked, failed, received
        columns.late[row], columns.dropped[row] = late, dropped
        columns.latency.add(row, latency)
        columns.service.add(row, service or b"")
        for kind, count in _failure_kinds(failures):
            columns.kinds[kind] += count
    for endpoint, name in names:
        columns = endpoints.pop(endpoint)
        arrivals = Arrivals(columns.late, columns.dropped, *columns.service.columns()) if scheduled else None
        counted = (columns.requests, columns.failures, columns.size)
        yield EndpointWindows(name, times, seconds, *counted, *columns.latency.columns(), dict(columns.kinds), arrivals)


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
        WorkerCoverages(times, seconds, present.astype(np.int64), expected.astype(np.int64), covered)
        if len(times)
        else None
    )


def read_generator(database: sqlite3.Connection) -> GeneratorWindows | None:
    """How the load's own processes fared; None where no window says."""
    columns = columns_of(database, "generator")
    if not columns:
        return None
    connections = "connections" if "connections" in columns else "NULL"  # the first recordings did not have it
    rows = database.execute(
        f"""SELECT time, seconds, cpu_ratio, cpu_seconds, lag, memory, asked, made, queued, {connections}
           FROM windows LEFT JOIN generator ON generator.window = windows.id ORDER BY windows.id"""  # noqa: S608
    ).fetchall()
    table = np.array(rows, dtype=np.float64).reshape(-1, 10)
    return GeneratorWindows(*table.T) if np.isfinite(table[:, 2]).any() else None
