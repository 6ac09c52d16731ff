"""`soak prune`: dry unless told otherwise; and `soak compact`: smaller, and read the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak.recording import compact, load_recording
from soak.recording.compacting import PACKED
from tests.cli.calling import run
from tests.history.folders import LEVEL, night, write
from tests.recording.test_damage import judged, recorded


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three old runs, named a, b and c."""
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate("abc"):
        made = write(tmp_path / "reports", name, night(number, LEVEL))
        (made / "run.json").write_text(
            f'{{"format_version": 1, "name": "nightly", "started": "2020-01-0{number + 1}T22:00:00Z"}}'
        )
    (tmp_path / "reports" / "notes").mkdir()
    return tmp_path / "reports"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_without_yes_it_only_says(capsys: pytest.CaptureFixture[str], runs: Path) -> None:
    code, out, _ = run(capsys, "prune", "--older", "90d")
    assert code == 0
    assert "would delete reports/a" in out
    assert "kept     reports/c: the newest run of nightly" in out
    assert "2 of 3 runs" in out
    assert names(runs) == ["a", "b", "c", "notes"]


def test_with_yes_it_deletes_runs_and_nothing_else(
    capsys: pytest.CaptureFixture[str], runs: Path
) -> None:
    code, out, _ = run(capsys, "prune", "--older", "90d", "--yes")
    assert (code, "deleted reports/a" in out) == (0, True)
    assert names(runs) == ["c", "notes"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "name what to delete: --older 90d"),
        (["--older", "90"], "--older: expected a duration"),
        (["--size", "big"], "--size: expected"),
        (["nowhere", "--keep", "3"], "nowhere: no such folder"),
        (["--keep", "0"], "--keep"),
    ],
)
def test_bad_input(
    capsys: pytest.CaptureFixture[str], runs: Path, arguments: list[str], expected: str
) -> None:
    code, out, err = run(capsys, "prune", *arguments)
    assert (code, out) == (2, "")
    assert expected in err


def test_a_damaged_baseline_ends_it_before_anything_goes(
    capsys: pytest.CaptureFixture[str], runs: Path
) -> None:
    (runs.parent / "baselines").mkdir()
    (runs.parent / "baselines" / "nightly.json").write_text("{")
    code, _, err = run(capsys, "prune", "--older", "90d", "--yes")
    assert (code, "until then it is not known which runs are needed" in err) == (2, True)
    assert names(runs) == ["a", "b", "c", "notes"]


def test_a_compacted_recording_is_read_the_same(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    directory = recorded(tmp_path / "run")
    before, text = load_recording(directory), judged(directory)
    code, out, _ = run(capsys, "compact", str(directory))
    assert (code, " to " in out) == (0, True)
    assert not (directory / "recording.sqlite").exists()
    after = load_recording(directory)
    assert [series.key for series in after.series] == [series.key for series in before.series]
    assert judged(directory) == text
    assert run(capsys, "compact", str(tmp_path))[:2] == (0, f"{directory}: compact already\n")
    (directory / PACKED).write_bytes((directory / PACKED).read_bytes()[:-20])
    assert f"{PACKED}: damaged: not a whole xz file" in judged(directory)


def test_a_recording_that_cannot_be_packed_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from soak.errors import RecordingError  # noqa: PLC0415

    directory = recorded(tmp_path / "run")
    text = (directory / "recording.sqlite").read_bytes()
    monkeypatch.setattr("soak.recording.compacting.shutil.copyfileobj", lambda *_: None)
    with pytest.raises(RecordingError, match="reads back differently"):
        compact(directory)
    assert (directory / "recording.sqlite").read_bytes() == text
    assert not [
        path.name
        for path in directory.iterdir()
        if path.name.startswith(".") or path.name == PACKED
    ]


def test_compacting_what_is_no_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = run(capsys, "compact", str(tmp_path))
    assert (code, "neither a run directory nor a folder of runs" in err) == (2, True)
