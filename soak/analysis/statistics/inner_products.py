"""Fit columns one after the other from their inner products alone, for far fewer columns than samples.

Projecting a column out means sweeping it from the matrix of inner products (Goodnight, A tutorial
on the SWEEP operator, 1979): k x k numbers change instead of k x n. The results are those of
`marginal_likelihood.project_out` and its fits except for rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from soak.analysis.statistics.marginal_likelihood import (
    Fits,
    Products,
    Weighed,
    Whitened,
    fits_alone,
    fits_beside,
)
from soak.model import Floats

_LEAST = 1e-300


@dataclass(frozen=True, slots=True, eq=False)
class InnerProducts:
    """Inner products of k columns and a series under v noise models: `xx` (v, k, k), `xy` (v, k), `yy` (v,)."""

    xx: Floats
    xy: Floats
    yy: Floats
    weighed: Weighed

    @classmethod
    def of(cls, w: Whitened) -> Self:
        """Compute the inner products of all columns of w, whose y must be a single series (v, n)."""
        transposed = w.x.transpose(0, 2, 1)
        return cls(
            w.x @ transposed,
            (w.y[:, None, :] @ transposed)[:, 0],
            np.einsum("vn,vn->v", w.y, w.y),
            Weighed(w.base, w.freedom, w.least, w.x.shape[2]),
        )

    def project_out(self, column: int) -> Self:
        """Return the products with one column in every fit: projected out, and its degree of freedom charged."""
        size, along = self.xx[:, column, column], self.xy[:, column]
        row = self.xx[:, column] / np.maximum(size, _LEAST)[:, None]
        yy = np.maximum(self.yy - along**2 / np.maximum(size, _LEAST), 0.0)
        base, freedom, least, samples = self.weighed
        usual = (yy + least) / max(freedom - 1, 1)
        return type(self)(
            self.xx - self.xx[:, column, :, None] * row[:, None, :],
            self.xy - along[:, None] * row,
            yy,
            Weighed(base - 0.5 * np.log(np.maximum(size, usual)), freedom - 1, least, samples),
        )

    def fit_each(self, columns: slice) -> Fits:
        """Fit each of these columns alone."""
        return fits_alone(self.weighed, self._sizes(columns), self.xy[:, columns], self.yy[:, None])

    def fit_each_with(self, columns: slice, growth: int) -> Fits:
        """Fit each of these columns together with the column `growth`; slope and error are those of `growth`."""
        products = Products(
            self._sizes(columns),
            self.xx[:, columns, growth],
            self.xy[:, columns],
            self.xx[:, growth, growth, None],
            self.xy[:, growth, None],
            self.yy[:, None],
        )
        return fits_beside(self.weighed, products)

    def _sizes(self, columns: slice) -> Floats:
        return np.maximum(np.diagonal(self.xx, axis1=1, axis2=2)[:, columns], 0.0)
