"""Levels and peaks of the target's resources, and processor time and allocated bytes per request."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from soak.catalog.metrics import COLLECTORS, Metric, ResourceKind, metric_of, superseded
from soak.catalog.process import CPU_SECONDS
from soak.comparison.block_estimates import BLOCKS, standard_error
from soak.comparison.run_view import Figure, RunView, ratio
from soak.model import Series

_MEMORY = (ResourceKind.MEMORY, ResourceKind.HEAP)


def memory_level(view: RunView) -> Iterator[Figure]:
    """Yield the mean of each memory series over the judged stretch."""
    for series, metric in _resources(view):
        if metric.kind in _MEMORY and not metric.integer:
            yield from _level(view, series, metric, relative=True)


def count_level(view: RunView) -> Iterator[Figure]:
    """Yield the mean of each series that counts things: descriptors, threads, goroutines, connections."""
    for series, metric in _resources(view):
        if metric.integer:
            yield from _level(view, series, metric, relative=False)


def memory_peak(view: RunView) -> Iterator[Figure]:
    """Yield the highest value of each memory series; its error is that of the highest value of one stretch."""
    for series, metric in _resources(view):
        if metric.kind in _MEMORY and not metric.integer:
            highest = view.blocks.maxima(series.times, series.values)
            error = standard_error(np.log(np.where(highest > 0, highest, np.nan)))
            if error is not None:
                yield Figure(
                    series.key, float(np.nanmax(highest)), 0.0, error * BLOCKS**0.5, metric.unit
                )


def cpu(view: RunView) -> Iterator[Figure]:
    """Yield the processor seconds per request of each process."""
    yield from _per_request(view, CPU_SECONDS, "seconds")


def allocation(view: RunView) -> Iterator[Figure]:
    """Yield the bytes allocated per request for each runtime that counts them."""
    for collector in COLLECTORS:
        if collector.allocated:
            yield from _per_request(view, collector.allocated, "bytes")


def _per_request(view: RunView, selector: str, unit: str) -> Iterator[Figure]:
    requests = view.requests()
    for counter in view.counters(selector):
        yield from ratio(counter.key, view.blocks.increases(counter), requests, unit, relative=True)


def _level(view: RunView, series: Series, metric: Metric, *, relative: bool) -> Iterator[Figure]:
    sums = view.blocks.sums(series.times, series.values)
    yield from ratio(
        series.key,
        sums,
        view.blocks.counts(series.times, series.values),
        metric.unit,
        relative=relative,
    )


def _resources(view: RunView) -> Iterator[tuple[Series, Metric]]:
    """Yield the series that the verdict judges, with their rows of the catalog."""
    series = view.prepared.judged_series()
    for candidate in series:
        metric = metric_of(candidate.name, candidate.labels)
        if (
            metric is not None
            and metric.judged
            and not superseded(metric, series)
            and metric.kind is not ResourceKind.METRICS
        ):
            yield candidate, metric
