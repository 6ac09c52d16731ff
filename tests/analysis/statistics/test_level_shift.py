"""A level that stepped and stayed is told; slow growth, noise and staircases are not."""

import numpy as np
import pytest

from soak.analysis.statistics.level_shift import LevelShift
from soak.analysis.statistics.level_shift import level_shift as found
from soak.analysis.thresholds import SHIFT_BLOCKS
from soak.model import Floats

TIMES: Floats = np.arange(960, dtype=np.float64) * np.float64(15)
NOISE = np.random.default_rng(4).normal(0, 1, len(TIMES))


def level_shift(times: Floats, values: object) -> LevelShift | None:
    return found(times, np.asarray(values, dtype=np.float64))


@pytest.mark.parametrize("share", [0.15, 0.3, 0.5, 0.7, 0.85])
@pytest.mark.parametrize(("before", "after"), [(40.0, 99.0), (99.0, 40.0), (400.0, 520.0)])
def test_one_shift_is_told_with_its_levels_and_its_time(
    before: float, after: float, share: float
) -> None:
    cut = int(share * len(TIMES))
    shift = level_shift(TIMES, np.where(np.arange(len(TIMES)) < cut, before, after) + NOISE)
    assert shift is not None
    assert shift.before == pytest.approx(before, abs=1)
    assert shift.after == pytest.approx(after, abs=1)
    assert shift.steps == 1
    assert shift.time == pytest.approx(TIMES[cut], abs=60)


def test_two_shifts_are_told_as_two() -> None:
    shift = level_shift(TIMES, np.select([TIMES < 3000, TIMES < 9000], [40.0, 60.0], 80.0) + NOISE)
    assert shift is not None
    assert (round(shift.before), round(shift.after), shift.steps) == (40, 80, 2)
    assert shift.time == pytest.approx(9000, abs=60)


@pytest.mark.parametrize(
    "values",
    [
        100 + NOISE,
        100 + TIMES / 100,
        100 + 50 * (1 - np.exp(-TIMES / 4000)),
        100 + 20 * np.floor(TIMES / 1500),
        np.full(len(TIMES), 7.0),
        100 + 40 * (TIMES % 900 < 450) + NOISE,
    ],
)
def test_what_is_no_shift_is_none(values: Floats) -> None:
    assert level_shift(TIMES, values) is None


def test_a_height_below_a_tenth_of_the_level_is_none() -> None:
    quiet = NOISE / 100
    steps = TIMES >= 7200
    assert level_shift(TIMES, 100 + 9.5 * steps + quiet) is None
    assert level_shift(TIMES, 100 + 10.5 * steps + quiet) is not None


def test_too_few_samples_are_none() -> None:
    few = 2 * SHIFT_BLOCKS - 1
    assert level_shift(TIMES[:few], np.where(np.arange(few) < 50, 1.0, 9.0)) is None
