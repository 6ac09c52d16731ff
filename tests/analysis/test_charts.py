"""Charts stay readable and small, however many endpoints or series there are."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.charts import (
    MOST_CURVES,
    _chart,
    _counted,
    _group,
    _is_latency,
    _largest,
    _rate_of,
    _short,
    _warm_up,
    _worst,
    charts,
)
from soak.analysis.prepare.prepare import prepare
from soak.analysis.rules.gc_pressure import COLLECTIONS
from soak.model import Chart, Curve, Finding, Line, Phase, RuleName, Series, Trend, Verdict
from soak.profile import Limits
from tests.analysis.recordings import gauge, recording, windows
from tests.analysis.series import judged, noise


def test_of_700_endpoints_the_busiest_are_drawn_and_the_title_says_so() -> None:
    pattern = windows("x", requests=5, seconds=60)
    many = [
        replace(
            pattern, endpoint=f"GET /{number}", requests=np.full(60, 5 + 10 * (number % 70 == 7))
        )
        for number in range(700)
    ]
    analysis = analyze(
        recording(gauge("process_open_fds", np.full(60, 9.0)), requests=many, seconds=60), Limits()
    )
    [chart] = [chart for chart in analysis.charts if chart.title.startswith("Requests")]
    assert chart.title == "Requests (the 20 largest of 701)"
    assert len(chart.curves) == MOST_CURVES
    assert {"all", *(f"GET /{number}" for number in range(7, 700, 70))} <= {
        curve.label for curve in chart.curves
    }
    assert len(analysis.endpoints) == 700


def test_of_many_series_of_one_name_the_failing_ones_are_drawn() -> None:
    queues = [
        gauge(
            "jobs_open_files",
            50 + np.floor(np.arange(300) * (2.0 if number == 33 else 0.0)),
            queue=f"q{number:02}",
        )
        for number in range(40)
    ]
    limits = Limits.model_validate({"growth": {"jobs_open_files": "1/h"}})
    analysis = analyze(recording(*queues), limits)
    [chart] = [chart for chart in analysis.charts if "of 40" in chart.title]
    assert len(chart.curves) == MOST_CURVES
    assert 'queue="q33"' in chart.curves[0].label


def test_the_floor_of_a_saw_is_told_and_samples_that_were_fitted_as_they_are_are_not() -> None:
    seconds = np.arange(600.0)
    saw = 200e6 + 2e4 * seconds + 5e6 * (seconds % 20) / 20 + 2e4 * noise(600)
    trend = judged(saw).trend
    assert trend is not None
    assert 20 <= len(trend.levels) <= 31
    assert all(level - (200e6 + 2e4 * time) < 1e6 for time, level in trend.levels)
    assert trend.moved(50.0).levels[0] == (trend.levels[0][0] + 50.0, trend.levels[0][1])
    assert trend.mirrored().levels[0] == (trend.levels[0][0], -trend.levels[0][1])
    few = judged(200e6 + 2e4 * seconds[:100] + 2e4 * noise(100)).trend
    assert few is not None
    assert few.levels == ()


def test_a_chart_of_several_kinds_of_one_name_is_called_after_what_is_judged() -> None:
    eden, metaspace = (
        gauge("jvm_memory_used_bytes", 5e7 + noise(300), area=area, id=pool)
        for area, pool in (("heap", "Eden Space"), ("nonheap", "Metaspace"))
    )
    analysis = analyze(recording(eden, metaspace), Limits())
    assert [chart.title for chart in analysis.charts if chart.group == "Memory"] == [
        "The JVM's memory"
    ]


@pytest.mark.parametrize("falls", [False, True])
def test_warm_up_is_shaded_and_the_fit_drawn_from_where_it_ended(falls: bool) -> None:
    """A level that first rises is fitted with its warm-up; one that first falls, from the end of its fall on."""
    seconds = np.arange(400.0)
    first = np.maximum(100 - seconds, 0) if falls else np.minimum(seconds, 100)
    trend = judged(200e6 + 1e6 * first + 5e4 * noise(400)).trend
    assert trend is not None
    assert trend.warm_up == pytest.approx((0.0, 100.0), abs=2.0)
    [line] = trend.once_settled().lines
    assert (line.start, line.end) == pytest.approx((100.0, 398.0), abs=2.0)
    assert line.last == trend.lines[-1].last
    assert trend.moved(50.0).warm_up == pytest.approx((50.0, 150.0), abs=2.0)


# Its parts, on series made by hand.


def curve(label: str, *values: float) -> Curve:
    column = np.array(values)
    return Curve(label, np.arange(float(len(column))), column, column, column)


def told(series: str, verdict: Verdict = Verdict.PASS, **more: Any) -> Finding:
    return replace(Finding(RuleName.GROWTH, series, verdict, ""), **more)


def test_the_twenty_curves_with_the_highest_means_are_drawn_in_their_order() -> None:
    twenty = [curve(str(number), -number, np.nan) for number in range(20)]
    assert _largest(twenty) == tuple(twenty)
    more = [curve("low", -99.0), *twenty, curve("nothing"), curve("gap", np.nan, 7.0)]
    kept = _largest(more)
    assert [each.label for each in kept] == [*map(str, range(18)), "nothing", "gap"]


@pytest.mark.parametrize(("others", "drawn"), [(0.5, False), (-0.5, True)])
def test_a_curve_without_values_counts_as_nothing(others: float, drawn: bool) -> None:
    kept = _largest([curve("nothing"), *(curve("other", others) for _ in range(20))])
    assert ("nothing" in [each.label for each in kept]) is drawn


@pytest.mark.parametrize(
    ("curves", "title"),
    [
        (20, "Requests"),
        (21, "Requests (the 20 largest of 21)"),
        (1234, "Requests (the 20 largest of 1,234)"),
    ],
)
def test_the_title_says_of_how_many_curves_the_largest_are_drawn(curves: int, title: str) -> None:
    assert _counted("Requests", range(curves)) == title


@pytest.mark.parametrize(
    ("name", "title", "unit"),
    [
        ("x_count", "T: how many a second", "per second"),
        ("x_seconds_sum", "T: share of time", "ratio"),
        ("x_seconds_total", "T: share of time", "ratio"),
        ("x_total", "T", "u/s"),
        ("x", "T", "u"),
    ],
)
def test_counters_are_drawn_as_rates(name: str, title: str, unit: str) -> None:
    assert _rate_of(name, "T", "u") == (title, unit)
    assert _rate_of("x_total", "T", "") == ("T", "")


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("http_request_p99_seconds", "Latency"),
        ("http_request_error_ratio", "Load and errors"),
        ("process_resident_memory_bytes", "Memory"),
        ("go_gc_heap_live_bytes", "Memory"),
        ("process_open_fds", "Descriptors, threads and other counts"),
        ("go_sql_in_use_connections", "Pools"),
        ("process_cpu_seconds_total", "Garbage collection and CPU"),
        ("shop_cache_bytes", "Memory"),
        ("shop_backlog", "Descriptors, threads and other counts"),
    ],
)
def test_a_series_is_drawn_under_the_heading_of_its_kind(name: str, group: str) -> None:
    assert _group(name) == group


def test_only_quantiles_of_latency_are_latency() -> None:
    assert _is_latency("http_request_p99_seconds")
    assert not _is_latency("http_request_p99_ratio")
    assert not _is_latency("http_other_seconds")


@pytest.mark.parametrize(
    ("name", "labels", "legend"),
    [
        ("soak_load_asked_per_second", (), "asked"),
        ("load_users", (("endpoint", "GET /"),), "in flight"),
        ("http_requests_per_second", (), "all"),
        ("http_requests_per_second", (("endpoint", "GET /"),), "GET /"),
        ("process_cpu_seconds_total", (), "process_cpu_seconds_total"),
        ("process_cpu_seconds_total", (("pod", "a"),), 'process_cpu_seconds_total{pod="a"}'),
    ],
)
def test_a_curve_of_the_load_has_a_short_legend(
    name: str, labels: tuple[tuple[str, str], ...], legend: str
) -> None:
    assert _short(name, labels) == legend


def test_the_worst_verdict_is_that_of_a_chart() -> None:
    assert _worst([]) is None
    assert (
        _worst([told("a"), told("a", Verdict.FAIL), told("a", Verdict.INCONCLUSIVE)])
        is Verdict.FAIL
    )
    assert _worst([told("a"), told("a", Verdict.INCONCLUSIVE)]) is Verdict.INCONCLUSIVE


def test_warm_up_lasts_from_the_first_sample_until_the_last_series_had_settled() -> None:
    def settled(start: float, after: float | None) -> Trend:
        line = Line(start, start + 500, 1.0, 1.0, 1.0, 1.0)
        return Trend(0.0, 0.0, 0.0, 1.0, after, 1.0, lines=(line,))

    several = [settled(10.0, 50.0), settled(5.0, 20.0), settled(1.0, None), settled(0.0, 0.0)]
    assert _warm_up(several) == Phase("warmup", 5.0, 60.0)
    assert _warm_up([settled(1.0, None)]) is None
    assert _warm_up([]) is None


def many(count: int, **labels: str) -> list[Series]:
    return [
        gauge("jobs_waiting", np.full(9, 1.0), queue=f"{number:02}", **labels)
        for number in range(count)
    ]


def test_of_more_than_twenty_series_of_a_name_the_worst_are_drawn() -> None:
    twenty = _chart("jobs_waiting", many(20), ())
    assert (twenty.title, len(twenty.curves)) == ("jobs_waiting", 20)
    drawn = many(23)
    findings = (
        told("jobs_waiting", Verdict.FAIL, labels=drawn[22].labels),
        told("jobs_waiting", Verdict.INCONCLUSIVE, labels=drawn[21].labels),
        *(told("jobs_waiting", labels=each.labels) for each in drawn[20:21]),
        told("jobs_waiting", labels=drawn[22].labels),
        told("other", Verdict.FAIL, labels=drawn[3].labels),
    )
    chart = _chart("jobs_waiting", drawn, findings)
    assert chart.title == "jobs_waiting (the 20 worst of 23)"
    assert [each.label.partition('"')[2].rstrip('"}') for each in chart.curves] == [
        "22",
        "21",
        "20",
        *(f"{number:02}" for number in range(17)),
    ]
    assert chart.verdict is Verdict.FAIL


def test_a_chart_of_several_kinds_has_the_name_of_all_and_of_one_its_own() -> None:
    name = "jvm_memory_used_bytes"
    heap, outside = (
        gauge(name, np.full(9, 1.0), area=area, id=pool)
        for area, pool in (("heap", "G1 Old Gen"), ("nonheap", "Metaspace"))
    )
    titles = [_chart(name, [each], ()).title for each in (heap, outside)]
    assert titles == ["The JVM's old generation", "The JVM's class metadata"]
    found = (told(name, labels=outside.labels), told(name, labels=heap.labels))
    for drawn in ([heap, outside], [outside, heap]):
        assert _chart(name, drawn, ()).title == "The JVM's memory"
        assert _chart(name, drawn, found).title == "The JVM's memory"
    assert _chart(name, [heap, heap], found).title == "The JVM's class metadata"  # judged first


def test_a_chart_has_the_trends_the_limit_and_the_unit_of_its_findings() -> None:
    drawn = [
        gauge("process_open_fds", np.full(9, 1.0)),
        gauge("process_open_fds", np.full(9, 2.0), pod="a"),
    ]
    trend = Trend(0.0, 0.0, 0.0, 1.0, None, 1.0)
    findings = (
        told("process_open_fds", trend=trend, limit=5.0),
        told("process_open_fds", rule=RuleName.MAX, limit=7.0, labels=drawn[1].labels),
    )
    chart = _chart("process_open_fds", drawn, findings)
    assert (chart.title, chart.unit, chart.limit) == ("Open descriptors", "descriptors", 7.0)
    assert [each.trend for each in chart.curves] == [trend, None]
    assert _chart("process_open_fds", drawn, findings[:1]).limit is None
    bare = _chart("process_open_fds", drawn, ())
    assert (bare.verdict, bare.limit, bare.warm_up) == (None, None, None)
    collected = _chart("process_open_fds", drawn, (told("process_open_fds", unit=COLLECTIONS),))
    assert (collected.title, collected.unit, collected.group) == (
        "Garbage collections",
        "per second",
        "Garbage collection and CPU",
    )


def of_load(*series: Series, findings: tuple[Finding, ...] = ()) -> dict[str, Chart]:
    made = prepare(recording(*series, requests=[windows(seconds=9)], seconds=9), 0.0)
    return {chart.title: chart for chart in charts(replace(made, drawn=series), findings)}


def test_late_and_dropped_arrivals_are_drawn_where_there_were_any() -> None:
    for name, title in (
        ("soak_load_late_ratio", "Late arrivals"),
        ("soak_load_dropped_total", "Dropped arrivals"),
        ("soak_load_lag_seconds", "Load generator: event loop lag"),
    ):
        nothing = gauge(name, [0.0, np.nan, 0.0])
        assert (title in of_load(nothing)) is (name == "soak_load_lag_seconds")
        assert title in of_load(gauge(name, [0.0, np.nan, 0.5]))
        several = (nothing, gauge(name, [0.0, np.nan, 0.5], worker="b"))
        assert len(of_load(*several)[title].curves) == (2 if name.endswith("seconds") else 1)


def test_failed_requests_are_drawn_of_all_endpoints_together() -> None:
    ratio, rate = "http_request_error_ratio", "http_requests_per_second"
    made = of_load(
        *(gauge(name, np.full(9, 0.5)) for name in (ratio, rate)),
        *(gauge(name, np.full(9, 0.5), endpoint="GET /") for name in (ratio, rate)),
    )
    assert [each.label for each in made["Failed requests"].curves] == ["all"]
    assert [each.label for each in made["Requests"].curves] == ["all", "GET /"]


def test_a_judged_series_of_the_load_gives_its_verdict_to_the_chart_that_it_shares() -> None:
    rate, asked = "http_requests_per_second", "soak_load_asked_per_second"
    drawn = [
        gauge(rate, np.full(9, 0.5)),
        gauge(asked, np.full(9, 0.5)),
        gauge("load_users", np.full(9, 2.0)),
        gauge("http_request_p99_seconds", np.full(9, 2.0)),
    ]
    findings = (
        told(rate, rule=RuleName.RATE),
        told(asked, Verdict.FAIL, rule=RuleName.GENERATOR),
        told("http_request_p99_seconds", Verdict.INCONCLUSIVE, rule=RuleName.LATENCY),
        told("fds", Verdict.FAIL),
    )
    made = of_load(*drawn, findings=findings)
    assert list(made) == [
        "Requests",
        "Users and requests in flight",
        "Latency",
        "Latency of all requests: how many took how long",
    ]
    assert made["Requests"].verdict is Verdict.FAIL
    assert made["Users and requests in flight"].verdict is None
    assert made["Latency"].verdict is Verdict.INCONCLUSIVE
    assert "fds" not in made


def test_what_is_judged_is_drawn_in_the_order_of_its_findings() -> None:
    names = ("process_open_fds", "process_threads", "process_start_time_seconds", "shop_backlog")
    drawn = [gauge(name, np.full(9, 2.0)) for name in names]
    findings = (
        told("process_threads"),
        told("process_start_time_seconds", rule=RuleName.RESTART),
        told("process_open_fds"),
        told("process_threads", rule=RuleName.MAX),
    )
    made = of_load(*drawn, findings=findings)
    assert list(made)[:2] == ["Threads", "Open descriptors"]
    assert not any("backlog" in title or "start" in title.lower() for title in made)
