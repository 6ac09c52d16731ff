"""What verbs print: nothing that a path, a profile or a flag holds is obeyed by a terminal."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from soak.cli.progress import ProgressLines, Shown
from soak.live.judge import Judge
from soak.live.progress import Live
from soak.printable import visible
from tests.cli.calling import run

HOSTILE = "a\x1b]0;owned\x07\x1b[31m\u202e"
SHOWN = r"a\x1b]0;owned\x07\x1b[31m\u202e"


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", HOSTILE),
        ("analyze", HOSTILE),
        ("report", HOSTILE),
        ("history", HOSTILE),
        ("init", "--example", HOSTILE),
        ("worker", "--master", HOSTILE),
        ("check", f"--{HOSTILE}"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_message_shows_control_characters_as_escapes(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    code, out, err = run(capsys, *arguments)
    assert code in (2, 4)
    assert SHOWN in err.replace("\\\\", "\\")
    assert not {"\x1b", "\x07", "\u202e"} & set(out + err)


def test_a_url_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(
        capsys,
        "run",
        "--url",
        "http://[::1/",
        "--endpoint",
        "GET /",
        "--rate",
        "1/s",
        "--duration",
        "1s",
    )
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith("soak: --url: expected a URL")


def test_a_line_of_a_run_shows_them_too(tmp_path: object) -> None:
    screen = StringIO()
    console = Console(file=screen, force_terminal=True, width=200)
    judge = Judge(tmp_path, html=False, after=0)  # type: ignore[arg-type]
    ProgressLines(Shown("a", 1.0, 0.0, str), Live(), judge, console).say(HOSTILE)
    assert screen.getvalue() == f"{SHOWN}\n"


def test_ends_of_lines_and_tabs_stay() -> None:
    assert visible("a\tb\nc \u00e4\U0001f600") == "a\tb\nc \u00e4\U0001f600"
    assert visible("\x85\u2028") == r"\x85\u2028"
