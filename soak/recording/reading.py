"""Read a run directory into a Recording: by column and in chunks, so that days load fast and in little memory."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, get_args

from soak.capacity.steps import DrivenStep
from soak.errors import RecordingError
from soak.model import (
    Ending,
    Event,
    EventKind,
    Phase,
    Recording,
    RunInfo,
)
from soak.recording.compacting import PACKED, readable
from soak.recording.describing import facts, read_aborted, without_literal_secrets
from soak.recording.files import DATABASE, PROFILE, RUN, is_under_way, read_run
from soak.recording.request_windows import (
    read_coverage,
    read_generator,
    read_users,
    read_windows,
    window_columns,
)
from soak.recording.scrapes import read_scrapes
from soak.recording.snapshot_files import read_later
from soak.recording.validation import LONGEST_VALUE, check_tables, column_names, reading_table
from soak.snapshots import Snapshot, SnapshotKind, SnapshotStage
from soak.traces import Span, Trace
from soak.windows import EXEMPLAR_FIELDS, Exemplar

#: Scrapes unpacked at a time.
CHUNK = 2048


def load_recording(directory: Path) -> Recording:
    """Read everything that a run has recorded so far; raise RecordingError if it cannot be read or is damaged.

    A run without a recorded ending is still running or has crashed; its length is the time of its last
    record.
    """
    run = read_run(directory)
    with _opened(directory) as (database, path):
        check_tables(database, path)
        with reading_table(path, "scrapes"):
            series, sources = read_scrapes(database)
        with reading_table(path, "windows"):
            frame = window_columns(database)
            users, coverages = read_users(frame), read_coverage(frame)
            generator = read_generator(database, frame)
        with reading_table(path, "requests"):
            windows = tuple(read_windows(database, frame))
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
    """Return the steps of a capacity search; raise RecordingError if an entry is damaged."""
    try:
        return tuple(DrivenStep.from_json(entry) for entry in run.get("steps", []))
    except (KeyError, TypeError, ValueError) as error:
        raise RecordingError(
            f"{directory / RUN}: damaged: steps: {type(error).__name__}: {error}"
        ) from None


def profile_text(directory: Path) -> str | None:
    """Return the profile as it was run; None for a run without a profile."""
    read_run(directory)  # raises first if it is not a run directory
    path = directory / PROFILE
    try:
        return path.read_text(encoding="utf-8") if path.is_file() else None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise RecordingError(f"{path}: cannot be read: {why}") from None


@contextmanager
def _opened(directory: Path) -> Iterator[tuple[sqlite3.Connection, Path]]:
    """Open the database for reading, even during a run; every failure becomes a RecordingError."""
    with readable(directory) as file:
        path = directory / DATABASE if file.parent == directory else directory / PACKED
        try:
            with closing(sqlite3.connect(file)) as database:
                database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
                database.execute("PRAGMA query_only=1")
                database.execute("BEGIN")  # a consistent view, even if a run adds records
                yield database, path
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise RecordingError(f"{path}: cannot be read: {error}") from None
        except MemoryError:
            raise RecordingError(
                f"{path}: cannot be read: there is not enough memory for it"
            ) from None


def _ending(ended: object, directory: Path) -> Ending:
    """Return how a run ended; without a recorded ending it is running or has crashed."""
    if not ended:
        return Ending.RUNNING if is_under_way(directory) else Ending.CRASHED
    try:
        return Ending(str(ended))
    except ValueError:
        raise RecordingError(
            f"{directory / RUN}: ended is {ended!r}, and must be one of {', '.join(Ending)}"
        ) from None


def _exemplars(database: sqlite3.Connection) -> Iterator[Exemplar]:
    if column_names(database, "exemplars"):
        for row in database.execute(
            f"SELECT {', '.join(EXEMPLAR_FIELDS)} FROM exemplars ORDER BY time"  # noqa: S608
        ):
            yield Exemplar(*row)


def _traces(database: sqlite3.Connection) -> Iterator[Trace]:
    if column_names(database, "traces"):
        for trace, spans, cut in database.execute(
            "SELECT id, spans, cut FROM traces ORDER BY rowid"
        ):
            yield Trace(trace, tuple(_span(fields) for fields in json.loads(spans)), cut)


def _span(fields: list[Any]) -> Span:
    """Return a recorded span; raise ValueError if a field has the wrong type."""
    span = Span(*fields)
    texts = (span.id, span.parent, span.service, span.name, span.kind, span.peer)
    numbers = (span.start, span.seconds)
    if not all(isinstance(text, str) for text in texts) or not all(
        isinstance(number, int | float) for number in numbers
    ):
        raise ValueError("a span's fields are not what they should be")
    return span


def _snapshots(database: sqlite3.Connection, directory: Path) -> Iterator[Snapshot]:
    if column_names(database, "snapshots"):
        query = "SELECT time, took, kind, stage, error, file FROM snapshots ORDER BY time"
        for time, took, kind, stage, error, file in database.execute(query):
            if kind not in get_args(SnapshotKind) or stage not in get_args(SnapshotStage):
                raise ValueError(f"no kind and stage of a snapshot: {kind!r}, {stage!r}")
            yield read_later(directory, Snapshot(time, took, kind, stage, error), file)


def _events(database: sqlite3.Connection) -> Iterator[Event]:
    """Yield all events in order of time; kinds unknown to this version become warnings."""
    for time, kind, text in database.execute("SELECT time, kind, text FROM events ORDER BY time"):
        yield Event(time, EventKind(kind) if kind in _EVENT_KINDS else EventKind.WARNING, text)


_EVENT_KINDS = frozenset(EventKind)
