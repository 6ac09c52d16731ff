"""A run directory read back into a Recording: columns, not rows, so that days load in a second or two."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from soak.errors import RecordingError
from soak.model import (
    Ending,
    Event,
    EventKind,
    Floats,
    Kind,
    Phase,
    Recording,
    RunInfo,
    ScrapeError,
    Series,
    SourceHealth,
    label_pairs,
)
from soak.recording.describing import facts
from soak.recording.files import DATABASE, PROFILE, RUN, read_run
from soak.recording.snapshots import read_later
from soak.snapshots import Snapshot
from soak.traces import Span, Trace
from soak.windows import Arrivals, EndpointWindows, Exemplar, GeneratorWindows, Ints, WorkerCoverages


def load_recording(directory: Path) -> Recording:
    """Everything that a run recorded so far; RecordingError when it cannot be read.

    A run that never said how it ended has crashed; its length is that of what it recorded.
    """
    run = read_run(directory)
    with _opened(directory) as database:
        series = tuple(_series(database))
        windows = tuple(_windows(database))
        users = _users(database)
        coverages = _coverages(database)
        events = tuple(_events(database))
        sources = tuple(_health(database))
        generator, exemplars = _generator(database), tuple(_exemplars(database))
        traces = tuple(_traces(database))
        snapshots = tuple(_snapshots(database, directory))
        (last,) = database.execute(
            "SELECT max(time) FROM (SELECT time FROM scrapes UNION ALL SELECT time FROM windows)"
        ).fetchone()
    seconds = float(run.get("seconds") or last or 0.0)
    phases = tuple(
        Phase(phase["name"], phase["start"], min(phase["end"], seconds))
        for phase in run.get("phases", [])
        if phase["start"] <= seconds
    )
    info = RunInfo(
        str(run.get("name", directory.name)),
        str(run.get("started", "")),
        seconds,
        _ending(run.get("ended"), directory),
        facts(run),
        str(run["failure"]) if run.get("failure") else None,
    )
    return Recording(
        info, series, windows, users, phases, events, sources, generator, exemplars, coverages, snapshots, traces
    )


def profile_text(directory: Path) -> str | None:
    """The profile as it was run; None for a run without one."""
    read_run(directory)  # a directory that is no run says so first
    path = directory / PROFILE
    return path.read_text(encoding="utf-8") if path.is_file() else None


@contextmanager
def _opened(directory: Path) -> Iterator[sqlite3.Connection]:
    """The database, for reading beside a writer; every failure becomes a RecordingError."""
    path = directory / DATABASE
    if not path.is_file():
        raise RecordingError(f"{path}: is missing; without it there is nothing to judge")
    try:
        database = sqlite3.connect(path)
        try:
            database.execute("PRAGMA query_only=1")
            yield database
        finally:
            database.close()
    except sqlite3.Error as error:
        raise RecordingError(f"{path}: cannot be read: {error}") from None


def _series(database: sqlite3.Connection) -> Iterator[Series]:
    """All series, in the order in which they were first seen."""
    layouts = {row[0]: np.frombuffer(row[1], "<i4") for row in database.execute("SELECT id, series FROM layouts")}
    times_of: dict[int, list[float]] = defaultdict(list)
    values_of: dict[int, list[bytes]] = defaultdict(list)
    for layout, time, packed in database.execute(
        'SELECT layout, time, "values" FROM scrapes WHERE error IS NULL ORDER BY time'
    ):
        times_of[layout].append(time)
        values_of[layout].append(packed)
    pieces: dict[int, list[tuple[Floats, Floats]]] = defaultdict(list)
    for layout, seen in times_of.items():
        ids, times = layouts[layout], np.array(seen)
        table = np.frombuffer(b"".join(values_of.pop(layout)), "<f8").reshape(len(times), len(ids))
        for series, values in zip(ids.tolist(), np.ascontiguousarray(table.T), strict=True):
            pieces[series].append((times, values))
    for series, source, name, labels, kind in database.execute(
        "SELECT id, source, name, labels, kind FROM series ORDER BY id"
    ):
        if series not in pieces:
            continue
        times, values = _joined(pieces[series])
        yield Series(name, times, values, label_pairs(dict(json.loads(labels))), Kind(kind), source)


def _joined(pieces: list[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """Pieces of one series in the order of time."""
    if len(pieces) == 1:
        return pieces[0]
    times = np.concatenate([piece[0] for piece in pieces])
    order = np.argsort(times, kind="stable")
    return times[order], np.concatenate([piece[1] for piece in pieces])[order]


def _windows(database: sqlite3.Connection) -> Iterator[EndpointWindows]:
    """Every endpoint with a row for every window: one it was not asked in has no requests, and is not a gap."""
    frame = database.execute("SELECT id, time, seconds FROM windows ORDER BY id").fetchall()
    row_of = {row[0]: index for index, row in enumerate(frame)}
    times, seconds = np.array([row[1] for row in frame]), np.array([row[2] for row in frame])
    rows_of: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    columns = {row[1] for row in database.execute("PRAGMA table_info(requests)")}
    schedule = "late, dropped, service" if "late" in columns else "0, 0, NULL"  # the first recordings had none of it
    query = f"SELECT endpoint, window, requests, failed, failures, bytes, latency, {schedule} FROM requests"  # noqa: S608
    for endpoint, *row in database.execute(query):
        rows_of[endpoint].append(tuple(row))
    for endpoint, name in database.execute("SELECT id, name FROM endpoints ORDER BY id").fetchall():
        requests, failures, size, late, dropped = (np.zeros(len(frame), np.int64) for _ in range(5))
        blobs, services = [b""] * len(frame), [b""] * len(frame)
        kinds: dict[str, int] = defaultdict(int)
        for window, asked, failed, failed_kinds, received, latency, *kept in rows_of.pop(endpoint, ()):
            row = row_of[window]
            requests[row], failures[row], size[row], blobs[row] = asked, failed, received, latency
            late[row], dropped[row], services[row] = kept[0], kept[1], kept[2] or b""
            for kind, count in json.loads(failed_kinds).items() if failed_kinds else ():
                kinds[kind] += count
        arrivals = Arrivals(late, dropped, *_cells(services)) if "late" in columns else None
        yield EndpointWindows(name, times, seconds, requests, failures, size, *_cells(blobs), dict(kinds), arrivals)


def _cells(blobs: list[bytes]) -> tuple[Ints, Ints, Ints]:
    """Ragged histograms: offsets (n + 1), buckets, counts."""
    pairs = np.frombuffer(b"".join(blobs), "<i4").reshape(-1, 2).astype(np.int64)
    offsets = np.concatenate(([0], np.cumsum([len(blob) // 8 for blob in blobs], dtype=np.int64)))
    return offsets, pairs[:, 0], pairs[:, 1]


def _users(database: sqlite3.Connection) -> Series | None:
    rows = database.execute("SELECT time, users FROM windows ORDER BY id").fetchall()
    table = np.array(rows, dtype=np.float64).reshape(-1, 2)
    return Series("load_users", table[:, 0], table[:, 1], source="load") if rows else None


def _coverages(database: sqlite3.Connection) -> WorkerCoverages | None:
    """Of runs by several workers; the first recordings had none of it."""
    if "workers" not in {row[1] for row in database.execute("PRAGMA table_info(windows)")}:
        return None
    query = "SELECT time, seconds, workers, expected, covered FROM windows WHERE workers IS NOT NULL ORDER BY id"
    table = np.array(database.execute(query).fetchall(), dtype=np.float64).reshape(-1, 5).T
    times, seconds, present, expected, covered = table
    return (
        WorkerCoverages(times, seconds, present.astype(np.int64), expected.astype(np.int64), covered)
        if len(times)
        else None
    )


def _has(database: sqlite3.Connection, table: str) -> bool:
    """Whether a table is there: the first recordings did not have all."""
    return bool(database.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)).fetchone())


def _generator(database: sqlite3.Connection) -> GeneratorWindows | None:
    """How the load's own processes fared; None where no window says."""
    if not _has(database, "generator"):
        return None
    columns = {row[1] for row in database.execute("PRAGMA table_info(generator)")}
    connections = "connections" if "connections" in columns else "NULL"  # the first recordings did not have it
    rows = database.execute(
        f"""SELECT time, seconds, cpu_ratio, cpu_seconds, lag, memory, asked, made, queued, {connections}
           FROM windows LEFT JOIN generator ON generator.window = windows.id ORDER BY windows.id"""  # noqa: S608
    ).fetchall()
    table = np.array(rows, dtype=np.float64).reshape(-1, 10)
    return GeneratorWindows(*table.T) if np.isfinite(table[:, 2]).any() else None


