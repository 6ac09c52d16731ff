"""How explanations are tallied, which of them are ruled out, and how their weights become probabilities."""

from __future__ import annotations

import math
from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
from scipy import stats

from soak.analysis.statistics import model_averaging
from soak.analysis.statistics.marginal_likelihood import Fits, Whitened, fit_each
from soak.analysis.statistics.model_averaging import (
    STEPPED,
    Candidates,
    Tally,
    _any_size,
    _climb,
    _normalise,
    _saturates,
    _stepped,
    average_models,
    simple_explanations,
)
from soak.model import Floats
from tests.analysis.statistics.test_weighing_figures import candidates, settings, shapes


def fits(
    evidence: list[list[float]], slope: float = 0.5, error: float = 2.0, freedom: int = 9
) -> Fits:
    table = np.array(evidence)
    one = np.ones(table.shape)
    return Fits(table, slope * one, error * one, freedom, one < 0)


def test_the_priors_of_the_kinds_of_explanations() -> None:
    assert math.exp(model_averaging._PLAIN) == pytest.approx(0.45)
    assert math.exp(model_averaging._SHAPED) == pytest.approx(0.35)
    assert math.exp(model_averaging._LATE) == pytest.approx(0.05)
    assert math.exp(model_averaging._PAIRED) == pytest.approx(0.2)
    assert [math.exp(each) for each in STEPPED] == pytest.approx([0.12, 0.05, 0.03])


@pytest.mark.parametrize(
    ("slope", "error", "density"),
    [
        (0.1, 0.02, 0.5 / (0.1 * (1 - math.log(0.02)))),
        (-0.1, 0.02, 0.5 / (0.1 * (1 - math.log(0.02)))),
        (0.001, 0.02, 0.5 / (0.02 * (1 - math.log(0.02)))),  # not told from its error
        (0.01, 0.02, 0.5 / (0.02 * (1 - math.log(0.02)))),
        (0.4, 0.5, 1.0),  # large growth gains nothing
        (0.4, 1.0, 1.0),
        (0.4, 7.0, 1.0),  # an error of more than the whole range is one of the whole range
        (0.0, 0.0, 0.5 / (1e-12 * (1 - math.log(1e-12)))),
        (0.2, 0.0, 1.0),
        (0.01, 0.0, 0.5 / (0.01 * (1 - math.log(1e-12)))),
    ],
)
def test_small_growth_is_as_likely_as_large_growth_of_the_same_order(
    slope: float, error: float, density: float
) -> None:
    gain = _any_size(fits([[0.0]], slope, error))
    assert gain.tolist() == [[pytest.approx(math.log(density))]]


@pytest.mark.parametrize(
    ("slope", "ruled_out"), [(1.9, False), (2.0, False), (2.1, True), (-2.0, False), (-2.1, True)]
)
def test_growth_of_more_than_twice_the_range_is_ruled_out(slope: float, ruled_out: bool) -> None:
    tally = Tally()
    (weight,) = tally.grow(fits([[-3.0]], slope), 0.25).ravel()
    assert weight == pytest.approx(-3.0 + 0.25 - 1000.0 * ruled_out)


@pytest.mark.parametrize(
    ("slope", "has", "own", "lifted"),
    [
        (-0.5, (0,), 4, True),
        (-0.5, (), 4, False),  # late growth alone
        (-0.5, (0,), None, False),  # growth alone
        (0.5, (0,), 4, False),
        (0.0, (0,), 4, False),
    ],
)
def test_what_is_undone_by_an_opposite_offset_is_less_plausible(
    slope: float, has: tuple[int, ...], own: int | None, lifted: bool
) -> None:
    tally = Tally()
    (weight,) = tally.grow(fits([[-3.0]], slope), np.array([0.5]), has, own).ravel()
    assert weight == pytest.approx(-2.5 - 4.0 * lifted)
    assert tally.grows_made == [(has, own)]
    assert tally.grows[0][0].tolist() == [[weight]]


