"""What a process of this machine is written in, by the file that it runs."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from pathlib import Path

import psutil

from soak.catalog.metrics import language_of_executable

#: How the build information in a Go binary begins (Go's debug/buildinfo).
_GO_BUILD_INFORMATION = b"\xff Go buildinf:"


def language_of_process(pid: int | None) -> str:
    """The catalog's name of it; empty where the file does not tell, or may not be read."""
    try:
        executable = Path(psutil.Process(pid).exe()) if pid is not None else None
        if executable is None:
            return ""
        return language_of_executable(executable.name) or ("Go" if _is_go(executable) else "")
    except (psutil.Error, OSError, ValueError):
        return ""


def language_of_processes(pids: Iterable[int | None]) -> str:
    """The one that all of them are written in; empty where they are of several, or one does not tell."""
    languages = {language_of_process(pid) for pid in pids}
    return languages.pop() if len(languages) == 1 else ""


def _is_go(executable: Path) -> bool:
    with (
        executable.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text,
    ):
        return text.find(_GO_BUILD_INFORMATION) >= 0
