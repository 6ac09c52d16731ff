"""Evidence, slopes and errors of many fits at once, each against the same fit done alone by least squares."""

from __future__ import annotations

import math

import numpy as np
import pytest

from soak.analysis.statistics.marginal_likelihood import (
    Fits,
    Products,
    Weighed,
    Whitened,
    evidence_of_none,
    fit_each,
    fit_each_with,
    fits_alone,
    fits_beside,
    log_evidence,
    project_out,
    whitened,
)
from soak.model import Floats

N = 12
BASE = np.array([-1.0, 0.5, 2.0])
LEAST = np.array([0.5, 1.0, 2.0])


def series() -> Whitened:
    """Three noise models of twelve samples and five columns, one of them 0 and one of them tiny."""
    rng = np.random.default_rng(11)
    x = rng.normal(0, 2, (3, 5, N))
    x[:, 3] = 0.0
    x[:, 4] *= 0.05
    y = x[:, 0] * 3 - x[:, 1] + rng.normal(0, 1, (3, N))
    return Whitened(y, x, BASE, 11, LEAST)


def student(rest: float, freedom: int, least: float) -> float:
    """The integral over the size of the noise, in logarithms."""
    return math.lgamma(freedom / 2) - freedom / 2 * math.log(math.pi * (rest + least))


def cleared(y: Floats, *columns: Floats) -> Floats:
    """What least squares leaves."""
    design = np.column_stack(columns)
    return np.asarray(y - design @ np.linalg.lstsq(design, y, rcond=None)[0])


def test_whitening_gives_the_evidence_its_base_and_the_grain_its_sum_of_squares() -> None:
    y, x = np.zeros((2, 4)), np.ones((2, 1, 4))
    w = whitened(y, x, np.array([8.0, 0.0]), np.array([-1.0, 3.0]), 0.25)
    assert w.y is y
    assert w.x is x
    assert w.base.tolist() == [-5.0, 3.0]
    assert w.freedom == 4
    assert w.least == pytest.approx([math.exp(-2.0), 1.0])


def test_copies_are_whitened_as_one_series_is() -> None:
    x, log_det, prior = np.ones((2, 1, 5)), np.array([8.0, 0.0]), np.array([-1.0, 3.0])
    one = whitened(np.zeros((2, 5)), x, log_det, prior, 0.25)
    many = whitened(np.zeros((3, 2, 5)), x, log_det, prior, 0.25)
    assert (many.freedom, many.least.tolist()) == (one.freedom, one.least.tolist())


def test_some_noise_models_and_some_columns_of_a_series() -> None:
    w = series()
    some = w.under(np.array([True, False, True]))
    assert some.y.tolist() == w.y[[0, 2]].tolist()
    assert some.x.tolist() == w.x[[0, 2]].tolist()
    assert some.base.tolist() == [-1.0, 2.0]
    assert some.least.tolist() == [0.5, 2.0]
    assert some.freedom == 11
    only = w.only(slice(0, 1), slice(2, 4))
    assert only.x.tolist() == w.x[:, [0, 2, 3]].tolist()
    assert (only.y is w.y, only.base is w.base, only.freedom) == (True, True, 11)


def test_some_noise_models_of_copies_and_of_fits() -> None:
    w = series()
    chosen = np.array([False, True, True])
    copies = Whitened(np.stack((w.y, 2 * w.y)), w.x, np.stack((BASE, BASE)), 11, LEAST)
    assert copies.under(chosen).y.shape == (2, 2, N)
    assert copies.under(chosen).base.tolist() == [[0.5, 2.0], [0.5, 2.0]]
    fits = fit_each(w)
    some = fits.under(chosen)
    for part in ("evidence", "slope", "error", "falls"):
        assert getattr(some, part).tolist() == getattr(fits, part)[1:].tolist()
    assert some.freedom == fits.freedom


@pytest.mark.parametrize(
    ("rest", "freedom", "least", "expected"),
    [
        (3.0, 0, 1.0, -math.inf),
        (3.0, -1, 1.0, -math.inf),
        (3.0, 1, 1.0, 0.5 * math.log(math.pi) - 0.5 * math.log(4 * math.pi)),
        (3.0, 2, 1.0, -math.log(4 * math.pi)),
        (0.5, 6, 0.0, math.log(2) - 3 * math.log(0.5 * math.pi)),
    ],
)
def test_the_evidence_of_a_sum_of_squares(
    rest: float, freedom: int, least: float, expected: float
) -> None:
    (seen,) = log_evidence(np.array([rest]), freedom, np.array([least]))
    assert seen == pytest.approx(expected)


