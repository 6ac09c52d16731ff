"""For how long a pass vouches, and which passes are hollow."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.rules.production import at_production
from soak.analysis.statistics.room import HANDFUL, LITTLE, OBJECTS, PART, room
from soak.analysis.vouch import (
    MOST,
    Horizon,
    _more_seconds,
    advice,
    bound,
    horizon,
    horizon_of,
    unseen,
    vouch_finding,
    vouched,
    vouched_by,
    vouches,
)
from soak.model import Finding, RuleName, Series, Trend, Verdict, Vouched
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
        assert (
            "by which it would grow by half in 2 h: too uncertain for a judged time of 60 min"
            in told.reason
        )


def test_a_hollow_pass_that_surely_grows_is_not_said_to_be_steady() -> None:
    [hollow] = vouched(
        [subject([0.0])], [finding(replace(trend(high=50 * MIB), slope_low=MIB))], HOUR
    )
    assert hollow.verdict is Verdict.INCONCLUSIVE
    assert "grows by some" in hollow.reason
    assert "is not ruled out, by which it would grow by half" in hollow.reason
    assert "not seen" not in hollow.reason
    for slope, said in (
        (25 * MIB, "grows by some 25 MiB/h, which may be chance"),
        (0.0, "was not seen to grow"),
    ):
        uncertain = replace(trend(high=50 * MIB), slope_low=-MIB, slope_per_hour=slope)
        [open_] = vouched([subject([0.0])], [finding(uncertain)], HOUR)
        assert said in open_.reason  # the chart beside it shows that slope


def test_explicit_limits_are_never_hollow() -> None:
    [told] = vouched([subject([0.0], limit=1e9)], [finding(trend(high=500 * MIB))], HOUR)
    assert told.verdict is Verdict.PASS
    assert told.vouched_seconds is not None


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(0.5 * HOUR, Verdict.PASS), (0.49 * HOUR, Verdict.INCONCLUSIVE)]
)
def test_a_count_is_hollow_where_its_bound_lies_far_beyond_what_was_seen(
    seconds: float, verdict: Verdict
) -> None:
    """All its steps were seen, so that it need not have a horizon of twice the judged time."""
    [told] = vouched(
        [subject([0.0], integer=True)], [finding(trend(high=9.0), seconds=seconds)], HOUR
    )
    assert told.verdict is verdict


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
    assert near.rounds == 5  # 4.5 standard errors by the root of 1.5 / 6
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
    ("shortfall", "lengths"),
    [
        (2.0, 4.5),  # half more than the three lengths after which its bound has shrunk enough
        (1.0, 1.0),
        (1.29, 1.0),
        (1.3, 1.035),
        (7**0.5, 9.0),
        (6.08, 9.0),  # 36 lengths, of which 9 are advised
        (6.09, None),
        (math.inf, None),
    ],
)
def test_how_much_longer_a_hollow_run_must_be(shortfall: float, lengths: float | None) -> None:
    """A horizon grows with T^1.5, and must be twice the judged stretch."""
    longer = _more_seconds(2 * HOUR / shortfall, HOUR)
    assert longer == (None if lengths is None else pytest.approx(lengths * HOUR))


# Boundaries, on findings made by hand.


def test_the_bound_is_the_upper_end_of_growth_for_the_worse_and_no_less_than_was_resolved() -> None:
    assert bound(trend(high=5.0, resolution=3.0, low=-9.0)) == 5.0
    assert bound(trend(high=5.0, resolution=7.0)) == 7.0
    assert bound(trend(high=5.0, resolution=3.0, low=-9.0).mirrored()) == 5.0
    assert bound(replace(trend(high=5.0, low=-9.0), falls=True)) == 9.0


def test_no_horizon_is_longer_than_ten_years() -> None:
    memory = subject([0.0])
    assert MOST == 10 * 365 * 86400
    assert horizon(memory, trend(high=1e-9)) == MOST
    assert horizon(memory, trend(high=-1.0)) == MOST
    assert horizon(memory, trend(high=1.0, level=4 * MIB)) == min(3600 * 2 * MIB, MOST)
    assert horizon(memory, trend(high=0.5, level=4e4 * MIB)) == MOST


@pytest.mark.parametrize(
    ("unit", "fitted", "seconds"),
    [
        ("", trend(high=1.0, level=0.0), None),
        ("", trend(high=1.0, level=2.0), 3600.0),
        ("", trend(high=1.0, level=-2.0), 3600.0),
        ("", trend(high=math.inf, level=2.0), None),
        ("", trend(high=1.0, level=math.nan), None),
        ("", trend(high=1.0, level=math.inf), None),
        ("bytes", trend(high=MIB, level=0.0), 3600.0),
    ],
)
def test_what_has_no_bound_or_no_room_has_no_horizon(
    unit: str, fitted: Trend, seconds: float | None
) -> None:
    [told] = vouched([subject([0.0], unit=unit)], [finding(fitted)], 60.0)
    assert told.vouched_seconds == seconds


@pytest.mark.parametrize(
    ("unit", "process", "seconds"),
    [("blocks", 50 * MIB, None), ("blocks", 0.0, HOUR), ("objects", 50 * MIB, HOUR)],
)
def test_blocks_vouch_for_nothing_beside_the_memory_that_they_take(
    unit: str, process: float, seconds: float | None
) -> None:
    """A list may grow without another block, and half more blocks matter only by their memory."""
    many = subject([0.0], unit=unit, integer=True, process_memory=process)
    [told] = vouched([many], [finding(trend(high=1e6, level=2e6))], 60.0)
    assert told.vouched_seconds == seconds


def test_what_has_no_trend_stays_as_it_is() -> None:
    bare = replace(finding(trend(1.0)), trend=None)
    assert vouched([subject([0.0])], [bare], HOUR) == [bare]


def test_a_horizon_that_is_known_already_decides() -> None:
    own, slow = subject([0.0]), trend(high=MIB)
    [kept] = vouched([own], [finding(slow, seconds=2 * HOUR)], HOUR)
    assert (kept.verdict, kept.vouched_seconds) == (Verdict.PASS, 2 * HOUR)
    [hollow] = vouched([own], [finding(slow, seconds=2 * HOUR - 1)], HOUR)
    assert (hollow.verdict, hollow.vouched_seconds) == (Verdict.INCONCLUSIVE, 2 * HOUR - 1)
    [at_once] = vouched([own], [finding(slow, seconds=0.0)], HOUR)
    assert (at_once.verdict, at_once.vouched_seconds) == (Verdict.INCONCLUSIVE, 0.0)
    assert at_once.reason.endswith("so noisy that more time may not tell.")


@pytest.mark.parametrize(
    ("own", "fitted", "verdict"),
    [
        ({}, trend(high=500 * MIB), Verdict.INCONCLUSIVE),
        ({"integer": True}, trend(high=500 * MIB), Verdict.INCONCLUSIVE),
        ({"integer": True}, trend(high=90 * MIB), Verdict.PASS),
        ({"integer": True, "unit": "objects"}, trend(high=500 * MIB), Verdict.PASS),
        ({"limit": 1e9}, trend(high=500 * MIB), Verdict.PASS),
        ({"limit": 0.0}, trend(high=500 * MIB), Verdict.PASS),
        ({}, trend(high=500 * MIB, low=500 * MIB), Verdict.PASS),
    ],
)
def test_only_a_fitted_level_without_a_limit_of_its_own_can_be_hollow(
    own: dict[str, Any], fitted: Trend, verdict: Verdict
) -> None:
    [told] = vouched([subject([0.0], **own)], [finding(fitted)], HOUR)
    assert told.verdict is verdict
    for other in (Verdict.FAIL, Verdict.INCONCLUSIVE):
        judged = finding(fitted, other)
        [told] = vouched([subject([0.0], **own)], [judged], HOUR)
        assert (told.verdict, told.reason, told.adjustments) == (other, "steady", ())


def test_a_hollow_pass_is_told_in_full() -> None:
    grown = replace(trend(high=50 * MIB, low=-MIB), slope_per_hour=25 * MIB)
    [told] = vouched([subject([0.0])], [finding(grown)], HOUR)
    assert told.reason == (
        "Resident memory grows by some 25 MiB/h, which may be chance, and up to 50 MiB/h is not ruled out, by which it would "
        "grow by half in 60 min: too uncertain for a judged time of 60 min; 4.5 h more would tell."
    )
    unmoved = replace(trend(high=50 * MIB, low=-MIB, level=MIB), slope_per_hour=0.0)
    [told] = vouched([subject([0.0])], [finding(unmoved)], HOUR)
    assert told.reason.startswith(
        "Resident memory was not seen to grow, but up to 50 MiB/h would have gone unseen, by which it would grow by 1 MiB in 72 s"
    )


@pytest.mark.parametrize("slope", [0.0, 0.5])
def test_any_growth_that_was_seen_is_told(slope: float) -> None:
    slow = replace(trend(high=50 * MIB, low=slope), slope_per_hour=slope)
    [told] = vouched([subject([0.0])], [finding(slow)], HOUR)
    assert told.reason.startswith("Resident memory grows by some 0.5 B/h, and") is (slope > 0)


def test_of_what_falls_a_hollow_pass_says_so() -> None:
    own = subject([0.0], falls=True, noun="free memory")
    fallen = replace(trend(high=50 * MIB, low=1.0), slope_per_hour=25 * MIB).mirrored()
    [told] = vouched([own], [finding(fallen)], HOUR)
    assert told.reason.startswith(
        "Free memory falls by some 25 MiB/h, and up to 50 MiB/h is not ruled out, by which it would fall by half in 60 min"
    )
    unmoved = replace(trend(high=50 * MIB, low=-MIB), slope_per_hour=-1.0).mirrored()
    [told] = vouched([own], [finding(unmoved)], HOUR)
    assert told.reason.startswith("Free memory was not seen to fall, but up to 50 MiB/h would have")


def test_a_shortfall_is_taken_from_the_horizon_as_it_is() -> None:
    assert _more_seconds(0.5, 0.5) == pytest.approx(2.25)
    assert _more_seconds(1.5, 1.0) == pytest.approx(1.5 * ((4 / 3) ** 2 - 1))
    assert _more_seconds(0.0, 1.0) is None


def test_of_no_growth_no_horizon_is_known() -> None:
    assert horizon_of([], HOUR, HOUR) is None
    assert horizon_of([finding(trend(1.0))], HOUR, HOUR) is None
    other = replace(finding(trend(1.0), seconds=5.0), rule=RuleName.MAX)
    assert horizon_of([other], HOUR, HOUR) is None
    own = finding(trend(1.0), seconds=9.0)
    reach = horizon_of([other, own, finding(trend(1.0))], HOUR, HOUR)
    assert reach is not None
    assert (reach.seconds, reach.finding) == (9.0, own)


@pytest.mark.parametrize(
    ("seconds", "asked", "fitted", "longer", "rounds"),
    [
        (8.0, 8.0, trend(1.0), 0.0, 0),
        (9.0, 8.0, trend(1.0), 0.0, 0),
        (1.0, 8.0, trend(1.0), 300.0, None),  # 8^(2/3) is 4
        (2.0, 16.0, trend(1.0), 300.0, None),
        (4.0, 4.1, trend(1.0), 100 * (1.025 ** (2 / 3) - 1), 1),  # the root of 1.1 / 2
        (4.0, 6.0, trend(1.0), 100 * (1.5 ** (2 / 3) - 1), 2),  # the root of 1.2 / 3
        (4.0, 8.0, trend(1.0), 100 * (2 ** (2 / 3) - 1), 5),  # the root of 1.5 / 6
        (4.0, 10.0, trend(1.0), 100 * (2.5 ** (2 / 3) - 1), 14),  # the root of 2.4 / 15
        (4.0, 10.1, trend(1.0), 100 * (2.525 ** (2 / 3) - 1), None),
        (1.0, 8.0, trend(1.0, low=1.0), 700.0, 7),
        (1.0, 15.0, trend(1.0, low=1.0), 1400.0, 14),
        (1.0, 15.01, trend(1.0, low=1.0), 1401.0, None),
        (1.0, 14.5, trend(1.0, low=1.0), 1350.0, 14),
        (0.5, 2.0, trend(1.0, low=1.0), 300.0, 3),
        (0.0, 8.0, trend(1.0), math.inf, None),
    ],
)
def test_what_would_reach_the_horizon_that_is_asked_for(
    seconds: float, asked: float, fitted: Trend, longer: float, rounds: int | None
) -> None:
    """With a fit a horizon grows with T^1.5, and with runs as their bound narrows; where all is exact, with both alike."""
    own = finding(fitted, seconds=seconds)
    reach = horizon_of([finding(trend(1.0), seconds=seconds + 0.5), own], 100.0, asked)
    assert reach is not None
    assert reach.longer == pytest.approx(longer)
    assert reach == Horizon(seconds, own, asked, reach.longer, rounds)


def test_without_a_trend_nothing_is_exact() -> None:
    reach = horizon_of([replace(finding(trend(1.0), seconds=1.0), trend=None)], 100.0, 8.0)
    assert reach is not None
    assert reach.longer == pytest.approx(300.0)


FAST = finding(trend(high=7 * MIB, resolution=MIB), seconds=3 * DAY)
REACH = Horizon(3 * DAY, FAST, 30 * DAY, 5 * HOUR, 3)


def test_a_required_horizon_is_a_finding_of_its_own() -> None:
    assert list(vouch_finding(REACH, None)) == []
    assert list(vouch_finding(None, None)) == []
    [none] = vouch_finding(None, 2 * HOUR)
    assert none == Finding(
        RuleName.VOUCH,
        "vouched_seconds",
        Verdict.INCONCLUSIVE,
        "Nothing was judged for growth, so this run vouches for nothing; 2 h are required.",
        (),
        2 * HOUR,
        None,
        "seconds",
    )
    [kept] = vouch_finding(REACH, 3 * DAY)
    assert (kept.verdict, kept.limit, kept.observed, kept.unit) == (
        Verdict.PASS,
        3 * DAY,
        3 * DAY,
        "seconds",
    )
    assert kept.reason == "This run vouches for 3 days; 3 days are required."
    assert (kept.rule, kept.series) == (RuleName.VOUCH, FAST.series)
    [short] = vouch_finding(REACH, 3 * DAY + 1)
    assert short.verdict is Verdict.INCONCLUSIVE
    assert short.reason == (
        "This run vouches for 3 days; 3 days are required: resident memory might still grow by up to 7 MiB/h unseen; "
        "5 h more, or 3 more such runs judged with it, would vouch for 30 days."
    )


def test_a_horizon_is_stored_with_what_bounds_it() -> None:
    labelled = replace(FAST, labels=(("pod", "a"),))
    key = 'process_resident_memory_bytes{pod="a"}'
    assert vouched_by(replace(REACH, finding=labelled)) == Vouched(
        3 * DAY, key, 7 * MIB, "bytes/h", 30 * DAY, 5 * HOUR, 3
    )
    assert vouched_by(replace(REACH, finding=replace(FAST, trend=None))).unseen == 0.0


def test_a_pass_says_for_how_long_it_vouches_and_what_would_reach_further() -> None:
    said = "resident memory might still grow by up to 7 MiB/h unseen"
    more = "; 5 h more, or 3 more such runs judged with it, would vouch for 30 days"
    assert vouches(REACH) == f"Vouches for 3 days at this load: {said}{more}"
    assert vouches(REACH, driven=False) == (
        f"Vouches for 3 days: {said}; 5 h more would vouch for 30 days"
    )
    there = replace(REACH, longer=0.0)
    assert vouches(there) == f"Vouches for 3 days at this load: {said}"
    assert vouches(there, driven=False) == f"Vouches for 3 days: {said}"
    assert vouches(reach=replace(REACH, longer=0.5)).endswith(" would vouch for 30 days")


def test_what_might_go_unseen_is_a_fall_where_that_is_for_the_worse() -> None:
    fallen = replace(FAST, trend=trend(high=7 * MIB).mirrored())
    assert unseen(fallen) == "resident memory might still fall by up to 7 MiB/h unseen"
    unknown = replace(FAST, series="queue_length", unit="/h")
    assert unseen(unknown).startswith("queue_length might still grow by up to 7,340,032/h")
    assert (
        unseen(replace(FAST, trend=None))
        == "resident memory might still grow by up to nan B/h unseen"
    )


@pytest.mark.parametrize(
    ("longer", "rounds", "driven", "said"),
    [
        (30 * DAY, None, True, "too noisy for a shorter run to vouch for 30 days"),
        (30 * DAY, 2, True, "2 more such runs judged with it would vouch for 30 days"),
        (30 * DAY, 2, False, "too noisy for a shorter run to vouch for 30 days"),
        (29 * DAY, None, True, "29 days more would vouch for 30 days"),
        (29 * DAY, 0, True, "29 days more would vouch for 30 days"),
        (
            29 * DAY,
            1,
            True,
            "29 days more, or 1 more such run judged with it, would vouch for 30 days",
        ),
        (29 * DAY, 1, False, "29 days more would vouch for 30 days"),
    ],
)
def test_no_advice_is_a_run_as_long_as_the_horizon_itself(
    longer: float, rounds: int | None, driven: bool, said: str
) -> None:
    assert advice(reach=replace(REACH, longer=longer, rounds=rounds), driven=driven) == said
