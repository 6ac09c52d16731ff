"""Charts of requests over time: latency by percentile, by endpoint and as a heat map, and failures by kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from soak.analysis.prepare.prepare import QUANTILES, Prepared
from soak.analysis.thinning import thinned
from soak.latency import GROWTH, LOWEST
from soak.model import Chart, Floats, HeatMap, Labels, Series, Verdict
from soak.windows import EndpointWindows, Ints

LOAD, LATENCY = "Load and errors", "Latency"
#: Endpoints, or kinds of failure, with a curve of their own: as many as there are colours.
MOST_CURVES = 8
#: Columns of the heat map, each about four pixels wide.
COLUMNS = 180
#: Recorded buckets, 3.9% wide, in one row of the heat map, which is 21% wide: six rows cover a
#: factor of three.
BUCKETS_A_ROW = 5


def request_charts(prepared: Prepared, latency_verdict: Verdict | None) -> Iterator[Chart]:
    """Yield the charts of the run's requests; none if soak made no requests."""
    windows, everything = prepared.recording.windows, prepared.requests_of_all
    if everything is None or not everything.requests.any():
        return
    lines = [
        thinned(_latency(everything, name, ()), f"p{100 * q:g}", None)
        for name, q in QUANTILES.items()
        if len(everything.buckets)
    ]
    if lines:
        yield Chart("Latency", "seconds", tuple(lines), latency_verdict, group=LATENCY)
        heat = heat_map(everything)
        yield Chart(
            "Latency of all requests: how many took how long",
            "seconds",
            (),
            group=LATENCY,
            heat=heat,
        )
    if lines and len(windows) > 1:
        slowest = sorted(windows, key=lambda window: window.quantile(0.99) or 0.0, reverse=True)[
            :MOST_CURVES
        ]
        curves = [
            thinned(
                _latency(window, "p99", (("endpoint", window.endpoint),)), window.endpoint, None
            )
            for window in slowest
        ]
        some = (
            ""
            if len(slowest) == len(windows)
            else f", the slowest {len(slowest)} of {len(windows)}"
        )
        yield Chart(f"p99 latency by endpoint{some}", "seconds", tuple(curves), group=LATENCY)
    failed = list(_failures(windows))
    if failed:
        yield Chart(
            "Failures by kind",
            "failures/s",
            tuple(thinned(window, window.name, None) for window in failed),
            group=LOAD,
        )


def _latency(windows: EndpointWindows, name: str, labels: Labels) -> Series:
    values = windows.quantile_by_window(QUANTILES[name])
    return Series(f"http_request_{name}_seconds", windows.times, values, labels, source="load")


def _failures(windows: tuple[EndpointWindows, ...]) -> Iterator[Series]:
    """Yield failures per second of each kind, the most frequent first, then of all further kinds together."""
    times, seconds = windows[0].times, windows[0].seconds
    kinds: dict[str, Ints] = defaultdict(lambda: np.zeros(len(times), np.int64))
    for window in windows:
        for kind, cells in window.failed.items():
            np.add.at(kinds[kind], cells[:, 0], cells[:, 1])
    ranked = sorted(kinds.items(), key=lambda item: -int(item[1].sum()))
    for kind, counts in ranked[:MOST_CURVES]:
        yield Series(kind, times, counts / seconds, source="load")
    if len(ranked) > MOST_CURVES:
        others: Floats = np.sum([counts for _, counts in ranked[MOST_CURVES:]], axis=0) / seconds
        yield Series(f"{len(ranked) - MOST_CURVES} more kinds", times, others, source="load")


def heat_map(windows: EndpointWindows) -> HeatMap:
    """Return counts of successes by time and latency, over the rows that contain any."""
    rows = windows.buckets // BUCKETS_A_ROW
    low, high = int(rows.min()), int(rows.max())
    start, end = float(windows.times[0] - windows.seconds[0]), float(windows.times[-1])
    columns = min(COLUMNS, len(windows.times))
    middles = windows.times - windows.seconds / 2
    # A damaged recording may have a window that begins before the first.
    column = np.clip(((middles - start) / (end - start) * columns).astype(int), 0, columns - 1)
    cells = (rows - low).astype(np.int64) * columns + np.repeat(column, np.diff(windows.offsets))
    counts = np.bincount(cells, windows.counts, (high - low + 1) * columns).astype(np.float64)
    return HeatMap(start, end, _edge(low), _edge(high + 1), counts.reshape(-1, columns))


def _edge(row: int) -> float:
    """Return the lower edge of a row in seconds: bucket b begins at LOWEST times GROWTH to the power of b - 1."""
    return float(LOWEST * GROWTH ** (row * BUCKETS_A_ROW - 1))