def test_without_a_column_the_whole_series_is_left() -> None:
    w = series()
    seen = evidence_of_none(w)
    for v in range(3):
        whole = float((w.y[v] ** 2).sum())
        assert seen[v] == pytest.approx(BASE[v] + student(whole, 11, LEAST[v]))


def held_alone(w: Whitened, x: Floats, fits: Fits) -> None:
    """Hold fits of each column alone to least squares."""
    for v in range(len(w.x)):
        for k in range(x.shape[1]):
            column, y = x[v, k], w.y[v]
            size = float(column @ column)
            if size <= 1e-7 * N:
                assert fits.evidence[v, k] == -math.inf
                continue
            slope = float(column @ y) / size
            rest = float(((y - slope * column) ** 2).sum())
            usual = (rest + w.least[v]) / (w.freedom - 1)
            expected = (
                w.base[v]
                - 0.5 * math.log(max(size, usual))
                - 0.5 * (slope / 3) ** 2
                + student(rest, w.freedom - 1, w.least[v])
            )
            assert fits.evidence[v, k] == pytest.approx(expected)
            assert fits.slope[v, k] == pytest.approx(slope)
            assert fits.error[v, k] == pytest.approx(math.sqrt(usual / size))
            assert fits.falls[v, k] == (slope < 0)
    assert fits.freedom == w.freedom - 1


def test_each_column_alone_is_what_least_squares_says() -> None:
    w = series()
    held_alone(w, w.x, fit_each(w))
    held_alone(w, w.x[:, 1:3], fit_each(w, w.x[:, 1:3]))


def held_beside(w: Whitened, x: Floats, growth: Floats, fits: Fits) -> None:
    """Hold fits of each column together with growth to least squares."""
    for v in range(len(w.x)):
        for k in range(x.shape[1]):
            column, grows, y = x[v, k], growth[v], w.y[v]
            if float(column @ column) <= 1e-7 * N:
                assert fits.evidence[v, k] == -math.inf
                continue
            own, slope = np.linalg.lstsq(np.column_stack((column, grows)), y, rcond=None)[0]
            left = cleared(y, column, grows)
            rest, apart = float(left @ left), cleared(grows, column)
            usual = (rest + w.least[v]) / (w.freedom - 2)
            beyond = float(apart @ apart)
            expected = (
                w.base[v]
                - 0.5 * math.log(max(float(column @ column), usual))
                - 0.5 * math.log(max(beyond, usual))
                - 0.5 * (slope / 3) ** 2
                + student(rest, w.freedom - 2, w.least[v])
            )
            assert fits.evidence[v, k] == pytest.approx(expected)
            assert fits.slope[v, k] == pytest.approx(slope)
            assert fits.error[v, k] == pytest.approx(math.sqrt(usual / beyond))
            assert fits.falls[v, k] == (own < 0)
    assert fits.freedom == w.freedom - 2


@pytest.mark.parametrize("size", [1.0, 0.05])
def test_each_column_with_growth_is_what_least_squares_says(size: float) -> None:
    w = series()
    growth = size * w.x[:, 1]
    others = w.x[:, [0, 2, 3, 4]]
    held_beside(w, others, growth, fit_each_with(w, others, growth))


def test_copies_are_fitted_as_each_of_them_alone() -> None:
    w = series()
    many = np.stack((w.y, w.y[:, ::-1], 2 * w.y))
    base = np.stack((BASE, BASE + 1, BASE))
    copies = Whitened(many, w.x, base, 11, LEAST)
    projected = project_out(copies, w.x[:, :2])
    for c in range(3):
        one = Whitened(many[c], w.x, base[c], 11, LEAST)
        assert evidence_of_none(copies)[c] == pytest.approx(evidence_of_none(one))
        for all_of_them, alone in (
            (fit_each(copies), fit_each(one)),
            (
                fit_each_with(copies, w.x[:, 2:4], w.x[:, 1]),
                fit_each_with(one, w.x[:, 2:4], w.x[:, 1]),
            ),
        ):
            for part in ("evidence", "slope", "error", "falls"):
                assert getattr(all_of_them, part)[c] == pytest.approx(getattr(alone, part))
        left = project_out(one, w.x[:, :2])
        assert projected.y[c] == pytest.approx(left.y)
        assert projected.base[c] == pytest.approx(left.base)


