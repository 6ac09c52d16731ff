"""Detect the language of a local process by its executable."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from pathlib import Path

import psutil

from soak.catalog.metrics import language_of_executable

#: The start of the build information in a Go binary (Go's debug/buildinfo).
_GO_BUILD_INFORMATION = b"\xff Go buildinf:"


def language_of_process(pid: int | None) -> str:
    """Return the catalog's name of the language; "" if the executable does not tell or cannot be read."""
    try:
        executable = Path(psutil.Process(pid).exe()) if pid is not None else None
        if executable is None:
            return ""
        return language_of_executable(executable.name) or ("Go" if _is_go(executable) else "")
    except (psutil.Error, OSError, ValueError):
        return ""


def language_of_processes(pids: Iterable[int | None]) -> str:
    """Return the common language of all processes; "" if they differ or one is unknown."""
    languages = {language_of_process(pid) for pid in pids}
    return languages.pop() if len(languages) == 1 else ""


def _is_go(executable: Path) -> bool:
    with (
        executable.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text,
    ):
        return text.find(_GO_BUILD_INFORMATION) >= 0
