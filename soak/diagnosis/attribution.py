"""How much one request to each endpoint keeps: a level fitted on the requests that each endpoint had had by then.

Under a mix of traffic that varies on purpose, the endpoints' counts tell themselves apart (MODE: Yang et al., Mining
performance regressions under designed mixes, 2011; Matias and Trivedi, An experimental study on software aging, 2006).
The level is fitted on the cumulative counts, an amount that every request costs alike, and an intercept a process's life,
by generalised least squares with amounts >= 0 (Lawson and Hanson, Solving Least Squares Problems, 1974), over all subsets
of endpoints; the extended BIC chooses (Chen and Chen 2008). Intervals are a moving-block bootstrap's of the whitened
residuals (Künsch, The jackknife and the bootstrap for general stationary observations, 1989), choice and all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from soak.analysis.noise import noise_grid, whiten
from soak.model import Floats
from soak.windows import EndpointWindows


@dataclass(frozen=True, slots=True)
class Amount:
    """What one request to an endpoint (or one flow) keeps for good, in the attribution's unit, with a 95% interval.

    `share` is how much of all the growth seen that explains.
    """

    endpoint: str
    per_request: float
    low: float
    high: float
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Attribution:
    """One level's growth, told apart by endpoint; `per_hour` is what grew without traffic, with a 95% interval.

    `amounts` has every endpoint that had requests, and what `every` request costs alike is part of them all. `refused` says
    why nothing can be told, and what would; then there are no amounts. `doubt` is what a reader should know all the same.
    """

    key: str
    unit: str
    amounts: tuple[Amount, ...]
    per_hour: float
    per_hour_low: float
    per_hour_high: float
    refused: str | None = None
    every: Amount | None = None
    doubt: str | None = None

    @property
    def guilty(self) -> tuple[Amount, ...]:
        """The endpoints that surely keep something, and no trifle; the largest share first."""
        sure = [amount for amount in self.amounts if amount.low > 0 and amount.share >= _TRIFLE]
        return tuple(sorted(sure, key=lambda amount: -amount.share))


_TRIFLE = 0.05
