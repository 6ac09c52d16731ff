"""Columns fitted by their inner products give what fitting the columns themselves gives."""

import numpy as np
import pytest

from soak.analysis.statistics.inner_products import InnerProducts
from soak.analysis.statistics.marginal_likelihood import (
    Fits,
    Weighed,
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


@pytest.mark.parametrize("freedom", [58, 3, 2, 1])
@pytest.mark.parametrize("size", [1.0, 0.02])
def test_small_columns_and_little_freedom_are_charged_as_the_columns_are(
    size: float, freedom: int
) -> None:
    w = Whitened(W.y, size * X, W.base, freedom, np.full(4, 3.0))
    out = project_out(w, w.x[:, 3:4])
    products = InnerProducts.of(w).project_out(3)
    assert products.weighed.base == pytest.approx(out.base)
    assert (products.weighed.freedom, products.weighed.samples) == (freedom - 1, 60)
    assert products.weighed.least.tolist() == [3.0] * 4
    assert products.yy == pytest.approx((out.y**2).sum(axis=1))
    others = [0, 1, 2, 4, 5, 6]
    assert products.xy[:, others] == pytest.approx(np.einsum("vkn,vn->vk", out.x[:, others], out.y))
    assert products.xx[:, others][:, :, others] == pytest.approx(
        np.einsum("vkn,vjn->vkj", out.x[:, others], out.x[:, others])
    )
    assert alike(products.fit_each(slice(4, 7)), fit_each(out, out.x[:, 4:7]))
    assert alike(
        products.fit_each_with(slice(4, 7), 1), fit_each_with(out, out.x[:, 4:7], out.x[:, 1])
    )


def products(xx: list[list[float]], xy: list[float], yy: float) -> InnerProducts:
    return InnerProducts(
        np.array([xx]),
        np.array([xy]),
        np.array([yy]),
        Weighed(np.zeros(1), 9, np.array([0.5]), 10),
    )


@pytest.mark.parametrize(("total", "left"), [(3.9, 0.0), (4.0, 0.0), (4.25, 0.25)])
def test_what_is_left_of_the_series_is_never_less_than_nothing(total: float, left: float) -> None:
    assert products([[4.0]], [4.0], total).project_out(0).yy.tolist() == [left]


def test_a_column_of_nothing_leaves_all_there_was() -> None:
    before = products([[0.0, 0.0], [0.0, 2.0]], [0.0, 3.0], 7.0)
    after = before.project_out(0)
    assert after.xx.tolist() == before.xx.tolist()
    assert after.xy.tolist() == before.xy.tolist()
    assert after.yy.tolist() == [7.0]
    # It is charged as the series is: by (7 + 0.5) / 8.
    assert after.weighed.base == pytest.approx([-0.5 * np.log(7.5 / 8)])


def test_a_size_below_nothing_is_none() -> None:
    given = products([[-0.5, 0.0], [0.0, 2.0]], [1.0, 3.0], 7.0)
    assert given._sizes(slice(0, 2)).tolist() == [[0.0, 2.0]]
    assert np.isneginf(given.fit_each(slice(0, 1)).evidence).all()
