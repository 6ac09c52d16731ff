"""Points left out as exceptions, at the boundary of each comparison: noise of -1, 0 and 1 in turn has exact medians."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from soak.analysis.statistics.growth_input import LevelPoints
from soak.analysis.statistics.outliers import _away, _bent, _far, without_outliers
from soak.model import Floats

#: Of noise: its usual distance from its running median, and that of successive values 0 and 1.
USUAL = 1.4826


def noise(count: int) -> Floats:
    return np.resize([1.0, -1.0, 0.0], count)


def with_values(values: Floats, at: Mapping[int, float]) -> Floats:
    changed = values.copy()
    for place, value in at.items():
        changed[place] = value
    return changed


def places(found: np.ndarray) -> list[int]:
    return [int(place) for place in np.flatnonzero(found)]


def still_then_busy(at: Sequence[float], begin: int = 8, count: int = 80) -> Floats:
    """A level of 0 at which a job has these values from `begin` on, and from sample 30 on 0 and 1 in turn."""
    values = np.where(np.arange(count) < 30, 0.0, np.arange(float(count)) % 2)
    values[begin : begin + len(at)] = at
    return values


@pytest.mark.parametrize(
    ("values", "away"),
    [
        (still_then_busy([40] * 6), range(8, 14)),
        (still_then_busy([-40] * 6), range(8, 14)),
        (still_then_busy([40] * 6) + np.where(np.arange(80) > 55, 0.5, 0.0), range(8, 14)),
        # Out in one step of more than eight usual ones.
        (still_then_busy([8 * USUAL] * 6), ()),
        (still_then_busy([8 * USUAL + 1e-9] * 6), range(8, 14)),
        # For up to a fifth of all samples.
        (still_then_busy([40] * 16), range(8, 24)),
        (still_then_busy([40] * 17), ()),
        (still_then_busy([40] * 15, count=79), range(8, 23)),
        (still_then_busy([40] * 16, count=79), ()),
        # Back in one step by over three quarters of the height, or over a sample that lies in between.
        (still_then_busy([40] * 6 + [10] * 20), ()),
        (still_then_busy([40] * 6 + [9] * 20), range(8, 14)),
        (still_then_busy([40] * 5 + [20]), range(8, 14)),
        (still_then_busy([40] * 5 + [20, 20]), ()),
        # Back below two fifths of the height.
        (still_then_busy([40, 40, 40, 46, 46, 15]), range(8, 13)),
        (still_then_busy([40, 40, 40, 46, 46, 16]), range(8, 14)),
        # The height is the median of the first three.
        (still_then_busy([40, 20, 20, 20, 20]), range(8, 13)),
        (still_then_busy([40, 40, 25, 25, 25]), ()),
        # The base is the median of the last four before.
        (still_then_busy([0, 8, 8, 0, 0, *[40] * 6, *[12] * 9], 4), range(9, 15)),
        (still_then_busy([0, 8, 8, 0, 0, *[40] * 6, *[14] * 9], 4), ()),
        (still_then_busy([8, 0, *[40] * 6, *[12] * 9], 0), range(2, 8)),
        (still_then_busy([8, 0, *[40] * 6, *[14] * 9], 0), ()),
        # One sample, between a step out and one back.
        (still_then_busy([40, 9, 40, 40]), (8, 10, 11)),
        # Two jobs, and one that lasts to the end.
        (still_then_busy([40] * 3 + [0] * 9 + [50] * 4), (*range(8, 11), *range(20, 24))),
        (still_then_busy([40] * 5, 75), ()),
        (still_then_busy([40] * 4, 75), range(75, 79)),
    ],
)
def test_a_job_leaves_the_level_in_one_step_and_comes_back_in_one(
    values: Floats, away: Sequence[int]
) -> None:
    assert places(_away(values)) == list(away)
    assert places(_away(values / 64)) == list(away)


def test_a_job_is_searched_in_at_least_49_points_that_move() -> None:
    assert places(_away(with_values(noise(49), dict.fromkeys(range(20, 25), 40.0))))
    assert not places(_away(with_values(noise(48), dict.fromkeys(range(20, 25), 40.0))))
    assert not places(_away(with_values(np.zeros(60), dict.fromkeys(range(20, 25), 40.0))))


FAR = 4.5 * USUAL
QUIET_LOUD = np.concatenate((noise(60), 3 * noise(60)))
STEP = 100.0 * (np.arange(120) >= 60)


@pytest.mark.parametrize(
    ("values", "far"),
    [
        (noise(60), ()),
        (with_values(noise(60), {20: 40.0, 33: -40.0}), (20, 33)),
        (with_values(noise(60), {30: FAR, 40: -FAR}), ()),
        (with_values(noise(60), {30: FAR + 1e-9, 40: -FAR - 1e-9}), (30, 40)),
        # At least 48 points.
        (with_values(noise(48), {20: 40.0}), (20,)),
        (with_values(noise(47), {20: 40.0}), ()),
        # Far is meant by the scatter around it, or by the usual one where that is more.
        (with_values(QUIET_LOUD, {20: 7.0, 90: 20.0}), (20,)),
        (with_values(QUIET_LOUD, {20: 6.0, 90: 20.5}), (90,)),
        (with_values(noise(120), {**dict.fromkeys(range(40, 70), 0.0), 55: 6.0}), ()),
        (with_values(noise(120), {**dict.fromkeys(range(40, 70), 0.0), 55: 7.0}), (55,)),
        # The running median goes along with a step, to both ends.
        (noise(120) + STEP, ()),
        (noise(120) - STEP, ()),
        (20.0 * (np.arange(60) >= 51) - noise(60), ()),
        (20.0 * (np.arange(60) >= 52) - noise(60), tuple(range(52, 60))),
        (noise(60) + 20.0 * (np.arange(60) < 9), ()),
        (noise(60) + 20.0 * (np.arange(60) < 8), tuple(range(8))),
        # Nine of seventeen are the level; eight are far from it.
        (with_values(noise(60), dict.fromkeys(range(25, 33), 40.0)), tuple(range(25, 33))),
        # What goes away more and more towards an edge is no exception.
        (with_values(noise(60), {i: 100.0 - 10 * i for i in range(7)}), ()),
        (with_values(noise(60), {i: 30.0 - 15 * (i % 2) for i in range(7)}), tuple(range(7))),
        (with_values(noise(60), {59 - i: 100.0 - 10 * i for i in range(7)}), ()),
        (
            with_values(noise(60), {59 - i: 30.0 - 15 * (i % 2) for i in range(7)}),
            tuple(range(53, 60)),
        ),
        # In at least five of the seven steps to the edge, or as far as before.
        (with_values(noise(60), dict(enumerate([50, 50, 50, 40, 40, 50, 40, 50]))), ()),
        (
            with_values(noise(60), dict(enumerate([50, 50, 50, 40, 50, 50, 40, 50]))),
            (),
        ),
        (
            with_values(noise(60), dict(enumerate([50, 60, 50, 40, 50, 50, 40, 50]))),
            tuple(range(8)),
        ),
        (
            with_values(noise(60), dict(enumerate([50, 40, 50, 50, 40, 50, 50, 50], 52))),
            (),
        ),
        (
            with_values(noise(60), dict(enumerate([50, 40, 50, 50, 40, 50, 60, 50], 52))),
            tuple(range(52, 60)),
        ),
        # Only the eight at the edge.
        (with_values(noise(60), {**{i: 100.0 - 10 * i for i in range(7)}, 8: 40.0}), (8,)),
        (with_values(noise(60), {**{59 - i: 100.0 - 10 * i for i in range(7)}, 51: 40.0}), (51,)),
    ],
)
def test_far_from_the_running_median_for_a_short_while(values: Floats, far: Sequence[int]) -> None:
    assert places(_far(values)) == list(far)
    assert places(_far(values / 64)) == list(far)


#: Values 0 and 1 in turn bend by 1 at each.
TURNS = np.resize([0.0, 1.0], 60)


@pytest.mark.parametrize(
    ("values", "bent"),
    [
        (TURNS, ()),
        (with_values(TURNS, {21: 6 * USUAL}), ()),
        (with_values(TURNS, {21: 6 * USUAL + 1e-9}), (21,)),
        (with_values(TURNS, {21: -6 * USUAL - 1e-9, 35: 12.0}), (21, 35)),
        (with_values(TURNS, {1: 12.0, 57: 12.0}), (1, 57)),
        (with_values(TURNS, {21: 30.0}), (20, 21, 22)),  # half as much at both neighbours
        (TURNS + 7.0 * np.arange(60), ()),
        (with_values(TURNS, {0: 12.0, 59: 12.0}), ()),
        (with_values(TURNS, {0: 30.0, 59: 30.0}), (1, 58)),  # the ends have no two neighbours
        (with_values(TURNS[:48], {21: 12.0}), (21,)),
        (with_values(TURNS[:47], {21: 12.0}), ()),
        (with_values(np.zeros(60), {21: 12.0}), ()),
    ],
)
def test_bent_is_out_of_line_with_both_neighbours(values: Floats, bent: Sequence[int]) -> None:
    assert places(_bent(values)) == list(bent)
    assert places(_bent(values / 64)) == list(bent)


def kept(values: Floats) -> list[int]:
    """Which points are kept."""
    points = LevelPoints(np.arange(float(len(values))), values, 0.0)
    return [int(time) for time in without_outliers(points).times]


def all_but(count: int, *left_out: int) -> list[int]:
    return [place for place in range(count) if place not in left_out]


def jobs(count: int, *lengths: int) -> Floats:
    """Jobs of these lengths, eight points apart, in noise."""
    values, at = noise(count), 8
    for length in lengths:
        values[at : at + length] += 40
        at += length + 8
    return values


def test_jobs_are_left_out_up_to_a_quarter_of_all_points() -> None:
    assert kept(jobs(80, 10, 10)) == all_but(80, *range(8, 18), *range(26, 36))
    assert {*range(28, 36)} <= {*kept(jobs(80, 10, 11))}
    assert kept(jobs(80)) == all_but(80)


def bends(count: int, bent: int) -> Floats:
    """A steep line, whose running median is no measure of some points that are a little out of line."""
    values = noise(count) + 5.0 * np.arange(count)
    values[[6 + 7 * number for number in range(bent)]] += 20
    return values


def test_bends_are_left_out_below_an_eighth_of_all_points() -> None:
    assert kept(bends(64, 7)) == all_but(64, *range(6, 55, 7))
    assert kept(bends(64, 8)) == all_but(64)


def test_what_is_far_is_left_out_up_to_a_quarter_of_all_points() -> None:
    spikes = [2 + 4 * number for number in range(16)]
    assert kept(with_values(noise(65), dict.fromkeys(spikes, 40.0))) == all_but(65, *spikes)
    assert kept(with_values(noise(64), dict.fromkeys(spikes, 40.0))) == all_but(64, *spikes)
    assert kept(with_values(noise(63), dict.fromkeys(spikes, 40.0))) == all_but(63)


def test_what_is_far_is_searched_three_times() -> None:
    """Heavy tails: each round uncovers further points, and a fourth would still find one."""
    rng = np.random.default_rng(138)
    values = rng.standard_t(1.2, 120) * np.exp(rng.normal(0, 1, 120))
    rounds = [values[~_bent(values)]]
    for _ in range(4):
        rounds.append(rounds[-1][~_far(rounds[-1])])
    assert [len(each) for each in rounds] == [114, 101, 95, 94, 93]
    assert values[kept(values)].tolist() == rounds[3].tolist()
