"""A leak that begins late under bursts is never a pass, and a warm-up that is left out is as if it had never been recorded."""

import numpy as np
import pytest

from soak.analysis import analyze
from soak.model import Finding, Floats, Recording, RunInfo, Series, Verdict
from soak.profile import Limits

COUNT = 720
TIMES: Floats = np.arange(COUNT, dtype=np.float64) * np.float64(30)
HOURS = TIMES / 3600


def growth(values: Floats, first: int = 0, warmup: float = 0.0) -> Finding:
    series = Series("rss_bytes", TIMES[first:], (values * 2**20)[first:])
    recording = Recording(RunInfo("file", "", float(TIMES[-1])), (series,))
    analysis = analyze(recording, Limits(), warmup=warmup, judge_unknown=True)
    return next(finding for finding in analysis.findings if finding.rule == "growth")


@pytest.mark.parametrize(("seed", "slope"), [(1, 5.0), (2, 10.0), (5, 30.0)])
def test_a_leak_that_begins_half_way_after_bursts_never_passes(seed: int, slope: float) -> None:
    rng = np.random.default_rng(seed)
    values: Floats = 300 + rng.normal(0, 3, COUNT) + np.maximum(HOURS - 3, 0) * slope
    for start in rng.integers(0, COUNT // 2, 8):
        values[start : start + rng.integers(5, 20)] += rng.uniform(30, 150)
    assert growth(values).verdict is not Verdict.PASS


@pytest.mark.parametrize("slope", [0.0, 8.0])
def test_a_warmup_left_out_equals_cutting_the_file(slope: float) -> None:
    values: Floats = (
        300
        + 100 * (1 - np.exp(-HOURS / 0.3))
        + np.random.default_rng(3).normal(0, 3, COUNT)
        + slope * HOURS
    )
    left_out, cut = growth(values, warmup=7200.0), growth(values, first=240)
    assert left_out.verdict is cut.verdict
    assert left_out.trend is not None
    assert cut.trend is not None
    assert left_out.trend.slope_per_hour == pytest.approx(
        cut.trend.slope_per_hour, rel=0.05, abs=2**18
    )
    assert left_out.trend.slope_high == pytest.approx(cut.trend.slope_high, rel=0.05, abs=2**18)
