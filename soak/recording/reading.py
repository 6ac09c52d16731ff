"""Reads a run directory into a Recording: columns, not rows, and in chunks, so that days load fast and in little memory."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, get_args

import numpy as np

from soak.capacity.steps import DrivenStep
from soak.errors import RecordingError
from soak.model import (
    Ending,
    Event,
    EventKind,
    Floats,
    Kind,
    Labels,
    Phase,
    Recording,
    RunInfo,
    ScrapeError,
    Series,
    SourceHealth,
    label_pairs,
)
from soak.recording.compacting import PACKED, readable
from soak.recording.describing import facts, read_aborted, without_literal_secrets
from soak.recording.files import DATABASE, PROFILE, RUN, is_under_way, read_run
from soak.recording.request_windows import read_coverage, read_generator, read_users, read_windows
from soak.recording.snapshot_files import read_later
from soak.recording.validation import LONGEST_VALUE, check_tables, columns_of, reading_table
from soak.snapshots import Snapshot, SnapshotKind, SnapshotStage
from soak.traces import Span, Trace
from soak.windows import EXEMPLAR_FIELDS, Exemplar

#: So many scrapes are unpacked at a time: their values are copied into columns once.
CHUNK = 2048


def load_recording(directory: Path) -> Recording:
    """Read everything that a run recorded so far; RecordingError when it cannot be read, or is damaged.

    A run that never said how it ended is under way, or has crashed; its length is that of what it
    recorded.
    """
    run = read_run(directory)
    with _opened(directory) as (database, path):
        check_tables(database, path)
        with reading_table(path, "scrapes"):
            series = tuple(_series(database))
            sources = tuple(_health(database))
        with reading_table(path, "requests"):
            windows = tuple(read_windows(database))
        with reading_table(path, "windows"):
            users, coverages = read_users(database), read_coverage(database)
            generator = read_generator(database)
        with reading_table(path, "traces"):
            traces = tuple(_traces(database))
        with reading_table(path, "snapshots"):
            snapshots = tuple(_snapshots(database, directory))
        events = tuple(_events(database))
        exemplars = tuple(_exemplars(database))
        (last,) = database.execute(
            "SELECT max(time) FROM (SELECT time FROM scrapes UNION ALL SELECT time FROM windows)"
        ).fetchone()
    seconds = float(run.get("seconds") or last or 0.0)
    phases = tuple(
        Phase(phase["name"], float(phase["start"]), min(float(phase["end"]), seconds))
        for phase in run.get("phases", [])
        if phase["start"] <= seconds
    )
    info = RunInfo(
        run.get("name", directory.name),
        run.get("started", ""),
        seconds,
        _ending(run.get("ended"), directory),
        facts(run),
        str(run["failure"]) if run.get("failure") else None,
        read_aborted(run, str(directory / RUN)),
        run.get("known_growth", {}),
        run.get("language", ""),
        without_literal_secrets(profile_text(directory) or ""),
    )
    return Recording(
        info,
        series,
        windows,
        users,
        phases,
        events,
        sources,
        generator,
        exemplars,
        coverages,
        snapshots,
        traces,
        steps=_steps(run, directory),
    )


def _steps(run: Mapping[str, Any], directory: Path) -> tuple[DrivenStep, ...]:
    """The steps of a capacity search; RecordingError where an entry is damaged."""
    try:
        return tuple(DrivenStep.from_json(entry) for entry in run.get("steps", []))
    except (KeyError, TypeError, ValueError) as error:
        raise RecordingError(
            f"{directory / RUN}: damaged: steps: {type(error).__name__}: {error}"
        ) from None


def profile_text(directory: Path) -> str | None:
    """Return the profile as it was run; None for a run without one."""
    read_run(directory)  # a directory that is no run says so first
    path = directory / PROFILE
    try:
        return path.read_text(encoding="utf-8") if path.is_file() else None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise RecordingError(f"{path}: cannot be read: {why}") from None


@contextmanager
def _opened(directory: Path) -> Iterator[tuple[sqlite3.Connection, Path]]:
    """Open the database for reading beside a writer; every failure becomes a RecordingError."""
    with readable(directory) as file:
        path = directory / DATABASE if file.parent == directory else directory / PACKED
        try:
            with closing(sqlite3.connect(file)) as database:
                database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
                database.execute("PRAGMA query_only=1")
                database.execute(
                    "BEGIN"
                )  # one view of the recording, whatever a run under way adds meanwhile
                yield database, path
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise RecordingError(f"{path}: cannot be read: {error}") from None
        except MemoryError:
            raise RecordingError(
                f"{path}: cannot be read: there is not enough memory for it"
            ) from None


def _ending(ended: object, directory: Path) -> Ending:
    """How a run ended; one that never said so is under way, or has crashed."""
    if not ended:
        return Ending.RUNNING if is_under_way(directory) else Ending.CRASHED
    try:
        return Ending(str(ended))
    except ValueError:
        raise RecordingError(
            f"{directory / RUN}: ended is {ended!r}, and must be one of {', '.join(Ending)}"
        ) from None


class _Columns:
    """The scrapes of one layout: `values` has a row a series and a column a scrape, filled a chunk at a time."""

    def __init__(self, ids: list[int], scrapes: int) -> None:
        self.ids = ids
        self.times = np.empty(scrapes)
        self.values = np.empty((len(ids), scrapes))
        self._filled, self._chunk = 0, list[bytes]()

    def add(self, time: float, packed: bytes) -> None:
        """Take the next scrape: its time (seconds) and packed values."""
        if len(packed) != 8 * len(self.ids):
            raise ValueError(f"{len(packed)} bytes of values for {len(self.ids)} series")
        self.times[self._filled + len(self._chunk)] = time
        self._chunk.append(packed)
        if len(self._chunk) == CHUNK:
            self.flush()

    def flush(self) -> None:
        """Unpack the chunk into the columns."""
        size = len(self._chunk)
        table = np.frombuffer(b"".join(self._chunk), "<f8").reshape(size, len(self.ids))
        self.values[:, self._filled : self._filled + size] = table.T
        self._filled += size
        self._chunk.clear()

    def series(self) -> Iterator[tuple[int, Floats, Floats]]:
        """Each series' id, times and values, in the order of time."""
        self.flush()
        times, rows = self.times[: self._filled], self.values[:, : self._filled]
        order = None if bool((np.diff(times) >= 0).all()) else np.argsort(times, kind="stable")
        for series, values in zip(self.ids, rows, strict=True):
            yield (
                (series, times, values) if order is None else (series, times[order], values[order])
            )


