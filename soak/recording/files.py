"""The file names of a run directory, and functions that write files atomically."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from soak.errors import RecordingError
from soak.private_files import private
from soak.recording.validation import LONGEST_SECONDS

#: The version that is written. Version 1 had no blocks; version 2 compressed them with zlib. Both
#: are still read.
FORMAT_VERSION = 3
READ_VERSIONS = (1, 2, 3)
RUN, PROFILE, DATABASE = "run.json", "profile.yaml", "recording.sqlite"
LOAD_LOG, TARGET_LOG, SNAPSHOTS = "load.log", "target.log", "snapshots"

#: SQLite settings of a writer. It only appends, so a cache of 256 KiB is enough; SQLite's default
#: of 2 MiB fills up within a quarter of an hour, which looks like a leak.
WRITING = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-256;"

SCHEMA = """
CREATE TABLE series (id INTEGER PRIMARY KEY, source TEXT NOT NULL, name TEXT NOT NULL, labels TEXT NOT NULL, kind TEXT NOT NULL);
CREATE TABLE layouts (id INTEGER PRIMARY KEY, source TEXT NOT NULL, series BLOB NOT NULL);
CREATE TABLE scrapes (id INTEGER PRIMARY KEY, source TEXT NOT NULL, time REAL NOT NULL, late REAL NOT NULL,
                      took REAL NOT NULL, error TEXT, layout INTEGER REFERENCES layouts, "values" BLOB, error_kind TEXT);
CREATE TABLE windows (id INTEGER PRIMARY KEY, time REAL NOT NULL, seconds REAL NOT NULL, users INTEGER NOT NULL,
                      workers INTEGER, expected INTEGER, covered REAL);
