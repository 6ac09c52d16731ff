"""A run cut into equal stretches, and how well a figure is known from them although its samples depend on each other.

Batch means: a figure is taken in each of `BLOCKS` stretches that are long beside the memory of the
noise, so that the stretches are nearly independent where the samples are not (Schmeiser, Batch size
effects in the analysis of simulation
output, Operations Research 30, 1982: ten to thirty batches; more gain nothing). What dependence is
left between neighbouring stretches widens the error by the ratio of an autoregressive process's
long-run variance to its variance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soak.model import Floats, Kind, Series

#: Stretches of a run: the fewest that Schmeiser advises, so that each is as long as may be.
BLOCKS = 10
#: Fewer stretches with a value tell nothing of an error.
FEWEST_BLOCKS = 4
#: No estimate of the dependence between stretches is trusted beyond this: the error is at most tripled.
MOST_DEPENDENCE = 0.8


def standard_error(values: Sequence[float] | Floats) -> float | None:
    """The standard error of the mean of one figure a stretch, in their order; NaN where one has none; None for too few."""
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    count = len(known)
    if count < FEWEST_BLOCKS:
        return None
    spread = float(known.std(ddof=1))
    if spread == 0.0:
        return 0.0
    around = known - known.mean()
    # The estimate of a correlation from n values is too low by about 1/n.
    dependence = float(around[1:] @ around[:-1] / (around @ around)) + 1 / count
    dependence = min(max(dependence, 0.0), MOST_DEPENDENCE)
    return float(spread * np.sqrt((1 + dependence) / (1 - dependence) / count))


@dataclass(frozen=True, slots=True)
class Blocks:
    """The borders of a run's stretches, in seconds, shape (BLOCKS + 1,)."""

    edges: Floats

    @classmethod
    def of(cls, start: float, end: float) -> Blocks:
        """Equal stretches of [start, end]."""
        return cls(np.linspace(start, end, BLOCKS + 1))

    def rows(self, times: Floats) -> NDArray[np.int64]:
        """The stretch that each time lies in, -1 for none."""
        rows = np.searchsorted(self.edges, times, side="right") - 1
        rows = np.where(times == self.edges[-1], BLOCKS - 1, rows)
        return np.where((rows >= 0) & (rows < BLOCKS), rows, -1)

    def sums(self, times: Floats, values: Floats) -> Floats:
        """The values of each stretch added up; NaN values are left out."""
        rows = self.rows(times)
        inside = (rows >= 0) & np.isfinite(values)
        return np.bincount(rows[inside], weights=values[inside], minlength=BLOCKS).astype(
            np.float64
        )

    def counts(self, times: Floats, values: Floats) -> Floats:
        """How many finite values each stretch has."""
        return self.sums(times, np.where(np.isfinite(values), 1.0, np.nan))

    def maxima(self, times: Floats, values: Floats) -> Floats:
        """The highest value of each stretch, NaN without any."""
        rows = self.rows(times)
        highest = np.full(BLOCKS, -np.inf)
        inside = (rows >= 0) & np.isfinite(values)
        np.maximum.at(highest, rows[inside], values[inside])
        return np.where(np.isfinite(highest), highest, np.nan)

    def increases(self, counter: Series) -> Floats:
        """By how much a counter rose in each stretch: a rise belongs to where its later sample is; a fall is a restart."""
        assert counter.kind is Kind.COUNTER
        known = np.isfinite(counter.values)
        times, values = counter.times[known], counter.values[known]
        grown = np.diff(values)
        return self.sums(times[1:], np.where(grown < 0, values[1:], grown))
