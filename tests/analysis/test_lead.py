"""Which series leads a report, and the line beside its curve."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.analysis.lead import FAILED_REQUESTS, _forecast, _steepest_hidden, lead_of
from soak.model import Chart, Curve, Finding, Lead, Line, RuleName, Trend, Verdict, Vouched

HOUR = 3600.0
FIT = Line(HOUR, 5 * HOUR, 100.0, 140.0, 136.0, 144.0)
TREND = Trend(10.0, 9.0, 11.0, 2.0, 0.0, 140.0, lines=(FIT,))


def finding(series: str, verdict: Verdict, **more: object) -> Finding:
    """A finding of growth with the trend above."""
    made = Finding(RuleName.GROWTH, series, verdict, "", unit="bytes/h", trend=TREND)
    return replace(made, **more)  # type: ignore[arg-type]


def chart(*series: str) -> Chart:
    """A chart of these series."""
    points = np.arange(3.0)
    return Chart(
        "Chart",
        "bytes",
        tuple(Curve(name, points, points, points, points, series=name) for name in series),
    )


def test_a_failing_series_leads_with_its_forecast_to_its_capacity() -> None:
    lead = lead_of(
        [finding("heap", Verdict.FAIL, exhausts_in_hours=36.0), finding("rss", Verdict.FAIL)],
        None,
        [chart("rss", "heap")],
    )
    assert lead is not None
    assert (lead.series, lead.target, lead.capacity) == ("heap", 500.0, True)
    assert lead.line == Line(5 * HOUR, 41 * HOUR, 140.0, 500.0, 140.0 + 36 * 9, 140.0 + 36 * 11)


def test_what_is_open_about_one_endpoint_leads_with_the_curve_of_all() -> None:
    failed = "http_request_error_ratio"
    about = finding(failed, Verdict.INCONCLUSIVE, labels=(("endpoint", "GET /a"),), trend=None)
    charts = [chart("rss"), chart(failed)]
    lead = lead_of([about, finding("rss", Verdict.PASS)], None, charts)
    assert lead is not None
    assert lead.series == failed
    well = replace(about, verdict=Verdict.PASS)
    lead = lead_of([well, finding("rss", Verdict.PASS)], None, charts)
    assert lead is not None
    assert lead.series == "rss"


def test_without_a_capacity_the_forecast_goes_to_twice_the_level() -> None:
    lead = lead_of([finding("heap", Verdict.FAIL)], None, [chart("heap")])
    assert lead is not None
    assert (lead.target, lead.capacity) == (280.0, False)
    assert lead.line is not None
    assert lead.line.end == (5 + 14) * HOUR


def test_what_falls_is_forecast_to_nothing() -> None:
    falling = TREND.mirrored()
    lead = lead_of(
        [finding("free", Verdict.FAIL, trend=falling, exhausts_in_hours=14.0)],
        None,
        [chart("free")],
    )
    assert lead is not None
    assert lead.line is not None
    assert (lead.line.first, lead.line.last) == (-140.0, -280.0)


@pytest.mark.parametrize(
    ("trend", "steepest"),
    [(TREND, 11.0), (replace(TREND, slope_high=1.0), 2.0), (TREND.mirrored(), -11.0)],
)
def test_a_pass_leads_with_what_bounds_its_horizon_and_the_steepest_growth_that_could_hide(
    trend: Trend, steepest: float
) -> None:
    findings = [finding("fds", Verdict.PASS), finding("heap", Verdict.PASS, trend=trend)]
    lead = lead_of(
        findings,
        Vouched(1.0, "heap", 11.0, "bytes/h", 2.0, 3.0, None),
        [chart("fds"), chart("heap")],
    )
    assert lead is not None
    assert (lead.series, lead.target) == ("heap", None)
    assert lead.line is not None
    assert lead.line.last - lead.line.first == pytest.approx(4 * steepest)


def test_what_is_not_drawn_does_not_lead() -> None:
    findings = [finding("gone", Verdict.FAIL), Finding(RuleName.MAX, "fds", Verdict.FAIL, "")]
    lead = lead_of(findings, None, [chart("fds")])
    assert lead is not None
    assert (lead.series, lead.line) == ("fds", None)
    assert lead_of(findings, None, []) is None


def test_a_fit_without_an_upper_bound_has_no_line() -> None:
    unknown = replace(TREND, slope_high=float("inf"))
    lead = lead_of([finding("heap", Verdict.INCONCLUSIVE, trend=unknown)], None, [chart("heap")])
    assert lead is not None
    assert lead.line is None


@pytest.mark.parametrize(("share", "leads"), [(1.0, FAILED_REQUESTS), (0.0, "fds")])
def test_of_a_failure_without_a_curve_failed_requests_show_since_when(
    share: float, leads: str
) -> None:
    died = Finding(RuleName.RESTART, "process", Verdict.FAIL, "")
    well = finding("fds", Verdict.PASS)
    points = np.array([0.0, 0.0, share])
    failed = Curve("all", np.arange(3.0), points, points, points, series=FAILED_REQUESTS)
    charts = [chart("fds"), Chart("Failed requests", "ratio", (failed,))]
    lead = lead_of([died, well], None, charts)
    assert lead is not None
    assert (lead.series, lead.target) == (leads, None)
    drawn = lead_of([replace(well, verdict=Verdict.FAIL), died], None, charts)
    assert drawn is not None
    assert drawn.series == "fds"


def vouched(by: str) -> Vouched:
    return Vouched(1.0, by, 11.0, "bytes/h", 2.0, 3.0, None)


def led(*findings: Finding, by: str | None = None, drawn: tuple[str, ...] = ("a", "b")) -> str:
    lead = lead_of(findings, None if by is None else vouched(by), [chart(*drawn)])
    return "" if lead is None else lead.series


def test_the_first_that_is_drawn_leads_but_of_a_pass_the_one_that_bounds_its_horizon() -> None:
    a, b = finding("a", Verdict.PASS), finding("b", Verdict.PASS)
    assert led(a, b) == "a"
    assert led(a, b, by="b") == "b"
    assert led(a, b, by="c") == "a"
    assert led(a, replace(b, trend=None), by="b") == "a"
    assert led(a, b, by="b", drawn=("a",)) == "a"
    labelled = replace(b, labels=(("pod", "x"),))
    assert led(a, labelled, by='b{pod="x"}', drawn=("a", 'b{pod="x"}')) == 'b{pod="x"}'
    assert led(a, labelled, by="b", drawn=("a", "b")) == "a"
    assert led(drawn=("a",)) == ""


@pytest.mark.parametrize(
    ("of_curve", "verdict", "chosen", "leads"),
    [
        ([0.0, 0.5, 0.0], Verdict.FAIL, Verdict.PASS, FAILED_REQUESTS),
        ([0.0, 0.0, 0.0], Verdict.FAIL, Verdict.PASS, "fds"),
        ([0.0, 0.5, 0.0], Verdict.INCONCLUSIVE, Verdict.PASS, "fds"),
        ([0.0, 0.5, 0.0], Verdict.FAIL, Verdict.INCONCLUSIVE, "fds"),
        ([0.0, 0.5, 0.0], Verdict.FAIL, None, FAILED_REQUESTS),
        ([0.0, 0.0, 0.0], Verdict.FAIL, None, None),
        ([0.0, 0.5, 0.0], Verdict.PASS, None, None),
    ],
)
def test_failed_requests_lead_where_something_failed_that_is_not_drawn(
    of_curve: list[float], verdict: Verdict, chosen: Verdict | None, leads: str | None
) -> None:
    high = np.array(of_curve)
    low = np.zeros(3)
    failed = Curve("all", np.arange(3.0), low, low, high, series=FAILED_REQUESTS)
    charts = [chart("fds"), Chart("Failed requests", "ratio", (failed,))]
    made = [Finding(RuleName.RESTART, "process", verdict, "")]
    lead = lead_of(made + ([] if chosen is None else [finding("fds", chosen)]), None, charts)
    assert (None if lead is None else lead.series) == leads
    other = [chart("fds"), Chart("Other", "ratio", (replace(failed, series="other"),))]
    lead = lead_of(made + ([] if chosen is None else [finding("fds", chosen)]), None, other)
    assert (None if lead is None else lead.series) == (None if chosen is None else "fds")


def test_only_growth_has_a_line_beside_its_curve() -> None:
    [drawn] = [chart("fds")]
    for verdict in Verdict:
        limit = finding("fds", verdict, rule=RuleName.MAX)
        assert lead_of([limit], None, [drawn]) == Lead("fds")
        assert lead_of([finding("fds", verdict, trend=None)], None, [drawn]) == Lead("fds")
        grown = lead_of([finding("fds", verdict)], None, [drawn])
        assert grown is not None
        assert grown.line is not None
        assert (grown.target is not None) is (verdict is Verdict.FAIL)


@pytest.mark.parametrize(
    ("trend", "hours", "target"),
    [
        ({}, None, 280.0),
        ({}, 3.0, 170.0),
        ({}, 0.0, 140.0),
        ({"slope_per_hour": 0.0}, None, None),
        ({"slope_per_hour": -1.0}, None, None),
        ({"slope_per_hour": 0.5}, None, 280.0),
        ({"level": 0.0}, None, None),
        ({"level": -5.0}, None, None),
        ({"level": 0.5}, None, 1.0),
        ({"slope_per_hour": 0.0}, 3.0, 140.0),
        ({"lines": ()}, 3.0, None),
        ({}, float("inf"), None),
        ({"slope_per_hour": float("inf")}, 3.0, None),
    ],
)
def test_a_forecast_needs_a_growth_and_an_end(
    trend: dict[str, Any], hours: float | None, target: float | None
) -> None:
    made = replace(TREND, **trend)
    lead = _forecast(finding("a", Verdict.FAIL, exhausts_in_hours=hours), made)
    assert lead.target == (None if target is None else pytest.approx(target))
    assert lead.capacity is (target is not None and hours is not None)
    assert (lead.line is None) is (target is None)


def test_a_forecast_begins_where_the_last_life_ended() -> None:
    lives = (FIT.moved(-HOUR), FIT.moved(1.0), FIT.moved(7.0))
    lead = _forecast(finding("a", Verdict.FAIL, exhausts_in_hours=2.0), replace(TREND, lines=lives))
    assert lead.line == Line(5 * HOUR + 7, 7 * HOUR + 7, 140.0, 160.0, 158.0, 162.0)


def test_the_steepest_hidden_growth_is_drawn_along_the_longest_life() -> None:
    short = Line(9 * HOUR, 10 * HOUR, 7.0, 8.0, 8.0, 8.0)
    for lines in ((short, FIT), (FIT, short)):
        made = _steepest_hidden(replace(TREND, lines=lines))
        assert made == Line(HOUR, 5 * HOUR, 100.0, 144.0, 144.0, 144.0)
    assert _steepest_hidden(replace(TREND, lines=())) is None
    assert _steepest_hidden(replace(TREND, resolution_per_hour=float("inf"))) is None
    later = replace(TREND, settled_after_seconds=2 * HOUR)
    assert _steepest_hidden(later) == Line(3 * HOUR, 5 * HOUR, 120.0, 142.0, 142.0, 142.0)