def tallied() -> Tally:
    """Two noise models: a constant and three steps without growth, and two late beginnings with it."""
    tally = Tally()
    tally.stay(np.array([[-5.0], [-2.0]]))
    tally.stay(np.array([[-9.0, -4.0, -7.0], [-3.0, -8.0, -1.5]]), (1,), 10)
    tally.grow(fits([[-6.0, -3.5], [-4.0, -9.0]]), 0.0, (), 20)
    return tally


def test_a_tally_s_best_under_each_noise_model_and_of_all() -> None:
    tally = tallied()
    assert tally.stays_made == [((), None), ((1,), 10)]
    assert tally.by_noise().tolist() == [-3.5, -1.5]
    assert tally.best() == (-1.5, 1, (1, 12))
    tally.grow(fits([[-1.25], [-7.0]]), 0.0, (0,))
    assert tally.best() == (-1.25, 0, (0,))
    tally.grow(fits([[-2.0, -2.0], [-7.0, -1.0]]), 0.0, (), 20)
    assert tally.best() == (-1.0, 1, (21,))
    tally.stay(np.array([[-0.5], [-1.0]]))
    assert tally.best() == (-0.5, 0, ())


def test_a_tally_keeps_only_the_chosen_noise_models() -> None:
    tally = tallied()
    tally.keep(np.array([True, False]))
    assert [log.tolist() for log in tally.stays] == [[[-5.0]], [[-9.0, -4.0, -7.0]]]
    [(log, kept)] = tally.grows
    assert log.tolist() == [[-6.0, -3.5]]
    assert kept.evidence.tolist() == [[-6.0, -3.5]]
    assert tally.best() == (-3.5, 0, (21,))


def bends(
    *,
    slow: float = -50.0,
    endless: float = -50.0,
    early: float = -50.0,
    constant: float = -50.0,
    step: float = -50.0,
    pair: float = -50.0,
    straight: float = -50.0,
    shaped: float = -50.0,
    late: float = -50.0,
    other_pace: float = -50.0,
) -> bool:
    """Whether a series saturates whose explanations have these weights, the warm-ups' priors are -8, -9 and -7."""
    some = replace(
        candidates(),
        shape_prior=np.array([-8.0, -9.0, -7.0]),
        shape_late=np.array([True, True, False]),
        endless=np.array([False, True, False]),
        paces=slice(1, 3),
        steps=slice(8, 9),
    )
    tally = Tally()
    tally.stay(np.array([[constant]]))
    tally.stay(np.array([[slow, endless, early]]), (), 4)
    tally.stay(np.array([[step]]), (), 8)
    tally.stay(np.array([[pair]]), (4, 7))
    for line in (straight, other_pace):  # for each pace, growth alone and with a warm-up
        tally.grows.append((np.array([[line]]), fits([[0.0]])))
        tally.grows.append((np.array([[shaped]]), fits([[0.0]])))
    tally.grows.append((np.array([[late]]), fits([[0.0]])))
    return _saturates([tally], some)


def test_growth_by_any_pace_is_a_line() -> None:
    assert bends(pair=10.0, other_pace=7.9)
    assert not bends(pair=10.0, other_pace=8.1)


def test_late_growth_is_no_line_but_growth() -> None:
    assert bends(pair=10.0, straight=-50.0, late=15.9)
    assert not bends(pair=10.0, straight=-50.0, late=16.1)


def test_a_slow_saturation_bends_more_than_a_line_and_nearly_as_well_as_any_growth() -> None:
    # Its own prior, of -8, is replaced by -3.9, which makes it 14.1.
    assert bends(slow=10.0, straight=12.0, shaped=20.0)
    assert not bends(slow=10.0, straight=12.2, shaped=12.2)
    assert not bends(slow=10.0, straight=-50.0, shaped=20.2)


def test_a_warm_up_that_ends_early_or_never_is_a_curve_but_no_slow_saturation() -> None:
    for curve in ({"endless": 10.0}, {"early": 10.0}):
        assert bends(**curve, straight=7.9)
        assert not bends(**curve, straight=8.1)


