"""For how long a pass vouches, and which passes are hollow."""

import math
from dataclasses import replace

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.rules.production import at_production
from soak.analysis.statistics.room import HANDFUL, LITTLE, OBJECTS, PART, room
from soak.analysis.vouch import MOST, _more, advice, horizon, horizon_of, vouched
from soak.model import Finding, RuleName, Series, Trend, Verdict
from soak.profile import Limits
from soak.profile.types import Survive
from soak.units import show_duration
from tests.analysis.recordings import gauge, health, noise, recording
from tests.analysis.series import subject

MIB = 2.0**20
HOUR, DAY = 3600.0, 86400.0
MEMORY = gauge("process_resident_memory_bytes", 50e6 + noise(2e4))


def trend(
    high: float, resolution: float = 0.0, low: float = 0.0, level: float = 100 * MIB
) -> Trend:
    return Trend((low + high) / 2, low, high, resolution, 0.0, level)


def finding(
    fitted: Trend, verdict: Verdict = Verdict.PASS, seconds: float | None = None
) -> Finding:
    return Finding(
        RuleName.GROWTH,
        "process_resident_memory_bytes",
        verdict,
        "steady",
        unit="bytes/h",
        trend=fitted,
        vouched_seconds=seconds,
    )


def test_the_horizon_is_half_the_level_at_the_fastest_growth_not_ruled_out() -> None:
    memory = subject([0.0])
    assert horizon(memory, trend(high=10 * MIB)) == 5 * HOUR
    assert horizon(memory, trend(high=1 * MIB, resolution=10 * MIB)) == 5 * HOUR
    assert horizon(replace(memory, capacity=110 * MIB), trend(high=10 * MIB)) == HOUR
    assert (
        horizon(replace(memory, capacity=90 * MIB), trend(high=10 * MIB)) == 5 * HOUR
    )  # it is beyond: no capacity
    assert horizon(memory, trend(high=0.0)) == MOST


def test_of_counted_things_a_handful_more_does_no_harm() -> None:
    counts = subject([0.0], integer=True)
    assert room(counts, 10.0) == HANDFUL
    assert room(counts, 1000.0) == 500.0
    assert room(replace(counts, unit="requests"), 10.0) == OBJECTS
    assert room(replace(counts, unit="timers"), 2010.0) == 1005.0
    assert room(replace(counts, capacity=64.0), 10.0) == 54.0


def test_of_memory_a_mebibyte_more_does_no_harm() -> None:
    memory = subject([0.0])
    assert room(memory, 90 * 1024) == LITTLE
    assert room(memory, 2 * MIB) == LITTLE
    assert room(memory, 2.1 * MIB) == 1.05 * MIB
    assert room(replace(memory, capacity=100 * 1024), 90 * 1024) == 10 * 1024


def test_a_small_part_of_a_process_matters_by_what_it_adds_to_the_process() -> None:
    part = replace(subject([0.0]), process_memory=200 * MIB)
    assert room(part, 19 * MIB) == PART * 200 * MIB == 10 * MIB
    assert room(part, 21 * MIB) == 10.5 * MIB
    assert room(replace(part, capacity=20 * MIB), 19 * MIB) == MIB


@pytest.mark.parametrize(("low", "chance"), [(0.5, False), (0.0, True), (-1.0, True)])
def test_growth_that_a_hollow_pass_saw_may_be_chance_where_its_interval_reaches_none(
    low: float, chance: bool
) -> None:
    grows = replace(trend(high=50 * MIB), slope_per_hour=2.0, slope_low=low)
    [told] = vouched([subject([0.0])], [finding(grows)], HOUR)
    assert told.reason.startswith("Resident memory grows by some 2 B/h")
    assert ("may be chance" in told.reason) is chance


