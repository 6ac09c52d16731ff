"""Collections and pauses of runs that hardly collect: still compared with runs that do."""

from __future__ import annotations

import numpy as np
import pytest

from soak.analysis.prepare.prepare import prepare
from soak.compared import Change, Comparison, MeasuredRun
from soak.comparison.comparing import compare
from soak.comparison.measuring import measurements
from soak.comparison.metrics.collector import FEWEST
from soak.comparison.run_view import RunView
from soak.model import Analysis, Kind, Phase, Recording, RunInfo, Series, Verdict

SECONDS = 100.0
CYCLES, PAUSES = "go_gc_cycles_total_gc_cycles_total", "go_gc_duration_seconds_sum"


def measured(collections: int, pause: float = 0.001) -> MeasuredRun:
    """A run with so many collections of one pause each, spread evenly over it; the process had three before."""
    times = np.arange(0.0, SECONDS + 1)
    ran = 3.0 + np.floor(times / SECONDS * collections)
    series = tuple(
        Series(name, times, ran * of_one, kind=Kind.COUNTER, source="expvar")
        for name, of_one in ((CYCLES, 1.0), (PAUSES, pause))
    )
    info = RunInfo("x", "2026-01-01T00:00:00Z", SECONDS)
    recording = Recording(info, series, (), phases=(Phase("steady", 0.0, SECONDS),))
    view = RunView(prepare(recording, 0.0), Analysis(info, Verdict.PASS, "", ()))
    return MeasuredRun("x", "x", info.started, SECONDS, "", "", tuple(measurements(view)))


def compared(base: int, candidate: int) -> tuple[dict[str, Change], Comparison]:
    comparison = compare([measured(base)] * 4, [measured(candidate)] * 4, {}, paired=True)
    return {
        difference.metric: difference.verdict for difference in comparison.differences
    }, comparison


@pytest.mark.parametrize("few", [0, 1, 5])
def test_a_side_that_hardly_collects_any_more_is_surely_better_and_the_other_way_round_worse(
    few: int,
) -> None:
    for base, candidate, verdict in (
        (1000, few, Change.BETTER),
        (few, 1000, Change.WORSE),
    ):
        verdicts, _ = compared(base, candidate)
        assert verdicts["gc_cycles"] is verdict
        assert verdicts["gc_paused"] is verdict
        assert "gc_pause" not in verdicts  # nobody knows the mean of so few


def test_half_a_collection_stands_for_none() -> None:
    values = {value.metric: value.value for value in measured(0, pause=0.004).measurements}
    assert values["gc_cycles"] == pytest.approx(0.5 / SECONDS * 60)
    assert values["gc_paused"] == pytest.approx(0.5 * 0.004 / SECONDS * 60)


def test_too_few_on_both_sides_are_named_and_not_compared() -> None:
    few = int(FEWEST) - 1
    verdicts, comparison = compared(few, few)
    assert not verdicts.keys() & {"gc_cycles", "gc_paused"}
    assert f"gc_cycles of {CYCLES}: too few on both sides" in comparison.left_out
    assert "gc_cycles" in compared(int(FEWEST), few)[0]


def test_the_figures_shown_are_those_between_which_the_change_lies() -> None:
    sides = [measured(1000), measured(400)], [measured(500), measured(400)]
    [difference] = [
        difference
        for difference in compare(*sides, {}, paired=True).differences
        if difference.metric == "gc_cycles"
    ]
    assert difference.candidate / difference.base - 1 == pytest.approx(difference.change)
