"""Young heaps of healthy services, as soak's snapshots measured them at 150 requests/s, and the same with a leak planted."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.prepare.prepare import prepare
from soak.analysis.rules.warmup import _rise
from soak.analysis.statistics.growth_input import Subject
from soak.model import Finding, Floats, Phase, PhaseName, Series, Verdict
from soak.profile import Limits
from soak.snapshots import SNAPSHOT_SOURCE
from tests.analysis.recordings import gauge, recording

RECORDED: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "data" / "young_heaps.json").read_text()
)
IDS = [f"{row['series']}-{row['minutes']}m" for row in RECORDED]


def judged(row: dict[str, Any], leak_per_hour: float = 0.0) -> Finding:
    """The finding of one recorded series with so much added."""
    times = np.array(row["times"])
    values = np.array(row["values"]) + np.floor(leak_per_hour * times / 3600)
    series = replace(gauge(row["series"], values, SNAPSHOT_SOURCE), times=times)
    run = recording(series, seconds=60 * row["minutes"])
    steady = Phase(PhaseName.STEADY, 2.0, 60.0 * row["minutes"])
    [finding] = [
        finding
        for finding in analyze(replace(run, phases=(steady,)), Limits()).findings
        if finding.series == row["series"]
    ]
    return finding


@pytest.mark.parametrize("row", RECORDED, ids=IDS)
def test_a_healthy_young_service_passes_and_says_what_could_hide(row: dict[str, Any]) -> None:
    finding = judged(row)
    assert finding.verdict is Verdict.PASS, finding.reason
    assert finding.trend is not None
    assert finding.trend.slope_low <= 0 < finding.trend.resolution_per_hour
    assert finding.vouched_seconds is not None
    assert finding.vouched_seconds > 2 * 60 * row["minutes"]


@pytest.mark.parametrize("row", RECORDED, ids=IDS)
def test_a_leak_of_a_tenth_of_the_level_in_the_run_never_passes(row: dict[str, Any]) -> None:
    finding = judged(row, leak_per_hour=max(0.1 * row["values"][-1], 10) * 60 / row["minutes"])
    assert finding.verdict is not Verdict.PASS, finding.reason


def beside_a_cache(entries: Floats, bound: str) -> Verdict:
    """Blocks of Python's that rise by 5% in two minutes, beside a cache that has so many entries at each snapshot."""
    times = np.linspace(1.0, 119.0, 24)
    noise = np.random.default_rng(7).normal(0, 60, 24)
    blocks = gauge("python_allocated_blocks", 200_000 + 90 * times + noise, SNAPSHOT_SOURCE)
    cache = gauge(
        "python_container_length", entries, SNAPSHOT_SOURCE, holder="shop.price", bound=bound
    )
    run = recording(*(replace(series, times=times) for series in (blocks, cache)), seconds=120)
    [finding] = [row for row in analyze(run, Limits()).findings if row.series == blocks.name]
    return finding.verdict


def test_beside_a_cache_that_keeps_all_it_gains_a_rise_is_no_warm_up() -> None:
    evenly, filling = np.linspace(0, 2000, 24), 1000 * (1 - np.exp(-np.linspace(0, 3, 24)))
    assert beside_a_cache(evenly, bound="none") is Verdict.FAIL
    assert beside_a_cache(evenly, bound="") is Verdict.INCONCLUSIVE
    assert beside_a_cache(filling, bound="none") is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("unit", [1.0, 1e-3, 1e6])
def test_what_hardly_falls_is_told_in_any_unit(unit: float) -> None:
    steps = np.tile([1.0, 1.0, -0.5], 40)
    for values, only in ((np.cumsum(np.abs(steps)), True), (np.cumsum(steps), False)):
        level = Series("x_seconds", np.arange(120.0), values * unit)
        assert _rise(prepare(recording(level), 0.0), Subject(level, "time", "seconds")).only is only
