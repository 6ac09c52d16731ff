"""What a process is written in."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from soak.sampling.process_language import language_of_process, language_of_processes


def test_this_process_is_python() -> None:
    assert language_of_process(os.getpid()) == "Python"


@pytest.mark.parametrize(
    ("name", "content", "language"),
    [
        ("node", b"\x7fELF", "JavaScript"),
        ("java", b"\x7fELF", "Java"),
        ("ruby3.2", b"\x7fELF", "Ruby"),
        ("orders", b"\x7fELF text \xff Go buildinf: more", "Go"),
        ("orders", b"\x7fELF a program in C", ""),
        ("orders", b"", ""),
        ("javascript-tool", b"\x7fELF", ""),
    ],
)
def test_a_language_is_known_by_the_file_that_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, content: bytes, language: str
) -> None:
    (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(psutil.Process, "exe", lambda _: str(tmp_path / name))
    assert language_of_process(os.getpid()) == language


def test_of_processes_in_several_languages_none_is_known() -> None:
    assert language_of_processes([os.getpid(), os.getpid()]) == "Python"
    assert language_of_processes([os.getpid(), None]) == ""
    assert language_of_processes([]) == ""


def test_a_process_that_is_gone_or_unknown_tells_nothing() -> None:
    assert language_of_process(None) == ""
    assert language_of_process(2**22 + 1) == ""
