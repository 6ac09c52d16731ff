"""Long lines on a terminal."""

from __future__ import annotations

import io

import pytest

from soak.cli.folding import folded

LONG = "soak: the target cannot be reached (connection refused, 10 attempts in 5 s)\nReport: a/b-c/report.html"


class Terminal(io.StringIO):
    """What says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_words_are_kept_whole_on_a_terminal_and_lines_in_a_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    lines = folded(LONG, Terminal()).split("\n")
    assert max(map(len, lines)) <= 40
    assert lines[-1] == "Report: a/b-c/report.html"
    assert " ".join(lines[:-1]) == LONG.split("\n", maxsplit=1)[0]
    assert folded(LONG, io.StringIO()) == LONG
    assert folded(LONG, None) == LONG
