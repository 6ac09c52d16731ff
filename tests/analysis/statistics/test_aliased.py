"""Buffers that a timer fills and empties at an exact period, sampled at nearly that or a fraction of it: never a leak."""

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.statistics.growth_input import LevelPoints
from soak.analysis.statistics.sawtooth import climbs_exactly
from soak.model import Floats, Kind, Recording, RunInfo, Series, Verdict
from soak.profile import Limits


def tooth(times: Floats, period: float, phase: float) -> Floats:
    return np.asarray(np.round(100e6 + 50e6 * ((times / period + phase) % 1)), dtype=np.float64)


@pytest.mark.parametrize(
    ("step", "count", "ratio", "phase"),
    [
        (5, 480, 0.997, 0.45),
        (15, 240, 7.5, 0.79),
        (15, 240, 90.3, 0.08),
        (15, 960, 0.997, 0.02),
        (60, 240, 0.997, 0.69),
        (60, 240, 10.02, 0.63),
    ],
)
def test_an_exact_period_that_aliases_never_fails(
    step: float, count: int, ratio: float, phase: float
) -> None:
    times = np.arange(count) * np.float64(step)
    series = Series("buffer_bytes", times, tooth(times, ratio * step, phase), (), Kind.GAUGE, "csv")
    recording = Recording(RunInfo("a", "", float(times[-1])), (series,))
    assert analyze(recording, Limits(), judge_unknown=True).verdict is not Verdict.FAIL


def life(values: Floats) -> LevelPoints:
    return LevelPoints(np.arange(len(values)) * np.float64(1), values, 0.0)


@pytest.mark.parametrize(
    ("bend", "alike", "exactly"), [(0.9, 1.0, True), (1.3, 1.0, False), (0.0, 1.02, False)]
)
def test_how_straight_and_alike_climbs_are(bend: float, alike: float, exactly: bool) -> None:
    climb = np.linspace(0, 1000.0, 101)
    off = np.where(np.arange(101) == 50, bend, 0.0)
    assert climbs_exactly([life(np.concatenate([climb + off, climb * alike]))]) == exactly


def test_one_climb_without_a_fall_is_no_buffer() -> None:
    assert not climbs_exactly([life(np.asarray(np.linspace(0, 1000.0, 101), dtype=np.float64))])