def test_two_warm_ups_are_a_curve_and_a_constant_and_steps_are_none() -> None:
    assert bends(pair=10.0, straight=7.9)
    assert not bends(pair=10.0, straight=8.1)
    assert not bends(constant=10.0, straight=-20.0, shaped=-20.0)
    assert not bends(step=10.0, straight=-20.0, shaped=-20.0)


@pytest.mark.parametrize(
    ("straight", "shaped", "saturating"),
    [(8.0, 10.0, False), (7.999, 10.0, True), (7.0, 16.0, False), (7.0, 15.999, True)],
)
def test_a_curve_must_be_better_than_both_bounds(
    straight: float, shaped: float, saturating: bool
) -> None:
    assert bends(pair=10.0, straight=straight, shaped=shaped) == saturating


def level(n: int = 8) -> Whitened:
    """Two noise models, of a series with one pace and two other columns."""
    rng = np.random.default_rng(3)
    return Whitened(
        rng.normal(0, 1, (2, n)), rng.normal(0, 2, (2, 3, n)), np.zeros(2), n - 1, np.ones(2)
    )


def test_weights_become_the_probability_that_the_level_does_not_grow() -> None:
    """Of what speaks for growth, the part in which the slope is below 0 counts as no growth."""
    w = level()
    tally = Tally()
    tally.stay(np.log(np.array([[0.1], [0.15]])))
    tally.stay(np.log(np.array([[0.05, 0.2], [1e-9, 1e-9]])), (2,), 1)
    slope = np.array([[0.5, -0.1], [0.3, 0.2]])
    error = np.array([[0.2, 0.2], [0.4, 0.1]])
    weights = np.array([[0.25, 0.05], [0.08, 0.12]])
    tally.grows.append((np.log(weights), Fits(weights, slope, error, 6, slope < -9)))
    tally.grows_made.append(((), 1))
    average = _normalise([tally], w, tally, np.array([True, False]), w, True)
    falls = float((weights * stats.t.cdf(-slope / error, 6)).sum())
    assert average.p_no_growth == pytest.approx((0.5 + falls) / 1.0, rel=1e-6)
    # The likeliest explanation is growth by the second column, under the first noise model.
    assert average.columns == (1,)
    assert average.jumpy is True
    assert average.saturates is True
    column = w.x[0, 1]
    rest = w.y[0] - column * float(column @ w.y[0]) / float(column @ column)
    usual = math.sqrt(float(rest @ rest) / 6)
    assert average.residual == pytest.approx(rest / usual)
    assert average.plain == pytest.approx(usual / math.sqrt(float(w.x[0, 0] @ w.x[0, 0])))
    growth = average.growth
    assert growth.weight == pytest.approx([0.5, 0.24, 0.16, 0.1])
    assert growth.centre.tolist() == [0.5, 0.2, 0.3, -0.1]
    assert growth.scale.tolist() == [0.2, 0.1, 0.4, 0.2]
    assert growth.freedom.tolist() == [6.0] * 4


def test_a_likeliest_constant_leaves_the_whole_series() -> None:
    w = level()
    tally = Tally()
    tally.stay(np.array([[-9.0], [3.0]]))
    tally.grow(fits([[0.0], [0.0]], 0.5, 0.0), 0.0, (0,))
    average = _normalise([tally], w, tally, np.array([True, False]), w, False)
    assert (average.columns, average.jumpy, average.saturates) == ((), False, False)
    usual = math.sqrt(float(w.y[1] @ w.y[1]) / 7)
    assert average.residual == pytest.approx(w.y[1] / usual)
    assert average.plain == pytest.approx(usual / math.sqrt(float(w.x[1, 0] @ w.x[1, 0])))
    # Growth without an error surely does not fall.
    stays, grows = math.exp(3) + math.exp(-9), float(np.exp(tally.grows[0][0]).sum())
    assert average.p_no_growth == pytest.approx(stays / (stays + grows))
    assert average.growth.scale.tolist() == [1e-300, 1e-300]


