"""Where there is no /proc, as on macOS, the process source gives what psutil does."""

import os
from pathlib import Path

import psutil
import pytest

from soak.sampling import procfs
from soak.sampling.sources import process


def test_without_procfs_memory_descriptors_threads_and_cpu_are_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(psutil, "LINUX", False)
    monkeypatch.setattr(procfs, "_PROC", tmp_path)
    monkeypatch.setattr(procfs.descendants, "__defaults__", (tmp_path,))
    monkeypatch.setattr(process.memory_limit, "__defaults__", (tmp_path, tmp_path))
    monkeypatch.setattr(process, "Path", lambda text: tmp_path / str(text).lstrip("/"))
    names = {sample.name for sample in process.Process(pid=os.getpid()).collect()}
    assert {
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_threads",
        "process_cpu_seconds_total",
        "process_start_time_seconds",
    } <= names
    assert not names & {
        "process_swap_bytes",
        "process_descriptors",
        "container_spec_memory_limit_bytes",
    }
