"""Levels that stand still at the end, values that are rounded, and spikes that are no steps."""

import numpy as np
import pytest

from soak.analysis.statistics.grain import grain_of
from soak.analysis.statistics.plateau import plateau_begin
from soak.analysis.thresholds import PLATEAU_SHARE

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
