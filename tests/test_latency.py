import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.latency import LAST, Histogram, bucket_of, bucket_seconds
from soak.windows import EndpointWindows

_latencies = st.lists(st.floats(min_value=2e-6, max_value=3 * 3600), min_size=1, max_size=200)


@given(st.floats(min_value=2e-6, max_value=3 * 3600))
def test_a_bucket_stands_for_its_latencies_within_two_percent(seconds: float) -> None:
    assert bucket_seconds(bucket_of(seconds)) == pytest.approx(seconds, rel=0.02)


@pytest.mark.parametrize(
    ("seconds", "bucket"), [(-1.0, 0), (0.0, 0), (1e-9, 0), (1e9, LAST), (float("inf"), LAST)]
)
def test_what_is_out_of_range_goes_to_the_ends(seconds: float, bucket: int) -> None:
    assert bucket_of(seconds) == bucket


@given(_latencies, st.floats(min_value=0.01, max_value=1.0))
def test_quantiles_are_those_of_the_sorted_latencies_within_two_percent(
    latencies: list[float], q: float
) -> None:
    histogram = Histogram()
    for latency in latencies:
        histogram.record(latency)
    truth = sorted(latencies)[max(1, int(np.ceil(q * len(latencies)))) - 1]
    assert histogram.quantile(q) == pytest.approx(truth, rel=0.02)


@given(_latencies, _latencies)
def test_merging_is_exact(first: list[float], other: list[float]) -> None:
    apart, together = [Histogram(), Histogram()], Histogram()
    for histogram, latencies in zip(apart, (first, other), strict=True):
        for latency in latencies:
            histogram.record(latency)
            together.record(latency)
    apart[0].merge(apart[1])
    assert apart[0] == together
    assert Histogram.from_pairs(together.pairs()) == together


def test_an_empty_histogram_has_no_quantile() -> None:
    assert Histogram().quantile(0.5) is None


@given(
    st.lists(
        st.lists(st.floats(min_value=1e-5, max_value=100), max_size=30), min_size=1, max_size=12
    )
)
def test_columns_of_windows_agree_with_their_histograms(windows: list[list[float]]) -> None:
    histograms = []
    for latencies in windows:
        histogram = Histogram()
        for latency in latencies:
            histogram.record(latency)
        histograms.append(histogram)
    pairs = [histogram.pairs() for histogram in histograms]
    flat = np.array([pair for window in pairs for pair in window], dtype=np.int64).reshape(-1, 2)
    count = len(windows)
    zeros = np.zeros(count, np.int64)
    offsets = np.concatenate(([0], np.cumsum([len(window) for window in pairs]))).astype(np.int64)
    columns = EndpointWindows(
        "x",
        np.arange(1.0, count + 1),
        np.ones(count),
        zeros,
        zeros,
        zeros,
        offsets,
        flat[:, 0],
        flat[:, 1],
    )
    for q in (0.5, 0.99):
        by_window = columns.quantile_by_window(q)
        for column, histogram in zip(by_window, histograms, strict=True):
            truth = histogram.quantile(q)
            assert np.isnan(column) if truth is None else column == pytest.approx(truth)
    whole = Histogram()
    for histogram in histograms:
        whole.merge(histogram)
    assert columns.quantile(0.9) == pytest.approx(whole.quantile(0.9))
    half = columns.between(0.0, 1.0)
    assert len(half.times) == 1
    assert half.quantile(0.5) == pytest.approx(histograms[0].quantile(0.5))
