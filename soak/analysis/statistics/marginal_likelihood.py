"""Marginal likelihoods of explanations of a series under noise models, and slopes with their errors.

Bayesian model averaging after Kass and Raftery, Bayes factors (1995), and Hoeting and others
(1999). Coefficients and the size of the noise are integrated out. So a flexible explanation pays
for its freedom, and the restricted likelihood judges how far the noise wanders (maximum likelihood
would underestimate that, and call wandering growth). A coefficient's prior is flat over about the
range of the values; a coefficient that is known less precisely than that costs nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from soak.model import Floats

_ALIGNED = 1e-7
_WIDEST = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Whitened:
    """A series y and candidate columns x after whitening under v noise models, with nuisance columns projected out.

    `y` is (v, n), or (c, v, n) for c copies that are weighed at once: then all results have the
    copies as their first axis. `x` is (v, k, n). `base` (v,) is the log evidence that does not
    depend on the columns. `freedom` is n less the number of nuisance columns. `least` is the
    residual sum of squares that the measurement's own grain leaves.
    """

    y: Floats
    x: Floats
    base: Floats
    freedom: int
    least: Floats

    def under(self, chosen: NDArray[np.bool_]) -> Whitened:
        """Return the series and columns under some of the noise models only."""
        return Whitened(
            self.y[..., chosen, :],
            self.x[chosen],
            self.base[..., chosen],
            self.freedom,
            self.least[chosen],
        )

    def of_copy(self, copy: int) -> Whitened:
        """Return one of the copies alone."""
        base = self.base[copy] if self.base.ndim > 1 else self.base
        return Whitened(self.y[copy], self.x, base, self.freedom, self.least)

    def only(self, *parts: slice) -> Whitened:
        """Return the series with some of the columns only."""
        return Whitened(
            self.y,
            np.concatenate([self.x[:, part] for part in parts], axis=1),
            self.base,
            self.freedom,
            self.least,
        )


def whitened(y: Floats, x: Floats, log_det: Floats, prior: Floats, grain: float) -> Whitened:
    """Return whitened y (v, n) and columns x (v, k, n), nothing projected out; `grain` is a variance in y's unit."""
    n = y.shape[-1]
    return Whitened(y, x, prior - 0.5 * log_det, n, np.exp(-log_det / n) * grain * n)


def project_out(w: Whitened, columns: Floats) -> Whitened:
    """Return w with whitened `columns` (v, p, n) in every fit: projected out, and their freedom charged."""
    if columns.shape[1] == 1:
        length = np.sqrt(np.einsum("vpn,vpn->v", columns, columns))[:, None, None]
        basis, lengths = columns.transpose(0, 2, 1) / np.maximum(length, 1e-150), length[:, :, 0]
    else:
        basis, triangle = np.linalg.qr(columns.transpose(0, 2, 1))
        lengths = np.diagonal(triangle, axis1=1, axis2=2)
    y = w.y - (basis @ (basis.transpose(0, 2, 1) @ w.y[..., None]))[..., 0]
    x = (
        w.x - (w.x @ basis) * basis.transpose(0, 2, 1)
        if basis.shape[2] == 1
        else w.x - (w.x @ basis) @ basis.transpose(0, 2, 1)
    )
    freedom = w.freedom - columns.shape[1]
    usual = (np.einsum("...vn,...vn->...v", y, y) + w.least) / max(freedom, 1)
    size = np.maximum(lengths**2, usual[..., None])
    return Whitened(y, x, w.base - 0.5 * np.log(size).sum(axis=-1), freedom, w.least)


def log_evidence(rest: Floats, freedom: int, least: Floats) -> Floats:
    """Return the log marginal likelihood of a residual sum of squares, without `base`; -inf if no freedom is left."""
    if freedom < 1:
        return np.full(np.broadcast_shapes(rest.shape, least.shape), -np.inf)
    half = 0.5 * freedom
    return math.lgamma(half) - half * np.log(np.pi * (rest + least))


def evidence_of_none(w: Whitened) -> Floats:
    """Return the log evidence without any further column, shape (v,)."""
    return w.base + log_evidence(np.einsum("...vn,...vn->...v", w.y, w.y), w.freedom, w.least)


def _along(x: Floats, y: Floats) -> Floats:
    """Return the products of every column (v, k, n) with y (v, n) or each copy of it (c, v, n): (v, k) or (c, v, k)."""
    if y.ndim == 2:
        return np.asarray(np.einsum("vkn,vn->vk", x, y))
    return np.ascontiguousarray((x @ y.transpose(1, 2, 0)).transpose(2, 0, 1))