CREATE TABLE endpoints (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE requests (window INTEGER NOT NULL REFERENCES windows, endpoint INTEGER NOT NULL REFERENCES endpoints,
                       requests INTEGER NOT NULL, failed INTEGER NOT NULL, failures TEXT, bytes INTEGER NOT NULL,
                       latency BLOB NOT NULL, failed_latency BLOB NOT NULL,
                       service BLOB, late INTEGER NOT NULL DEFAULT 0, dropped INTEGER NOT NULL DEFAULT 0);
CREATE TABLE generator (window INTEGER PRIMARY KEY REFERENCES windows, cpu_ratio REAL NOT NULL, cpu_seconds REAL NOT NULL,
                        lag REAL NOT NULL, memory INTEGER NOT NULL, asked REAL, made INTEGER NOT NULL, queued INTEGER NOT NULL,
                        connections INTEGER, users_asked INTEGER, machine_load REAL,
                        machine_busy REAL, machine_processors INTEGER);
CREATE TABLE exemplars (id INTEGER PRIMARY KEY, time REAL NOT NULL, endpoint TEXT NOT NULL, seconds REAL NOT NULL,
                        failure TEXT NOT NULL, status INTEGER NOT NULL, trace TEXT NOT NULL);
CREATE TABLE traces (id TEXT PRIMARY KEY, spans TEXT NOT NULL, cut INTEGER NOT NULL);
CREATE TABLE snapshots (time REAL NOT NULL, took REAL NOT NULL, kind TEXT NOT NULL, stage TEXT NOT NULL, file TEXT, error TEXT);
CREATE TABLE events (time REAL NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL);
CREATE TABLE blocks (id INTEGER PRIMARY KEY, "table" TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
                     data BLOB NOT NULL);
"""


def write_whole(path: Path, content: str | bytes, *, shared: bool = False) -> None:
    """Write a file atomically, so that a reader or a crash sees either the old or the new file.

    Only its owner may read it, unless it is `shared` because a user asked for it by name. Text is written
    as UTF-8; characters of paths and arguments that are not valid UTF-8 are escaped with a backslash.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(beside, "wb", opener=None if shared else private) as file:
            file.write(
                content.encode(errors="backslashreplace") if isinstance(content, str) else content
            )
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise RecordingError(f"{path}: cannot be written: {error.strerror}") from None


def run_directory(name: str, root: Path) -> Path:
    """Return an unused path `reports/<profile>-<UTC time>`."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    plain = root / f"{name}-{stamp}"
    return next(
        path
        for path in (plain, *(plain.with_name(f"{plain.name}-{n}") for n in range(2, 1000)))
        if not path.exists()
    )


def is_run_directory(path: Path) -> bool:
    """Return True if a path is a run directory."""
    return (path / RUN).is_file()


def write_run(directory: Path, run: dict[str, Any]) -> None:
    """Write run.json, replacing an older one."""
    write_whole(
        directory / RUN,
        json.dumps({"format_version": FORMAT_VERSION} | run, indent=2, ensure_ascii=False) + "\n",
    )


def read_run(directory: Path) -> dict[str, Any]:
    """Return run.json with every entry checked; RecordingError if it is missing, damaged, or of another format."""
    path = directory / RUN
    for name in (RUN, PROFILE, DATABASE, f"{DATABASE}.xz"):
        _refuse_link_out(directory, name)
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise RecordingError(f"{directory}: not a run directory (no readable {RUN})") from None
    except (ValueError, RecursionError):
        raise RecordingError(f"{path}: not valid JSON") from None
    run = (
        {name: value for name, value in run.items() if value is not None}
        if isinstance(run, dict)
        else {}
    )
    version = run.get("format_version")
    if version not in READ_VERSIONS:
        raise RecordingError(
            f"{path}: format_version {version}, and this soak reads {READ_VERSIONS[0]} to {READ_VERSIONS[-1]}"
        )
    for name in ("name", "started", "ended", "language"):
        if not isinstance(run.get(name, ""), str):
            raise RecordingError(f"{path}: damaged: {name} is not text")
    if not _is_seconds(run.get("seconds", 0.0)):
        raise RecordingError(f"{path}: damaged: seconds is not a length of time")
    if not isinstance(run.get("phases", []), list) or not all(
        _is_phase(phase) for phase in run.get("phases", [])
    ):
        raise RecordingError(f"{path}: damaged: phases is not a list of name, start and end")
    if not _is_growth(run.get("known_growth", {})):
        raise RecordingError(f"{path}: damaged: known_growth is not a number for each series")
    return run


def _refuse_link_out(directory: Path, name: str) -> None:
    """Raise RecordingError for a link out of the run, so that a foreign run cannot make soak show local files."""
    path = directory / name
    if path.is_symlink() and not path.resolve().is_relative_to(directory.resolve()):
        raise RecordingError(f"{path}: is a link that leads out of the run; copy the file there")


def _is_seconds(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value <= LONGEST_SECONDS  # type: ignore[operator]


def _is_growth(value: object) -> bool:
    return isinstance(value, dict) and all(
        type(number) in (int, float) for number in value.values()
    )


def _is_phase(phase: object) -> bool:
    return (
        isinstance(phase, dict)
        and isinstance(phase.get("name"), str)
        and all(_is_seconds(phase.get(end)) for end in ("start", "end"))
    )


def remove_begun(directory: Path) -> None:
    """Delete the files of a run that never began, empty logs, and the directory if it is then empty."""
    with suppress(OSError):
        for name in (RUN, PROFILE, DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"):
            (directory / name).unlink(missing_ok=True)
        for log in (LOAD_LOG, TARGET_LOG):
            path = directory / log
            if path.is_file() and path.stat().st_size == 0:
                path.unlink()
        directory.rmdir()


def hold(directory: Path) -> int:
    """Lock a run directory as being written, until the returned descriptor is closed or this process ends."""
    descriptor = os.open(directory, os.O_RDONLY)
    with suppress(OSError):  # without locks, a run under way looks like a crashed one
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def is_under_way(directory: Path) -> bool:
    """Return True if a process is still writing this run."""
    try:
        descriptor = os.open(directory, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False
