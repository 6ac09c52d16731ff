"""A weighted mixture of Student's t distributions, and its quantiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from soak.model import Floats


@dataclass(frozen=True, slots=True, eq=False)
class TMixture:
    """Components with `weight` (adding to 1), `centre`, `scale` and `freedom`, all of shape (n,)."""

    weight: Floats
    centre: Floats
    scale: Floats
    freedom: Floats

    def quantiles(self, shares: Floats) -> Floats:
        """Return the quantiles of the mixture at these shares, by bisection."""
        reach = 12 * self.scale * (1 + 12 / self.freedom)
        low = np.full(len(shares), float((self.centre - reach).min()))
        high = np.full(len(shares), float((self.centre + reach).max()))
        for _ in range(44):
            middle = 0.5 * (low + high)
            below = (
                t_cdf((middle[:, None] - self.centre) / self.scale, self.freedom) @ self.weight
                < shares
            )
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.asarray(0.5 * (low + high))


def t_cdf(t: Floats | float, freedom: Floats | float) -> Floats:
    """Return Student's t distribution function, exact."""
    return np.asarray(stdtr(freedom, t))


def t_quantile(share: float, freedom: float) -> float:
    """Return the quantile of Student's t distribution at this share, exact.

    This uses scipy.special, because importing scipy.stats, which wraps it, takes longer than
    judging a file.
    """
    return float(stdtrit(freedom, share))