def _exemplars(database: sqlite3.Connection) -> Iterator[Exemplar]:
    if _has(database, "exemplars"):
        for row in database.execute(
            "SELECT time, endpoint, seconds, failure, status, trace FROM exemplars ORDER BY time"
        ):
            yield Exemplar(*row)


def _traces(database: sqlite3.Connection) -> Iterator[Trace]:
    if _has(database, "traces"):
        for trace, spans, cut in database.execute("SELECT id, spans, cut FROM traces ORDER BY rowid"):
            yield Trace(trace, tuple(Span(*span) for span in json.loads(spans)), cut)


def _snapshots(database: sqlite3.Connection, directory: Path) -> Iterator[Snapshot]:
    if _has(database, "snapshots"):
        query = "SELECT time, took, kind, stage, error, file FROM snapshots ORDER BY time"
        for time, took, kind, stage, error, file in database.execute(query):
            yield read_later(directory, Snapshot(time, took, kind, stage, error), file)


def _ending(ended: object, directory: Path) -> Ending:
    """How a run ended; one that never said so has crashed."""
    try:
        return Ending(str(ended)) if ended else Ending.CRASHED
    except ValueError:
        raise RecordingError(f"{directory / RUN}: ended is {ended!r}, and must be one of {', '.join(Ending)}") from None


