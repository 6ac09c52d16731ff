"""Compact the recording of a finished run (vacuum it and compress it with xz), and read compacted recordings.

The packed file replaces the recording; every command reads it through `readable`, which unpacks it to
a temporary file.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from soak.errors import RecordingError
from soak.private_files import private
from soak.recording.files import DATABASE, is_under_way, read_run

PACKED = f"{DATABASE}.xz"
#: xz's fastest preset: its file is a third larger than the default's, in a tenth of the time.
PRESET = 1
_CHUNK = 2**20


def compact(directory: Path) -> tuple[int, int] | None:
    """Pack a run's recording; return its bytes before and after, or None if already packed. RecordingError on failure.

    The recording is removed only after the packed file has been read back and compared.
    """
    run = read_run(directory)
    database, packed = directory / DATABASE, directory / PACKED
    if is_under_way(directory):
        raise RecordingError(f"{directory}: is under way: compact it when it has ended")
    if not run.get("ended"):
        raise RecordingError(
            f"{directory}: never said how it ended, so it may still be resumed: left as it is"
        )
    if not database.is_file():
        if packed.is_file():
            return None
        raise RecordingError(f"{database}: is missing; there is nothing to compact")
    before = sum(path.stat().st_size for path in _parts(directory))
    vacuumed, beside = directory / f".{DATABASE}.vacuumed", directory / f".{PACKED}.new"
    try:
        vacuumed.unlink(missing_ok=True)
        vacuumed.touch(mode=0o600)
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("VACUUM INTO ?", (str(vacuumed),))
        with (
            vacuumed.open("rb") as source,
            open(beside, "wb", opener=private) as private_file,
            lzma.open(private_file, "wb", preset=PRESET) as target,
        ):
            shutil.copyfileobj(source, target, _CHUNK)
        _same_or_refused(vacuumed, beside)
        with beside.open("rb") as written:
            os.fsync(written.fileno())
        beside.replace(packed)
        for part in _parts(directory):
            part.unlink()
    except sqlite3.Error as error:
        raise RecordingError(f"{database}: cannot be read: {error}") from None
    except OSError as error:
        raise RecordingError(f"{packed}: cannot be written: {error.strerror}") from None
    finally:
        vacuumed.unlink(missing_ok=True)
        beside.unlink(missing_ok=True)
    return before, packed.stat().st_size


def _parts(directory: Path) -> list[Path]:
    """Return the recording and SQLite's files next to it, the recording last."""
    return [
        path
        for suffix in ("-shm", "-wal", "")
        if (path := directory / f"{DATABASE}{suffix}").is_file()
    ]


def _same_or_refused(vacuumed: Path, packed: Path) -> None:
    with vacuumed.open("rb") as plain, lzma.open(packed) as unpacked:
        same = (
            hashlib.file_digest(plain, "sha256").digest()
            == hashlib.file_digest(unpacked, "sha256").digest()
        )
    if not same:
        raise RecordingError(
            f"{packed}: what was packed reads back differently: the recording is left as it is"
        )


@contextmanager
def readable(directory: Path) -> Iterator[Path]:
    """Yield a path to a run's recording in SQLite; RecordingError if it is missing or its packed file is damaged."""
    database, packed = directory / DATABASE, directory / PACKED
    if database.is_file():
        yield database
        return
    if not packed.is_file():
        raise RecordingError(f"{database}: is missing; without it there is nothing to judge")
    try:
        scratch = tempfile.TemporaryDirectory(prefix="soak-")
    except OSError as error:
        raise RecordingError(
            f"{packed}: cannot be unpacked to the temporary directory: {error.strerror}"
        ) from None
    with scratch as folder:
        unpacked = Path(folder) / DATABASE
        try:
            with lzma.open(packed) as source, unpacked.open("wb") as target:
                shutil.copyfileobj(source, target, _CHUNK)
        except (lzma.LZMAError, EOFError):
            raise RecordingError(f"{packed}: damaged: not a whole xz file") from None
        except OSError as error:
            raise RecordingError(
                f"{packed}: cannot be unpacked to {folder}: {error.strerror}"
            ) from None
        yield unpacked
