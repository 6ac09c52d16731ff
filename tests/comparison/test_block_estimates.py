"""Stretches of a run, and how well a mean is known from them."""

from __future__ import annotations

import numpy as np
import pytest

from soak.comparison.block_estimates import BLOCKS, FEWEST_BLOCKS, Blocks, standard_error
from soak.model import Kind, Series


def test_every_time_lies_in_one_stretch_and_none_outside() -> None:
    blocks = Blocks.of(10.0, 20.0)
    rows = blocks.rows(np.array([9.9, 10.0, 10.99, 11.0, 19.99, 20.0, 20.1]))
    assert rows.tolist() == [-1, 0, 0, 1, 9, 9, -1]
    assert blocks.sums(np.array([10.5, 10.6, 15.5]), np.array([1.0, np.nan, 2.0])).tolist() == [
        1,
        0,
        0,
        0,
        0,
        2,
        0,
        0,
        0,
        0,
    ]
    assert blocks.counts(np.array([10.5, 10.6]), np.array([1.0, np.nan]))[0] == 1


def test_a_counter_that_fell_was_restarted() -> None:
    counter = Series(
        "c_total", np.array([0.0, 1.0, 2.0, 3.0]), np.array([5.0, 8.0, 2.0, 4.0]), kind=Kind.COUNTER
    )
    assert Blocks.of(0.0, 10.0).increases(counter).tolist()[:4] == [0.0, 3.0, 2.0, 2.0]


def test_the_error_of_independent_stretches_is_that_of_a_mean() -> None:
    rng = np.random.default_rng(1)
    errors = [standard_error(rng.normal(0, 2.0, BLOCKS)) for _ in range(400)]
    assert np.mean([error for error in errors if error is not None]) == pytest.approx(
        2.0 / BLOCKS**0.5, rel=0.25
    )


def test_dependence_widens_it_and_too_few_tell_nothing() -> None:
    rising = standard_error(np.arange(BLOCKS, dtype=float))
    mixed = standard_error(np.array([0, 9, 1, 8, 2, 7, 3, 6, 4, 5], dtype=float))
    assert rising is not None
    assert mixed is not None
    assert rising > 2 * mixed
    assert standard_error([1.0] * BLOCKS) == 0.0
    assert standard_error([1.0, 2.0, 3.0] + [np.nan] * 7) is None
    assert standard_error([1.0, 2.0, 3.0, 4.0][:FEWEST_BLOCKS]) is not None