def _events(database: sqlite3.Connection) -> Iterator[Event]:
    """All events in the order of time; a kind that this soak does not know is told as a warning."""
    for time, kind, text in database.execute("SELECT time, kind, text FROM events ORDER BY time"):
        yield Event(time, EventKind(kind) if kind in _EVENT_KINDS else EventKind.WARNING, text)


_EVENT_KINDS = frozenset(EventKind)
#: The first recordings have no kinds of errors: the text began with this where the process was not there any more.
_GONE = "gone: "


def _health(database: sqlite3.Connection) -> Iterator[SourceHealth]:
    """How each source was polled, in the order in which they were first seen."""
    kinds = "error_kind" in {row[1] for row in database.execute("PRAGMA table_info(scrapes)")}
    polled: dict[str, list[tuple[float, float, bool]]] = defaultdict(list)
    last: dict[str, tuple[str | None, str | None]] = {}
    worst: dict[str, str] = {}
    query = f"SELECT source, time, late, error, {'error_kind' if kinds else 'NULL'} FROM scrapes ORDER BY rowid"  # noqa: S608
    for source, time, late, error, kind in database.execute(query):
        polled[source].append((time, late, error is None))
        last[source] = (error, kind)
        if error is not None:
            worst[source] = error
    for source, rows in polled.items():
        rows.sort()
        times, lates, answered = (np.array(column) for column in zip(*rows, strict=True))
        error, kind = last[source]
        gone = kind == ScrapeError.GONE or (not kinds and (error or "").startswith(_GONE))
        failed = len(rows) - int(answered.sum())
        told = worst[source].removeprefix(_GONE) if source in worst else None
        yield SourceHealth(source, len(rows), failed, float(lates.max()), told, gone, times, answered)
