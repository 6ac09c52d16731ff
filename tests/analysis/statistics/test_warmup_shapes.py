"""The shapes of healthy levels: their search against a brute-force one, and each of them in closed form."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from soak.analysis.statistics.warmup_families import FAMILIES
from soak.analysis.statistics.warmup_shapes import (
    Shapes,
    _Cleared,
    _ShapeSearch,
    _thin,
    _unit,
    late_growth,
    step_shapes,
    warmup_shapes,
)
from soak.model import Floats

SPAN = 60.0
AGES = np.arange(1.0, 61.0)
WIDTHS = np.full(60, 1.0)
ONES = np.ones((60, 1))
LINE = np.column_stack((np.ones(60), AGES / SPAN))


def drawn(family: int, share: float) -> Floats:
    """One warm-up at these points, from 0 to 1."""
    return _unit(FAMILIES[family].columns(AGES, WIDTHS, SPAN, np.array([share])))[:, 0]


def searched(values: Floats, *known: Floats) -> _ShapeSearch:
    return _ShapeSearch(AGES, WIDTHS, SPAN, values, known or (ONES, LINE))


def test_shapes_of_two_clocks_are_each_half_as_plausible() -> None:
    one = Shapes(np.zeros((3, 2)), np.array([-1.0, -2.0]), np.array([5.0, 6.0]), ((0, 1),))
    two = Shapes(np.ones((3, 3)), np.array([-3.0, -4.0, -5.0]), np.arange(3.0), ((0, 2), (1, 2)))
    both = one.and_also(two)
    assert both.columns.tolist() == [[0, 0, 1, 1, 1]] * 3
    assert both.prior == pytest.approx(np.array([-1, -2, -3, -4, -5]) - np.log(2))
    assert both.settles.tolist() == [5, 6, 0, 1, 2]
    assert both.pairs == ((0, 1), (2, 4), (3, 4))


def test_a_column_spans_0_to_1_and_a_constant_one_is_0() -> None:
    columns = np.array([[3.0, 7.0, -2.0, 1e12], [5.0, 7.0, -6.0, 1e12 + 1], [4.0, 7.0, -2.0, 1e12]])
    assert _unit(columns).tolist() == [[0, 0, 1, 0], [1, 0, 0, 0], [0.5, 0, 1, 0]]
    # What moves by less than a billionth of its height does not move; by two of them, it does.
    small = np.array([[1.0, 1.0, 0.0], [1 - 2.0**-30, 1 - 2.0**-29, 1e-12]])
    assert _unit(small).tolist() == [[0, 1, 0], [0, 0, 1]]
    assert _unit(-small).tolist() == [[0, 0, 1], [0, 1, 0]]
    assert _unit(np.array([[1e9, 2e9], [1e9 - 1, 2e9 - 3]])).tolist() == [[0, 1], [0, 0]]


def test_growth_that_begins_late_rises_by_one_a_span_from_its_beginning_on() -> None:
    times = np.array([100.0, 110.0, 120.0, 140.0, 150.0, 165.0, 200.0])
    found = late_growth(times, 100.0)
    expected = [[max(0.0, (at - begin) / 100) for begin in (120, 135, 150, 165)] for at in times]
    assert found == pytest.approx(np.array(expected))


def steepest(values: Floats, starts: Floats, most: int) -> list[int]:
    """Where the mean after a place and the mean before it differ most, over 1, 3 and 8 points of either side."""
    n, scores = len(values), {}
    for place in range(1, n):
        best = 0.0
        for width in (1, 3, 8):
            before, after = values[max(place - width, 0) : place], values[place : place + width]
            weight = np.sqrt(min(len(before), len(after)))
            best = max(best, abs(after.mean() - before.mean()) * float(weight))
        scores[place] = 0.0 if starts[place] or place in (1, n - 1) else best
    return sorted(sorted(scores, key=lambda place: (-round(scores[place], 9), place))[:most])


@pytest.mark.parametrize("n", [8, 25, 26, 27, 60])
def test_steps_are_where_the_level_jumps_most(n: int) -> None:
    rng = np.random.default_rng(n)
    values = rng.normal(0, 1, n) + 4.0 * (np.arange(n) >= n // 2)
    times, starts = 10 + 2 * np.arange(float(n)), np.zeros(n)
    starts[[0, n // 3]] = 1
    shapes = step_shapes(times, values, starts)
    places = steepest(values, starts, 24)
    assert shapes.settles.tolist() == [2.0 * place for place in places]
    assert shapes.columns.sum(axis=0).tolist() == [n - place for place in places]
    assert shapes.columns[places, np.arange(len(places))].tolist() == [1.0] * len(places)
    assert shapes.columns[np.array(places) - 1, np.arange(len(places))].tolist() == [0.0] * len(
        places
    )
    assert shapes.prior == pytest.approx(np.full(len(places), -np.log(n - 1)))
    assert shapes.pairs == ()


def test_of_two_points_the_second_may_be_a_step() -> None:
    shapes = step_shapes(np.array([5.0, 9.0]), np.array([1.0, 3.0]), np.array([1.0, 0.0]))
    assert (shapes.columns.tolist(), shapes.prior.tolist()) == ([[0.0], [1.0]], [0.0])
    assert shapes.settles.tolist() == [4.0]


def test_a_column_is_cleared_of_what_is_known() -> None:
    cleared = _Cleared(AGES, WIDTHS, SPAN, LINE)
    shares = np.array([0.05, 0.3, 0.9])
    for family in FAMILIES:
        columns, sizes = cleared.clear(family, shares)
        raw = family.columns(AGES, WIDTHS, SPAN, shares)
        raw = raw / raw.max(axis=0)
        rest = raw - LINE @ np.linalg.lstsq(LINE, raw, rcond=None)[0]
        assert columns == pytest.approx(rest, abs=1e-9)
        assert sizes == pytest.approx((rest**2).sum(axis=0), abs=1e-9)


def test_the_grid_of_pairs_is_a_thinner_one_of_all_families() -> None:
    cleared = _Cleared(AGES, WIDTHS, SPAN, LINE)
    assert [columns.shape[1] for columns, _ in cleared.fine] == [240, 200, 200, 200]
    together, products = cleared.pairs
    assert together.shape == (60, 160)
    assert together[:, 40:80] == pytest.approx(cleared.fine[1][0][:, ::5])
    assert products == pytest.approx(together.T @ together)
    assert [len(family.fine[_thin(family)]) for family in FAMILIES] == [40] * 4


@pytest.mark.parametrize("family", range(4))
@pytest.mark.parametrize("share", [0.031, 0.27, 0.81])
def test_the_time_scale_of_one_warm_up_is_found_closely(family: int, share: float) -> None:
    """To a thousandth, with a line beside it as well as without one, whatever the unit and the level are."""
    for values in (drawn(family, share), 7e6 - 3e5 * drawn(family, share)):
        found = searched(values).best_shares(family)
        assert found == pytest.approx([share, share], rel=2e-3)
    leaning = searched(drawn(family, share) + 2 * AGES / SPAN).best_shares(family)
    assert leaning[1] == pytest.approx(share, rel=2e-3)


@pytest.mark.parametrize(
    ("one", "other", "height"),
    [
        ((0, 0.02), (2, 0.3), 1.0),
        ((0, 0.03), (3, 0.4), 2.0),
        ((0, 0.04), (0, 0.5), -0.8),
        ((2, 0.15), (2, 0.7), 2.0),
        ((1, 0.02), (2, 0.25), 1.0),
    ],
)
def test_two_warm_ups_at_once_are_found_closely(
    one: tuple[int, float], other: tuple[int, float], height: float
) -> None:
    values = 50 + 3 * drawn(*one) + 3 * height * drawn(*other)
    values += 1e-4 * np.random.default_rng(1).normal(0, 1, 60)
    search = searched(values)
    found = sorted(search.best_pair(search.bases[0]))
    assert [family for family, _ in found] == [one[0], other[0]]
    assert [share for _, share in found] == pytest.approx([one[1], other[1]], rel=0.05)


def most_plausible(search: _ShapeSearch, known: Floats) -> tuple[list[tuple[int, float]], float]:
    """The best pair of the thinner grid, by least squares of each with what is known; and by how much it is better than none."""
    grids = [family.fine[_thin(family)] for family in FAMILIES]
    pairs = list(zip(FAMILIES, grids, strict=True))
    columns = np.concatenate([f.columns(AGES, WIDTHS, SPAN, grid) for f, grid in pairs], axis=1)
    columns /= np.abs(columns).max(axis=0)
    prior = np.concatenate([f.prior(grid) for f, grid in pairs])
    lasting = np.concatenate([f.ends * grid > 0.4 for f, grid in pairs])
    names = [(family, float(share)) for family, grid in enumerate(grids) for share in grid]
    base = np.linalg.qr(known)[0]
    alone = search.values - base @ (base.T @ search.values)
    cleared = columns - base @ (base.T @ columns)
    sizes = (cleared**2).sum(axis=0)
    best, chosen, gain = -np.inf, [names[0]], 0.0
    for first in range(len(names)):
        if sizes[first] <= 60e-9:
            continue
        unit = cleared[:, first] / np.sqrt(sizes[first])
        left, others = alone - unit * (unit @ alone), cleared - np.outer(unit, unit @ cleared)
        remain = (others**2).sum(axis=0)
        usable = (remain > 1e-3 * sizes) & (sizes > 60e-9) & ~(lasting & lasting[first])
        rest = left @ left - (left @ others) ** 2 / np.where(usable, remain, 1.0)
        score = np.where(
            usable, prior + prior[first] - 30 * np.log(np.maximum(rest, 1e-12)), -np.inf
        )
        second = int(score.argmax())
        if score[second] > best + 1e-6:
            best, chosen = float(score[second]), [names[first], names[second]]
            gain = 30 * np.log(alone @ alone / max(rest[second], 1e-12))
    return chosen, float(gain)


def left_of(search: _ShapeSearch, known: Floats, pair: list[tuple[int, float]]) -> float:
    """The sum of squares that these columns leave."""
    design = np.column_stack((known, *(drawn(*each) for each in pair)))
    rest = search.values - design @ np.linalg.lstsq(design, search.values, rcond=None)[0]
    return float(rest @ rest)


@pytest.mark.parametrize("seed", range(12))
def test_the_most_plausible_pair_is_found_and_then_refined(seed: int) -> None:
    """Of levels that only one warm-up, or none, explains well: what is best is then a close matter."""
    rng = np.random.default_rng(seed)
    values = np.cumsum(rng.normal(0, 0.03, 60)) + rng.normal(0, 0.1, 60) * (seed % 3)
    values = values + (seed % 4) * drawn(seed % 4, 0.05 + 0.07 * (seed % 5))
    search = searched(values)
    for known, beside in zip((ONES, LINE), search.bases, strict=True):
        pair, gain = most_plausible(search, known)
        found = search.best_pair(beside)
        assert bool(found) is (gain >= 6)
        if found:
            assert [family for family, _ in found] == [family for family, _ in pair]
            assert left_of(search, known, found) <= left_of(search, known, pair) * (1 + 1e-9)


def test_warm_ups_are_searched_without_growth_and_with_it_alone_and_in_pairs() -> None:
    values = 50 + 3 * drawn(0, 0.02) + 2 * drawn(2, 0.3) + 1e-3 * np.sin(AGES)
    shapes = warmup_shapes(AGES, WIDTHS, SPAN, values, ONES)
    search = searched(values)
    assert shapes.pairs == ((66, 67), (68, 69))
    assert shapes.columns.shape == (60, 70)
    singles = [search.best_shares(family) for family in range(4)]
    places = (23, 33, 53, 64)
    for family, place in enumerate(places):
        for number, share in enumerate(singles[family]):
            assert shapes.columns[:, place + number] == pytest.approx(drawn(family, share))
            assert shapes.settles[place + number] == FAMILIES[family].ends * share * SPAN
            prior = FAMILIES[family].prior(np.array([share]))
            assert shapes.prior[place + number] == pytest.approx(prior[0])
    for (first, second), beside in zip(shapes.pairs, search.bases, strict=True):
        for place, (family, share) in zip((first, second), search.best_pair(beside), strict=True):
            assert shapes.columns[:, place] == pytest.approx(drawn(family, share))
            assert shapes.settles[place] == FAMILIES[family].ends * share * SPAN


def beside(columns: Floats, products: Floats | None = None) -> Any:
    """Cleared columns as they are given; those of any finer grid explain nothing."""
    return SimpleNamespace(
        fine=[(columns, (columns**2).sum(axis=0))],
        clear=lambda _, shares: (np.zeros((60, len(shares))), np.zeros(len(shares))),
        pairs=(columns, columns.T @ columns if products is None else products),
        basis=np.zeros((60, 1)),
    )


def test_a_column_that_is_rounding_is_no_candidate_and_equal_ones_are_taken_from_the_first() -> (
    None
):
    rest = np.zeros(60)
    rest[:2] = 3.0
    columns = np.zeros((60, 240))
    columns[0, 100] = 1.0  # explains half
    columns[:2, 50] = np.sqrt(30e-9)  # ... all, but its sum of squares is a billionth a point
    given = beside(columns)
    sizes = given.fine[0][1]
    # Of the finer grids, in which none explains anything, the shortest one is taken.
    shortest = float(FAMILIES[0].fine[100]) * np.exp(-0.02) * np.exp(-0.002)
    for size, found in ((2e-9, 100), (60 * 1e-9, 100), (61e-9, 50)):
        sizes[50] = size
        expected = shortest * float(FAMILIES[0].fine[found] / FAMILIES[0].fine[100])
        assert searched(rest)._refine(0, None, given, rest) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("more", "found"), [(4e-10, 100), (4e-9, 120), (-4e-9, 100)])
def test_of_two_columns_that_explain_as_much_to_nine_digits_the_first_is_taken(
    more: float, found: int
) -> None:
    rest = np.zeros(60)
    rest[:2] = 3.0
    columns = np.zeros((60, 240))
    columns[0, 100] = 1.0
    columns[:2, 120] = np.cos(more), np.sin(more)
    asked: list[Floats] = []

    def clear(_: Any, shares: Floats) -> tuple[Floats, Floats]:
        asked.append(shares)
        return np.ones((60, len(shares))), np.where(np.arange(len(shares)) == 10, 60.0, 61.0)

    given = beside(columns)
    given.clear = clear
    share = float(FAMILIES[0].fine[found])
    assert searched(rest)._refine(0, None, given, rest) == pytest.approx(share, rel=1e-12)
    assert [len(shares) for shares in asked] == [21, 21]
    assert np.log(asked[0] / share) == pytest.approx(np.linspace(-0.02, 0.02, 21), abs=1e-12)
    assert np.log(asked[1] / share) == pytest.approx(np.linspace(-0.002, 0.002, 21), abs=1e-12)


def pair_of(
    first: Floats, second: Floats, rest: Floats, products: Floats | None = None
) -> list[tuple[int, float]]:
    """The best pair where all columns but two are nothing: of the longest filling, and of a short settling."""
    columns = np.zeros((60, 160))
    columns[:, 3], columns[:, 119] = first, second
    gram = columns.T @ columns
    if products is not None:
        gram[np.ix_([3, 119], [3, 119])] = products
    return searched(rest).best_pair((beside(columns, gram), rest))


def test_a_pair_with_a_column_that_is_rounding_is_no_candidate() -> None:
    rest, one, other = np.zeros((3, 60))
    rest[:2], rest[2], one[0], other[1] = 3.0, 0.01, 1.0, 1.0
    assert pair_of(one, other, rest)
    assert not pair_of(one, 1e-4 * other, rest)
    assert not pair_of(1e-4 * one, other, rest)
    assert pair_of(one, 3e-4 * other, rest)
    assert not pair_of(one, other, rest, np.diag([1.0, 60 * 1e-9]))
    assert pair_of(one, other, rest, np.diag([1.0, 61 * 1e-9]))
    # Where there is no candidate at all, there is no pair, however little there is to explain.
    assert not pair_of(0 * one, 0 * other, np.full(60, np.sqrt(1.01 / 60)))


@pytest.mark.parametrize(("apart", "candidate"), [(6e-4, False), (1.4e-3, True)])
def test_a_pair_of_columns_that_are_nearly_the_same_is_no_candidate(
    apart: float, candidate: bool
) -> None:
    """Less than a thousandth of the second one is left beside the first."""
    rest, one, other = np.zeros((3, 60))
    rest[1], rest[2] = 10.0, 0.01
    one[0], other[0], other[1] = 4.0, 4 * np.sqrt(1 - apart), 4 * np.sqrt(apart)
    for first, second in ((one, other), (3 * one, 0.05 * other), (0.05 * one, 3 * other)):
        assert bool(pair_of(first, second, rest)) is candidate


def test_of_a_pair_exactly_a_thousandth_is_left_or_a_little_more() -> None:
    rest, one, other = np.zeros((3, 60))
    rest[1], rest[2], one[0], other[1] = 10.0, 0.01, 1.0, 9.9
    exactly = np.array([[999.0, 999.0], [999.0, 1000.0]])
    assert not pair_of(one, other, rest, exactly)
    assert pair_of(one, other, rest, exactly + np.diag([0.0, 0.01]))


@pytest.mark.parametrize(("gain", "found"), [(5.95, False), (6.05, True), (6.95, True)])
def test_a_pair_is_worth_six_in_log_likelihood(gain: float, found: bool) -> None:
    rest, one, other = np.zeros((3, 60))
    explained = 1 - np.exp(-gain / 30)
    rest[:2], rest[2] = np.sqrt(explained / 2), np.sqrt(1 - explained)
    one[0], other[1] = 1.0, 1.0
    assert bool(pair_of(one, other, rest)) is found


def test_a_pair_is_refined_in_three_rounds_each_beside_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each time within a tenth, and each time a fiftieth longer."""
    near: list[tuple[int, Floats]] = []

    def refine(_: Any, family: int, shares: Floats, beside: _Cleared, rest: Floats) -> float:
        near.append((family, shares))
        assert beside.basis.shape == (60, 2)
        assert rest == pytest.approx(values - beside.basis @ (beside.basis.T @ values))
        return float(shares[10]) * 1.02

    monkeypatch.setattr(_ShapeSearch, "_refine", refine)
    values = 3 * drawn(0, 0.02) + 2 * drawn(2, 0.3)
    search = searched(values)
    (first, one), (second, other) = search.best_pair(search.bases[0])
    assert (first, second) == (0, 2)
    assert [family for family, _ in near] == [0, 2, 0, 2, 0, 2]
    for number, (_, shares) in enumerate(near):
        begins = (one, other)[number % 2] / 1.02 ** (3 - number // 2)
        assert shares == pytest.approx(begins * np.exp(np.linspace(-0.1, 0.1, 21)))
