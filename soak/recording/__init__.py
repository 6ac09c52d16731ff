"""The run directory: append while running, load afterwards; the only place that knows its file names."""

from soak.recording.compacting import compact
from soak.recording.files import (
    LOAD_LOG,
    TARGET_LOG,
    is_run_directory,
    is_under_way,
    read_run,
    run_directory,
    write_whole,
)
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
