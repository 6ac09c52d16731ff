"""Stopping early: only what is certain stops a run, and never what could still change."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.sequential_stop import LOOKS, LOOKS_UNTIL_CERTAIN, all_certain, certain_already
from soak.analysis.thresholds import CERTAIN
from soak.model import Analysis, Finding, Line, RuleName, RunInfo, Trend, Verdict
from soak.profile import Limits
from tests.analysis.recordings import SECONDS, gauge, noise, recording, windows

STEADY = gauge("process_open_fds", 30 + np.round(noise(1.0)))


def judged(*series: object, **limits: object) -> Analysis:
    return analyze(recording(*series), Limits.model_validate(limits))  # type: ignore[arg-type]


def test_the_looks_are_fixed_in_advance_and_spend_little() -> None:
    shares = [share for share, _, _ in LOOKS]
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] < 1
    assert sum(risk for _, risk, _ in LOOKS) < 0.001


def test_a_gross_leak_stops_a_run_at_the_first_look() -> None:
    descriptors = gauge("process_open_fds", 30 + np.floor(2.0 * np.arange(SECONDS)))
    reason = certain_already(judged(descriptors), 0, 3600.0)
    assert reason is not None
    assert reason.startswith("Open descriptors keep")


def test_what_is_steady_under_the_default_rule_runs_to_its_end() -> None:
    assert certain_already(judged(STEADY), 2, 3600.0) is None


def test_a_limit_that_is_surely_kept_stops_a_run() -> None:
    limits = {"growth": {"process_open_fds": "100000/h"}}
    assert (
        certain_already(judged(STEADY, **limits), 0, 3600.0) == "Every growth limit is surely kept."
    )
    assert (
        certain_already(
            judged(STEADY, gauge("process_threads", 9 + np.round(noise(1.0, 2))), **limits),
            0,
            3600.0,
        )
        is None
    )


def test_a_broken_latency_limit_stops_nothing_for_it_may_recover() -> None:
    analysis = analyze(
        recording(STEADY, requests=[windows(latency=2.0)]), Limits.model_validate({"p99": "1s"})
    )
    assert analysis.verdict.value == "fail"
    assert certain_already(analysis, 0, 3600.0) is None


def test_a_restart_is_certain_at_once() -> None:
    started = gauge("process_start_time_seconds", np.where(np.arange(SECONDS) < 100, 5.0, 100.0))
    assert certain_already(judged(STEADY, started), 0, 3600.0) is not None


def test_a_leak_that_is_certain_but_not_gross_runs_to_its_end() -> None:
    descriptors = gauge("process_open_fds", 300 + np.floor(0.5 * np.arange(SECONDS)))
    analysis = judged(descriptors)
    assert analysis.verdict.value == "fail"
    assert certain_already(analysis, 0, 3600.0) is None


def test_a_leak_that_would_end_the_run_before_its_time_is_gross() -> None:
    descriptors = gauge("process_open_fds", 300 + np.floor(0.5 * np.arange(SECONDS)))
    analysis = judged(descriptors, gauge("process_max_fds", np.full(SECONDS, 1024.0)))
    assert certain_already(analysis, 0, 3600.0) is not None
    assert certain_already(analysis, 0, 60.0) is None


def test_until_certain_goes_on_while_anything_is_open_and_ends_when_nothing_is() -> None:
    leak = gauge("process_open_fds", 30 + np.floor(0.5 * np.arange(SECONDS)))
    never_moved = gauge("process_threads", np.full(SECONDS, 9.0))
    last = len(LOOKS_UNTIL_CERTAIN) - 1
    assert all_certain(judged(leak), last) is not None
    assert all_certain(judged(never_moved), 0) is not None
    assert all_certain(judged(leak, never_moved), last) is not None
    short = gauge("process_resident_memory_bytes", np.array([5e7, 6e7, 5e7, 7e7, 5e7]))
    assert all_certain(judged(leak, short), last) is None
    assert all_certain(judged(), last) is None


def test_until_certain_spends_its_error_over_the_looks() -> None:
    shares, risks = zip(*LOOKS_UNTIL_CERTAIN, strict=True)
    assert list(shares) == sorted(shares)
    assert list(risks) == sorted(risks)
    assert sum(risks) < 0.3 * CERTAIN


def test_until_certain_does_not_end_for_a_limit_that_may_recover() -> None:
    never_moved = gauge("process_threads", np.full(SECONDS, 9.0))
    analysis = analyze(
        recording(never_moved, requests=[windows(latency=2.0)]),
        Limits.model_validate({"p99": "1s"}),
    )
    assert all_certain(analysis, 0) is None


def test_until_certain_gives_no_more_false_alarms_than_the_single_look_at_the_end() -> None:
    """A healthy pool fills for a tenth to a third of the run: the first look alone would fail it, and the looks do not."""
    alarms = tempted = 0
    for seed in range(3):
        rng, t = np.random.default_rng(seed), np.arange(SECONDS)
        filling = 200 * (1 - np.exp(-t / (SECONDS * rng.uniform(0.1, 0.35))))
        descriptors = np.round(filling + 40 + 2 * rng.normal(size=SECONDS))
        for look, (share, _) in enumerate(LOOKS_UNTIL_CERTAIN[:2]):
            upto = int(share * SECONDS)
            early = analyze(
                recording(gauge("process_open_fds", descriptors[:upto]), seconds=upto), Limits()
            )
            tempted += early.verdict.value == "fail"
            alarms += early.verdict.value == "fail" and all_certain(early, look) is not None
    assert tempted >= 2
    assert alarms == 0


# Boundaries, on findings made by hand.

HOUR = 3600.0
KEPT = "Every growth limit is surely kept."


def line(first: float, last: float, start: float = 0.0, end: float = 600.0) -> Line:
    return Line(start, end, first, last, last, last)


def grows(p: float = 0.0, *lines: Line, **more: Any) -> Finding:
    """A growth of descriptors that failed, from 10 to 1,000 where no lines are given."""
    trend = Trend(10.0, 5.0, 20.0, 1.0, 0.0, 100.0, None, lines or (line(10.0, 1000.0),), p)
    made = Finding(RuleName.GROWTH, "fds", Verdict.FAIL, "it grows", unit="/h", trend=trend)
    return replace(made, **more)


def analysis(*findings: Finding, verdict: Verdict = Verdict.FAIL) -> Analysis:
    return Analysis(RunInfo("made"), verdict, "", findings)


@pytest.mark.parametrize(
    ("look", "share", "risk"), [(0, 0.125, 1e-6), (1, 0.25, 1e-5), (2, 0.5, 1e-4)]
)
def test_the_risk_of_a_look_is_shared_by_all_growths(look: int, share: float, risk: float) -> None:
    assert LOOKS[look][0] == share
    steady = grows(1.0, verdict=Verdict.PASS)
    for others in (0, 1, 2):
        shared = risk / (1 + others)
        for p, reason in ((shared, "it grows"), (shared * 1.001, None)):
            made = analysis(grows(p), *[steady] * others)
            assert certain_already(made, look, HOUR) == reason


@pytest.mark.parametrize(
    ("look", "first", "last", "unit", "gross"),
    [
        (0, 10.0, 120.0, "/h", True),
        (0, 10.0, 119.0, "/h", False),
        (1, 10.0, 80.0, "/h", True),
        (1, 10.0, 79.0, "/h", False),
        (2, 10.0, 40.0, "/h", True),
        (2, 10.0, 39.0, "/h", False),
        (0, 2.0, 60.0, "/h", True),  # of a handful, five count
        (0, 2.0, 59.0, "/h", False),
        (0, 2.0, 24.0, "bytes/h", True),
        (0, 2.0, 23.0, "bytes/h", False),
        (0, 0.5, 6.0, "bytes/h", True),
        (0, 0.0, 0.0, "bytes/h", True),
        (0, -100.0, -5.0, "bytes/h", False),  # of what is left, less is no multiple
    ],
)
def test_a_gross_leak_reaches_a_multiple_of_its_first_level(
    look: int, first: float, last: float, unit: str, gross: bool
) -> None:
    made = analysis(grows(0.0, line(first, last), unit=unit))
    assert certain_already(made, look, HOUR) == ("it grows" if gross else None)


def test_the_last_life_alone_tells_whether_a_leak_is_gross() -> None:
    little, much = line(10.0, 20.0), line(10.0, 1000.0)
    assert certain_already(analysis(grows(0.0, little, little, much)), 0, HOUR) is not None
    assert certain_already(analysis(grows(0.0, much, much, little)), 0, HOUR) is None


@pytest.mark.parametrize(
    ("more", "left", "stops"),
    [
        ({"exhausts_in_hours": 1.0}, HOUR, True),
        ({"exhausts_in_hours": 1.0}, HOUR - 1, False),
        ({"exhausts_in_hours": 1.0, "unit": "bytes/h"}, HOUR, False),
        ({}, 1e9, False),
    ],
)
def test_what_is_counted_and_ends_within_the_run_need_not_be_gross(
    more: dict[str, Any], left: float, stops: bool
) -> None:
    made = analysis(grows(0.0, line(100.0, 200.0), **more))
    assert (certain_already(made, 0, left) is not None) is stops


def test_only_a_failing_growth_or_restart_ends_a_run_at_a_look() -> None:
    gross = grows()
    assert gross.trend is not None
    for ends in (gross, Finding(RuleName.RESTART, "process", Verdict.FAIL, "it was replaced")):
        assert certain_already(analysis(ends), 0, HOUR) == ends.reason
    for goes_on in (
        replace(gross, rule=RuleName.MAX),
        replace(gross, verdict=Verdict.INCONCLUSIVE),
        replace(gross, trend=None),
        replace(gross, trend=replace(gross.trend, lines=())),
        Finding(RuleName.RESTART, "process", Verdict.PASS, "told"),
    ):
        assert certain_already(analysis(goes_on), 0, HOUR) is None


def keeps(**of_trend: Any) -> Finding:
    """A growth of at most 27/h by an interval 1.7 times as wide as its own, judged for 600 s in two lives."""
    lives = (line(1.0, 1.0, 100.0, 400.0), line(1.0, 1.0, 500.0, 700.0))
    trend = replace(Trend(10.0, 0.0, 20.0, 1.0, 200.0, 1.0, lines=lives), **of_trend)
    return Finding(RuleName.GROWTH, "fds", Verdict.PASS, "", limit=27.0, unit="/h", trend=trend)


@pytest.mark.parametrize(
    ("of_trend", "kept"),
    [
        ({}, True),
        ({"slope_high": 20.1}, False),
        ({"slope_per_hour": 9.0, "slope_high": 19.0}, True),
        ({"slope_per_hour": 11.0, "slope_high": 21.0}, False),
        ({"slope_high": float("-inf")}, False),
        ({"doubt": "it moves in steps"}, False),
        ({"settled_after_seconds": 200.1}, False),
        ({"settled_after_seconds": None}, False),
        ({"settled_after_seconds": 0.0, "lines": ()}, True),
        ({"settled_after_seconds": 0.3, "lines": ()}, False),
        ({"slope_per_hour": -10.0, "slope_low": -20.0, "slope_high": 0.0, "falls": True}, True),
        ({"slope_per_hour": -10.0, "slope_low": -20.1, "slope_high": 0.0, "falls": True}, False),
    ],
)
def test_a_limit_is_surely_kept_by_a_wide_interval_long_after_warm_up(
    of_trend: dict[str, Any], kept: bool
) -> None:
    made = analysis(keeps(**of_trend), verdict=Verdict.PASS)
    assert certain_already(made, 0, HOUR) == (KEPT if kept else None)
    assert all_certain(made, 0) == ("every verdict is certain" if kept else None)


def test_all_growths_of_a_pass_must_be_kept_for_a_run_to_stop() -> None:
    good, bad = keeps(), keeps(doubt="steps")
    assert certain_already(analysis(good, good, verdict=Verdict.PASS), 0, HOUR) == KEPT
    for made in (
        analysis(good, bad, verdict=Verdict.PASS),
        analysis(replace(good, limit=None), verdict=Verdict.PASS),
        analysis(replace(good, trend=None), verdict=Verdict.PASS),
        analysis(good, verdict=Verdict.INCONCLUSIVE),
        analysis(verdict=Verdict.PASS),
    ):
        assert certain_already(made, 0, HOUR) is None


@pytest.mark.parametrize(
    ("look", "share", "risk"),
    [(0, 0.1, 1.5e-5), (1, 0.2, 1.5e-4), (2, 0.35, 1.5e-3), (3, 0.5, 7.5e-3), (4, 0.75, 0.03)],
)
def test_a_fail_before_the_end_is_more_certain_than_at_it(
    look: int, share: float, risk: float
) -> None:
    assert LOOKS_UNTIL_CERTAIN[look][0] == share
    assert LOOKS_UNTIL_CERTAIN[look][1] == pytest.approx(risk)
    at = LOOKS_UNTIL_CERTAIN[look][1]
    assert all_certain(analysis(grows(at)), look) == "every verdict is certain"
    assert all_certain(analysis(grows(at * 1.001)), look) is None
    assert all_certain(analysis(grows(at / 2), grows(at / 2)), look) is not None
    assert all_certain(analysis(grows(at / 2), grows(at / 2 * 1.001)), look) is None


@pytest.mark.parametrize(
    ("p", "vouched", "lines", "stands"),
    [
        (0.99, 2400.0, (line(1.0, 1.0),), True),
        (0.9899, 2400.0, (line(1.0, 1.0),), False),
        (0.99, 2399.0, (line(1.0, 1.0),), False),
        (0.99, None, (line(1.0, 1.0),), False),
        (0.99, None, (line(1.0, 1.0, 0.0, 0.1),), False),
        (0.99, None, (), True),
        (0.99, 4800.0, (line(1.0, 1.0, 100.0), line(1.0, 1.0, 600.0, 1300.0)), True),
        (0.99, 4799.0, (line(1.0, 1.0, 100.0), line(1.0, 1.0, 600.0, 1300.0)), False),
    ],
)
def test_a_pass_before_the_end_has_settled_and_vouches_for_four_times_what_was_judged(
    p: float, vouched: float | None, lines: tuple[Line, ...], stands: bool
) -> None:
    steady = grows(p, verdict=Verdict.PASS, vouched_seconds=vouched)
    assert steady.trend is not None
    made = replace(steady, trend=replace(steady.trend, lines=lines))
    assert (all_certain(analysis(made), 0) is not None) is stands


def test_until_certain_counts_growths_with_a_trend_and_no_other_rule() -> None:
    risk = LOOKS_UNTIL_CERTAIN[0][1]
    surely, unsure = grows(risk), grows(1.0)
    replaced = Finding(RuleName.RESTART, "process", Verdict.FAIL, "")
    bare = replace(unsure, trend=None, verdict=Verdict.PASS)
    for beside in (replaced, bare, replace(unsure, rule=RuleName.MAX, verdict=Verdict.PASS)):
        assert all_certain(analysis(surely, beside), 0) is not None
    for beside in (
        replace(surely, rule=RuleName.MAX),
        replace(bare, verdict=Verdict.INCONCLUSIVE),
        Finding(RuleName.MAX, "fds", Verdict.INCONCLUSIVE, ""),
    ):
        assert all_certain(analysis(surely, beside), 0) is None
    assert all_certain(analysis(bare), 0) is None
    assert all_certain(analysis(replaced), 0) is None
