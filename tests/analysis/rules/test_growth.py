"""The growth rule: verdicts, their sentences, limits, capacities, and many series at once."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soak.analysis.rules import growth
from soak.analysis.rules.growth import judge_growth
from soak.analysis.statistics.growth_input import Subject
from soak.model import Finding, JudgedClock, Series, Trend, Verdict
from tests.analysis.series import MONTH, judged, noise, subject

MIB = 2.0**20
SECONDS = np.arange(600.0)
MANY = [
    subject(values + noise(600, seed))
    for seed, values in enumerate(
        (
            100 + 0 * SECONDS,
            100 + 0.001 * SECONDS,
            100 + 0.0015 * SECONDS,
            100 + 0.002 * SECONDS,
            100 + 9 * np.exp(-SECONDS / 40),
            100 + 0.02 * SECONDS,
        )
    )
]


HOUR = 3600.0
INF = math.inf
COUNTED: dict[str, Any] = {"noun": "open files", "unit": "files", "integer": True}


def files(count: int = 11, **more: Any) -> Subject:
    """A subject in the plural, with a value every six minutes of an hour; all is told of its trend."""
    return subject(np.full(count, 50.0), np.arange(count) * 360.0, **{**COUNTED, **more})


def trend(
    slope: float = 4.0, low: float = 2.0, high: float = 6.0, level: float = 100.0, **more: Any
) -> Trend:
    """Growth per hour with its interval; any growth above 1 an hour would have been seen."""
    return Trend(slope, low, high, more.pop("seen", 1.0), more.pop("settled", None), level, **more)


@pytest.mark.parametrize(
    ("seen", "certain", "limit", "verdict", "reason"),
    [
        (trend(high=INF, doubt="too short"), True, 5.0, "inconclusive",
         "Open files cannot be judged against 5 files/h: too short."),
        (trend(low=-INF, high=INF), True, 5.0, "inconclusive",
         "Open files may or may not grow faster than 5 files/h: 4 files/h (-inf to inf); 9 h more would tell."),
        (trend(low=5.0), True, 5.0, "inconclusive",
         "Open files may or may not grow faster than 5 files/h: 4 files/h (5 to 6); 60 min more would tell."),
        (trend(low=5.1), False, 5.0, "fail",
         "Open files keep growing: 4 files/h (5.1 to 6), and 5 files/h is allowed; they would double in 25 h."),
        (trend(low=0.6), False, 0.5, "fail",
         "Open files keep growing: 4 files/h (0.6 to 6), and 0.5 files/h is allowed; they would double in 25 h."),
        (trend(low=0.1), True, 0.0, "fail",
         "Open files keep growing: 4 files/h (0.1 to 6), and 0 files/h is allowed; they would double in 25 h."),
        (trend(low=0.0, p_no_growth=0.5), True, 0.0, "inconclusive",
         "Open files may or may not grow faster than 0 files/h: 4 files/h (0 to 6); 60 min more would tell."),
        (trend(low=0.1, p_no_growth=0.5), False, 0.0, "inconclusive",
         "Open files may or may not grow faster than 0 files/h: 4 files/h (0.1 to 6); 60 min more would tell."),
        (trend(low=0.1, p_no_growth=0.51), False, 0.0, "pass",
         "Open files rose at first, and have settled: any growth is under 1 files/h, 720 a month."),
        (trend(low=0.1, p_no_growth=0.51), False, 1.0, "inconclusive",
         "Open files may or may not grow faster than 1 files/h: 4 files/h (0.1 to 6); 60 min more would tell."),
        (trend(low=0.1, p_no_growth=0.51, doubt="it may settle"), False, 0.0, "inconclusive",
         "Open files may or may not grow faster than 0 files/h: 4 files/h (0.1 to 6); it may settle."),
        (trend(high=5.0, doubt="it may settle"), True, 5.0, "pass",
         "Open files grow by no more than 5 files/h: 4 files/h (2 to 5)."),
        (trend(high=0.0, low=-1.0, slope=-0.5), False, 0.0, "pass",
         "Open files grow by no more than 0 files/h: -0.5 files/h (-1 to 0)."),
    ],
)  # fmt: skip
def test_a_limit_is_kept_or_broken_by_the_whole_interval(
    seen: Trend, certain: bool, limit: float, verdict: str, reason: str
) -> None:
    assert growth._against_limit(files(), seen, certain, limit)[:2] == (verdict, reason)
    by_rule = growth._judge(files(limit=limit), seen, certain, 10 * HOUR)
    assert (by_rule.verdict, by_rule.reason, by_rule.limit) == (verdict, reason, limit)


SETTLED = "Open files rose at first, and have settled: any growth is under 1 files/h, 720 a month."


@pytest.mark.parametrize(
    ("seen", "certain", "verdict", "reason"),
    [
        (trend(high=INF, doubt="too short"), True, "inconclusive", "Open files cannot be judged: too short."),
        # Half of the level within ten hours is 5 an hour.
        (trend(low=5.1, p_no_growth=0.51), False, "inconclusive",
         "Open files may have settled, or grow by 4 files/h (5.1 to 6); 60 min more would tell."),
        (trend(6.0, 5.1, 36.0, p_no_growth=0.51), False, "inconclusive",
         "Open files may have settled, or grow by 6 files/h (5.1 to 36); 60 min more would tell."),
        (trend(low=5.0, p_no_growth=0.51), False, "pass", SETTLED),
        (trend(low=5.1, p_no_growth=0.98), False, "inconclusive",
         "Open files may have settled, or grow by 4 files/h (5.1 to 6); 60 min more would tell."),
        (trend(low=5.1, p_no_growth=0.99), False, "pass", SETTLED),
        (trend(low=5.1, p_no_growth=0.5), False, "inconclusive",
         "Open files may be growing, 4 files/h (5.1 to 6); 60 min more would tell."),
        (trend(low=5.1, p_no_growth=0.51, doubt="it may settle"), False, "inconclusive",
         "Open files may be growing, 4 files/h (5.1 to 6); it may settle."),
        (trend(low=5.1, p_no_growth=0.51), True, "fail",
         "Open files keep growing: 4 files/h (5.1 to 6); they would double in 25 h."),
        (trend(low=0.2, level=6.0, p_no_growth=0.9), False, "pass", SETTLED),
        (trend(low=0.4, level=6.0, p_no_growth=0.9), False, "inconclusive",
         "Open files may have settled, or grow by 4 files/h (0.4 to 6); 60 min more would tell."),
        (trend(high=4.9), True, "pass",
         "Open files grow by 4 files/h (2 to 4.9): too little to matter within 10 h."),
        (trend(high=5.0), True, "inconclusive",
         "Open files grow by 4 files/h (2 to 5); 60 min more would tell whether that matters."),
        (trend(low=5.0, settled=600.0), True, "fail",
         "Open files keep growing: 4 files/h (5 to 6), settled after 10 min; they would double in 25 h."),
        (trend(low=5.0, settled=0.0), True, "fail",
         "Open files keep growing: 4 files/h (5 to 6); they would double in 25 h."),
        (trend(low=4.9), True, "inconclusive",
         "Open files grow by 4 files/h (4.9 to 6); 60 min more would tell whether that matters."),
        (trend(low=5.0, p_no_growth=0.2), False, "inconclusive",
         "Open files may be growing, 4 files/h (5 to 6); 60 min more would tell."),
    ],
)  # fmt: skip
def test_without_a_limit_growth_fails_that_is_certain_and_matters_in_time(
    seen: Trend, certain: bool, verdict: str, reason: str
) -> None:
    assert growth._by_default(files(), seen, certain, 10 * HOUR)[:2] == (verdict, reason)
    by_rule = growth._judge(files(), seen, certain, 10 * HOUR)
    assert (by_rule.verdict, by_rule.reason, by_rule.limit) == (verdict, reason, None)


@pytest.mark.parametrize(
    ("level", "capacity", "matters"),
    [(100.0, None, 50.0), (-100.0, None, 50.0), (100.0, 120.0, 20.0), (100.0, 200.0, 50.0), (100.0, 90.0, 0.0)],
)  # fmt: skip
def test_growth_matters_by_half_or_to_what_is_left_of_the_capacity(
    level: float, capacity: float | None, matters: float
) -> None:
    assert growth._matters(files(capacity=capacity), trend(level=level)) == matters


@pytest.mark.parametrize(
    ("seen", "certain", "reason"),
    [
        (trend(low=0.0, doubt="it may settle"), False, "Open files cannot be judged yet: it may settle."),
        (trend(low=0.1, doubt="it may settle"), False,
         "Open files may be growing, 4 files/h (0.1 to 6); it may settle."),
        (trend(low=-4.0, high=12.0, doubt=None), False,
         "Open files may be growing, 4 files/h (-4 to 12); 5.3 h more would tell."),
        (trend(low=-4.0, high=12.0), True,
         "Open files grow by 4 files/h (-4 to 12); 5.3 h more would tell whether that matters."),
    ],
)  # fmt: skip
def test_what_is_undecided_says_why(seen: Trend, certain: bool, reason: str) -> None:
    measured = growth._measured(files(), seen)
    assert growth._undecided(files(), seen, certain, measured, 3.5).reason == reason


def test_more_time_is_advised_by_the_nearest_growth_at_which_the_verdict_changes() -> None:
    """An interval of 8 on either side, and 1 from the nearest: eight times narrower takes four times as long."""
    seen = trend(slope=4.0, low=-4.0, high=12.0)
    assert growth._undecided(files(), seen, True, "4", 3.0).reason.endswith(
        "; 3 h more would tell whether that matters."
    )
    undecided = growth._undecided(files(), seen, False, "4", 3.0)
    assert undecided.reason.endswith("; 3 h more would tell.")
    assert undecided.more_seconds == pytest.approx(3 * HOUR)
    seen = trend(slope=1.0, low=-7.0, high=9.0)
    undecided = growth._undecided(files(), seen, False, "1", 30.0)
    assert undecided.reason.endswith("; 3 h more would tell.")
    said = growth._against_limit(files(), trend(slope=4.0, low=-4.0, high=12.0), True, 5.0)[1]
    assert said.endswith("; 3 h more would tell.")
    apart = trend(slope=8.0, low=6.0, high=24.0, p_no_growth=0.6)
    assert growth._by_default(files(), apart, False, 10 * HOUR)[1].endswith(
        "; 60 min more would tell."
    )


def test_steps_may_tell_and_what_else_is_open_would() -> None:
    seen = replace(trend(low=0.0, doubt="too few so far"), more_seconds=60.0)
    for stepwise, tells in ((True, "may"), (False, "would")):
        undecided = growth._undecided(files(), replace(seen, stepwise=stepwise), False, "4", 3.0)
        assert undecided.reason == (
            f"Open files cannot be judged yet: too few so far; 60 s more {tells} tell."
        )
        assert undecided.more_seconds == 60.0


MEMORY: dict[str, Any] = {"noun": "resident memory", "unit": "things", "integer": False}
ONE: dict[str, Any] = {**COUNTED, "noun": "open_files"}


@pytest.mark.parametrize(
    ("more", "seen", "said"),
    [
        (MEMORY, trend(low=4.0, high=4.0, seen=0.0), "Resident memory did not change at all."),
        (MEMORY, trend(low=4.0, high=4.0),
         "Resident memory did not change at all: any growth is under 1 things/h, 720 a month."),
        ({**MEMORY, "falls": True}, trend(low=4.0, high=4.0),
         "Resident memory did not change at all: any fall is under 1 things/h, 720 a month."),
        (COUNTED, trend(low=4.0, high=4.0), SETTLED),
        (MEMORY, trend(low=0.0), "Resident memory is steady: any growth is under 1 things/h, 720 a month."),
        (MEMORY, trend(low=0.1),
         "Resident memory rose at first, and has settled: any growth is under 1 things/h, 720 a month."),
        ({**MEMORY, "falls": True}, trend(low=0.1),
         "Resident memory fell at first, and has settled: any fall is under 1 things/h, 720 a month."),
        ({**COUNTED, "falls": True}, trend(low=-0.1),
         "Open files are steady: any fall is under 1 files/h, 720 a month."),
        (ONE, trend(low=-0.1), "open_files is steady: any growth is under 1 files/h, 720 a month."),
    ],
)  # fmt: skip
def test_a_steady_level_says_what_would_have_been_seen(
    more: dict[str, Any], seen: Trend, said: str
) -> None:
    assert growth._steady(files(**more), seen) == said


def stepping(*levels: float, each: int = 60, **more: Any) -> Subject:
    """Levels one after the other, each for an hour."""
    values = np.repeat(levels, each)
    return subject(values, np.arange(len(values)) * HOUR / each, **{**COUNTED, **more})


@pytest.mark.parametrize(
    ("stepped", "said"),
    [
        (stepping(40, 40, 40, 40), ""),
        (stepping(40, 40, 99, 99), " They stepped from 40 to 99 files at 2 h, and stayed."),
        (stepping(40, 70, 70, 99, 99),
         " They stepped from 40 to 99 files in 2 steps, the last at 3 h, and stayed."),
        (stepping(40, 40, 99, 99, noun="resident memory", integer=False),
         " It stepped from 40 to 99 files at 2 h, and stayed."),
        (stepping(-40, -40, -9, -9, falls=True), " They stepped from 40 to 9 files at 2 h, and stayed."),
        (stepping(2**19, 2**19, 2**21, 2**21, unit="bytes"),
         " They stepped from 512 KiB to 2 MiB at 2 h, and stayed."),
        (stepping(9, 40, 40, 99, 99, judged_from=HOUR),
         " They stepped from 40 to 99 files at 2 h, and stayed."),
        (stepping(40, 40, 99, 99, clock=JudgedClock((0.0, 28800.0), (0.0, 14400.0), (0.0, 9.0), ())),
         " They stepped from 40 to 99 files at 4 h, and stayed."),
    ],
)  # fmt: skip
def test_a_level_that_stepped_and_stayed_says_when_and_how_far(stepped: Subject, said: str) -> None:
    assert growth._stepped(stepped) == said


def test_a_step_is_told_by_its_time_since_the_first_judged_sample() -> None:
    """The second sample comes after two hours, the step after almost four."""
    times = np.concatenate(([0.0], 7200 + 60 * np.arange(239.0)))
    own = subject(np.where(times < 14_340, 40.0, 99.0), times, **COUNTED)
    assert " files at 4 h, and stayed." in growth._stepped(own)
    clock = JudgedClock((0.0, 43_200.0), (0.0, 21_600.0), (0.0, 9.0), ())
    assert " files at 8 h, and stayed." in growth._stepped(replace(own, clock=clock))


def test_the_time_between_two_moments_of_a_clock_of_requests_is_that_of_the_run() -> None:
    clock = JudgedClock((0.0, 100.0), (0.0, 50.0), (0.0, 9.0), ())
    assert growth._in_time(clock, 10.0, 30.0) == 40.0


def test_only_a_pass_tells_of_a_step_and_only_a_fail_of_when_it_runs_out() -> None:
    stepped = stepping(40, 40, 99, 99, capacity=140.0, capacity_noun="descriptors")
    high = trend(low=4.0)
    passed = growth._judge(stepped, trend(high=3.9), True, 10 * HOUR)
    failed = growth._judge(stepped, high, True, 10 * HOUR)
    open_ = growth._judge(stepped, trend(low=3.9), True, 10 * HOUR)
    assert passed.reason.endswith("10 h. They stepped from 40 to 99 files at 2 h, and stayed.")
    assert (passed.verdict, passed.exhausts_in_hours) == (Verdict.PASS, None)
    assert (failed.verdict, failed.exhausts_in_hours) == (Verdict.FAIL, 10.0)
    assert failed.reason == (
        "Open files keep growing: 4 files/h (4 to 6); the target runs out of descriptors in 10 h (6.7 to 10 h)."
    )
    assert (open_.verdict, open_.exhausts_in_hours) == (Verdict.INCONCLUSIVE, None)
    assert "stepped" not in open_.reason
    assert (failed.observed, failed.unit, failed.trend) == (4.0, "files/h", high)
    assert growth._judge(stepped, trend(high=INF, doubt="short"), True, HOUR).observed is None


@pytest.mark.parametrize(
    ("more", "seen", "tail"),
    [
        ({"capacity": 140.0, "capacity_noun": "descriptors"}, trend(),
         "; the target runs out of descriptors in 10 h (6.7 to 20 h)"),
        ({"capacity": 140.0}, trend(), "; the target runs out of open files in 10 h (6.7 to 20 h)"),
        ({"capacity": 140.0, "noun": "memory"}, trend(), "; the target runs out of memory in 10 h (6.7 to 20 h)"),
        ({"capacity": 140.0, "integer": False}, trend(), "; it runs out of open files in 10 h (6.7 to 20 h)"),
        ({"capacity": 140.0, "falls": True}, trend(), "; nothing is left of it in 10 h (6.7 to 20 h)"),
        ({"falls": True}, trend(), "; they would double in 25 h"),
        ({"integer": False}, trend(), "; it would double in 25 h"),
        ({}, trend(level=0.5), "; they would double in 7.5 min"),
        ({}, trend(level=960_000.0), "; they would double in 10,000 days"),
        ({}, trend(level=0.0), ""),
        ({}, trend(level=-1.0), ""),
        ({"capacity": 140.0}, trend(low=0.0), ""),
        ({}, trend(low=0.0), ""),
    ],
)  # fmt: skip
def test_the_end_of_a_sentence_about_growth(more: dict[str, Any], seen: Trend, tail: str) -> None:
    assert growth._tail(files(**more), seen) == tail


def requests(done: Sequence[float], times: Sequence[float]) -> Series:
    return Series("http_requests_total", np.array(times), np.array(done))


@pytest.mark.parametrize(
    ("done", "times", "rate"),
    [
        ([10.0, 40.0], [0.0, 10.0], 3.0),
        ([10.0, 20.0, 40.0], [0.0, 5.0, 10.0], 4.0),  # from the beginning of judging
        ([10.0, 20.0, 40.0], [0.0, 4.9, 10.0], 0.0),
        ([10.0, 20.0, 30.0, np.nan], [0.0, 6.0, 8.0, 10.0], 5.0),
        ([10.0], [9.0], 0.0),
        ([10.0, 20.0], [9.0, 9.0], 0.0),
        ([10.0, 10.0, 40.0], [5.0, 5.0, 15.0], 3.0),
        ([], [], 0.0),
    ],
)
def test_the_rate_of_requests_is_that_of_the_judged_stretch(
    done: list[float], times: list[float], rate: float
) -> None:
    own = files(requests=requests(done, times), judged_from=5.0 if len(done) > 2 else 0.0)
    assert own.request_rate == rate


def test_without_requests_there_is_no_rate_of_them() -> None:
    assert files().request_rate == 0.0


KEPT = "Open files keep growing: 4 files/h (2 to 6)"


@pytest.mark.parametrize(
    ("more", "rate", "seen", "said"),
    [
        ({}, 0.0, trend(), KEPT),
        ({}, 1.0, trend(), f"{KEPT}, one every 900 requests"),
        ({}, 1 / 450, trend(), f"{KEPT}, 0.5 files per request of any kind"),
        ({}, 1 / 440, trend(), f"{KEPT}, one every 2.05 requests"),
        ({"noun": "open_files"}, 1.0, trend(),
         "open_files keeps growing: 4 files/h (2 to 6), 0.00111 files per request of any kind"),
        ({}, 1.0, trend(slope=0.5), "Open files keep growing: 0.5 files/h (2 to 6), one every 7,200 requests"),
        ({}, 1.0, trend(slope=0.0), "Open files keep growing: 0 files/h (2 to 6)"),
        ({}, 1.0, trend(slope=-1.0), "Open files keep growing: -1 files/h (2 to 6)"),
        ({"falls": True}, 0.0, trend(), "Open files keep falling: 4 files/h (2 to 6)"),
    ],
)  # fmt: skip
def test_growth_is_told_by_the_request(
    more: dict[str, Any], rate: float, seen: Trend, said: str
) -> None:
    own = files(requests=requests([0.0, 9000 * rate], [0.0, 9000.0]), **more)
    assert growth._keeps_growing(own, seen) == said


@pytest.mark.parametrize(
    ("times", "judged_from", "seconds"),
    [([], 0.0, 0.0), ([5.0, 9.0], 0.0, 4.0), ([5.0, 9.0], 7.0, 2.0), ([7.0], 0.0, 0.0)],
)
def test_judging_lasts_from_its_beginning_to_the_last_sample(
    times: list[float], judged_from: float, seconds: float
) -> None:
    own = subject(np.ones(len(times)), times, judged_from=judged_from)
    assert growth._judged_seconds(own) == seconds


def test_a_unit_is_told_once_where_it_is_the_same() -> None:
    own = subject([1.0])
    assert growth._measured(own, trend(3e6, 2.5e6, 4e6)) == "2.86 MiB/h (2.38 to 3.81)"
    assert growth._measured(own, trend(3e6, 1e5, 4e6)) == "2.86 MiB/h (97.7 KiB/h to 3.81 MiB/h)"


def test_a_growth_is_certain_only_in_view_of_all_others() -> None:
    """Of two at a risk of 15% together, the smaller probability must be at most 7.5%."""
    seen = {
        "alone": [0.14],
        "both": [0.07, 0.14],
        "none": [0.08, 0.14],
    }
    for name, certain in (("alone", 1), ("both", 2), ("none", 0)):
        rows = iter([trend(low=9.0, high=19.0, p_no_growth=each) for each in seen[name]])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(growth, "fit_trend", lambda _, rows=rows: next(rows))
            found = judge_growth([files() for _ in seen[name]], 10 * HOUR)
        assert sum(each.verdict is Verdict.FAIL for each in found) == certain


def test_a_steady_series_passes_and_says_what_it_would_have_seen() -> None:
    finding = judged(100 * MIB + MIB * noise(600))
    assert finding.verdict is Verdict.PASS
    assert finding.reason.startswith("Resident memory is steady: any growth is under ")
    assert re.search(r" MiB/h, [\d.]+ GiB a month\.$", finding.reason)


def test_a_leak_fails_with_slope_interval_and_doubling_time() -> None:
    finding = judged(100 * MIB + 0.01 * MIB * SECONDS + 0.1 * MIB * noise(600))
    assert finding.verdict is Verdict.FAIL
    assert finding.reason.startswith("Resident memory keeps growing: 3")
    assert "; it would double in " in finding.reason
    assert finding.unit == "bytes/h"
    assert finding.trend is not None
    assert finding.trend.slope_low < 36 * MIB < finding.trend.slope_high


@cache
def findings_of_many() -> list[Finding]:
    return judge_growth(MANY, MONTH)


@given(st.permutations(range(6)))
@settings(max_examples=6, deadline=None)
def test_the_order_of_the_columns_never_matters(order: list[int]) -> None:
    chosen = [MANY[i] for i in order]
    assert judge_growth(chosen, MONTH) == [findings_of_many()[i] for i in order]


def test_a_leak_towards_a_known_capacity_says_when_it_runs_out() -> None:
    values = 10 + np.floor(SECONDS / 4)
    more = {"noun": "open descriptors", "unit": "descriptors", "integer": True}
    finding = judged(values, capacity=1024, capacity_noun="descriptors", **more)
    assert finding.verdict is Verdict.FAIL
    assert "runs out of descriptors in" in finding.reason
    assert finding.exhausts_in_hours == pytest.approx((1024 - 160) / 900, rel=0.02)


def test_growth_too_slow_to_matter_passes_and_is_reported() -> None:
    hours = np.arange(0, 72, 1 / 60)
    finding = judged(1000 * MIB + 0.01 * MIB * hours + 0.02 * MIB * noise(len(hours)), hours * 3600)
    assert finding.verdict is Verdict.PASS
    assert "too little to matter within 30 days" in finding.reason


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [(20 * MIB, Verdict.FAIL), (60 * MIB, Verdict.PASS), (36 * MIB, Verdict.INCONCLUSIVE)],
)
def test_an_explicit_limit_is_an_equivalence_test(limit: float, verdict: Verdict) -> None:
    finding = judged(100 * MIB + 0.01 * MIB * SECONDS + 0.2 * MIB * noise(600), limit=limit)
    assert finding.verdict is verdict
    assert finding.limit == limit


def test_a_limit_that_the_run_is_too_short_for_is_inconclusive() -> None:
    assert judged(100 * MIB + MIB * noise(60), limit=0.1 * MIB).verdict is Verdict.INCONCLUSIVE


def test_a_limit_of_zero_passes_what_shows_no_growth_and_fails_what_does() -> None:
    more = {"noun": "goroutines", "unit": "goroutines", "integer": True, "limit": 0.0}
    assert judged(np.round(50 + 2 * noise(600)), **more).verdict is Verdict.PASS
    assert judged(np.round(50 + 2 * noise(600) + SECONDS / 20), **more).verdict is Verdict.FAIL


@pytest.mark.thorough
def test_sixty_healthy_series_raise_no_alarm_and_one_leak_among_them_is_found() -> None:
    subjects = [subject(100 * MIB + MIB * noise(300, seed)) for seed in range(60)]
    subjects[17] = subject(100 * MIB + MIB * noise(300) + 0.1 * MIB * np.arange(300))
    verdicts = [finding.verdict for finding in judge_growth(subjects, MONTH)]
    assert [i for i, verdict in enumerate(verdicts) if verdict is Verdict.FAIL] == [17]


def test_what_cannot_be_told_is_inconclusive_and_says_what_would_tell() -> None:
    finding = judged([1.0, 2.0, 3.0])
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert (
        finding.reason
        == "Resident memory cannot be judged: 3 samples are too few, at least 7 more are needed."
    )
    assert finding.observed is None
    settling = judged(100 * MIB - 50 * MIB * np.exp(-np.arange(100) / 60) + 0.1 * MIB * noise(100))
    assert settling.verdict is Verdict.INCONCLUSIVE
    assert "still settling" in settling.reason


def test_no_series_is_no_finding() -> None:
    assert judge_growth([], MONTH) == []


def test_findings_are_in_the_order_of_their_subjects() -> None:
    subjects = [subject(np.full(50, float(i)), noun=f"thing {i}") for i in range(5)]
    reasons = [finding.reason for finding in judge_growth(subjects, MONTH)]
    assert [reason.partition(":")[0] for reason in reasons] == [
        f"Thing {i} did not change at all" for i in range(5)
    ]
    assert not any(math.isnan(finding.observed or 0) for finding in judge_growth(subjects, MONTH))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("each", [60, 600])
def test_five_even_steps_up_are_never_a_pass(each: int, seed: int) -> None:
    """The line of a leak in batches: steps that are flat in between fit a steady level with steps too."""
    levels = np.repeat(100.0 + 10.0 * np.arange(5), each)
    count = subject(levels + np.abs(noise(5 * each, seed)).round(), **COUNTED)
    size = subject(MIB * (levels + 0.3 * noise(5 * each, seed)))
    for finding in judge_growth([count, size], MONTH):
        assert finding.verdict is not Verdict.PASS, finding.reason


def test_steps_that_ended_as_long_ago_as_they_took_pass() -> None:
    levels = np.array([100.0, 110.0, 120.0, 130.0])[np.minimum(np.arange(900) // 100, 3)]
    [finding] = judge_growth([subject(MIB * (levels + 0.3 * noise(900)))], MONTH)
    assert finding.verdict is Verdict.PASS, finding.reason


@pytest.mark.parametrize("seed", range(6))
def test_a_count_that_is_36_give_or_take_one_passes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = 36.0 + rng.choice([-1, 0, 1, 2], 95, p=[0.03, 0.85, 0.1, 0.02])
    counts[rng.integers(10, 80)] = 34.0
    [finding] = judge_growth([subject(counts, **COUNTED)], MONTH)
    assert finding.verdict is Verdict.PASS, finding.reason


@pytest.mark.parametrize("limit", [None, 1e6])
def test_a_level_that_rises_to_the_end_does_not_pass_as_a_fall(limit: float | None) -> None:
    """Flat, then a rise while the rate is a tenth: the fit takes it for a fall with a slow warm-up on top."""
    times = np.arange(300.0)
    rate = np.where(times < 200, 50.0, 5.0)
    values = 50e6 + 40e3 * np.maximum(times - 200, 0) + 1e4 * noise(300)
    requests = Series("requests", times, np.cumsum(rate))
    found = judged(values, requests=requests, limit=limit)
    assert found.trend is not None
    assert found.trend.slope_high < 0
    assert found.verdict is Verdict.INCONCLUSIVE


#: Seconds at which a healthy service's descriptors were judged; the others were disturbed by snapshots.
AT = [
    *[
        0,
        1,
        2,
        3,
        5,
        6,
        7,
        8,
        11,
        12,
        13,
        15,
        16,
        17,
        18,
        20,
        21,
        22,
        23,
        26,
        27,
        28,
        30,
        31,
        32,
        33,
        35,
    ],
    *[
        36,
        37,
        38,
        41,
        42,
        43,
        45,
        46,
        47,
        48,
        50,
        51,
        52,
        53,
        56,
        57,
        58,
        60,
        61,
        62,
        63,
        65,
        66,
        67,
        68,
    ],
    *[
        71,
        72,
        73,
        75,
        76,
        77,
        78,
        80,
        81,
        82,
        83,
        86,
        87,
        88,
        90,
        91,
        92,
        93,
        95,
        96,
        97,
        98,
        101,
        102,
    ],
    *[103, 106, 107, 108, 111, 112, 113, 116, 118],
]


def test_a_count_that_keeps_its_level_passes_though_one_more_is_open_at_the_end() -> None:
    """57 descriptors, at times 58, and 58 at the end."""
    times = np.array(AT, dtype=np.float64)
    counts = np.full(len(times), 57.0)
    counts[[11, 15, 16, 26, 27, 30, 53, 72, 76, 83, 84]] = 58.0

    def verdict(values: Any) -> Verdict:
        return judged(values, times, unit="descriptors", integer=True).verdict

    assert verdict(counts) is Verdict.PASS
    assert verdict(counts + np.maximum(times // 12 - 4, 0)) is not Verdict.PASS, (
        "one more each 12 s"
    )
