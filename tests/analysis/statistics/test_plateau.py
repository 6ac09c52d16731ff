"""Levels that stand still at the end, values that are rounded, and spikes that are no steps."""

from collections.abc import Sequence

import numpy as np
import pytest

from soak.analysis.statistics.grain import grain_of
from soak.analysis.statistics.plateau import (
    _last_bottom,
    _moves,
    first_fall_end,
    plateau_begin,
)
from soak.analysis.thresholds import PLATEAU_RISES, PLATEAU_SHARE
from soak.model import Floats

X = np.linspace(0, 1, 600)
NOISE = np.random.default_rng(1).standard_normal(600)


def climb_drop_climb(second_ends: float) -> np.ndarray:
    first = np.minimum(X / 0.2, 1)
    again = np.clip((X - 0.2) / (second_ends - 0.2), 0, 1)
    return 1000 * np.where(X < 0.2, first, 0.4 + 0.8 * again) + NOISE


def test_what_stands_still_for_as_long_as_its_last_rise_took_has_settled() -> None:
    began = plateau_begin(X, climb_drop_climb(0.5))
    assert began == pytest.approx(0.5, abs=0.05)
    assert plateau_begin(X, climb_drop_climb(0.7)) is None  # still for 0.3, and rose for 0.5
    assert plateau_begin(X, climb_drop_climb(1.0 - PLATEAU_SHARE / 2)) is None


def test_a_line_and_noise_have_no_plateau() -> None:
    assert plateau_begin(X, 1000 * X + 10 * NOISE) is None
    assert plateau_begin(X, np.round(8 * X + NOISE)) is None


def test_rounding_is_told_where_no_noise_carries_the_level_across_it() -> None:
    assert grain_of(np.round(40 + 3 * X + 0.02 * NOISE)) == (1.0, True)
    assert not grain_of(np.round(40 + 3 * X + NOISE))[1]
    assert not grain_of(40 + 3 * X + NOISE)[1]


def began(levels: Sequence[float], scale: float = 1.0) -> float | None:
    """In which of 48 blocks of these levels, of two samples each, a plateau began."""
    assert len(levels) == 48
    middles = 1000 + np.arange(48.0)
    times = np.repeat(middles, 2) + np.resize([-0.25, 0.25], 96)
    begin = plateau_begin(times, scale * np.repeat(np.array(levels, dtype=np.float64), 2))
    return begin if begin is None else begin - 1000


def then(*stretches: tuple[int, float], last: float) -> list[float]:
    """So many blocks at each level, and the last level until the end."""
    levels = [level for count, level in stretches for _ in range(count)]
    return levels + [last] * (48 - len(levels))


def turns(count: int, middle: float) -> list[float]:
    return [middle + (-1) ** place for place in range(count)]


@pytest.mark.parametrize(
    ("levels", "begin"),
    [
        (then((10, 0), last=100), 10),
        (then((10, -30), last=70), 10),
        (then((10, 0), last=-100), None),
        (then(last=5), None),
        # From the fifth block on, for a quarter of all.
        (then((4, 0), last=100), 4),
        (then((3, 0), last=100), 4),
        (then((25, 50), (11, 0), last=100), 36),
        (then((27, 50), (10, 0), last=100), None),
        # For as long as the rise took, from its lowest level on.
        (then((23, 0), last=100), 23),
        (then((24, 0), last=100), None),
        (then((1, 1), (23, 0), last=100), 24),
        (then((1, 1), (24, 0), last=100), None),
        # By more than two fifths of the whole range.
        (then((1, 0), (1, 100), (10, 20), last=60), None),
        (then((1, 0), (1, 100), (10, 20), last=60.5), 12),
        # By more than fifteen times the scatter: a range of 15 above one of 1.
        ([0] * 10 + turns(38, 15), None),
        ([0] * 10 + turns(38, 15.25), 10),
        ([0] * 10 + turns(38, 16), 10),
    ],
)
def test_a_plateau_begins_where_a_large_rise_ends(
    levels: Sequence[float], begin: float | None
) -> None:
    assert began(levels) == began(levels, 2.0**-40) == began(levels, 2.0**40) == begin


def test_a_plateau_needs_two_samples_a_block() -> None:
    values = np.where(np.arange(96) < 20, 0.0, 100.0)
    assert plateau_begin(np.arange(96.0), values) == 20.5
    assert plateau_begin(np.arange(95.0), values[:95]) is None


@pytest.mark.parametrize(
    ("level", "drop", "bottom"),
    [
        ([3, 1, 2, 5], 9, 1),
        ([0, 5, 2, 6], 3, 0),
        ([0, 5, 2, 6], 2.5, 2),
        ([0, 5, 2, 9, 4, 4, 7, 8], 3, 4),
        ([0, 5, 5, 1, 6], 3, 3),
        ([0, 5, 1, 5, 6], 3, 2),
        ([0, 5, 1, 1, 3, 2], 2.5, 2),
        ([9, 5, 0, 3], 2, 2),
        ([0, 5, 1, 5, 2, 6], 2.5, 4),
        ([0, 5, 1, 9, 2, 6, 3, 8], 3.5, 4),
        ([4], 1, 0),
    ],
)
def test_the_last_rise_began_at_the_lowest_level_since_the_last_fall(
    level: Sequence[float], drop: float, bottom: int
) -> None:
    assert _last_bottom(np.array(level, dtype=np.float64), drop) == bottom


