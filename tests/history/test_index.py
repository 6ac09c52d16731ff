"""The index beside the runs: used where it is right, written anew where it is not, and never believed blindly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from soak.errors import RecordingError, UsageError
from soak.history import index
from soak.history.index import INDEX, read_folder
from tests.history.folders import LEVEL, RSS, night, nights, write


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The runs whose profile was read: those that the index did not know."""
    read: list[Path] = []
    genuine = index._profile_text

    def profile_text(run: Path) -> str:
        read.append(run)
        return genuine(run)

    monkeypatch.setattr(index, "_profile_text", profile_text)
    return read


def test_a_run_is_read_once(tmp_path: Path, parsed: list[Path]) -> None:
    runs = nights(tmp_path, 3)
    first = read_folder(tmp_path)
    assert parsed == runs
    parsed.clear()
    assert read_folder(tmp_path) == first
    assert parsed == []


def test_a_run_that_was_judged_again_is_read_again(tmp_path: Path, parsed: list[Path]) -> None:
    runs = nights(tmp_path, 3)
    read_folder(tmp_path)
    parsed.clear()
    (runs[1] / "analysis.json").write_text(json.dumps(night(1, 7.0)))
    again = read_folder(tmp_path)
    assert parsed == [runs[1]]
    assert again.nights[1].values[f"level {RSS}"] == 7.0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1]",
        '{"index_version": 99, "runs": {}}',
        '{"index_version": 1, "runs": {"nightly-000": 3}}',
    ],
)
def test_a_lost_or_damaged_index_is_written_anew(
    tmp_path: Path, parsed: list[Path], text: str
) -> None:
    runs = nights(tmp_path, 2)
    first = read_folder(tmp_path)
    good = (tmp_path / INDEX).read_text()
    (tmp_path / INDEX).write_text(text)
    parsed.clear()
    assert read_folder(tmp_path) == first
    assert parsed == runs
    assert (tmp_path / INDEX).read_text() == good


def test_a_run_that_is_gone_leaves_the_index(tmp_path: Path) -> None:
    runs = nights(tmp_path, 2)
    read_folder(tmp_path)
    for file in runs[0].iterdir():
        file.unlink()
    runs[0].rmdir()
    assert [night.directory for night in read_folder(tmp_path).nights] == ["nightly-001"]
    assert "nightly-000" not in (tmp_path / INDEX).read_text()


def test_a_folder_that_cannot_be_written_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights(tmp_path, 1)

    def refuse(*_: Any) -> None:
        raise RecordingError("read-only")

    monkeypatch.setattr(index, "write_whole", refuse)
    assert len(read_folder(tmp_path).nights) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "it has no analysis.json; soak report"),
        ("{", "analysis.json is not valid JSON; soak report"),
        ("[]", "analysis.json is no object"),
        (
            json.dumps(night(0, LEVEL) | {"format_version": 2}),
            "format_version 2, and this soak reads 1",
        ),
        (json.dumps(night(0, LEVEL) | {"run": None}), "damaged"),
        (json.dumps(night(0, LEVEL) | {"findings": [{"verdict": "pass"}]}), "damaged"),
        (json.dumps(night(0, LEVEL) | {"findings": [17]}), "damaged"),
        (json.dumps(night(0, LEVEL) | {"verdict": "maybe"}), "'maybe' is not a valid Verdict"),
    ],
)
def test_what_cannot_be_read_is_said_by_name_and_left_out(
    tmp_path: Path, text: str | None, expected: str
) -> None:
    nights(tmp_path, 1)
    run = write(tmp_path, "other", None)
    if text is not None:
        (run / "analysis.json").write_text(text)
    (tmp_path / "notes").mkdir()  # no run, and none of soak's business
    folder = read_folder(tmp_path)
    assert len(folder.nights) == 1
    [problem] = folder.problems
    assert problem.startswith(f"{run}: left out: ")
    assert expected in problem


def test_a_run_under_way_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "now", None)
    monkeypatch.setattr(index, "is_under_way", lambda _: True)
    assert "under way; it has no analysis yet" in read_folder(tmp_path).problems[0]


def test_what_is_no_folder_of_runs_is_refused(tmp_path: Path) -> None:
    run = write(tmp_path, "one", None)
    with pytest.raises(UsageError, match="one run; give the folder that holds the runs"):
        read_folder(run)
    with pytest.raises(UsageError, match="no such folder"):
        read_folder(tmp_path / "nowhere")
