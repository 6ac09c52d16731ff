"""The run directory: appended to during a run and loaded afterwards; only this package knows its file names."""

from typing import TYPE_CHECKING

from soak.lazy import lazily
from soak.recording.files import (
    LOAD_LOG,
    TARGET_LOG,
    is_run_directory,
    is_under_way,
    read_run,
    run_directory,
    write_whole,
)

if TYPE_CHECKING:
    from soak.recording.compacting import compact
    from soak.recording.reading import load_recording, profile_text
    from soak.recording.recorder import Recorder
    from soak.recording.reopening import progress_of
    from soak.recording.snapshot_files import SnapshotKeeper

__all__ = [
    "LOAD_LOG",
    "TARGET_LOG",
    "Recorder",
    "SnapshotKeeper",
    "compact",
    "is_run_directory",
    "is_under_way",
    "load_recording",
    "profile_text",
    "progress_of",
    "read_run",
    "run_directory",
    "write_whole",
]

#: Loaded lazily, because code that only looks for a run directory does not need these modules.
__getattr__ = lazily(
    __name__,
    {
        "Recorder": "recorder",
        "SnapshotKeeper": "snapshot_files",
        "compact": "compacting",
        "load_recording": "reading",
        "profile_text": "reading",
        "progress_of": "reopening",
    },
)
