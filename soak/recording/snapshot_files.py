"""The snapshots of a run: one gzip file each, whole or not at all, bounded in number and bytes of a kind."""

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

#: Snapshots kept of each kind. Beyond that, the one whose removal leaves the smallest gap is removed first.
MOST_OF_A_KIND, MOST_BYTES_OF_A_KIND = 120, 128 * 2**20
#: No profile unpacks to more.
MOST_UNPACKED = 256 * 2**20
_NAME = re.compile(r"[0-9a-z.-]{1,80}\.gz")


@dataclass(frozen=True, slots=True)
class KeptSnapshot:
    """A snapshot, and the name of its file; None where it could not be taken, or not be written."""

    snapshot: Snapshot
    file: str | None


@dataclass(frozen=True, slots=True)
class _Kept:
    """A file of some size in bytes; `between` says that it may go where there are too many."""

    time: float
    size: int
    path: Path
    between: bool


@dataclass(slots=True)
class SnapshotKeeper:
    """Writes each snapshot to its file, tells of it, and lets go of files that are too many; one thread at a time.

    A row without its file, which is how `read_later` finds those that went, still says when the
    target was disturbed.
    """

    directory: Path
    tell: Callable[[KeptSnapshot], None]
    _kept: dict[SnapshotKind, list[_Kept]] = field(default_factory=dict)

    def keep(self, snapshot: Snapshot, data: bytes) -> None:
        """Write and tell of one; RecordingError where it cannot be written, after telling of that, too."""
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
    """Which of some files (time in order, bytes, whether it may go) has to go; None where they are within bounds.

    It is the one that leaves the smallest gap, so that what stays is spread evenly, and never the
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
    """A recorded snapshot whose `read` unpacks its file when asked to; RecordingError then where it is damaged."""
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
