"""Several runs of one profile as one."""

from dataclasses import replace

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.pooling import pool, pooled_trend, refuse_to_pool
from soak.errors import UsageError
from soak.model import Analysis, Ending, RunInfo, Trend, Verdict
from soak.profile import Limits, Profile, parse_profile
from tests.analysis.recordings import SECONDS, gauge, health, noise, recording


def trend(slope: float, error: float, resolution: float | None = None) -> Trend:
    return Trend(
        slope, slope - 1.96 * error, slope + 1.96 * error, resolution or 4.5 * error, 0.0, 100.0
    )


def test_runs_that_agree_sharpen_the_bound_and_runs_that_do_not_widen_it() -> None:
    alike = pooled_trend([trend(0.1, 1.0), trend(-0.1, 1.0), trend(0.2, 1.0), trend(-0.2, 1.0)])
    assert alike.resolution_per_hour == pytest.approx(4.5 / 2)
    apart = pooled_trend([trend(10.0, 1.0), trend(-10.0, 1.0), trend(9.0, 1.0), trend(-9.0, 1.0)])
    assert apart.slope_high > 10 * alike.slope_high


def test_counts_that_never_moved_have_the_rule_of_three_over_all_of_the_time() -> None:
    never = Trend(0.0, 0.0, 0.0, 3.0, 0.0, 10.0)
    assert pooled_trend([never, never, never]).resolution_per_hour == pytest.approx(1.0)


def test_the_pooled_interval_covers_a_growth_that_differs_between_runs() -> None:
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(400):
        errors = rng.uniform(0.5, 2.0, 5)
        slopes = 1.0 + rng.normal(0, 1.0, 5) + rng.normal(0, errors)
        pooled = pooled_trend(
            [trend(a, b) for a, b in zip(slopes.tolist(), errors.tolist(), strict=True)]
        )
        covered += pooled.slope_low <= 1.0 <= pooled.slope_high
    assert covered / 400 >= 0.94


def night(seed: int, growth: float = 0.0) -> Analysis:
    values = 50e6 + growth * np.arange(SECONDS) + noise(2e5, seed=seed)
    return analyze(
        recording(gauge("process_resident_memory_bytes", values), sources=[health()]), Limits()
    )


def test_nights_together_vouch_for_longer_than_each() -> None:
    nights = [night(seed) for seed in range(1, 8)]
    together = pool(nights, [300.0] * 7, Limits().survive.for_)
    assert together.verdict is Verdict.PASS
    assert together.vouched is not None
    alone = [night.vouched.seconds for night in nights if night.vouched is not None]
    assert together.vouched.seconds > 1.5 * float(np.median(alone))
    assert "7 runs, 35 min judged together" in together.reason


def test_a_run_that_leaks_is_not_averaged_away() -> None:
    together = pool([night(1), night(2), night(3, growth=5e4)], [300.0] * 3, Limits().survive.for_)
    assert together.verdict is Verdict.FAIL
    assert together.vouched is None


TEXT = """
target: {url: "http://127.0.0.1:1"}
load: {rate: 50/s, duration: 5m}
endpoints: [GET /]
"""


def profile(text: str = TEXT) -> Profile:
    return parse_profile(text, "p.yaml")[0]


RUN = RunInfo("p", "2026-01-01T00:00:00Z", 300.0)


@pytest.mark.parametrize(
    ("other", "run", "start", "why"),
    [
        (TEXT.replace("50/s", "60/s"), RUN, 1000.0, "the rates of b and a differ"),
        (TEXT.replace("GET /", "GET /x"), RUN, 1000.0, "the endpoints of b and a differ"),
        ("name: other" + TEXT, RUN, 1000.0, "the profiles' names of b and a differ"),
        (
            TEXT,
            replace(RUN, ended=Ending.CRASHED),
            1000.0,
            r"b broke \(it never said how it ended\): leave it out",
        ),
        (TEXT, RUN, 299.0, "a and b overlap in time on one target"),
    ],
)
def test_runs_that_are_not_of_one_kind_are_refused_with_the_reason(
    other: str, run: RunInfo, start: float, why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        refuse_to_pool([("a", profile(), RUN, 0.0), ("b", profile(other), run, start)])


def test_one_run_is_not_several() -> None:
    with pytest.raises(UsageError, match="at least two"):
        refuse_to_pool([("a", profile(), RUN, 0.0)])
    refuse_to_pool([("a", profile(), RUN, 0.0), ("b", profile(), RUN, 300.0)])
