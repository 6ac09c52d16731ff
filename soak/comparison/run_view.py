"""One run as the metrics see it: its judged part, its analysis, and the blocks into which the judged part is cut."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from soak.analysis.prepare.prepare import Prepared
from soak.catalog.metrics import selected
from soak.comparison.block_estimates import Blocks, standard_error
from soak.model import Analysis, Floats, Kind, Series
from soak.windows import EndpointWindows


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a run, not yet labelled with its metric.

    `error` and `drift` are standard errors on the metric's scale: `error` is that of counting few
    requests or events, `drift` the variation from stretch to stretch beyond it. `matters` is the
    least difference, in `unit`, that matters.
    """

    subject: str
    value: float
    error: float
    drift: float
    unit: str
    matters: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class RunView:
    """A judged run, ready to be measured."""

    prepared: Prepared
    analysis: Analysis
    blocks: Blocks = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "blocks", Blocks.of(self.prepared.judged_from, self.prepared.end))

    def windows(self) -> tuple[EndpointWindows, ...]:
        """Return the request windows of the judged stretch, one entry per endpoint."""
        return self.prepared.windows()

    def requests(self) -> Floats:
        """Return the number of requests to all endpoints in each stretch."""
        windows = self.windows()
        sums = [
            self.blocks.sums(window.times - window.seconds / 2, window.requests.astype(np.float64))
            for window in windows
        ]
        return np.sum(sums, axis=0) if sums else np.zeros(len(self.blocks.edges) - 1)

    def counters(self, selector: str) -> Iterator[Series]:
        """Yield the counters that a selector matches, each once; soak's `process` source takes precedence."""
        counters = [
            counter
            for counter in selected(selector, self.prepared.recording.series)
            if counter.kind is Kind.COUNTER
        ]
        counters.sort(key=lambda counter: not counter.source.startswith("process"))
        seen = set()
        for counter in counters:
            if counter.key not in seen:
                seen.add(counter.key)
                yield counter


def ratio(
    subject: str, above: Floats, below: Floats, unit: str, *, relative: bool, counting: float = 0.0
) -> Iterator[Figure]:
    """Yield the sum of `above` over the sum of `below`, with its error from the ratio in each stretch.

    Nothing is yielded if `below` is 0 throughout, if too few stretches have a ratio, or if a relative
    figure is 0. `counting` is the standard error, on the metric's scale, that is due to the number
    of independent events alone.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(below > 0, above / below, np.nan)
        each = np.log(np.where(each > 0, each, np.nan)) if relative else each
    whole = float(np.nansum(above))
    error = standard_error(each)
    if not np.nansum(below) > 0 or error is None or (relative and not whole > 0):
        return
    yield Figure(subject, whole / float(np.nansum(below)), counting, beyond(error, counting), unit)


def beyond(error: float, counting: float) -> float:
    """Return the part of a standard error beyond that of counting: the root of the difference of their squares."""
    return math.sqrt(max(error**2 - counting**2, 0.0))


def counting_error(count: float) -> float:
    """Return the relative standard error of a count of independent events (Poisson)."""
    return 1 / math.sqrt(count) if count > 0 else math.inf
