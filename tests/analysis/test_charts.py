"""Charts stay readable and small, however many endpoints or series there are."""

from dataclasses import replace

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.charts import MOST_CURVES
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
