"""Latency percentiles of each endpoint's successful requests."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from soak.comparison.block_estimates import BLOCKS, Blocks, standard_error
from soak.comparison.metrics.metric import ComparedMetric
from soak.comparison.run_view import Figure, RunView
from soak.latency import GROWTH
from soak.model import Floats
from soak.windows import EndpointWindows

#: Minimum number of successes beyond a percentile for it to be compared: with fewer, single
#: requests decide it.
FEWEST_BEYOND = 5
#: Standard deviation of the position within a histogram's bucket, on a logarithmic scale: uniform
#: over its width.
_BUCKET = float(np.log(GROWTH)) / 12**0.5


def _quantile(view: RunView, q: float) -> Iterator[Figure]:
    for windows in view.windows():
        value = windows.quantile(q)
        if value is None or value <= 0 or windows.counts.sum() * (1 - q) < FEWEST_BEYOND:
            continue
        error = standard_error(np.log(by_block(windows, view.blocks, q)))
        if error is not None:
            yield Figure(windows.endpoint, value, _BUCKET, error, "seconds")


def by_block(windows: EndpointWindows, blocks: Blocks, q: float) -> Floats:
    """Return the percentile in each stretch, in seconds; NaN for a stretch without a success."""
    values = []
    for first, last in zip(blocks.edges, blocks.edges[1:], strict=False):
        values.append(windows.between(first, last).quantile(q) or np.nan)
    assert len(values) == BLOCKS
    return np.array(values)


#: Between runs of one build, latencies differ by several times their drift within one run: on a
#: shared machine the other programs change from run to run (measured: 2 to 7 drifts on two
#: overloaded cores).
BETWEEN_RUNS = 6.0


def percentile(q: float, floor: float) -> ComparedMetric:
    """Build the metric of a latency percentile; `floor` is the least assumed scatter between runs of one build, as a share."""
    return ComparedMetric(partial(_quantile, q=q), floor=floor, between=BETWEEN_RUNS)
