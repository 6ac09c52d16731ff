"""The run directory: append while running, load afterwards; the only place that knows its file names."""

from soak.recording.files import LOAD_LOG, TARGET_LOG, is_run_directory, read_run, run_directory, write_whole
from soak.recording.reading import load_recording, profile_text
from soak.recording.recorder import Recorder
from soak.recording.snapshots import SnapshotKeeper

__all__ = [
    "LOAD_LOG",
    "TARGET_LOG",
    "Recorder",
    "SnapshotKeeper",
    "is_run_directory",
    "load_recording",
    "profile_text",
    "read_run",
    "run_directory",
    "write_whole",
]
