"""How well explanations of a series are supported: marginal likelihoods over noise models, and slopes with their errors.

Bayesian model averaging after Kass and Raftery, Bayes factors (1995), and Hoeting and others (1999): coefficients and the
noise's size are integrated out, so that a flexible explanation pays for its freedom, and so that the restricted
likelihood judges how far the noise wanders (maximum likelihood would underrate that, and call a wander growth).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from soak.model import Floats

_ALIGNED = 1e-7


@dataclass(frozen=True, slots=True, eq=False)
class Whitened:
    """A series y and candidate columns x after whitening under v noise models, the nuisance columns projected out.

    `y` is (v, n), `x` (v, k, n); `base` (v,) is the log evidence that does not depend on the columns; `freedom` is n less
    the nuisance columns; `least` is the residual variance that the measurement's own grain leaves.
    """

    y: Floats
    x: Floats
    base: Floats
    freedom: int
    least: Floats


def whitened(y: Floats, x: Floats, log_det: Floats, prior: Floats, grain: float) -> Whitened:
    """Whitened y (v, n) and columns x (v, k, n), with nothing projected out yet; `grain` is a variance in y's unit."""
    n = y.shape[1]
    return Whitened(y, x, prior - 0.5 * log_det, n, np.exp(-log_det / n) * grain * n)


def given(w: Whitened, columns: Floats) -> Whitened:
    """The same with whitened `columns` (v, p, n) fitted for certain: projected out, and their freedom charged."""
    basis, triangle = np.linalg.qr(columns.transpose(0, 2, 1))
    size = np.abs(np.diagonal(triangle, axis1=1, axis2=2))
    y = w.y - (basis @ (basis.transpose(0, 2, 1) @ w.y[:, :, None]))[:, :, 0]
    x = w.x - (w.x @ basis) @ basis.transpose(0, 2, 1)
    base = w.base - np.log(np.maximum(size, 1e-300)).sum(axis=1)
    return Whitened(y, x, base, w.freedom - columns.shape[1], w.least)


def log_evidence(rest: Floats, freedom: int, least: Floats) -> Floats:
    """Log marginal likelihood, but for `base`, of a residual sum of squares with so many degrees of freedom."""
    half = 0.5 * freedom
    return math.lgamma(half) - half * np.log(np.pi * (rest + least))


def alone(w: Whitened) -> Floats:
    """Log evidence of no further column, shape (v,)."""
    return w.base + log_evidence(np.einsum("vn,vn->v", w.y, w.y), w.freedom, w.least)


@dataclass(frozen=True, slots=True, eq=False)
class Fits:
    """One more column each: log evidence, coefficient and its standard error, shape (v, k); `freedom` of the residual."""

    evidence: Floats
    slope: Floats
    error: Floats
    freedom: int


def each(w: Whitened, x: Floats | None = None) -> Fits:
    """Fit every column (of w.x, or of `x`, both (v, k, n)) alone."""
    x = w.x if x is None else x
    size = np.einsum("vkn,vkn->vk", x, x)
    along = np.einsum("vkn,vn->vk", x, w.y)
    total = np.einsum("vn,vn->v", w.y, w.y)[:, None]
    usable = size > _ALIGNED * x.shape[2]
    size = np.where(usable, size, 1.0)
    rest = np.maximum(total - along**2 / size, 0.0)
    freedom = w.freedom - 1
    evidence = w.base[:, None] - 0.5 * np.log(size) + log_evidence(rest, freedom, w.least[:, None])
    error = np.sqrt((rest + w.least[:, None]) / max(freedom, 1) / size)
    return Fits(np.where(usable, evidence, -np.inf), along / size, error, freedom)


def each_with(w: Whitened, x: Floats, growth: Floats) -> Fits:
    """Fit every column of `x` (v, k, n) together with the column `growth` (v, n); slope and error are of `growth`."""
    gg = np.einsum("vn,vn->v", growth, growth)[:, None]
    gy = np.einsum("vn,vn->v", growth, w.y)[:, None]
    xx = np.einsum("vkn,vkn->vk", x, x)
    xg = np.einsum("vkn,vn->vk", x, growth)
    xy = np.einsum("vkn,vn->vk", x, w.y)
    total = np.einsum("vn,vn->v", w.y, w.y)[:, None]
    det = xx * gg - xg**2
    usable = (det > 1e-5 * xx * gg) & (xx > _ALIGNED * x.shape[2])
    det = np.where(usable, det, 1.0)
    rest = np.maximum(total - (xy**2 * gg - 2 * xy * gy * xg + gy**2 * xx) / det, 0.0)
    freedom = w.freedom - 2
    evidence = w.base[:, None] - 0.5 * np.log(det) + log_evidence(rest, freedom, w.least[:, None])
    error = np.sqrt((rest + w.least[:, None]) / max(freedom, 1) * xx / det)
    return Fits(np.where(usable, evidence, -np.inf), (gy * xx - xy * xg) / det, error, freedom)