@pytest.mark.parametrize(("hours", "verdict"), [(2.0, Verdict.PASS), (1.99, Verdict.INCONCLUSIVE)])
def test_a_pass_whose_horizon_is_under_twice_the_judged_stretch_is_hollow(
    hours: float, verdict: Verdict
) -> None:
    [told] = vouched([subject([0.0])], [finding(trend(high=50 * MIB / hours))], HOUR)
    assert told.verdict is verdict
    if verdict is Verdict.INCONCLUSIVE:
        assert [
            (adjustment.by, adjustment.before, adjustment.after) for adjustment in told.adjustments
        ] == [("vouched horizon", Verdict.PASS, Verdict.INCONCLUSIVE)]
        assert "it could grow by half in 2 h, and was judged for 60 min" in told.reason


def test_a_hollow_pass_that_surely_grows_is_not_said_to_be_steady() -> None:
    [hollow] = vouched(
        [subject([0.0])], [finding(replace(trend(high=50 * MIB), slope_low=MIB))], HOUR
    )
    assert hollow.verdict is Verdict.INCONCLUSIVE
    assert "grows by some" in hollow.reason
    assert "is not ruled out: it could grow by half" in hollow.reason
    assert "not seen" not in hollow.reason
    for slope, said in (
        (25 * MIB, "grows by some 25 MiB/h, which may be chance"),
        (0.0, "was not seen to grow"),
    ):
        uncertain = replace(trend(high=50 * MIB), slope_low=-MIB, slope_per_hour=slope)
        [open_] = vouched([subject([0.0])], [finding(uncertain)], HOUR)
        assert said in open_.reason  # the chart beside it shows that slope


def test_counts_and_explicit_limits_are_never_hollow() -> None:
    fast = finding(trend(high=500 * MIB))
    for own in (subject([0.0], integer=True), subject([0.0], limit=1e9)):
        [told] = vouched([own], [fast], HOUR)
        assert told.verdict is Verdict.PASS
        assert told.vouched_seconds is not None


def test_a_run_vouches_for_its_shortest_horizon_and_says_what_would_do() -> None:
    findings = [finding(trend(1.0), seconds=8 * DAY), finding(trend(1.0), seconds=4 * DAY)]
    reach = horizon_of(findings, DAY, 32 * DAY)
    assert reach is not None
    assert (reach.seconds, reach.finding) == (4 * DAY, findings[1])
    assert math.isclose(
        reach.longer, 3 * DAY
    )  # 8 times as long a horizon wants a run of 8^(2/3) = 4 days
    assert reach.rounds is None  # 63 more runs are too many to advise
    near = horizon_of(findings, DAY, 8 * DAY)
    assert near is not None
    assert near.rounds == 3
    there = horizon_of(findings, DAY, 3 * DAY)
    assert there is not None
    assert (there.longer, there.rounds) == (0.0, 0)


def test_no_run_is_advised_that_is_as_long_as_what_is_asked_for() -> None:
    findings = [finding(trend(1.0), seconds=DAY / 4)]
    far = horizon_of(findings, 3 * HOUR, 30 * DAY)  # 120 times as long wants a run 24 times as long
    assert far is not None
    assert advice(far) == "2.9 days more would vouch for 30 days"
    further = replace(far, longer=30 * DAY)
    assert advice(further) == "too noisy for a shorter run to vouch for 30 days"
    repeated = replace(further, rounds=3)
    assert advice(repeated) == "3 more such runs judged with it would vouch for 30 days"
    assert advice(repeated, driven=False) == advice(further)
    once = replace(far, rounds=1)
    assert (
        advice(once) == "2.9 days more, or 1 more such run judged with it, would vouch for 30 days"
    )


def test_a_pass_says_first_for_how_long_it_vouches() -> None:
    analysis = analyze(recording(MEMORY, sources=[health()]), Limits())
    assert analysis.verdict is Verdict.PASS
    assert analysis.vouched is not None
    assert analysis.vouched.by == "process_resident_memory_bytes"
    assert analysis.reason.startswith(
        f"Vouches for {show_duration(analysis.vouched.seconds)} at this load: resident memory might still grow by up to "
    )
    assert "would vouch for 30 days" in analysis.reason


def test_what_fails_or_is_open_vouches_for_nothing() -> None:
    leak = gauge("process_resident_memory_bytes", 50e6 + 5e4 * np.arange(300) + noise(2e4))
    analysis = analyze(recording(leak, sources=[health()]), Limits())
    assert (analysis.verdict, analysis.vouched) == (Verdict.FAIL, None)


