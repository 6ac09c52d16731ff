"""What a leak may follow besides time, the rate that a level may follow, and the most connections so far."""

from __future__ import annotations

import numpy as np
import pytest

from soak.analysis.statistics.growth_input import LevelPoints, RecentRequests
from soak.analysis.statistics.load_covariates import (
    load_covariates,
    peak_connections,
    recent_requests,
)
from soak.model import Floats, Series


def life(times: Floats, born: float = 0.0) -> LevelPoints:
    return LevelPoints(times, 0 * times, born)


def series(times: Floats, values: Floats) -> Series:
    return Series("x", times, values)


EVERY = np.arange(0.0, 120.0, 10.0)


def test_without_requests_a_leak_follows_age_alone() -> None:
    lives = [life(np.array([10.0, 20.0]), 5.0), life(np.array([40.0, 60.0]), 30.0)]
    (pace,), rate = load_covariates(lives, 50.0, None)
    assert pace.tolist() == [0.1, 0.3, 0.2, 0.6]
    assert rate is None


@pytest.mark.parametrize(("count", "enough"), [(9, False), (10, True), (11, True)])
def test_ten_counts_of_requests_are_enough(count: int, enough: bool) -> None:
    when = 10 * np.arange(count, dtype=np.float64)
    paces, rate = load_covariates([life(when)], 100.0, series(when, when**2))
    assert len(paces) == (2 if enough else 1)
    assert (rate is not None) == enough


@pytest.mark.parametrize(
    ("done", "follows"),
    [
        (np.full(12, 5.0), False),  # none was made
        (np.concatenate((np.arange(11.0) ** 2, [0.0])), False),  # as many at the end as at first
        (np.concatenate((np.arange(11.0) ** 2, [-1.0])), False),
        (np.arange(12.0) ** 2, True),
        (np.concatenate((np.arange(9.0) ** 2, [64.0, 64.0, 64.0])), True),
        # No more at the end than at first, whatever was between.
        (np.array([5.0, 1, 1, 1, 1, 1, 1, 1, 2, 3, 4, 5]), False),
        (np.array([10.0, 0, 0, 0, 0, 0, 0, 0, 2, 5, 11, 10]), False),
        # All of them were made in the first half.
        (np.minimum(np.arange(12.0) ** 2, 4.0), False),
    ],
)
def test_requests_are_followed_where_some_were_made_late(done: Floats, follows: bool) -> None:
    paces, rate = load_covariates([life(EVERY)], 100.0, series(EVERY, done))
    assert (len(paces) == 2, rate is not None) == (follows, follows)


@pytest.mark.parametrize(("more", "varies"), [(0.0, False), (0.045, False), (0.06, True)])
def test_a_rate_that_varies_by_less_than_a_twentieth_is_steady(more: float, varies: bool) -> None:
    """One request a second until half of the time, and less after it."""
    when = np.arange(0.0, 400.0, 10.0)
    done = np.minimum(when, 200.0) + np.maximum(when - 200.0, 0.0) * (1 - more)
    _, rate = load_covariates([life(when)], 100.0, series(when, done))
    assert (rate is not None) == varies


@pytest.mark.parametrize(("slower", "varies"), [(19.1, False), (19.0, True), (18.9, True)])
def test_a_rate_that_varies_by_a_twentieth_exactly_is_followed(slower: float, varies: bool) -> None:
    when = np.arange(0.0, 400.0, 10.0)
    done = 20 * np.minimum(when, 200.0) + slower * np.maximum(when - 200.0, 0.0)
    _, rate = load_covariates([life(when)], 100.0, series(when, done))
    assert (rate is not None) == varies


def test_there_are_no_requests_after_the_last_count() -> None:
    """The last point lies as far beyond it as its neighbourhood reaches."""
    points = np.arange(0.0, 120.0, 10.0)
    when = points[:-1]
    (_, pace), rate = load_covariates([life(points)], 50.0, series(when, when**2))
    assert rate is not None
    assert rate[-1] == 0.0
    assert pace[-1] == pace[-2]


def test_the_rate_is_taken_over_a_point_s_neighbourhood_and_the_pace_in_units_of_the_late_one() -> (
    None
):
    when = np.arange(0.0, 110.0, 10.0)
    done = np.array([0, 0, 10, 30, 60, 100, 150, 210, 280, 360, 450.0])
    points = np.array([15.0, 25.0, 45.0, 65.0, 95.0])
    # The median gap is 20 s: each rate is of 20 s before and after, within what was counted.
    ends = np.clip(points[:, None] + np.array([-20.0, 20.0]), 0.0, 100.0)
    made = np.interp(ends, when, done)
    rates = (made[:, 1] - made[:, 0]) / (ends[:, 1] - ends[:, 0])
    late = rates[2:].mean()
    (age, pace), rate = load_covariates([life(points, 5.0)], 50.0, series(when, done))
    assert age.tolist() == [0.2, 0.4, 0.8, 1.2, 1.8]
    total = np.interp(points, when, done)
    assert pace == pytest.approx((total - total[0]) / (late * 50.0))
    assert rate == pytest.approx((rates - rates.min()) / (rates.max() - rates.min()))
    assert rates.tolist() == pytest.approx([9 / 7, 2.0, 4.0, 6.0, 8.2])