def test_without_freedom_the_residual_is_divided_by_one() -> None:
    w = replace(level(), freedom=1)
    tally = Tally()
    tally.stay(np.array([[0.0, -2.0], [-3.0, -3.0]]), (2,), 0)
    tally.grow(fits([[-5.0], [-5.0]]), 0.0, (0,))
    average = _normalise([tally], w, tally, np.array([True, False]), w, False)
    assert average.columns == (2, 0)
    both = w.x[0, [2, 0]]
    rest = w.y[0] - np.linalg.lstsq(both.T, w.y[0], rcond=None)[0] @ both
    assert average.residual == pytest.approx(rest / math.sqrt(float(rest @ rest)))


def test_a_series_without_any_residual_is_not_divided_by_nothing() -> None:
    w = replace(level(), y=np.zeros((2, 8)))
    tally = Tally()
    tally.stay(np.array([[0.0], [-3.0]]))
    tally.grow(fits([[-5.0], [-5.0]]), 0.0, (0,))
    average = _normalise([tally], w, tally, np.array([True, False]), w, False)
    assert average.residual.tolist() == [0.0] * 8
    assert average.plain == 0.0


@pytest.mark.parametrize("count", [100, 101, 1200])
def test_of_many_fits_with_growth_the_hundred_likeliest_make_the_mixture(count: int) -> None:
    """And the thousand likeliest tell how much of growth is none."""
    w = level()
    log = -0.001 * np.arange(count, dtype=np.float64)
    slope = 0.1 + 0.001 * np.arange(count)
    tally = Tally()
    tally.stay(np.array([[0.0], [-3.0]]))
    table = np.stack((log, log - 1000.0))[:, ::-1]
    slopes = np.stack((slope, slope))[:, ::-1]
    tally.grows.append((table, Fits(table, slopes, 0 * slopes + 0.5, 6, slopes < 0)))
    tally.grows_made.append(((), 0))
    average = _normalise([tally], w, tally, np.array([False, False]), w, False)
    weights = np.exp(log)
    falls = (weights * stats.t.cdf(-slope / 0.5, 6))[:1000].sum()
    stays = 1 + math.exp(-3)
    chance = (stays + falls) / (stays + weights.sum())
    assert average.p_no_growth == pytest.approx(chance, rel=1e-9)
    growth = average.growth
    assert growth.centre == pytest.approx(slope[:100])
    assert growth.weight == pytest.approx(weights[:100] / weights[:100].sum())
    assert (len(growth.scale), len(growth.freedom)) == (100, 100)


def tops(values: list[list[float]], *, rough: list[bool]) -> tuple[list[bool], list[int]]:
    """Which noise models are kept, and which settings are weighed with steps, where the best log weights are these."""
    tallies = []
    for row in values:
        tally = Tally()
        tally.stay(np.array([[value] for value in row]))
        tallies.append(tally)
    kept: list[list[bool]] = []
    stepped: list[int] = []
    w = level()

    def stepping(tally: Tally, w: Whitened, prior: float, c: Candidates) -> None:
        stepped.append(tallies.index(tally))

    def keeping(self: Tally, noises: Floats) -> None:
        kept.append([bool(each) for each in noises])

    with (
        mock.patch.object(model_averaging, "simple_explanations", side_effect=tallies),
        mock.patch.object(model_averaging, "_stepped", stepping),
        mock.patch.object(model_averaging, "_saturates", return_value=False),
        mock.patch.object(model_averaging, "_normalise"),
        mock.patch.object(Tally, "keep", keeping),
    ):
        average_models(
            [(w, 0.0)] * len(values),
            candidates(rough=np.array(rough), jumpy=np.array([False, True])),
        )
    assert all(each == kept[0] for each in kept)
    return kept[0], stepped