def test_a_column_that_must_not_fall_beside_growth_counts_only_where_it_rises() -> None:
    w = series()
    free = fit_each_with(w, w.x[:, :3], w.x[:, 4])
    rising = np.array([True, True, False])
    bound = fit_each_with(w, w.x[:, :3], w.x[:, 4], rising)
    assert free.falls[:, :2].tolist() == [[False, True], [False, True], [False, False]]
    assert np.isfinite(free.evidence).all()
    expected = np.where(free.falls & rising, -np.inf, free.evidence)
    assert bound.evidence.tolist() == expected.tolist()
    assert bound.falls.tolist() == free.falls.tolist()


@pytest.mark.parametrize("columns", [[1], [3], [4], [0, 2], [0, 2, 4]])
def test_columns_in_every_fit_leave_the_rest_and_cost_their_freedom(columns: list[int]) -> None:
    w = series()
    out = project_out(w, w.x[:, columns])
    assert out.freedom == 11 - len(columns)
    assert out.least is w.least
    for v in range(3):
        every = [w.x[v, k] for k in columns]
        y = cleared(w.y[v], *every)
        usual = (float(y @ y) + LEAST[v]) / (11 - len(columns))
        charged = 0.0
        for place, column in enumerate(every):
            own = cleared(column, *every[:place]) if place else column
            charged += 0.5 * math.log(max(float(own @ own), usual))
        assert out.y[v] == pytest.approx(y)
        assert out.base[v] == pytest.approx(BASE[v] - charged)
        for k in range(5):
            assert out.x[v, k] == pytest.approx(cleared(w.x[v, k], *every), abs=1e-12)


def alone(size: float, along: float, total: float, *, freedom: int = 8, samples: int = 1) -> Fits:
    weighed = Weighed(np.zeros(1), freedom, np.array([0.5]), samples)
    return fits_alone(weighed, np.array([[size]]), np.array([[along]]), np.array([[total]]))


def test_a_column_of_no_size_explains_nothing_and_one_above_it_does() -> None:
    tiny = 1e-7 * 30
    assert alone(tiny, 0.0, 4.0, samples=30).evidence[0, 0] == -math.inf
    assert math.isfinite(alone(1.01 * tiny, 0.0, 4.0, samples=30).evidence[0, 0])
    assert alone(0.99 * tiny, 0.0, 4.0, samples=30).evidence[0, 0] == -math.inf


@pytest.mark.parametrize(("size", "usable"), [(1.1, True), (0.9, False)])
def test_how_large_a_column_must_be_goes_by_the_samples_not_by_the_columns(
    size: float, usable: bool
) -> None:
    """Of three columns of twelve samples: 1e-7 for each sample."""
    x = np.zeros((1, 3, N))
    x[0, :, 0] = math.sqrt(size * 1e-7 * N)
    growth = np.zeros((1, N))
    growth[0, 1] = 1.0
    w = Whitened(np.ones((1, N)), x, np.zeros(1), 11, np.ones(1))
    for fits in (fit_each(w), fit_each_with(w, x, growth)):
        assert np.isfinite(fits.evidence).tolist() == [[usable] * 3]


def test_a_column_that_is_orthogonal_to_the_series_does_not_fall() -> None:
    assert not alone(2.0, 0.0, 4.0).falls[0, 0]
    assert alone(2.0, -0.1, 4.0).falls[0, 0]


@pytest.mark.parametrize(("total", "left"), [(7.0, 0.0), (8.0, 0.0), (8.25, 0.25)])
def test_what_a_column_leaves_is_never_less_than_nothing(total: float, left: float) -> None:
    fits = alone(2.0, 4.0, total, freedom=5)
    assert fits.error[0, 0] == pytest.approx(math.sqrt((left + 0.5) / 4 / 2))
    assert fits.evidence[0, 0] == pytest.approx(
        -0.5 * math.log(2) - 0.5 * (2 / 3) ** 2 + student(left, 4, 0.5)
    )


