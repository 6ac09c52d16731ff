"""Changes kept beside the runs: used while nothing has changed, found anew where anything has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from soak.history import remembered
from soak.history.changes import ChangePoint
from soak.history.history import histories
from soak.history.index import read_folder
from soak.history.night import HistoryMetric, Night
from soak.history.remembered import CHANGES, RememberedChanges
from tests.history.folders import LEVEL, RSS, night, nights, write


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many nights each search was given; each finds one change, of the level of memory."""
    given: list[int] = []

    def find(
        nights: Sequence[Night], metrics: Sequence[HistoryMetric]
    ) -> dict[str, list[ChangePoint]]:
        given.append(len(nights))
        [metric] = [metric for metric in metrics if metric.key == f"level {RSS}"]
        return {metric.key: [ChangePoint(metric, 2, 1.0, 2.0, 1e-9)]}

    monkeypatch.setattr(remembered, "find_changes", find)
    return given


def changes(folder: Path) -> dict[str, list[ChangePoint]]:
    remembered_changes = RememberedChanges(folder)
    [history] = histories(read_folder(folder).nights, remembered_changes.find)
    remembered_changes.save()
    return history.changes


def test_changes_are_searched_for_once_until_a_night_is_added(
    tmp_path: Path, searches: list[int]
) -> None:
    nights(tmp_path, 4)
    first = changes(tmp_path)
    assert changes(tmp_path) == first
    assert searches == [4]
    write(tmp_path, "nightly-004", night(4, LEVEL))
    changes(tmp_path)
    assert searches == [4, 5]


def test_a_value_that_was_judged_anew_is_searched_again(
    tmp_path: Path, searches: list[int]
) -> None:
    nights(tmp_path, 4)
    changes(tmp_path)
    (tmp_path / "nightly-001" / "analysis.json").unlink()
    changes(tmp_path)
    assert searches == [4, 3]


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"x": 1}'])
def test_a_damaged_file_of_changes_is_written_anew(
    tmp_path: Path, searches: list[int], text: str
) -> None:
    nights(tmp_path, 4)
    first = changes(tmp_path)
    good = (tmp_path / CHANGES).read_text()
    (tmp_path / CHANGES).write_text(text)
    assert changes(tmp_path) == first
    assert searches == [4, 4]
    assert (tmp_path / CHANGES).read_text() == good


def test_an_entry_that_is_no_list_of_changes_is_searched_again(
    tmp_path: Path, searches: list[int]
) -> None:
    nights(tmp_path, 4)
    first = changes(tmp_path)
    file = tmp_path / CHANGES
    file.write_text(file.read_text().replace("[[2, ", "[[2, 7, "))
    assert changes(tmp_path) == first
    assert searches == [4, 4]
