"""Cut a run into equal stretches, and estimate from them a figure's standard error although its samples are dependent.

Batch means: a figure is computed in each of `BLOCKS` stretches. They are long compared with the
correlation time of the noise, so that the stretches are nearly independent although the samples are
not (Schmeiser, Batch size effects in the analysis of simulation output, Operations Research 30,
1982: ten to thirty batches; more gain nothing). The remaining dependence between neighbouring
stretches widens the error: the variance is multiplied by the ratio of an autoregressive process's
long-run variance to its variance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soak.model import Floats, Kind, Series

#: Stretches per run: the fewest that Schmeiser advises, so that each is as long as possible.
BLOCKS = 10
#: Fewest stretches with a value from which a standard error is estimated.
FEWEST_BLOCKS = 4
#: Upper limit of the estimated correlation between stretches: the error is at most tripled.
MOST_DEPENDENCE = 0.8


def standard_error(values: Sequence[float] | Floats) -> float | None:
    """Return the standard error of the mean of one figure per stretch, in order of time; None if too few are finite.

    A stretch without a figure is NaN.
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    count = len(known)
    if count < FEWEST_BLOCKS:
        return None
    spread = float(known.std(ddof=1))
    if spread == 0.0:
        return 0.0
    around = known - known.mean()
    # A correlation estimated from n values is too low by about 1/n.
    dependence = float(around[1:] @ around[:-1] / (around @ around)) + 1 / count
    dependence = min(max(dependence, 0.0), MOST_DEPENDENCE)
    return float(spread * np.sqrt((1 + dependence) / (1 - dependence) / count))


@dataclass(frozen=True, slots=True)
class Blocks:
    """The borders of a run's stretches, in seconds, shape (BLOCKS + 1,)."""

    edges: Floats

    @classmethod
    def of(cls, start: float, end: float) -> Blocks:
        """Divide [start, end] into equal stretches."""
        return cls(np.linspace(start, end, BLOCKS + 1))

    def rows(self, times: Floats) -> NDArray[np.int64]:
        """Return the index of the stretch in which each time lies, -1 for none."""
        rows = np.searchsorted(self.edges, times, side="right") - 1
        rows = np.where(times == self.edges[-1], BLOCKS - 1, rows)
        return np.where((rows >= 0) & (rows < BLOCKS), rows, -1)

    def sums(self, times: Floats, values: Floats) -> Floats:
        """Return the sum of the values in each stretch; NaN values are left out."""
        rows = self.rows(times)
        inside = (rows >= 0) & np.isfinite(values)
        return np.bincount(rows[inside], weights=values[inside], minlength=BLOCKS).astype(
            np.float64
        )

    def counts(self, times: Floats, values: Floats) -> Floats:
        """Return how many finite values each stretch has."""
        return self.sums(times, np.where(np.isfinite(values), 1.0, np.nan))

    def maxima(self, times: Floats, values: Floats) -> Floats:
        """Return the highest value of each stretch, NaN if it has none."""
        rows = self.rows(times)
        highest = np.full(BLOCKS, -np.inf)
        inside = (rows >= 0) & np.isfinite(values)
        np.maximum.at(highest, rows[inside], values[inside])
        return np.where(np.isfinite(highest), highest, np.nan)

    def increases(self, counter: Series) -> Floats:
        """Return by how much a counter rose in each stretch.

        A rise belongs to the stretch of its later sample. A fall is a restart of the counter from 0.
        """
        assert counter.kind is Kind.COUNTER
        known = np.isfinite(counter.values)
        times, values = counter.times[known], counter.values[known]
        grown = np.diff(values)
        return self.sums(times[1:], np.where(grown < 0, values[1:], grown))