@pytest.mark.parametrize(
    ("values", "rough", "kept", "stepped"),
    [
        ([[0.0, -13.9]], [False, True], [True, True], [0]),
        ([[0.0, -14.0]], [False, True], [True, False], [0]),  # hopeless by 14
        ([[0.0, -99.0]], [False, False], [True, True], [0]),  # steps may help what is not rough
        ([[-14.0, 0.0]], [True, True], [False, True], [0]),
        # What is hopeless in one setting is not in another.
        ([[-99.0, 0.0], [-13.9, -50.0]], [True, False], [True, True], [0, 1]),
        ([[0.0, 0.0], [-14.0, -50.0]], [False, False], [True, True], [0]),
        ([[-14.0, -50.0], [0.0, 0.0]], [False, False], [True, True], [1]),
    ],
)
def test_rough_noise_and_settings_that_are_hopeless_without_steps_are_given_up(
    values: list[list[float]], rough: list[bool], kept: list[bool], stepped: list[int]
) -> None:
    assert tops(values, rough=rough) == (kept, stepped)


@pytest.mark.parametrize(("plain", "jumpy"), [(0, False), (1, True), (2, True)])
def test_only_a_setting_without_cycles_and_states_moves_in_jumps(plain: int, jumpy: bool) -> None:
    """The series wanders, which the first of two settings explains best."""
    rows = settings(shapes(40)["wanders"], wave=True)
    average = average_models(rows, candidates(plain=plain))
    assert average.jumpy == jumpy


def test_simple_explanations_are_a_constant_warm_ups_and_growth_alone_with_them_and_late() -> None:
    (w, _), c = settings(shapes(26)["grows"])[0], candidates()
    tally = simple_explanations(w, -0.25, c)
    assert tally.stays_made == [((), None), ((), 4)]
    assert tally.grows_made == [((0,), None), ((0,), 4), ((1,), None), ((1,), 4), ((), 2)]
    # Each of two paces has half of the prior; so has each of two late beginnings.
    alone = fit_each(w, w.x[:, 1:2])
    expected = alone.evidence + math.log(0.45) - math.log(2) - 0.25 + _any_size(alone)
    assert tally.grows[2][0] == pytest.approx(expected)
    late = fit_each(w, w.x[:, 2:4])
    expected = late.evidence + math.log(0.05) - math.log(2) - 0.25 + _any_size(late)
    expected -= np.where(np.abs(late.slope) > 2, 1000.0, 0.0)
    assert tally.grows[4][0] == pytest.approx(expected)
    warm = fit_each(w, w.x[:, 4:8])
    assert tally.stays[1] == pytest.approx(warm.evidence + math.log(0.35) + c.shape_prior - 0.25)


def moved(part: slice) -> slice:
    return slice(part.start + 1, part.stop + 1)


def test_the_columns_may_stand_anywhere() -> None:
    (w, _), c = settings(shapes(26)["steps"])[0], candidates()
    behind = replace(w, x=np.concatenate((np.ones_like(w.x[:, :1]), w.x), axis=1))
    further = replace(
        c,
        paces=moved(c.paces),
        late=moved(c.late),
        shapes=moved(c.shapes),
        steps=moved(c.steps),
    )
    tallies = []
    for each, chosen in ((w, c), (behind, further)):
        tally = simple_explanations(each, 0.0, chosen)
        _stepped(tally, each, 0.0, chosen)
        tallies.append(tally)
    first, second = tallies
    assert len(second.stays) == len(first.stays)
    for log, other in zip(first.stays, second.stays, strict=True):
        assert other == pytest.approx(log)
    for (log, _), (other, _) in zip(first.grows, second.grows, strict=True):
        assert other == pytest.approx(log)
    made = [*first.stays_made, *first.grows_made]
    assert [*second.stays_made, *second.grows_made] == [
        (tuple(column + 1 for column in has), None if own is None else own + 1) for has, own in made
    ]