def _series(database: sqlite3.Connection) -> Iterator[Series]:
    """All series, in the order in which they were first seen."""
    names = {
        row[0]: _named(row)
        for row in database.execute("SELECT id, source, name, labels, kind FROM series")
    }
    columns: dict[int, _Columns] = {}
    query = """SELECT layouts.id, layouts.series, count(*) FROM scrapes JOIN layouts ON layouts.id = layout
               WHERE error IS NULL GROUP BY layouts.id"""
    for layout, packed, scrapes in database.execute(query):
        ids = np.frombuffer(packed, "<i4").tolist()
        if len(set(ids)) != len(ids) or not names.keys() >= set(ids):
            raise ValueError(f"layout {layout} names series that are not there")
        columns[layout] = _Columns(ids, scrapes)
    for layout, time, packed in database.execute(
        'SELECT layout, time, "values" FROM scrapes WHERE error IS NULL'
    ):
        columns[layout].add(time, packed)
    pieces: dict[int, list[tuple[Floats, Floats]]] = defaultdict(list)
    for layout in sorted(columns):
        for series, times, values in columns[layout].series():
            pieces[series].append((times, values))
    for series in sorted(pieces):
        source, name, labels, kind = names[series]
        yield Series(name, *_joined(pieces.pop(series)), labels, kind, source)


def _named(row: tuple[Any, ...]) -> tuple[str, str, Labels, Kind]:
    """The source, name, labels and kind of a row of the table `series`."""
    labels = dict(json.loads(row[3]))
    if not all(isinstance(text, str) for pair in labels.items() for text in pair):
        raise ValueError(f"the labels of series {row[0]} are not text")
    return row[1], row[2], label_pairs(labels), Kind(row[4])


def _joined(pieces: list[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """The pieces of one series in the order of time."""
    if len(pieces) == 1:
        return pieces[0]
    times = np.concatenate([piece[0] for piece in pieces])
    order = np.argsort(times, kind="stable")
    return times[order], np.concatenate([piece[1] for piece in pieces])[order]


def _exemplars(database: sqlite3.Connection) -> Iterator[Exemplar]:
    if columns_of(database, "exemplars"):
        for row in database.execute(
            f"SELECT {', '.join(EXEMPLAR_FIELDS)} FROM exemplars ORDER BY time"  # noqa: S608
        ):
            yield Exemplar(*row)


def _traces(database: sqlite3.Connection) -> Iterator[Trace]:
    if columns_of(database, "traces"):
        for trace, spans, cut in database.execute(
            "SELECT id, spans, cut FROM traces ORDER BY rowid"
        ):
            yield Trace(trace, tuple(_span(fields) for fields in json.loads(spans)), cut)


def _span(fields: list[Any]) -> Span:
    """A span as recorded; ValueError where a field is not what it should be."""
    span = Span(*fields)
    texts = (span.id, span.parent, span.service, span.name, span.kind, span.peer)
    numbers = (span.start, span.seconds)
    if not all(isinstance(text, str) for text in texts) or not all(
        isinstance(number, int | float) for number in numbers
    ):
        raise ValueError("a span's fields are not what they should be")
    return span


def _snapshots(database: sqlite3.Connection, directory: Path) -> Iterator[Snapshot]:
    if columns_of(database, "snapshots"):
        query = "SELECT time, took, kind, stage, error, file FROM snapshots ORDER BY time"
        for time, took, kind, stage, error, file in database.execute(query):
            if kind not in get_args(SnapshotKind) or stage not in get_args(SnapshotStage):
                raise ValueError(f"no kind and stage of a snapshot: {kind!r}, {stage!r}")
            yield read_later(directory, Snapshot(time, took, kind, stage, error), file)


def _events(database: sqlite3.Connection) -> Iterator[Event]:
    """All events in the order of time; a kind that this soak does not know is told as a warning."""
    for time, kind, text in database.execute("SELECT time, kind, text FROM events ORDER BY time"):
        yield Event(time, EventKind(kind) if kind in _EVENT_KINDS else EventKind.WARNING, text)


_EVENT_KINDS = frozenset(EventKind)
#: The first recordings have no kinds of errors: the text began with this where the process was not there any more.
_GONE = "gone: "


def _health(database: sqlite3.Connection) -> Iterator[SourceHealth]:
    """How each source was polled, in the order in which they were first seen."""
    kinds = "error_kind" in columns_of(database, "scrapes")
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
        yield SourceHealth(
            source, len(rows), failed, float(lates.max()), told, gone, times, answered
        )
