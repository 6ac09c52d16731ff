"""Columns fitted by their inner products give what fitting the columns themselves gives."""

import numpy as np
import pytest

from soak.analysis.statistics.inner_products import InnerProducts
from soak.analysis.statistics.marginal_likelihood import (
    Fits,
    Whitened,
    fit_each,
    fit_each_with,
    project_out,
)

RNG = np.random.default_rng(3)
X = RNG.normal(0, 1, (4, 7, 60))
W = Whitened(
    X[:, 0] * 2 + RNG.normal(0, 0.3, (4, 60)), X, RNG.normal(0, 1, 4), 58, np.full(4, 0.01)
)
STEPS = slice(2, 7)


def alike(fits: Fits, other: Fits) -> bool:
    """Whether two fits say the same wherever a column can explain anything at all."""
    can = np.isfinite(fits.evidence)
    same = [
        getattr(fits, part)[can] == pytest.approx(getattr(other, part)[can])
        for part in ("evidence", "slope", "error", "falls")
    ]
    return (
        all(same)
        and fits.freedom == other.freedom
        and bool((can == np.isfinite(other.evidence)).all())
    )


def test_fits_and_projections_are_those_of_the_columns() -> None:
    direct, products = W, InnerProducts.of(W)
    for column in (None, 3, 5):
        if column is not None:
            direct, products = (
                project_out(direct, direct.x[:, column : column + 1]),
                products.project_out(column),
            )
        places = direct.x[:, STEPS]
        assert alike(products.fit_each(STEPS), fit_each(direct, places))
        assert alike(
            products.fit_each_with(STEPS, 1), fit_each_with(direct, places, direct.x[:, 1])
        )


def test_a_column_that_is_projected_out_explains_no_more() -> None:
    assert np.isneginf(InnerProducts.of(W).project_out(3).fit_each(slice(3, 4)).evidence).all()
