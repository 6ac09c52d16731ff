"""The snapshot files of a run: one gzip file each, written atomically, with limits per kind on number and bytes."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from soak.errors import RecordingError
from soak.recording.files import SNAPSHOTS, write_whole
from soak.snapshots import Snapshot, SnapshotKind

#: Most snapshots and bytes of each kind. Beyond that, the one whose removal leaves the smallest gap
#: is removed first.
MOST_OF_A_KIND, MOST_BYTES_OF_A_KIND = 120, 128 * 2**20
#: Largest size of an unpacked profile (bytes).
MOST_UNPACKED = 256 * 2**20
_NAME = re.compile(r"[0-9a-z.-]{1,80}\.gz")


@dataclass(frozen=True, slots=True)
class KeptSnapshot:
    """A snapshot and its file's name; None if it could not be taken or written."""

    snapshot: Snapshot
    file: str | None


@dataclass(frozen=True, slots=True)
class _Kept:
    """A file and its size in bytes; `between` says that it may be removed if there are too many."""

    time: float
    size: int
    path: Path
    between: bool


@dataclass(slots=True)
class SnapshotKeeper:
    """Writes each snapshot to a file, reports it, and removes surplus files; use it in one thread at a time.

    A row whose file was removed still shows when the target was disturbed; `read_later` recognises the
    removal by the missing file.
    """

    directory: Path
    tell: Callable[[KeptSnapshot], None]
    _kept: dict[SnapshotKind, list[_Kept]] = field(default_factory=dict)

    def keep(self, snapshot: Snapshot, data: bytes) -> None:
        """Write a snapshot and report it; if it cannot be written, report that and raise RecordingError."""
        if snapshot.error is not None:
            self.tell(KeptSnapshot(snapshot, None))
            return
        name = f"{snapshot.time:012.3f}-{snapshot.kind}.gz"
        packed = gzip.compress(data, compresslevel=5, mtime=0)
        path = self.directory / SNAPSHOTS / name
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            write_whole(path, packed)
        except (OSError, RecordingError) as error:
            self.tell(KeptSnapshot(replace(snapshot, error=str(error)), None))
            raise RecordingError(str(error)) from None
        self.tell(KeptSnapshot(snapshot, name))
        kept = self._kept.setdefault(snapshot.kind, [])
        kept.append(_Kept(snapshot.time, len(packed), path, snapshot.stage == "steady"))
        while (
            place := surplus([(held.time, held.size, held.between) for held in kept])
        ) is not None:
            kept.pop(place).path.unlink(missing_ok=True)


def surplus(
    kept: Sequence[tuple[float, int, bool]],
    most: int = MOST_OF_A_KIND,
    most_bytes: int = MOST_BYTES_OF_A_KIND,
) -> int | None:
    """Return the index of the file to remove, of (time in order, bytes, may be removed); None if within the limits.

    The file whose removal leaves the smallest gap is chosen, so that the rest are spread evenly; never the
    first or the last.
    """
    if len(kept) <= most and sum(size for _, size, _ in kept) <= most_bytes:
        return None
    gaps = [
        (kept[place + 1][0] - kept[place - 1][0], place)
        for place in range(1, len(kept) - 1)
        if kept[place][2]
    ]
    return min(gaps)[1] if gaps else None


def read_later(directory: Path, snapshot: Snapshot, file: str | None) -> Snapshot:
    """Return a recorded snapshot whose `read` unpacks its file on demand, with a RecordingError if it is damaged."""
    if snapshot.error is not None:
        return snapshot
    path = directory / SNAPSHOTS / (file or "")
    # The name comes from a database that may be foreign: refuse paths outside of the run directory.
    if file is None or not _NAME.fullmatch(file) or not path.is_file():
        return replace(snapshot, error="its file is not there any more: a run keeps only so many")
    return replace(snapshot, read=lambda: _unpacked(path))


def _unpacked(path: Path) -> bytes:
    stream = zlib.decompressobj(wbits=31)
    try:
        plain = stream.decompress(path.read_bytes(), MOST_UNPACKED)
    except (OSError, zlib.error) as error:
        raise RecordingError(f"{path}: cannot be read: {error}") from None
    if stream.unconsumed_tail:
        raise RecordingError(f"{path}: is larger than {MOST_UNPACKED >> 20} MiB once unpacked")
    if not stream.eof:
        raise RecordingError(f"{path}: was cut short")
    return plain
