"""Memory that stands in whole answers, and memory that only looks like it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from soak.diagnosis import thresholds
from soak.diagnosis.suspects import memory_peaks
from soak.diagnosis.suspects.memory_peaks import held_in_whole_answers, in_whole_answers
from soak.model import Series
from tests.boundaries import pins
from tests.diagnosis.suspects.parts import context, gauge

MIB = 2.0**20
SIZE = 20 * MIB
SECONDS = 120
#: How many answers are held at each moment: none to four, at random.
HELD = np.random.default_rng(3).poisson(1.2, SECONDS)


def noise(size: float, seed: int = 5) -> Any:
    return size * np.random.default_rng(seed).standard_normal(SECONDS)


def in_steps(values: Any, size: float = SIZE, start: float = 0.0) -> bool:
    return in_whole_answers(gauge("x", values), size, start)


@pytest.mark.parametrize("rest", [0.0, 3.3 * MIB, 7.5 * MIB])
@pytest.mark.parametrize("size", [4 * MIB, 20 * MIB, 123_456_789.0])
def test_memory_that_holds_whole_answers_stands_in_their_multiples(
    rest: float, size: float
) -> None:
    levels = rest + size * HELD + noise(size / 50)
    assert in_steps(levels, size)
    assert in_steps(levels + 3 * size, size)  # with three that a cache holds for good
    assert not in_steps(levels, 1.7 * size)


def test_memory_that_holds_pieces_stands_anywhere() -> None:
    pieces = 64 * 1024 * np.random.default_rng(1).integers(0, 2000, SECONDS)
    assert not in_steps(pieces.astype(float))
    garbage = 30 * MIB + 5 * MIB * (np.arange(SECONDS) % 9)
    assert not in_steps(garbage)


@pins(thresholds, "AT_ONE_PHASE")
def test_noise_of_a_twelfth_of_an_answer_still_shows_steps_and_of_a_seventh_none() -> None:
    assert in_steps(SIZE * HELD + noise(SIZE / 12))
    assert not in_steps(SIZE * HELD + noise(SIZE / 7))


@pins(thresholds, "FEWEST_FALLS")
def test_what_never_falls_is_kept_and_not_built() -> None:
    assert not in_steps(7 * MIB + SIZE * (np.arange(SECONDS) // 30))
    assert not in_steps(np.full(SECONDS, 27 * MIB))
    for falls, seen in ((5, True), (4, False)):
        levels = np.full(SECONDS, 7 * MIB)
        for number in range(falls):
            levels[20 * number + 5 : 20 * number + 9] += SIZE
        assert in_steps(levels) is seen


def test_a_heap_of_regions_stands_on_a_grid_of_its_own() -> None:
    regions = 4 * MIB * np.random.default_rng(2).integers(3, 40, SECONDS)
    assert not in_steps(regions, 4 * MIB)
    assert in_steps(regions + 0.3 * MIB, 4 * MIB)


def test_only_what_was_judged_counts_and_few_samples_tell_nothing() -> None:
    levels = 7 * MIB + SIZE * HELD
    assert in_steps(levels, start=SECONDS - 20.0)
    assert not in_steps(levels, start=SECONDS - 19.0)
    gaps = np.where(np.arange(SECONDS) % 5 == 0, np.nan, levels)
    assert in_steps(gaps)
    assert not memory_peaks.in_whole_answers(Series("x", np.arange(0.0), np.empty(0)), SIZE, 0.0)


def test_the_memory_that_stands_in_answers_is_named() -> None:
    external = gauge("nodejs_external_memory_bytes", 3.3 * MIB + SIZE * HELD)
    resident = gauge("process_resident_memory_bytes", 61 * MIB + SIZE * HELD)
    seconds = float(SECONDS)
    assert (
        held_in_whole_answers(context(resident, external, seconds=seconds), SIZE)
        == "Node's external memory"
    )
    assert held_in_whole_answers(context(resident, seconds=seconds), SIZE) == "Resident memory"
    assert held_in_whole_answers(context(external, seconds=seconds), 1.7 * SIZE) == ""
    old = gauge("jvm_memory_used_bytes", 7 * MIB + SIZE * HELD, area="heap", id="Tenured Gen")
    assert held_in_whole_answers(context(old, seconds=seconds), SIZE) != ""
