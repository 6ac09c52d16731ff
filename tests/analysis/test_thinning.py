"""Series thinned for drawing: means of even bins, with their extremes, and no line across a gap."""

from __future__ import annotations

import numpy as np
import pytest

from soak.analysis.thinning import MOST_POINTS, _with_gaps, thinned
from soak.model import Floats, Series, Trend

TREND = Trend(0.0, 0.0, 0.0, 1.0, None, 1.0)


def series(values: Floats, times: Floats | None = None) -> Series:
    when = np.arange(float(len(values))) if times is None else times
    return Series("fds", when, np.asarray(values, np.float64), (("pod", "a"),))


@pytest.mark.parametrize("count", [0, 1, 19, MOST_POINTS])
def test_few_points_are_drawn_as_they_are(count: int) -> None:
    values = np.arange(float(count)) ** 2
    curve = thinned(series(values), "label", TREND)
    for column in (curve.values, curve.low, curve.high):
        assert column.tolist() == values.tolist()
    assert curve.times.tolist() == list(range(count))
    assert (curve.label, curve.trend, curve.series) == ("label", TREND, 'fds{pod="a"}')


def test_six_hundred_points_are_drawn_as_they_are_however_near_in_time() -> None:
    times = np.arange(600.0) ** 2
    assert thinned(series(times, times), "", None).times.tolist() == times.tolist()


def test_values_that_are_not_known_are_left_out() -> None:
    curve = thinned(series(np.array([1.0, np.nan, 3.0])), "", None)
    assert (curve.times.tolist(), curve.values.tolist()) == ([0.0, 2.0], [1.0, 3.0])


@pytest.mark.parametrize("count", [601, 1000, 1201, 6000])
def test_many_points_are_means_of_bins_that_are_even_in_time(count: int) -> None:
    """Against bins counted one by one; each value is in the bin of the last edge that is not after it."""
    values = np.random.default_rng(count).integers(0, 100, count).astype(np.float64)
    curve = thinned(series(values), "label", TREND)
    edges = np.linspace(0, count - 1, 601)[:600]
    firsts = sorted({int(np.ceil(edge - 1e-9)) for edge in edges})
    bins = [
        list(range(first, end)) for first, end in zip(firsts, [*firsts[1:], count], strict=True)
    ]
    assert len(curve.times) == len(bins) <= 600
    assert curve.times.tolist() == pytest.approx([np.mean(each) for each in bins])
    assert curve.values.tolist() == pytest.approx([values[each].mean() for each in bins])
    assert curve.low.tolist() == [values[each].min() for each in bins]
    assert curve.high.tolist() == [values[each].max() for each in bins]
    assert (curve.label, curve.trend, curve.series) == ("label", TREND, 'fds{pod="a"}')


def test_bins_are_even_in_time_and_not_in_number() -> None:
    times = np.concatenate((np.arange(1000.0), 1000 + 0.01 * np.arange(1000)))
    curve = thinned(series(times, times), "", None)
    assert (curve.times >= 1000).sum() == 6  # the last 10 s of 1,010
    assert float(np.diff(curve.times).max()) < 3.0


@pytest.mark.parametrize(
    ("count", "apart", "broken"), [(19, 50.0, False), (20, 5.0, False), (20, 5.1, True)]
)
def test_a_gap_of_more_than_five_usual_intervals_is_broken_in_its_middle(
    count: int, apart: float, broken: bool
) -> None:
    times = np.arange(float(count))
    times[10:] += apart - 1
    values, other = np.arange(float(count)), -np.arange(float(count))
    drawn, first, second = _with_gaps(times, values, other)
    if not broken:
        assert (drawn.tolist(), first.tolist()) == (times.tolist(), values.tolist())
        return
    assert drawn.tolist() == pytest.approx([*range(10), 9 + apart / 2, *times[10:]])
    assert np.isnan(first[10])
    assert np.isnan(second[10])
    assert np.delete(first, 10).tolist() == values.tolist()
    assert np.delete(second, 10).tolist() == other.tolist()


def test_each_of_several_gaps_is_broken() -> None:
    times = np.arange(40.0)
    times[10:] += 100
    times[30:] += 10
    drawn, values = _with_gaps(times, np.zeros(40))
    assert np.flatnonzero(np.isnan(values)).tolist() == [10, 31]
    assert drawn[[10, 31]].tolist() == [59.5, 134.5]
