"""What may be deleted, what is kept and why, and that nothing but a run's own files ever goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak.history.pruning import Bounds, StoredRun, plan
from soak.history.stored import delete, stored_runs
from soak.model import Verdict
from tests.history.folders import LEVEL, night, write

DAY = 86400.0
REPORTS = {"analysis.json", "report.html"}


def stored(
    day: int, *, name: str = "nightly", verdict: Verdict | None = Verdict.PASS, obstacle: str = ""
) -> StoredRun:
    return StoredRun(f"{name}-{day}", name, day * DAY, 100, verdict, obstacle)


RUNS = [stored(day) for day in range(10)]


def deleted(runs: list[StoredRun], bounds: Bounds, **more: object) -> list[str]:
    return [run.directory for run in plan(runs, bounds, 10 * DAY, **more).deleted]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        (
            Bounds(age=7 * DAY),
            ["nightly-0", "nightly-1", "nightly-2"],
        ),  # exactly seven days old stays
        (Bounds(count=8), ["nightly-0", "nightly-1"]),
        (Bounds(size=700), ["nightly-0", "nightly-1", "nightly-2"]),
        (Bounds(size=1000), []),
        (Bounds(count=9, size=850), ["nightly-0", "nightly-1"]),
        (Bounds(), []),
    ],
)
def test_the_oldest_go_by_age_count_and_size(bounds: Bounds, expected: list[str]) -> None:
    assert deleted(RUNS, bounds) == expected


def test_the_newest_run_of_each_profile_stays() -> None:
    runs = [*RUNS, stored(0, name="gate")]
    assert len(deleted(runs, Bounds(age=0.0))) == 9
    assert len(deleted(runs, Bounds(size=0))) == 9


def test_what_is_needed_is_kept_with_its_reason() -> None:
    runs = [
        stored(0, verdict=Verdict.FAIL),
        stored(1, verdict=None),
        stored(2, obstacle="under way"),
        stored(3),
        stored(4),
        stored(9),
    ]
    told = plan(runs, Bounds(age=DAY), 10 * DAY, {("nightly", 3 * DAY)})
    assert [run.directory for run in told.deleted] == ["nightly-4"]
    assert [why.partition(";")[0] for _, why in told.kept] == [
        "failed",
        "never judged",
        "under way",
        "a baseline was set from it",
    ]
    assert "nightly-0" in deleted(runs, Bounds(age=DAY), failed=True)


def test_a_directory_with_a_stranger_in_it_is_kept(tmp_path: Path) -> None:
    run = write(tmp_path, "a", night(0, LEVEL))
    (run / "run.json").write_text(
        '{"format_version": 1, "name": "nightly", "started": "2026-01-01T22:00:00Z"}'
    )
    for name in (
        "recording.sqlite",
        "recording.sqlite-wal",
        "recording.sqlite.xz",
        "load.log.1",
        "report.html",
    ):
        (run / name).touch()
    [known] = stored_runs(tmp_path, REPORTS)
    assert (known.obstacle, known.verdict, known.name) == ("", Verdict.PASS, "nightly")
    (run / "notes.txt").touch()
    [known] = stored_runs(tmp_path, REPORTS)
    assert known.obstacle == "holds what soak did not write: notes.txt"


def test_a_link_out_of_the_folder_is_never_followed(tmp_path: Path) -> None:
    outside = write(tmp_path / "elsewhere", "run", night(0, LEVEL))
    (outside / "run.json").write_text('{"format_version": 1, "started": "2026-01-01T22:00:00Z"}')
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "link").symlink_to(outside)
    assert [run.obstacle for run in stored_runs(folder, REPORTS)] == ["a link to a run elsewhere"]
    inside = write(folder, "run", night(0, LEVEL))
    (inside / "run.json").write_text('{"format_version": 1, "started": "2026-01-01T22:00:00Z"}')
    (inside / "snapshots").symlink_to(outside)
    assert "holds what soak did not write: snapshots" in [
        run.obstacle for run in stored_runs(folder, REPORTS)
    ]


def test_what_is_no_run_is_not_seen(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "run.json").touch()
    assert stored_runs(tmp_path, REPORTS) == []


def test_run_json_goes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write(tmp_path, "a", night(0, LEVEL))
    gone: list[str] = []
    genuine = Path.unlink

    def unlink(path: Path, missing_ok: bool = False) -> None:
        gone.append(path.name)
        genuine(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    delete(run)
    assert gone[-1] == "run.json"
    assert not run.exists()