def remains(count: int, memory: float) -> Floats:
    """What a line leaves: noise of this memory, of length 1."""
    rng, x = np.random.default_rng(count), np.arange(count) - (count - 1) / 2
    rest = rng.standard_normal(count)
    for place in range(1, count):
        rest[place] += memory * rest[place - 1]
    rest -= rest.mean()
    rest -= x * (x @ rest) / (x @ x)
    return np.asarray(rest / np.sqrt(rest @ rest))


@pytest.mark.parametrize("count", [12, 17, 36])
@pytest.mark.parametrize("memory", [-0.8, 0.6, 1.0])
def test_a_plateau_rises_where_its_slope_is_beyond_its_error(count: int, memory: float) -> None:
    """The error is larger by the root of (1 + r) / (1 - r) where what is left is correlated by r > 0."""
    rest = remains(count, memory)
    together = max(float(rest[1:] @ rest[:-1]), 0.0)
    assert (together > 0) == (memory > 0)
    wider = (1 + together) / max(1 - together, 0.1)
    x = np.arange(count) - (count - 1) / 2
    error = float(np.sqrt(wider / (count - 2) / (x @ x)))
    for sign in (1, -1):
        for factor, moves in ((0.99, False), (1.01, True)):
            level = rest + sign * factor * PLATEAU_RISES * error * x
            for size in (3, 0.01):
                assert _moves(1000 + np.arange(float(count)), 70 + size * level, 1e9) is moves


def test_a_long_memory_makes_an_error_no_larger_than_by_the_root_of_ten_times() -> None:
    """What is left, a slow wave, is correlated by over nine tenths."""
    x = np.arange(36) - 17.5
    wave = np.cos(np.arange(36) * 2 * np.pi / 36)
    wave -= wave.mean()
    rest = wave - x * (x @ wave) / (x @ x)
    power = float(rest @ rest)
    together = float(rest[1:] @ rest[:-1]) / power
    assert together > 0.9
    error = float(np.sqrt((1 + together) / 0.1 * power / 34 / (x @ x)))
    for factor, moves in ((0.99, False), (1.01, True)):
        assert _moves(np.arange(36.0), rest + factor * PLATEAU_RISES * error * x, 1e9) is moves


@pytest.mark.parametrize(
    ("level", "scatter", "moves"),
    [
        ([0, 0, 0, 0, 0, 70, -70, 4, 4, 4, 4, 4], 2.0, False),
        ([0, 0, 0, 0, 0, 70, -70, 4, 4, 4, 4, 4], 1.75, True),
        ([4, 4, 4, 4, 4, -70, 70, 0, 0, 0, 0, 0], 2.0, False),
        ([4, 4, 4, 4, 4, -70, 70, 0, 0, 0, 0, 0], 1.75, True),
        ([0, 0, 0, 0, 0, -92, -200, 0, 0, 4, 4, 4], 1.0, False),
        ([0, 0, 0, 0, 0, -92, -200, 0, 0, 4, 4, 4], 0.75, True),
        ([0, 0, 0, 4, 4, 54, -54, 4, 4, 4, 4, 4], 1.0, False),
        ([0, 0, 0, 4, 4, 54, -54, 4, 4, 4, 4, 4], 0.75, True),
    ],
)
def test_a_plateau_moves_where_its_halves_differ_by_twice_the_scatter(
    level: Sequence[float], scatter: float, moves: bool
) -> None:
    """The slope of each is 0, and the medians of the halves differ."""
    assert _moves(np.arange(12.0), np.array(level, dtype=np.float64), scatter) is moves


def fallen(count: int, early: Sequence[float], scale: float = 1.0) -> float | None:
    """When the first fall ended of a level that is at 0 and 1 in turn, but begins with these values."""
    values = np.resize([0.0, 1.0], count)
    values[: len(early)] = early
    return first_fall_end(500 + 2 * np.arange(float(count)), scale * values)


@pytest.mark.parametrize(
    ("count", "early", "end"),
    [
        (40, [9, 9, 9, 9, 9], 510.0),
        (40, [9, 0, 9, 0, 9, 0, 1], 510.0),
        (39, [9, 9, 9, 9, 9], None),
        (40, [9], 502.0),
        # By more than twice the range of what follows.
        (40, [3, 3], None),
        (40, [3, 3.5, 3], 506.0),
        # Within the first quarter.
        (40, [9] * 10, 520.0),
        (40, [9] * 11, None),
        (43, [9] * 10, 520.0),
        (43, [9] * 11, None),
        (44, [9] * 11, 522.0),
        (40, [], None),
    ],
)
def test_a_first_fall_ends_with_the_first_sample_among_all_that_follow(
    count: int, early: Sequence[float], end: float | None
) -> None:
    assert fallen(count, early) == fallen(count, early, 4.0) == end
