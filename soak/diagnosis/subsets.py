"""The few columns that explain a level, each with an amount that is not negative: all subsets weighed at once.

Amounts cannot be negative (Lawson and Hanson, Solving Least Squares Problems, 1974), and of several explanations the one
with the fewest columns wins unless another fits much better (extended BIC: Chen and Chen, Extended Bayesian information
criteria for model selection with large model spaces, 2008). So few columns allow for every subset to be tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from soak.model import Floats

#: More columns are first thinned to these, the ones that explain most one after another: 2**10 subsets at most.
MOST = 10


@dataclass(frozen=True, slots=True, eq=False)
class Subsets:
    """All subsets of k columns, whose products with one another are `gram` (k, k): s of them, the empty one left out.

    `inverses` (s, k, k) is zero where a column is not in the subset; `sizes` (s,) is how many columns each has.
    """

    inverses: Floats
    sizes: NDArray[np.int64]

    @classmethod
    def of(cls, gram: Floats, allowed: Sequence[int]) -> Subsets:
        """All subsets of the allowed columns; ones that are not independent are left out."""
        k = len(gram)
        inverses, sizes = [], []
        for size in range(1, len(allowed) + 1):
            for chosen in combinations(allowed, size):
                part = gram[np.ix_(chosen, chosen)]
                if size > 1 and np.linalg.cond(part) > _DEPENDENT:
                    continue
                inverse = np.zeros((k, k))
                inverse[np.ix_(chosen, chosen)] = np.linalg.inv(part)
                inverses.append(inverse)
                sizes.append(size)
        return cls(np.array(inverses).reshape(-1, k, k), np.array(sizes, dtype=np.int64))

    def best(self, products: Floats, variance: float, price: float) -> Floats:
        """The amounts (k, b) that explain b levels best, given their products with the columns (k, b).

        A column is worth having when it takes away more than `price` variances.
        """
        k, b = products.shape
        if not len(self.sizes):
            return np.zeros((k, b))
        amounts = self.inverses @ products
        gains = np.einsum("skb,kb->sb", amounts, products) / variance - price * self.sizes[:, None]
        gains[(amounts < 0).any(axis=1)] = -np.inf
        best = np.argmax(gains, axis=0)
        found = amounts[best, :, np.arange(b)].T
        return np.where(gains[best, np.arange(b)] > 0, found, 0.0)


_DEPENDENT = 1e10