@pytest.mark.parametrize(("freedom", "left"), [(3, 2), (2, 1), (1, 0), (0, -1)])
def test_without_a_degree_of_freedom_a_column_has_no_evidence_but_an_error(
    freedom: int, left: int
) -> None:
    fits = alone(2.0, 4.0, 9.5, freedom=freedom)
    assert fits.freedom == left
    assert math.isfinite(fits.evidence[0, 0]) == (left >= 1)
    assert fits.error[0, 0] == pytest.approx(math.sqrt(2.0 / max(left, 1) / 2))


def beside(
    xx: float,
    xg: float,
    xy: float,
    gg: float,
    gy: float,
    total: float,
    *,
    freedom: int = 8,
    samples: int = 1,
) -> Fits:
    products = Products(*(np.array([[each]]) for each in (xx, xg, xy, gg, gy, total)))
    return fits_beside(Weighed(np.zeros(1), freedom, np.array([0.5]), samples), products)


@pytest.mark.parametrize(("xg", "usable"), [(99998.0, True), (99999.0, False), (100000.0, False)])
def test_a_column_nearly_in_line_with_growth_is_not_told_from_it(xg: float, usable: bool) -> None:
    """The part of it that is not in line with growth must be more than 1e-5 of it, which it is at 99999 exactly."""
    fits = beside(5.0, xg, 0.0, 1999980000.0, 0.0, 4.0)
    assert math.isfinite(fits.evidence[0, 0]) == usable


def test_a_column_of_no_size_is_not_fitted_with_growth_either() -> None:
    tiny = 1e-7 * 30
    for size, usable in ((0.99, False), (1.0, False), (1.01, True)):
        fits = beside(size * tiny, 0.0, 0.0, 1.0, 0.5, 4.0, samples=30)
        assert math.isfinite(fits.evidence[0, 0]) == usable


@pytest.mark.parametrize(("total", "left"), [(8.0, 0.0), (9.0, 0.0), (9.25, 0.25)])
def test_what_a_column_and_growth_leave_is_never_less_than_nothing(
    total: float, left: float
) -> None:
    fits = beside(2.0, 0.0, 4.0, 4.0, 2.0, total, freedom=6)
    assert fits.slope[0, 0] == 0.5
    assert fits.error[0, 0] == pytest.approx(math.sqrt((left + 0.5) / 4 / 4))
    assert fits.evidence[0, 0] == pytest.approx(
        -0.5 * math.log(2) - 0.5 * math.log(4) - 0.5 * (0.5 / 3) ** 2 + student(left, 4, 0.5)
    )


@pytest.mark.parametrize(("freedom", "left"), [(4, 2), (3, 1), (2, 0), (1, -1)])
def test_without_a_degree_of_freedom_growth_has_no_evidence_but_an_error(
    freedom: int, left: int
) -> None:
    fits = beside(2.0, 0.0, 4.0, 4.0, 2.0, 10.5, freedom=freedom)
    assert fits.freedom == left
    assert math.isfinite(fits.evidence[0, 0]) == (left >= 1)
    assert fits.error[0, 0] == pytest.approx(math.sqrt(2.0 / max(left, 1) / 4))


@pytest.mark.parametrize(("xy", "falls"), [(1.9, True), (2.0, False), (2.1, False)])
def test_a_column_that_explains_nothing_beyond_growth_does_not_fall(xy: float, falls: bool) -> None:
    """Its coefficient has the sign of xy * gg - gy * xg, which is 0 at xy = 2."""
    assert beside(3.0, 1.0, xy, 2.0, 4.0, 20.0).falls[0, 0] == falls


def test_projecting_out_more_columns_than_there_is_freedom_divides_by_one() -> None:
    y, x = np.array([[3.0, 0.0, 0.0]]), np.array([[[0.0, 1e-3, 0.0]]])
    for freedom in (3, 2, 1):
        w = project_out(Whitened(y, x, np.zeros(1), freedom, np.zeros(1)), x)
        assert w.base == pytest.approx([-0.5 * math.log(9.0 / max(freedom - 1, 1))])
        assert w.y.tolist() == y.tolist()
