"""Growth that was judged on a clock of requests: its fit bends in time, and is straight on the requests' axis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from soak.analysis.statistics.growth_input import Subject
from soak.analysis.statistics.trend import fit_trend
from soak.model import Chart, Curve, JudgedClock, Line, Phase, Series
from soak.reporters.request_axis import clock_of, drawn, on_requests
from tests.reporters.analyses import trend

#: Three quarters of the requests come in the first half of 100 s.
CLOCK = JudgedClock((0.0, 50.0, 100.0), (0.0, 75.0, 100.0), (0.0, 300.0, 400.0), ("GET /a",))
LINE = Line(0.0, 100.0, 10.0, 20.0, 18.0, 22.0)


def chart(*clocks: JudgedClock | None) -> Chart:
    times = np.arange(0.0, 101.0)
    values = 10 + 10 * np.interp(times, CLOCK.wall, CLOCK.judged) / 100
    curves = [
        Curve(
            str(i),
            times,
            values,
            values,
            values,
            replace(trend(1.0, 0.1, 1.0), lines=(LINE,), clock=clock),
        )
        for i, clock in enumerate(clocks)
    ]
    return Chart("chart", "bytes", tuple(curves), warm_up=Phase("warmup", 0.0, 50.0))


def test_the_two_clocks_are_each_others_inverse_and_agree_outside() -> None:
    times = np.array([-5.0, 0.0, 25.0, 50.0, 99.0, 120.0])
    assert CLOCK.time_of(CLOCK.shows(times)) == pytest.approx(times)
    assert CLOCK.shows(np.array([-5.0, 25.0, 120.0])).tolist() == [-5.0, 37.5, 120.0]


def test_a_fit_in_time_bends_where_the_clock_changes_its_pace() -> None:
    times, middle, low, high = drawn(LINE, CLOCK)
    assert times.tolist() == [0.0, 50.0, 100.0]
    assert middle.tolist() == [10.0, 17.5, 20.0]
    assert (low[-1], high[-1]) == (18.0, 22.0)
    straight, values, _, _ = drawn(LINE, None)
    assert (straight.tolist(), values.tolist()) == ([0.0, 100.0], [10.0, 20.0])


def test_on_the_requests_axis_curve_and_fit_are_one_straight_line() -> None:
    moved = on_requests(chart(CLOCK), CLOCK)
    curve = moved.curves[0]
    assert curve.values == pytest.approx(10 + curve.times / 10)
    assert curve.trend is not None
    assert curve.trend.clock is None
    assert moved.warm_up == Phase("warmup", 0.0, 75.0)


def test_the_axis_is_offered_where_all_growth_was_judged_on_one_clock() -> None:
    other = replace(CLOCK, endpoints=("GET /b",))
    assert clock_of(chart(CLOCK, CLOCK)) == CLOCK
    assert clock_of(chart(CLOCK, other)) is None
    assert clock_of(chart(CLOCK, None)) is None
    assert clock_of(chart()) is None


def test_a_trend_fitted_on_a_clock_says_in_time_when_it_had_settled() -> None:
    shown = np.arange(0.0, 401.0)
    values = (
        100.0
        + np.where(shown < 200, shown, 200.0)
        + np.random.default_rng(1).normal(0, 0.3, len(shown))
    )
    clock = JudgedClock((0.0, 100.0, 400.0), (0.0, 300.0, 400.0), (0.0, 3.0, 4.0), ("GET /a",))
    subject = Subject(Series("process_resident_memory_bytes", shown, values), "memory", "bytes")
    plain, clocked = fit_trend(subject), fit_trend(replace(subject, clock=clock))
    assert plain.clock is None
    assert clocked.clock == clock
    assert plain.settled_after_seconds
    assert clocked.settled_after_seconds == pytest.approx(plain.settled_after_seconds / 3, rel=0.01)