def warm_ups(likeliest: dict[tuple[str, int], int]) -> set[int]:
    """The warm-ups that further explanations contain, where these ones are made the likeliest of theirs."""
    (w, _), c = settings(shapes(26)["steady"])[0], candidates(pairs=())
    tally = simple_explanations(w, 0.0, c)
    for (side, entry), shape in likeliest.items():
        log = tally.stays[entry] if side == "stays" else tally.grows[entry][0]
        log[1, shape] = 100.0
    simple = len(tally.stays)
    _stepped(tally, w, 0.0, c)
    return {has[0] for has, _ in tally.stays_made[simple:] if has and has[0] < 8}


@pytest.mark.parametrize("entry", [1, 3])
def test_the_likeliest_warm_up_of_each_side_is_combined_with_others(entry: int) -> None:
    """Without growth, and with growth by either pace."""
    assert warm_ups({("stays", 1): 0, ("grows", entry): 3}) == {4, 7}
    assert warm_ups({("stays", 1): 2, ("grows", entry): 1}) == {6, 5}
    assert warm_ups({("stays", 1): 2, ("grows", entry): 2}) == {6}


@pytest.mark.parametrize(
    ("slope", "step", "contrived"),
    [(1.0, -3.0, True), (1.0, 3.0, False), (0.0, -3.0, False), (0.0, 3.0, False)],
)
def test_growth_that_a_step_takes_back_is_less_plausible(
    slope: float, step: float, contrived: bool
) -> None:
    """Growth, the step, and what neither explains are orthogonal, and of whole numbers."""
    growth = np.array([1.0, -1, 1, -1, 1, -1, 1, -1])
    stepped = np.array([1.0, 1, 1, 1, -1, -1, -1, -1])
    left = np.array([1.0, 1, -1, -1, 1, 1, -1, -1])
    y = slope * growth + step * stepped + left
    w = Whitened(y[None], np.stack((growth, stepped))[None], np.zeros(1), 7, np.zeros(1))
    c = candidates(paces=slice(0, 1), steps=slice(1, 2), step_prior=np.array([-3.0]))
    tally = Tally()
    _climb(tally, w, -0.5, c)
    # Another step would be the same one.
    assert tally.grows_made == [((0,), 1), ((0, 1), 1)]
    (log, seen), (again, _) = tally.grows
    assert seen.slope.tolist() == [[slope]]
    expected = float(seen.evidence[0, 0]) + math.log(0.12) - 3.0 - 0.5
    expected += float(_any_size(seen)[0, 0])
    assert log[0, 0] == pytest.approx(expected - 4.0 * contrived)
    assert again[0, 0] == -math.inf


