"""Memory by part: series that add up according to the catalog, stacked, with the limit of their sum."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soak.analysis.prepare.bounds import UNLIMITED
from soak.analysis.prepare.prepare import Prepared
from soak.analysis.thinning import MOST_POINTS
from soak.catalog.metrics import (
    BREAKDOWNS,
    Breakdown,
    Part,
    breakdown_identity,
    encloses,
    selected,
    selector,
)
from soak.model import Chart, Curve, Floats, Labels, Series

#: Most charts of one kind: a page may report hundreds of containers.
MOST_CHARTS = 4
#: Most parts of one chart: with the rest, as many as there are colours. The smallest are added to
#: the rest.
MOST_PARTS = 7
#: How far the parts may exceed their total, as they are read one after the other; and the share of
#: moments at which they may exceed it by more.
_SLACK, _ODD = 0.02, 0.01
#: A value counts for moments up to this many of its sampling intervals later.
_STALE = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """One part as it was recorded: the sum of `series` minus that of `less`."""

    label: str
    series: Sequence[Series]
    less: Sequence[Series] = ()

    def at(self, times: Floats) -> Floats:
        """Return the layer's size at these times; NaN if one of its series has no recent value."""
        total = np.sum([_near(one, times) for one in self.series], axis=0)
        less = np.sum([_near(one, times) for one in self.less], axis=0) if self.less else 0.0
        return np.asarray(total - less)


def stacked_charts(prepared: Prepared, group: str) -> Iterator[Chart]:
    """Yield a chart for each process or container whose memory parts are known and add up, the largest first."""
    for breakdown in BREAKDOWNS:
        found = sorted(_charts(prepared, breakdown, group), key=_height, reverse=True)
        yield from found[:MOST_CHARTS]


def _height(chart: Chart) -> float:
    return float(chart.curves[-1].high.max())


def _charts(prepared: Prepared, breakdown: Breakdown, group: str) -> Iterator[Chart]:
    totals = list(selected(breakdown.total.selector, prepared.drawn))
    owners: dict[Labels, dict[str, Series]] = defaultdict(dict)
    for text in breakdown.selectors() if totals else ():
        for series in selected(text, prepared.drawn):
            owners[breakdown_identity(breakdown, series.labels)][series.key] = series
    outer = {
        breakdown_identity(breakdown, series.labels)
        for series in totals
        if encloses(breakdown, series, totals)
    }
    drawn = {
        identity: curves
        for identity, own in owners.items()
        if identity not in outer and (curves := _curves(breakdown, list(own.values())))
    }
    for identity, curves in drawn.items():
        whose = ", ".join(value for _, value in identity)
        title = f"{breakdown.title}: {whose}" if whose and len(drawn) > 1 else breakdown.title
        capacity = _capacity(prepared, breakdown, identity)
        yield Chart(title, "bytes", curves, group=group, stacked=True, capacity=capacity)


def _curves(breakdown: Breakdown, own: Sequence[Series]) -> tuple[Curve, ...]:
    """Return the parts from the bottom and the rest, at moments at which all were seen; empty if they do not add up."""
    whole = list(_layers(breakdown.total, own))
    layers = [layer for part in breakdown.parts for layer in _layers(part, own)]
    if not (whole and layers):
        return ()
    times = whole[0].series[0].times
    total = whole[0].at(times)
    amounts = [layer.at(times) for layer in layers]
    seen = np.isfinite(np.sum([total, *amounts], axis=0))
    times, total = times[seen], total[seen]
    amounts = [np.maximum(amount[seen], 0.0) for amount in amounts]
    if not len(times) or np.mean(np.sum(amounts, axis=0) > total * (1 + _SLACK)) > _ODD:
        return ()
    sizes = [float(amount.mean()) for amount in amounts]
    largest = sorted(filter(sizes.__getitem__, range(len(layers))), key=lambda index: -sizes[index])
    kept = sorted(largest[:MOST_PARTS])
    rest = np.maximum(total - np.sum([amounts[index] for index in kept], axis=0), 0.0)
    named = [(layers[index].label, amounts[index]) for index in kept]
    if rest.any():
        named.append((breakdown.rest, rest))
    shown = _extremes(total)
    return tuple(_stacked(times[shown], [(label, amount[shown]) for label, amount in named]))


def _layers(part: Part, own: Sequence[Series]) -> Iterator[_Layer]:
    """Yield what was recorded of a part, under its legend or each value of the label that separates its series."""
    found: dict[str, list[Series]] = defaultdict(list)
    for series in selected(part.selector, own):
        found[dict(series.labels).get(part.by, "") if part.by else part.legend].append(series)
    less = list(selected(part.less, own))
    return (_Layer(label, series, less) for label, series in found.items())


def _near(series: Series, times: Floats) -> Floats:
    """Return the last value of a series at each time; NaN if it is too old."""
    known = np.isfinite(series.values)
    seen, values = series.times[known], series.values[known]
    if not len(seen):
        return np.full(len(times), np.nan)
    index = np.searchsorted(seen, times, side="right") - 1
    age = times - seen[index]
    oldest = _STALE * float(np.median(np.diff(seen))) if len(seen) > 1 else 0.0
    return np.where((index >= 0) & (age <= oldest), values[index], np.nan)


def _extremes(total: Floats) -> NDArray[np.intp]:
    """Return the moments to draw: the lowest and highest sum of each stretch, so that peaks and sums are kept."""
    if len(total) <= MOST_POINTS:
        return np.arange(len(total))
    stretches = np.array_split(np.arange(len(total)), MOST_POINTS // 2)
    ends = [(part[np.argmin(total[part])], part[np.argmax(total[part])]) for part in stretches]
    return np.unique(np.array(ends))


def _stacked(times: Floats, amounts: Sequence[tuple[str, Floats]]) -> Iterator[Curve]:
    bottom = np.zeros(len(times))
    for label, amount in amounts:
        yield Curve(label, times, amount, bottom, bottom + amount)
        bottom = bottom + amount


def _capacity(prepared: Prepared, breakdown: Breakdown, identity: Labels) -> float | None:
    """Return the smallest bound of the sum; None if there is none."""
    known = []
    for text in breakdown.capacities:
        named = {matcher.label for matcher in selector(text).matchers}
        bounds = [
            last
            for series in selected(text, prepared.drawn)
            if (last := series.last) is not None
            and (
                breakdown_identity(breakdown, series.labels) == identity
                or all(label in named for label, _ in series.labels)
            )
        ]
        finite = [bound for bound in bounds if 0 < bound < UNLIMITED]
        known += [sum(finite)] if finite else []
    return min(known, default=None)