class Weighed(NamedTuple):
    """What evidence needs in addition to inner products: as in Whitened, and the number of samples."""

    base: Floats
    freedom: int
    least: Floats
    samples: int


class Products(NamedTuple):
    """Inner products of columns x with themselves, the growth column g and y (v, k); of g and y, (v, 1)."""

    xx: Floats
    xg: Floats
    xy: Floats
    gg: Floats
    gy: Floats
    yy: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Fits:
    """Fits with one more column each: log evidence, coefficient and its standard error, shape (v, k).

    `freedom` is that of the residual; `falls` (v, k) is true if the column's own coefficient is
    negative.
    """

    evidence: Floats
    slope: Floats
    error: Floats
    freedom: int
    falls: NDArray[np.bool_]

    def under(self, chosen: NDArray[np.bool_]) -> Fits:
        """Return the fits under some of the noise models only."""
        return Fits(
            self.evidence[chosen],
            self.slope[chosen],
            self.error[chosen],
            self.freedom,
            self.falls[chosen],
        )


def fit_each(w: Whitened, x: Floats | None = None) -> Fits:
    """Fit each column alone, of w.x or of `x`, both (v, k, n)."""
    x = w.x if x is None else x
    size = np.einsum("vkn,vkn->vk", x, x)
    total = np.einsum("...vn,...vn->...v", w.y, w.y)[..., None]
    return fits_alone(Weighed(w.base, w.freedom, w.least, x.shape[2]), size, _along(x, w.y), total)


def fits_alone(w: Weighed, size: Floats, along: Floats, total: Floats) -> Fits:
    """Compute `fit_each` from inner products: each column with itself and y (both (v, k)), y with itself (v, 1)."""
    usable = size > _ALIGNED * w.samples
    size = np.where(usable, size, 1.0)
    rest = np.maximum(total - along**2 / size, 0.0)
    freedom = w.freedom - 1
    usual = (rest + w.least[:, None]) / max(freedom, 1)
    slope = along / size
    charge = 0.5 * np.log(np.maximum(size, usual)) + 0.5 * (slope / _WIDEST) ** 2
    evidence = w.base[..., None] - charge + log_evidence(rest, freedom, w.least[:, None])
    return Fits(
        np.where(usable, evidence, -np.inf), slope, np.sqrt(usual / size), freedom, slope < 0
    )


def fit_each_with(
    w: Whitened, x: Floats, growth: Floats, rising: NDArray[np.bool_] | None = None
) -> Fits:
    """Fit each column of `x` (v, k, n) together with the column `growth` (v, n); slope and error are of `growth`.

    `rising` (k,) is true for columns of x that must not have a negative coefficient: together with
    growth these would only describe growth that begins late.
    """
    gg = np.einsum("vn,vn->v", growth, growth)[:, None]
    gy = np.einsum("vn,...vn->...v", growth, w.y)[..., None]
    xx = np.einsum("vkn,vkn->vk", x, x)
    xg = np.einsum("vkn,vn->vk", x, growth)
    total = np.einsum("...vn,...vn->...v", w.y, w.y)[..., None]
    weighed = Weighed(w.base, w.freedom, w.least, x.shape[2])
    return fits_beside(weighed, Products(xx, xg, _along(x, w.y), gg, gy, total), rising)


def fits_beside(w: Weighed, of: Products, rising: NDArray[np.bool_] | None = None) -> Fits:
    """Compute `fit_each_with` from inner products."""
    xx, xg, xy, gg, gy, total = of
    det = xx * gg - xg**2
    usable = (det > 1e-5 * xx * gg) & (xx > _ALIGNED * w.samples)
    det = np.where(usable, det, 1.0)
    rest = np.maximum(total - (xy**2 * gg - 2 * xy * gy * xg + gy**2 * xx) / det, 0.0)
    freedom = w.freedom - 2
    usual = (rest + w.least[:, None]) / max(freedom, 1)
    xx = np.where(usable, xx, 1.0)
    slope = (gy * xx - xy * xg) / det
    charge = (
        0.5 * np.log(np.maximum(xx, usual) * np.maximum(det / xx, usual))
        + 0.5 * (slope / _WIDEST) ** 2
    )
    evidence = w.base[..., None] - charge + log_evidence(rest, freedom, w.least[:, None])
    falls = xy * gg < gy * xg
    if rising is not None:
        usable = usable & ~(rising & falls)
    return Fits(
        np.where(usable, evidence, -np.inf), slope, np.sqrt(usual * xx / det), freedom, falls
    )