def test_growth_that_is_by_far_the_likeliest_has_all_the_weight() -> None:
    w = level()
    tally = Tally()
    tally.stay(np.array([[0.0], [0.0]]))
    tally.grows.append((np.array([[0.0, -2000.0]] * 2), fits([[0.0, 0.0]] * 2)))
    tally.grows[0][0][1, 0] = -3000.0
    tally.grows_made.append(((), 0))
    average = _normalise([tally], w, tally, np.array([False, False]), w, False)
    assert average.growth.weight.tolist() == [1.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize("size", [-2000.0, 2000.0])
def test_only_the_differences_of_log_weights_matter(size: float) -> None:
    w = level()
    tally = Tally()
    tally.stay(np.array([[size], [size - 3]]))
    tally.grows.append((np.array([[size, size - 1]] * 2), fits([[0.0, 0.0]] * 2)))
    tally.grows_made.append(((), 0))
    average = _normalise([tally], w, tally, np.array([False, False]), w, False)
    weights = np.exp([0.0, 0.0, -1.0, -1.0])
    assert average.growth.weight == pytest.approx(weights / weights.sum())
    falls = float(stats.t.cdf(-0.25, 9)) * weights.sum()
    stays = 1 + math.exp(-3)
    assert average.p_no_growth == pytest.approx((stays + falls) / (stays + weights.sum()))


def in_one_fit(
    w: Whitened, noise: int, columns: list[int], growth: int | None, own: int | None
) -> tuple[float, float, float, float] | None:
    """The evidence of all columns in one fit, growth's slope and error, and the own column's coefficient.

    None if a column is so small that what it is charged depends on its place.
    """
    x, y = w.x[noise, columns], w.y[noise]
    fitted = np.linalg.lstsq(x.T, y, rcond=None)[0] if columns else np.empty(0)
    rest = float(((y - fitted @ x) ** 2).sum())
    freedom, least = w.freedom - len(columns), float(w.least[noise])
    gram = x @ x.T
    sizes = np.diagonal(np.linalg.cholesky(gram)) ** 2 if columns else np.ones(1)
    if columns and (sizes.min() < 20 or np.linalg.cond(gram) > 1e5):
        return None
    penalised = growth if growth is not None else own
    slope = 0.0 if penalised is None else float(fitted[columns.index(penalised)])
    evidence = (
        float(w.base[noise])
        - 0.5 * float(np.log(sizes).sum())
        - 0.5 * (slope / 3) ** 2
        + math.lgamma(freedom / 2)
        - freedom / 2 * math.log(math.pi * (rest + least))
    )
    error = 0.0
    if growth is not None:
        place = columns.index(growth)
        error = math.sqrt((rest + least) / freedom * float(np.linalg.inv(gram)[place, place]))
    return evidence, slope, error, 0.0 if own is None else float(fitted[columns.index(own)])


def prior_of(c: Candidates, columns: list[int], growth: int | None) -> float:
    """What a constant, warm-ups, growth and steps have for a prior together; an own column is the last one."""
    warm = [column - 4 for column in columns if 4 <= column < 8]
    steps = [column - 8 for column in columns if column >= 8]
    late = growth in (2, 3)
    prior = [
        (0 if steps else math.log(0.05) if late else math.log(0.45)),
        math.log(0.35) + (math.log(0.05) if late else 0),
        math.log(0.35) + math.log(0.2),
    ][len(warm)]
    prior += sum(float(c.shape_prior[shape]) for shape in warm)
    if len(warm) == 2 and any(c.endless[shape] for shape in warm):
        prior -= 2.5
    if steps:
        prior += math.log((0.12, 0.05, 0.03)[len(steps) - 1])
        prior += sum(float(c.step_prior[step]) for step in steps)
    return prior - (math.log(2) if growth is not None else 0)


@pytest.mark.parametrize("name", ["warms up and grows", "steps", "two warm-ups"])
def test_a_weight_is_the_evidence_of_all_columns_in_one_fit_with_the_priors_of_all_parts(
    name: str,
) -> None:
    """But for growth that falls, that is ruled out, or that a step undoes: those have tests of their own."""
    (w, _), c = settings(shapes(26)[name])[0], candidates()
    tally = simple_explanations(w, 0.0, c)
    _stepped(tally, w, 0.0, c)
    rows = list(zip(tally.stays, tally.stays_made, strict=True))
    rows += [(log, made) for (log, _), made in zip(tally.grows, tally.grows_made, strict=True)]
    compared = 0
    for row, (log, (has, own)) in enumerate(rows):
        for noise, place in np.argwhere(np.isfinite(log)):
            columns = [*has] if own is None else [*has, own + int(place)]
            growth = next((k for k in columns if k < 4), None)
            fit = in_one_fit(w, int(noise), columns, growth, None if own is None else columns[-1])
            if fit is None:
                continue
            evidence, slope, error, coefficient = fit
            expected = evidence + prior_of(c, columns, growth)
            if growth is not None:
                if slope < 0 or slope > 2 or (columns[-1] >= 8 and coefficient < 0):
                    continue
                small = 0.5 / (max(slope, min(error, 1)) * (1 - math.log(min(error, 1))))
                expected += math.log(max(small, 1))
                if len([k for k in columns if k >= 8]) > 1:
                    # An earlier step may have been a fall beside growth.
                    assert min(abs(log[noise, place] - expected + 4 * k) for k in (0, 1, 2)) < 1e-6
                    continue
            compared += 1
            assert log[noise, place] == pytest.approx(expected, abs=1e-6), (row, columns)
    assert compared > 180