def test_points_of_several_lives_share_the_counts() -> None:
    when = np.arange(0.0, 110.0, 10.0)
    one = load_covariates([life(when)], 50.0, series(when, when**2))
    two = load_covariates([life(when[:5]), life(when[5:])], 50.0, series(when, when**2))
    for whole, split in zip(one[0], two[0], strict=True):
        assert split.tolist() == whole.tolist()
    assert one[1] is not None
    assert two[1] is not None
    assert two[1].tolist() == one[1].tolist()


def test_points_at_one_time_have_a_rate_too() -> None:
    when = np.arange(0.0, 110.0, 10.0)
    points = np.array([50.0, 50.0, 50.0, 50.0, 80.0])
    (_, pace), rate = load_covariates([life(points)], 50.0, series(when, when**2))
    # A billionth of a second to either side: 100 a second at 50 s, and 160 at 80 s; late, 120.
    assert pace == pytest.approx([0, 0, 0, 0, 3900 / (120 * 50)], rel=1e-3)
    assert rate is not None
    assert rate == pytest.approx([0, 0, 0, 0, 1], abs=1e-3)


def test_the_rate_at_one_time_is_that_of_this_moment() -> None:
    """One request a second, but eleven a second from 50 s on for half a second."""
    when = np.arange(0.0, 110.0, 0.5)
    done = when + 10 * np.clip(when - 50.0, 0.0, 0.5)
    points = np.array([20.0, 20.0, 20.0, 50.0, 50.0])
    (_, pace), _ = load_covariates([life(points)], 50.0, series(when, done))
    # The late rates are 1, 6 and 6.
    assert pace == pytest.approx([0, 0, 0, *[30 / (13 / 3 * 50)] * 2], rel=1e-3)


def peaks(open_now: list[float], at: list[float] | None = None) -> list[float] | None:
    """The peaks of connections that were counted every ten seconds, at those seconds or at others."""
    when = 10 * np.arange(len(open_now), dtype=np.float64)
    times = when if at is None else np.array(at)
    seen = peak_connections([life(times)], series(when, np.array(open_now)))
    return None if seen is None else seen.tolist()


def test_peaks_are_the_most_connections_so_far() -> None:
    assert peak_connections([life(EVERY)], None) is None
    counts = [4.0, 2.0, 6.0, 5.0, 6.0, 8.0, 1.0, 12.0, 3.0, 3.0]
    assert peaks(counts) == [0, 0, 0.25, 0.25, 0.25, 0.5, 0.5, 1, 1, 1]
    assert peaks([4.0, 6.0, 8.0] + [8.0] * 7, [-5.0, 5.0, 15.0, 25.0]) == [0, 0, 0.5, 1]
    # Those counted at a point itself are known there; before the first count, that one is.
    assert peaks(counts, [-5.0, 19.9, 20.0, 55.0, 95.0]) == [0, 0, 0.25, 0.5, 1]


def test_ten_counts_of_connections_are_enough() -> None:
    counts = [1.0, 9.0, 3.0, 20.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert peaks(counts) is not None
    assert peaks(counts[:9]) is None


@pytest.mark.parametrize(
    ("first", "highest", "follows"),
    [
        (10.0, 15.0, True),  # half as many again
        (10.0, 14.0, False),
        (0.0, 0.5, True),  # of no connections, half of one is
        (0.0, 0.4, False),
        (1.0, 1.5, True),
        (2.0, 2.9, False),
        (2.0, 3.0, True),
    ],
)
def test_peaks_that_hardly_rise_are_not_followed(
    first: float, highest: float, follows: bool
) -> None:
    seen = peaks([first] * 6 + [highest] * 6)
    assert seen == ([0.0] * 6 + [1.0] * 6 if follows else None)


def test_what_came_lately_is_read_at_the_points_of_a_level_and_scaled() -> None:
    rates = np.array([[0.0, 5.0], [10.0, 5.0], [20.0, 5.0], [20.0, 5.0]])
    entries = np.array([[0.0, 7.0], [50.0, 7.0], [100.0, 7.0], [100.0, 7.0]])
    recent = RecentRequests(np.array([0.0, 10.0, 20.0, 30.0]), (rates, 2 * rates), entries)
    lives = [life(np.array([5.0, 10.0])), life(np.array([15.0, 30.0]))]
    lately, held = recent_requests(lives, recent)
    # One endpoint's rate, and the rate of all; the other endpoint's is steady, as is a container.
    assert lately.T.tolist() == [pytest.approx([0, 1 / 3, 2 / 3, 1])] * 4
    assert held.T.tolist() == [pytest.approx([0, 1 / 3, 2 / 3, 1])]


@pytest.mark.parametrize(("low", "varies"), [(96.0, False), (94.0, True)])
def test_a_level_cannot_follow_what_is_steady(low: float, varies: bool) -> None:
    levels, none = np.array([[low], [100.0]]), np.empty((2, 0))
    for recent in (
        RecentRequests(np.array([0.0, 10.0]), (levels,), none),
        RecentRequests(np.array([0.0, 10.0]), (), levels),
    ):
        assert bool(recent_requests([life(np.array([0.0, 10.0]))], recent)) == varies


def test_without_a_varied_mix_a_level_follows_nothing() -> None:
    assert recent_requests([life(EVERY)], None) == []
