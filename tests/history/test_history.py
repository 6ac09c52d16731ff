"""What the nights say: changes and when they began, what is a regression, and which nights are judged as one."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from soak.history.changes import RECENT, find_changes, need_otava, otava_is_there
from soak.history.history import History, histories
from soak.history.index import read_folder
from soak.history.page import render
from soak.history.texts import csv_text, json_object, table
from tests.history.folders import LEVEL, RSS, growth, night, nights, write
from tests.profile_texts import GOOD

needs_otava = pytest.mark.skipif(
    not otava_is_there() and not os.environ.get("CI"), reason="no Apache Otava"
)


def history(folder: Path, *, search: bool = False) -> History:
    [only] = histories(read_folder(folder).nights, find_changes if search else None)
    return only


def step(at: int, by: float) -> Callable[[int], float]:
    return lambda number: LEVEL * (1 + by * (number >= at))


@needs_otava
def test_a_step_of_the_level_is_a_regression_from_the_night_it_began(tmp_path: Path) -> None:
    nights(tmp_path, 30, step(24, 0.2))
    [change] = history(tmp_path, search=True).regressions
    assert (change.metric.key, change.since, change.worse) == (f"level {RSS}", 24, True)
    assert change.share == pytest.approx(0.2, abs=0.02)


@needs_otava
def test_level_nights_have_no_change(tmp_path: Path) -> None:
    nights(tmp_path, 60)
    assert not any(history(tmp_path, search=True).changes.values())


@needs_otava
@pytest.mark.parametrize(("by", "told"), [(-0.2, False), (0.045, False), (0.08, True)])
def test_a_change_for_the_better_or_within_the_tolerance_is_no_regression(
    tmp_path: Path, by: float, told: bool
) -> None:
    nights(tmp_path, 30, step(20, by))
    assert bool(history(tmp_path, search=True).regressions) is told


@needs_otava
@pytest.mark.parametrize(("after", "regressed"), [(RECENT, True), (RECENT + 1, False)])
def test_an_old_change_is_no_regression_any_more(
    tmp_path: Path, after: int, regressed: bool
) -> None:
    nights(tmp_path, 20 + after, step(20, 0.2))
    read = history(tmp_path, search=True)
    assert read.changes[f"level {RSS}"][-1].since == 20
    assert bool(read.regressions) is regressed


@needs_otava
def test_a_growth_matters_by_what_it_adds_until_the_resource_must_last(tmp_path: Path) -> None:
    for number in range(24):
        # From 0 to 0.1% of the level an hour: 72% within 30 days, though the level itself moves by
        # nothing.
        slope = LEVEL * (0.001 * (number >= 16) + 1e-5 * (number % 3))
        write(tmp_path, f"n{number:02}", night(number, LEVEL, findings=[growth(LEVEL, slope)]))
    [change] = history(tmp_path, search=True).regressions
    assert change.metric.key == f"growth {RSS}"


@needs_otava
def test_broken_nights_are_shown_and_not_compared(tmp_path: Path) -> None:
    nights(tmp_path, 20)
    write(
        tmp_path,
        "broken",
        night(21, 9 * LEVEL, broken="The run broke: the generator was saturated."),
    )
    read = history(tmp_path, search=True)
    assert read.values(read.metrics[0])[-1] is None
    assert not read.regressions
    assert "!" in table(read)


def test_consecutive_nights_of_one_build_are_judged_as_one(tmp_path: Path) -> None:
    for number in range(6):
        write(tmp_path, f"n{number}", night(number, LEVEL, commit="old" if number < 3 else "new"))
    read = history(tmp_path)
    assert [(build.build, len(build.nights)) for build in read.builds] == [("old", 3), ("new", 3)]
    assert read.week is not None
    vouched = [
        judged.analysis.vouched.seconds
        for judged in (*read.builds, read.week)
        if judged.analysis.vouched is not None
    ]
    alone = read.nights[0].findings[0].vouched_seconds
    assert alone is not None
    assert alone < vouched[0] < vouched[2]  # one night, three, six


def test_nights_of_another_rate_are_not_judged_with_the_others(tmp_path: Path) -> None:
    nights(tmp_path, 3)
    write(tmp_path, "x", night(5, LEVEL), GOOD.replace("50/s", "90/s"))
    read = history(tmp_path)
    assert read.week is None  # the newest night has none beside it
    assert [len(build.nights) for build in read.builds] == [3]


def test_overlapping_runs_are_not_judged_as_one(tmp_path: Path) -> None:
    nights(tmp_path, 1)
    write(tmp_path, "same-time", night(0, LEVEL))
    assert not history(tmp_path).builds


def test_profiles_are_told_apart_by_their_names(tmp_path: Path) -> None:
    nights(tmp_path, 2)
    other = night(3, LEVEL)
    write(tmp_path, "gate", other | {"run": other["run"] | {"name": "gate"}})
    assert [history.name for history in histories(read_folder(tmp_path).nights, None)] == [
        "gate",
        "nightly",
    ]


def test_the_table_shows_each_metric_with_its_newest_value(tmp_path: Path) -> None:
    nights(tmp_path, 8, lambda _: LEVEL)
    text = table(history(tmp_path))
    assert "nightly: 8 runs from 2026-01-01 to 2026-01-08: 8 pass" in text
    assert "the last 7 nights: ✓ PASS: Vouches for" in text
    assert any(line.startswith("  resident memory") and "MiB" in line for line in text.splitlines())


def test_the_page_links_every_night_and_escapes_what_a_target_named(tmp_path: Path) -> None:
    analysis = night(0, LEVEL)
    analysis["endpoints"][0]["name"] = "GET /</script><b>"
    write(tmp_path, "n0", analysis)
    page = render([history(tmp_path)], ["x: left out: <i>"], tmp_path, tmp_path / "site")
    assert 'href="../n0/report.html"' in page
    assert "<b>" not in page
    assert "<i>" not in page


@needs_otava
def test_otava_reads_the_csv(tmp_path: Path) -> None:
    nights(tmp_path, 12, step(6, 0.3))
    text = csv_text(history(tmp_path))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 12
    from otava.analysis import compute_change_points  # noqa: PLC0415

    points, _ = compute_change_points([float(row[f"level:{RSS}"]) for row in rows])
    assert [point.index for point in points] == [6]


def test_the_json_has_all_of_it(tmp_path: Path) -> None:
    nights(tmp_path, 3)
    told = json.loads(json_object([history(tmp_path)], ["p"]))
    [profile] = told["profiles"]
    assert (told["format_version"], told["problems"], len(profile["nights"])) == (1, ["p"], 3)
    assert profile["week"]["runs"] == ["nightly-000", "nightly-001", "nightly-002"]
    assert all(len(metric["values"]) == 3 for metric in profile["metrics"])


def test_otava_is_asked_for_by_name_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from soak.errors import UsageError  # noqa: PLC0415
    from soak.history import changes  # noqa: PLC0415

    monkeypatch.setattr(changes, "otava_is_there", lambda: False)
    with pytest.raises(
        UsageError, match=r"needs Apache Otava: pip install 'soak-harness\[history\]'"
    ):
        need_otava("--fail-on regression")
