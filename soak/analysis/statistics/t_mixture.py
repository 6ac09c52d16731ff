"""A weighted mixture of Student's t distributions, and its quantiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from soak.model import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """Components with `weight` (adding to 1), `centre`, `scale` and `freedom`, all of shape (n,)."""

    weight: Floats
    centre: Floats
    scale: Floats
    freedom: Floats

    def quantiles(self, shares: Floats) -> Floats:
        """The values that such shares of the mixture lie below, by bisection."""
        reach = 12 * self.scale * (1 + 12 / self.freedom)
        low = np.full(len(shares), float((self.centre - reach).min()))
        high = np.full(len(shares), float((self.centre + reach).max()))
        for _ in range(44):
            middle = 0.5 * (low + high)
            below = t_below((middle[:, None] - self.centre) / self.scale, self.freedom) @ self.weight < shares
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.asarray(0.5 * (low + high))


def normal_below(z: Floats) -> Floats:
    """The standard normal distribution function, to 1e-7 and never below 0: Abramowitz and Stegun 26.2.17 (1964)."""
    size = np.abs(z)
    k = 1 / (1 + 0.2316419 * size)
    series = k * (0.319381530 + k * (-0.356563782 + k * (1.781477937 + k * (-1.821255978 + k * 1.330274429))))
    tail = np.exp(-0.5 * np.minimum(size, 38.0) ** 2) / np.sqrt(2 * np.pi) * series
    return np.asarray(np.where(z < 0, tail, 1 - tail))


def t_below(t: Floats, freedom: Floats) -> Floats:
    """Student's distribution function by Wallace's normal approximation (Annals of Mathematical Statistics, 1959)."""
    z = np.sqrt(freedom * np.log1p(t * t / freedom)) * (8 * freedom + 1) / (8 * freedom + 3)
    return normal_below(np.copysign(z, t))
