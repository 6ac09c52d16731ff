"""The regression on all subsets of columns, against plain generalised least squares with covariances written out."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from soak.diagnosis.attribution.subset_regression import (
    SubsetFit,
    _Data,
    _drawn,
    _Explanations,
    _explanations,
    _fitted,
    _masks,
    _noises,
    fit_subsets,
)
from soak.model import Floats

N = 24


def table(columns: int = 2, seed: int = 3, rows: int = N) -> Floats:
    """Counts that rise unevenly, from a level of their own."""
    chance = np.random.default_rng(seed)
    return np.asarray(np.cumsum(chance.integers(0, 40, (rows, columns)), axis=0) + 100.0)


def level(columns: Floats, *costs: float, seed: int = 5, scatter: int = 60) -> Floats:
    """What these columns cost, beside whole numbers of noise."""
    noise = np.random.default_rng(seed).integers(-scatter, scatter + 1, len(columns))
    return np.asarray(columns @ np.array(costs) + noise + 1000.0)


def lives(*lengths: int) -> Any:
    return np.repeat(np.arange(len(lengths)), lengths)


def uneven(rows: int = N) -> Floats:
    return np.cumsum(np.random.default_rng(8).integers(1, 9, rows)).astype(np.float64)


def same(one: SubsetFit, other: SubsetFit) -> bool:
    return np.array_equal(one.amounts, other.amounts) and np.array_equal(one.drawn, other.drawn)


@pytest.mark.parametrize(("n", "shortest"), [(11, (5.0, 5.0)), (101, (10 / 3, 1.25))])
def test_the_noise_models_are_white_wandering_and_slowing_with_age(
    n: int, shortest: tuple[float, float]
) -> None:
    grid, apart = _noises(100.0, n), 100 / (n - 1)
    white = (0.0, 0.3, 3.0, 30.0, 300.0)
    # No time is shorter than half of that between two points.
    times = (1000.0, 100.0, 100 / 3, 10.0, *shortest)
    wandering = [(time, (1 - np.exp(-2 * apart / time)) * each) for time in times for each in white]
    assert grid.time.tolist() == pytest.approx(
        [apart, *(time for time, _ in wandering), 1000.0, 1000.0, 50.0, 50.0]
    )
    assert grid.wander.tolist() == [0.0, *[1.0] * 34]
    slowing = 0.3 * apart / 100
    assert grid.white.tolist() == pytest.approx(
        [1.0, *(each for _, each in wandering), 0.0, slowing, 0.0, slowing]
    )
    assert grid.prior.tolist() == [0.0, *[-1.0] * 34]
    assert grid.ageing.tolist() == [0.0] * 31 + [1.0] * 4
    assert not grid.rough.any()


@pytest.mark.parametrize("columns", [2, 3, 5])
def test_up_to_ten_columns_have_every_subset_of_them(columns: int) -> None:
    made = table(columns)
    masks = _masks(made, level(made, *range(columns)))
    assert masks.shape == (2**columns, columns)
    assert {tuple(row) for row in masks.tolist()} == {
        tuple(float(i in chosen) for i in range(columns))
        for many in range(columns + 1)
        for chosen in combinations(range(columns), many)
    }
    # The last two come first, then those that explain most of what they leave.
    assert masks[:4, -2:].tolist() == [[0, 0], [1, 0], [0, 1], [1, 1]]
    assert not masks[:4, :-2].any()


def test_of_more_than_ten_columns_the_last_two_and_those_that_explain_most_are_chosen() -> None:
    chance = np.random.default_rng(1)
    apart = np.linalg.qr(chance.normal(size=(40, 13)))[0]
    apart = apart - apart.mean(axis=0)
    sizes = np.array([1e-4, 100, 1, 1e-4, 1, 50, 1, 1e-4, 1, 1, 1, 1, 1])
    columns = apart * sizes + 7.0
    costs = np.array([9.0, 1, 8, 7, 2, 6, 3, 5, 10, 4, 11, 1, 1]) / sizes
    masks = _masks(columns, columns @ costs + 5.0)
    assert masks.shape == (2**10, 13)
    assert np.flatnonzero(masks.any(axis=0)).tolist() == [0, 2, 3, 5, 7, 8, 9, 10, 11, 12]
    assert [int(np.flatnonzero(masks[2**i])[0]) for i in range(10)] == [
        *(11, 12, 10, 8, 0, 2, 3, 5, 7, 9)
    ]


def test_a_column_that_never_moves_explains_nothing() -> None:
    moving = table(11)
    columns = np.column_stack([np.full(N, 3.0), moving])
    masks = _masks(columns, level(moving, *range(11)))
    assert not masks[:, 0].any()


def test_a_column_counts_by_what_the_chosen_ones_leave_to_be_explained() -> None:
    """The first two agree; once one of them is chosen, the other has nothing left to explain."""
    one, two, *rest = np.eye(40)[:13]
    columns = np.column_stack([two + 0.1 * one, two, *[0.01 * each for each in rest]])
    columns = columns[:, :13]
    masks = _masks(columns, 10 * two + 0.02 * sum(rest[:9]))
    chosen = [int(np.flatnonzero(masks[2**i])[0]) for i in range(10)]
    assert chosen[:3] == [11, 12, 1]
    assert 0 not in chosen


def covariance(grid: Any, v: int, data: _Data) -> Floats:
    """A noise model's covariance of all points, written out; lives are independent."""
    span = data.times[-1] - data.times[0]
    slowed = np.log1p(data.ages / (0.02 * span)) * span / np.log1p(50.0)
    clock = slowed if grid.ageing[v] else data.times
    wander = grid.wander[v] * np.exp(-np.abs(clock[:, None] - clock) / grid.time[v])
    alike = data.lives[:, None] == data.lives
    return np.asarray(wander * alike + grid.white[v] * np.eye(len(clock)))


