"""Compare memory with answers: rises with each answer, and levels that stand in whole answers.

Where answers are sent all the time, no rise belongs to one of them. But a service that builds its
answers whole holds none, one or several of them at any moment, so the samples lie close to multiples
of one answer above the rest. A service that streams holds pieces, and its samples lie anywhere. The
concentration of samples, modulo the answer's size, is Rayleigh's R (Mardia and Jupp, Directional
Statistics, 2000): near 1 if all are at one phase, near 0 if they lie anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from soak.analysis.prepare.stretches import known_between
from soak.catalog.metrics import COLLECTORS, metric_of
from soak.catalog.process import RESIDENT
from soak.diagnosis.suspects.context import RunContext
from soak.diagnosis.thresholds import AT_ONE_PHASE, FEWEST_FALLS, WHOLE_ANSWER
from soak.model import Floats, Series
from soak.units import capitalized
from soak.windows import EndpointWindows

#: Gauges of memory in use, best first.
USED = (*(collector.peak for collector in COLLECTORS if collector.peak), RESIDENT)
_FEWEST, _CLEAR = 20, 5.0
#: Percentile of a gauge's floor, and percentile of its high samples that is reported; how long an answer may be kept after it
#: was sent, in seconds; least number of high samples and of samples without a recent answer; greatest share of high samples
#: without a recent answer.
_FLOOR, _LOW, _JUST, _OFTEN, _STRAY = 20, 10, 3.0, 8, 0.05


@dataclass(frozen=True, eq=False)
class _Rises:
    """How much memory rose in each window, and the number of requests in it to the endpoint and to others."""

    risen: Floats
    own: Floats
    others: Floats

    def slope(self) -> tuple[float, float]:
        """Return the rise per request to the endpoint, and its ratio to its standard error."""
        columns = np.column_stack([np.ones(len(self.risen)), self.own, self.others])
        coefficients, *_ = np.linalg.lstsq(columns, self.risen, rcond=None)
        rest = self.risen - columns @ coefficients
        variance = float(rest @ rest) / max(len(rest) - 3, 1)
        error = float(np.sqrt(max(variance * np.linalg.pinv(columns.T @ columns)[1, 1], 1e-300)))
        return float(coefficients[1]), float(coefficients[1]) / error


def rises_with_answers(context: RunContext, windows: EndpointWindows) -> float | None:
    """Return the bytes by which memory rises with each request to an endpoint; None if no series shows it clearly."""
    everything = context.prepared.judged_requests()
    if everything is None:
        return None
    for name in USED:
        gauges = context.series(name)
        risen = _risen(gauges, everything.times)
        if risen is None:
            continue
        kept = np.isfinite(risen)
        own = windows.requests.astype(np.float64)
        if kept.sum() < _FEWEST or not np.ptp(own[kept]):
            continue
        slope, clear = _Rises(risen[kept], own[kept], (everything.requests - own)[kept]).slope()
        if clear >= _CLEAR:
            return slope
        stood = [
            height
            for series in gauges
            if (height := _stood_up(series, windows, context.prepared.judged_from))
        ]
        if stood:
            return stood[0]
    return None


def held_in_whole_answers(context: RunContext, size: float) -> str:
    """Name the memory that is held in whole answers of `size` bytes; empty if none is."""
    start = context.prepared.judged_from
    for name in USED:
        for series in context.series(name):
            if in_whole_answers(series, size, start):
                metric = metric_of(series.name, series.labels)
                return capitalized(metric.noun) if metric is not None else series.key
    return ""


def _stood_up(series: Series, windows: EndpointWindows, start: float) -> float:
    """Return how high a gauge briefly rises above its floor, if it does so only just after an endpoint's answers; else 0."""
    times, values = known_between(series, start)
    size = float(windows.bytes.sum()) / max(float(windows.requests.sum()), 1.0)
    if len(times) < _FEWEST:
        return 0.0
    above = values - np.percentile(values, _FLOOR)
    high = above >= WHOLE_ANSWER * size
    done = np.concatenate(([0.0], np.cumsum(windows.requests, dtype=np.float64)))
    ends = np.concatenate(([windows.times[0] - windows.seconds[0]], windows.times))
    recently = np.interp(times, ends, done) - np.interp(times - _JUST, ends, done) > 0
    # If answers are sent all the time, their effect cannot be separated from others.
    if (
        high.sum() < _OFTEN
        or (~recently).sum() < _OFTEN
        or (high & ~recently).sum() > _STRAY * high.sum()
    ):
        return 0.0
    return float(np.percentile(above[high], _LOW))  # several at once stand higher


def _risen(gauges: Sequence[Series], times: Floats) -> Floats | None:
    """Return by how much the sum of gauges rose between each of these times and the previous one; NaN if it fell."""
    if not gauges or len(times) < 2:
        return None
    total = np.sum([np.interp(times, gauge.times, gauge.values) for gauge in gauges], axis=0)
    risen = np.concatenate(([np.nan], np.diff(total)))
    risen[risen < 0] = np.nan
    return np.asarray(risen)


def in_whole_answers(gauge: Series, size: float, start: float) -> bool:
    """Return True if a gauge of bytes stands in whole answers of `size` bytes from `start` on, and is given back."""
    _, values = known_between(gauge, start)
    return len(values) >= _FEWEST and _in_steps(values, size)


def _in_steps(values: Floats, size: float) -> bool:
    """Return True if values (n,) lie at one phase of `size`, at several of its multiples, and often fall from one to another."""
    turns = np.exp(2j * np.pi * values / size)
    if abs(turns.mean()) < AT_ONE_PHASE:
        return False
    falls = int((np.diff(np.round((values - values.min()) / size)) < 0).sum())
    return falls >= FEWEST_FALLS and not _on_a_grid(values, size)


def _on_a_grid(values: Floats, size: float) -> bool:
    """Return True if all values are exact multiples of a unit of about that size, as regions of a heap are."""
    return bool(np.gcd.reduce(np.abs(values).astype(np.int64)) >= size / 2)