def test_a_required_horizon_that_is_not_reached_is_inconclusive() -> None:
    run = recording(MEMORY, sources=[health()])
    reach = analyze(run, Limits()).vouched
    assert reach is not None
    assert (
        analyze(run, Limits.model_validate({"vouch": f"{reach.seconds - 1}s"})).verdict
        is Verdict.PASS
    )
    analysis = analyze(run, Limits.model_validate({"vouch": f"{reach.seconds + 60}s"}))
    assert analysis.verdict is Verdict.INCONCLUSIVE
    assert "are required: resident memory might still grow by up to" in analysis.reason
    assert "more" in analysis.reason


def test_memory_so_noisy_that_it_could_have_grown_by_half_is_no_pass() -> None:
    rough = gauge("process_resident_memory_bytes", 50e6 + noise(1.5e7, seed=4))
    analysis = analyze(recording(rough, sources=[health()]), Limits())
    assert analysis.verdict is Verdict.INCONCLUSIVE


# Production at 20/s, tests at 200/s.


def loaded(values: np.ndarray, rates: np.ndarray) -> Series:
    return Series("http_requests_total", np.arange(float(len(values))), np.cumsum(rates))


def produced(
    per_request: float, per_second: float, rates: np.ndarray, verdict: Verdict = Verdict.FAIL
) -> Finding:
    """What is found at 20/s in production of a level of 10 MiB that grows so, over an hour."""
    count = len(rates)
    times = np.arange(float(count))
    values = (
        10 * MIB
        + per_request * np.cumsum(rates)
        + per_second * times
        + np.random.default_rng(2).normal(0, 1e3, count)
    )
    slope = 3600 * (per_request * float(rates.mean()) + per_second)
    own = subject(values, times, requests=loaded(values, rates))
    trend = Trend(slope, 0.98 * slope, 1.02 * slope, 1e3, 0.0, 10 * MIB)
    return at_production(
        own, finding(trend, verdict), Survive.model_validate({"for": "30d", "at": "20/s"})
    )


STEADY = np.full(3600, 200.0)
VARIED = np.where((np.arange(3600) // 600) % 2 == 0, 50.0, 350.0)
SLOW = 5 * MIB / (30 * DAY)  # a second: half of the level in a month


def test_growth_of_one_rate_counts_as_either_and_only_what_both_say_is_a_fail() -> None:
    surely = produced(0.0, 20 * SLOW, STEADY)
    assert surely.verdict is Verdict.FAIL
    open_ = produced(0.0, 5 * SLOW, STEADY)
    assert open_.verdict is Verdict.INCONCLUSIVE
    assert "whether it grows with requests or with time" in open_.reason
    assert open_.vouched_seconds is not None
    assert math.isclose(open_.vouched_seconds, 30 * DAY / 5 / 1.02, rel_tol=1e-6)


def test_where_the_rate_varied_growth_with_requests_is_told_from_growth_with_time() -> None:
    per_request = produced(5 * SLOW / 200, 0.0, VARIED)
    assert per_request.verdict is Verdict.PASS
    assert "too little to matter within 30 days" in per_request.reason
    with_time = produced(0.0, 5 * SLOW, VARIED)
    assert with_time.verdict is Verdict.FAIL
    assert with_time.vouched_seconds is not None
    assert per_request.vouched_seconds is not None
    assert per_request.vouched_seconds > 4 * with_time.vouched_seconds


def test_without_a_rate_of_production_nothing_changes() -> None:
    own = subject(np.ones(300))
    failing = finding(trend(high=1.0), Verdict.FAIL)
    assert at_production(own, failing, Survive()) is failing


@pytest.mark.parametrize(
    ("shortfall", "said"),
    [
        (2.0, "; 3 h more would tell"),
        (3.16, "; 9 h more would tell"),
        (3.17, ", and so noisy that more time would not tell"),
    ],
)
def test_how_much_longer_a_hollow_run_must_be(shortfall: float, said: str) -> None:
    """A horizon grows with T^1.5, and must be twice the judged stretch."""
    assert _more(2 * HOUR / shortfall, HOUR) == said