def data_of(times: Floats, levels: Floats, columns: Floats, lived: Any) -> _Data:
    first = np.diff(lived, prepend=-1) != 0
    ages = times - times[first][lived]
    return _Data(times, levels / 100, columns / 100, lived, first, ages)


@pytest.mark.parametrize("lived", [lives(N), lives(9, 15), lives(4, 8, 12)])
def test_each_subset_is_fitted_by_generalised_least_squares_beside_a_constant_for_each_life(
    lived: Any,
) -> None:
    made = table(3)
    data = data_of(uneven(), level(made, 2.0, 0.0, 1.0), made, lived)
    grid = _noises(float(np.ptp(data.times)), N)
    constants = (lived[:, None] == np.unique(lived)).astype(float)
    every = list(_explanations(data, 1e-24))
    assert len(every) == 35
    masks = _masks(data.columns, data.levels)
    for v in range(0, 35, 2):
        covered = covariance(grid, v, data)
        inverse = np.linalg.inv(covered)
        own = np.linalg.slogdet(constants.T @ inverse @ constants)[1]
        for s, mask in enumerate(masks):
            chosen = np.column_stack([constants, data.columns[:, mask == 1]])
            fitted = np.linalg.solve(chosen.T @ inverse @ chosen, chosen.T @ inverse @ data.levels)
            rest = data.levels - chosen @ fitted
            free = N - chosen.shape[1]
            amounts = np.zeros(3)
            amounts[mask == 1] = fitted[constants.shape[1] :]
            assert every[v].amounts[s] == pytest.approx(amounts, rel=1e-6, abs=1e-9)
            assert every[v].free[s] == free
            expected = grid.prior[v] - 0.5 * np.linalg.slogdet(covered)[1] - 0.5 * own
            expected -= 0.5 * free * np.log(rest @ inverse @ rest)
            expected -= 0.5 * (np.log(N) + np.log(3)) * mask.sum()
            known = -np.inf if (amounts < 0).any() else expected
            assert every[v].likelihoods[s] == pytest.approx(known, rel=1e-7)


def fitted(columns: Any, levels: Any, free: int, least: float = 0.0) -> _Explanations:
    """All subsets, without a price and with no likelihood of their own."""
    columns, levels = np.array(columns, dtype=np.float64), np.array(levels, dtype=np.float64)
    return _fitted(columns, levels, _masks_of(columns.shape[1]), free, 0.0, 0.0, least)


def _masks_of(k: int) -> Floats:
    return np.array([[float(s >> i & 1) for i in range(k)] for s in range(2**k)])


@pytest.mark.parametrize(
    ("free", "most"), [(3, 1), (4, 2), (5, 3), (6, 4), (8, 5), (9, 6), (10, 6), (12, 8)]
)
def test_two_degrees_of_freedom_or_a_third_of_them_are_left_over(free: int, most: int) -> None:
    k = 8
    columns, levels = np.eye(12)[:, :k] * 0.5, np.full(12, 3.0)
    known = np.isfinite(fitted(columns, levels, free).likelihoods)
    assert known.tolist() == (_masks_of(k).sum(axis=1) <= most).tolist()


def test_every_column_has_its_price_and_every_degree_of_freedom_its_part() -> None:
    columns, levels = np.eye(8)[:, :2], np.array([3.0, 2, 1, 1, 1, 1, 1, 1])
    weighed = _fitted(columns, levels, _masks_of(2), 7, 5.0, 11.0, 0.0)
    assert weighed.likelihoods.tolist() == pytest.approx(
        [
            11 - 3.5 * np.log(19),
            11 - 3 * np.log(10) - 2.5,
            11 - 3 * np.log(15) - 2.5,
            11 - 2.5 * np.log(6) - 5,
        ]
    )
    assert weighed.free.tolist() == [7, 6, 6, 5]
    assert weighed.amounts.tolist() == [[0, 0], [3, 0], [0, 2], [3, 2]]


def test_what_is_left_over_is_never_less_than_rounding_or_the_least_variance() -> None:
    columns, levels = np.eye(6)[:, :1], np.array([4.0, 0, 0, 0, 0, 0])
    for least, left in ((0.0, 16e-12), (0.5, 16e-12 + 0.5 * 5), (2.0, 16e-12 + 10)):
        likelihoods = fitted(columns, levels, 6, least).likelihoods
        assert likelihoods[1] == pytest.approx(-2.5 * np.log(left))
    assert fitted(columns, levels, 6, 2.0).likelihoods[0] == pytest.approx(-3 * np.log(16))


def test_an_amount_of_zero_is_possible_and_a_negative_one_is_not() -> None:
    columns = np.eye(8)[:, :3]
    weighed = fitted(columns, [0.0, -1, 2, 1, 1, 1, 1, 1], 8)
    assert np.isfinite(weighed.likelihoods).tolist() == [1, 1, 0, 0, 1, 1, 0, 0]


def test_columns_that_depend_on_one_another_are_never_together() -> None:
    one = np.array([1.0, 2, 3, 4, 5, 6, 7, 8])
    for apart, together in ((0.0, False), (1e-6, False), (1e-2, True)):
        columns = np.column_stack([one, one + apart * (np.arange(8) == 1)])
        assert np.isfinite(fitted(columns, one * 2, 8).likelihoods[1:3]).all()
        known = fitted(columns, columns @ [1.0, 1.0], 8)
        assert bool(np.isfinite(known.likelihoods[3])) is together


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_the_size_of_columns_does_not_matter(size: float) -> None:
    chance = np.random.default_rng(4)
    columns, levels = chance.normal(size=(12, 3)), chance.normal(size=12) + 3
    weighed, sized = fitted(columns, levels, 12), fitted(columns * size, levels, 12)
    assert (sized.amounts * size).tolist() == [pytest.approx(row) for row in weighed.amounts]
    assert sized.likelihoods.tolist() == pytest.approx(weighed.likelihoods.tolist())
    assert (sized.inverses * size**2).ravel() == pytest.approx(weighed.inverses.ravel())


def test_the_inverses_turn_products_with_the_columns_into_the_amounts() -> None:
    chance = np.random.default_rng(9)
    columns, levels = chance.normal(size=(15, 3)), chance.normal(size=15)
    weighed = fitted(columns, levels, 15)
    for s, mask in enumerate(_masks_of(3)):
        chosen = mask == 1
        plain = np.zeros(3)
        plain[chosen] = np.linalg.lstsq(columns[:, chosen], levels, rcond=None)[0]
        assert weighed.amounts[s] == pytest.approx(plain)
        assert weighed.inverses[s] @ (columns.T @ levels) == pytest.approx(plain)


def test_a_column_of_nothing_is_in_no_explanation() -> None:
    columns = np.column_stack([np.zeros(8), np.arange(8.0)])
    weighed = fitted(columns, 2 * np.arange(8.0), 8)
    assert np.isfinite(weighed.likelihoods).tolist() == [True, False, True, False]
    assert weighed.amounts[2].tolist() == [0, pytest.approx(2)]


@pytest.mark.parametrize(("n", "length"), [(2, 1), (8, 2), (10, 2), (16, 3), (27, 3), (43, 4)])
def test_amounts_are_drawn_with_moving_blocks_of_what_an_explanation_leaves(
    n: int, length: int
) -> None:
    rest = np.random.default_rng(n).normal(size=n)
    columns = np.random.default_rng(n + 1).normal(size=(n, 2))
    amounts = np.array([[1.0, 1.0], [0.5, 0.2]])
    inverses = np.array([np.eye(2), [[0.3, 0.1], [0.1, 0.4]]])
    free = np.array([9.0, n / 2])
    level_of = columns @ amounts[1] + rest
    explained = _Explanations(columns, level_of, amounts, inverses, free, np.zeros(2))
    drawn = _drawn(explained, 1, 5, np.random.default_rng(6))
    chance = np.random.default_rng(6)
    blocks = -(-n // length)
    starts = chance.integers(0, n - length + 1, (blocks, 5))
    wild = np.sqrt((n / 2) / chance.chisquare(n / 2, 5))
    scaled = (rest - rest.mean()) * np.sqrt(2.0)
    for take in range(5):
        moved = np.concatenate([scaled[s : s + length] for s in starts[:, take]])[:n]
        plain = amounts[1] + inverses[1] @ (columns.T @ moved) * wild[take]
        assert drawn[:, take] == pytest.approx(np.maximum(plain, 0.0))


def test_no_drawn_amount_is_negative_and_small_ones_are_left_as_they_are() -> None:
    explained = _Explanations(
        np.eye(8)[:, :1], np.arange(8.0), np.array([[0.1]]), np.ones((1, 1, 1)), np.array([8.0]),
        np.zeros(1),
    )  # fmt: skip
    drawn = _drawn(explained, 0, 400, np.random.default_rng(1))
    assert drawn.min() == 0.0
    assert ((drawn > 0) & (drawn < 1)).any()


def fit(levels: Floats, columns: Floats, *, integer: bool = False, lived: Any = None) -> SubsetFit:
    lived = lives(len(columns)) if lived is None else lived
    return fit_subsets(uneven(len(columns)), levels, columns, lived, integer=integer)


def test_the_likeliest_explanation_and_a_thousand_drawn_are_returned_without_what_settles() -> None:
    made = table()
    both = fit(level(made, 5.0, 0.0), made)
    assert both.amounts.shape == (2,)
    assert both.drawn.shape == (2, 1000)
    assert both.amounts == pytest.approx([5.0, 0.0], abs=0.5)
    assert both.amounts[1] == 0.0
    low, high = np.percentile(both.drawn[0], [2.5, 97.5])
    assert 4.5 < low < 5.0 < high < 5.5


def test_the_height_of_a_level_and_of_the_counts_does_not_matter() -> None:
    made = table()
    levels = level(made, 3.0, 1.0)
    plain = fit(levels, made)
    assert same(fit(levels + 2.0**42, made), plain)
    assert same(fit(levels, made + 2.0**42), plain)


@pytest.mark.parametrize("size", [2.0**-50, 2.0**-20, 2.0**20])
def test_the_units_of_levels_and_counts_do_not_matter(size: float) -> None:
    made = table()
    levels = level(made, 3.0, 1.0)
    plain = fit(levels, made)
    sized = fit(levels * size, made)
    assert sized.drawn.ravel() / size == pytest.approx(plain.drawn.ravel(), rel=1e-6, abs=1e-9)
    sized = fit(levels, made * size)
    assert sized.drawn.ravel() * size == pytest.approx(plain.drawn.ravel(), rel=1e-6, abs=1e-9)


def test_a_level_that_never_moves_is_nobody_s() -> None:
    flat = fit(np.full(N, 7.0), table())
    assert not flat.amounts.any()
    assert not flat.drawn.any()


def test_what_settles_ever_more_slowly_since_each_start_is_no_endpoint_s() -> None:
    made, lived, times = table(), lives(8, 16), uneven()
    ages = times - np.where(lived == 0, times[0], times[8])
    settling = 500 * np.log1p(ages / (0.02 * np.ptp(times)))
    both = fit(settling + 2 * made[:, 1], made, lived=lived)
    assert both.amounts == pytest.approx([0.0, 2.0], abs=1e-3)
    assert both.drawn[0].max() < 1e-3


def test_the_first_life_may_have_a_single_point() -> None:
    made = table()
    both = fit(
        np.round(3 * made[:, 0]) + 900.0 * (uneven() == uneven()[0]), made, lived=lives(1, N - 1)
    )
    assert both.amounts == pytest.approx([3.0, 0.0], abs=1e-6)


def test_whole_numbers_scatter_at_least_by_rounding() -> None:
    """A count of one step: as a number it is the first column's exactly, and rounded it may be any of the two."""
    made = np.column_stack([np.repeat([0.0, 10.0], N // 2), np.linspace(0.0, 10.0, N)])
    step = np.repeat([0.0, 1.0], N // 2)
    known, rounded = fit(step, made), fit(step, made, integer=True)
    assert known.amounts == pytest.approx([0.1, 0.0], abs=1e-6)
    assert known.drawn[0].min() == pytest.approx(0.1, abs=1e-6)
    assert rounded.drawn[1].any()
    times, one_life = uneven(), lives(N)
    assert same(fit_subsets(times=times, levels=step, columns=made, lives=one_life), known)


def test_an_exact_count_is_drawn_exactly() -> None:
    made = table(3)
    exact = fit(2 * made[:, 1], made)
    assert exact.amounts == pytest.approx([0, 2, 0], abs=1e-9)
    assert exact.drawn[1] == pytest.approx(np.full(1000, 2.0), abs=1e-5)


def test_a_column_that_never_moves_has_no_amount() -> None:
    made = table()
    both = fit(level(made, 5.0, 0.0), np.column_stack([made[:, 0], np.full(N, 9.0)]))
    assert both.amounts == pytest.approx([5.0, 0.0], abs=0.5)
    assert not both.drawn[1].any()
