"""Growth by place: the stack that keeps is ranked first, with an interval that is honest about the sampling."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from soak.diagnosis.attribution.allocation_sites import allocation_sites, only_gaining
from soak.diagnosis.attribution.site_growth import (
    ProfileSnapshot,
    _poisson,
    accumulation_log_odds,
    held,
    lasting,
    slope_and_error,
    slowing,
)
from soak.diagnosis.profiles.pprof import Frame, read_pprof
from soak.diagnosis.thresholds import ACCUMULATION_LOG_ODDS, FILLING_ERRORS, FILLING_RATIO
from soak.model import Floats
from tests.diagnosis.writing import profile

COLUMNS = ("inuse_objects", "inuse_space")
LEAK, FLAT, LATE = (
    ["runtime.mapassign", "main.keep", "net/http.serve"],
    ["main.cache"],
    ["example.com/lib.Grow", "main.other"],
)


def snapshots(count: int, leak: float = 1000.0, seed: int = 1) -> list[ProfileSnapshot]:
    """A leak of so many bytes a request, seen through the sampling of one byte in 512 KiB; a cache that is full."""
    rng = np.random.default_rng(seed)
    held, taken = 0.0, []
    for i in range(count):
        gained = leak * 10_000 if i else 0.0
        held += 524288.0 * rng.poisson(gained / 524288.0)
        samples = [(FLAT, [1, 50_000_000]), (LEAK, [1, int(held)])]
        if i == count - 1:
            samples.append((LATE, [1, 600_000]))
        taken.append(ProfileSnapshot(60.0 * i, 10_000.0 * i, read_pprof(profile(samples, COLUMNS))))
    return taken


def test_the_stack_that_keeps_is_first_with_what_it_keeps_a_request() -> None:
    best, *others = allocation_sites(snapshots(6), "inuse_space")
    assert best.place == Frame("main.keep", "main.go", best.place.line)
    assert best.sure
    assert best.slope[1] < 1000 < best.slope[2]
    assert best.slope[0] == pytest.approx(1000, rel=0.15)
    assert all(not other.sure for other in others)


@pytest.mark.thorough
def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(200):
        best = allocation_sites(snapshots(6, leak=300.0, seed=seed), "inuse_space")[0]
        covered += best.slope[1] <= 300 <= best.slope[2]
    assert covered >= 185


def test_two_snapshots_say_nothing() -> None:
    assert allocation_sites(snapshots(2), "inuse_space") == []


def test_without_traffic_there_is_no_growth_a_request() -> None:
    idle = [ProfileSnapshot(snapshot.time, 5.0, snapshot.profile) for snapshot in snapshots(4)]
    assert allocation_sites(idle, "inuse_space") == []


REQUESTS: Floats = np.arange(16.0) * 100.0


@pytest.mark.parametrize(
    ("counts", "certain"),
    [
        ([0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4], True),
        ([0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3], True),
        ([0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2], False),
        ([0, 0, 0, 0, 0, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5], False),
        ([2, 0, 3, 1, 2, 4, 0, 1, 3, 2, 1, 0, 2, 4, 3, 5], False),
        ([4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4], False),
    ],
    ids=["four stay", "three stay", "two are luck", "one step", "come and go", "constant"],
)
def test_a_few_sampled_objects_that_all_stay_are_told_from_chance_and_from_a_step(
    counts: list[int], certain: bool
) -> None:
    assert (
        accumulation_log_odds(REQUESTS, np.array(counts, dtype=float)) >= ACCUMULATION_LOG_ODDS
    ) is certain


def test_small_leaks_are_seldom_missed_and_steady_heaps_never_accused() -> None:
    rng = np.random.default_rng(5)
    leaking = [np.cumsum(rng.poisson(6 / 15, 16)) for _ in range(200)]
    steady = [rng.poisson(6, 16) for _ in range(200)]
    seen = [
        sum(
            accumulation_log_odds(REQUESTS, counts.astype(float)) >= ACCUMULATION_LOG_ODDS
            for counts in kind
        )
        for kind in (leaking, steady)
    ]
    assert seen[0] >= 160
    assert seen[1] <= 2


@pytest.mark.parametrize(
    ("others", "named"),
    [
        ([], True),
        ([("main.steady", [3, 3, 3, 3, 3, 3])], True),
        ([("main.passing", [0, 0, 1, 0, 2, 0])], True),
        ([("main.second", [0, 0, 0, 1, 1, 1])], False),
        ([("net/http.pooled", [0, 1, 2, 3, 4, 5])], False),
        ([("net/url.parse<net/http.(*conn).readRequest", [0, 0, 0, 2, 2, 3])], True),
    ],
)
def test_the_only_place_where_a_sampled_object_came_and_stayed_is_named(
    others: list[tuple[str, list[int]]], named: bool
) -> None:
    rows = [("main.keep", [0, 0, 1, 1, 1, 1]), *others]
    taken = [
        ProfileSnapshot(
            60.0 * i,
            1000.0 * i,
            read_pprof(
                profile(
                    [(function.split("<"), [1, 524288 * levels[i]]) for function, levels in rows],
                    COLUMNS,
                )
            ),
        )
        for i in range(6)
    ]
    site = only_gaining(allocation_sites(taken, "inuse_space"))
    assert (site.place.function if site else "") == ("main.keep" if named else "")


def test_a_cache_that_fills_slows_down_and_a_leak_does_not() -> None:
    clock = np.linspace(0, 3000, 16)
    noise = np.random.default_rng(2).normal(0, 2e4, 16)
    ratio, errors = slowing(clock, 4e6 * (1 - np.exp(-clock / 1500)) + noise)
    assert ratio < FILLING_RATIO
    assert errors > FILLING_ERRORS
    ratio, errors = slowing(clock, 2000 * clock + noise)
    assert ratio > FILLING_RATIO
    assert abs(errors) < FILLING_ERRORS
    assert slowing(clock[:4], clock[:4]) == (1.0, 0.0)


def test_what_several_snapshots_hold_is_one_table_by_stack() -> None:
    rows = (
        [(LEAK, [1, 10]), (FLAT, [2, 20])],
        [(FLAT, [1, 5]), (LATE, [1, 7]), (FLAT, [1, 6])],
        [(LATE, [3, 9])],
    )
    taken = [
        ProfileSnapshot(60.0 * i, 10.0 * i, read_pprof(profile(row, COLUMNS)))
        for i, row in enumerate(rows)
    ]
    keys, table, samples = held(taken, "inuse_space")
    names = {
        taken[row].profile.stack(sample)[-1].function: table[:, place].tolist()
        for place, key in enumerate(keys.tolist())
        for row, sample in [samples[key]]
    }
    assert names == {
        "net/http.serve": [10, 0, 0],
        "main.cache": [20, 11, 0],
        "main.other": [0, 7, 9],
    }
    assert held(taken, "inuse_objects")[1].sum() == 9


@pytest.mark.parametrize("n", [3, 4, 9])
def test_a_slope_and_its_interval_are_those_of_a_line_fitted_by_least_squares(n: int) -> None:
    chance = np.random.default_rng(n)
    requests, values = np.cumsum(chance.integers(1, 9, n)).astype(float), chance.normal(50, 9, n)
    line = stats.linregress(requests, values)
    slope, error = slope_and_error(requests, values)
    assert slope == pytest.approx(line.slope)
    assert error == pytest.approx(line.stderr * stats.t.ppf(0.975, n - 2))
    sampled = slope_and_error(requests, values, 100.0)
    assert sampled[0] == slope
    of_sampling = 100.0 * abs(slope) / (requests[-1] - requests[0])
    assert sampled[1] == pytest.approx(
        math.sqrt(line.stderr**2 + of_sampling) * stats.t.ppf(0.975, n - 2)
    )


def test_two_points_give_a_line_without_scatter() -> None:
    assert slope_and_error(np.array([1.0, 3.0]), np.array([4.0, 10.0])) == (3.0, 0.0)


def test_what_does_not_grow_has_no_error_of_sampling() -> None:
    assert slope_and_error(np.arange(4.0), np.full(4, 6.0), 512.0) == (0.0, 0.0)


def test_the_likelihood_of_counts_is_that_of_poisson() -> None:
    counts, expected = np.array([0.0, 1.0, 4.0, 2.0]), np.array([0.5, 1.5, 3.0, 2.0])
    assert _poisson(counts, expected) == pytest.approx(stats.poisson.logpmf(counts, expected).sum())
    assert _poisson(np.array([2.0]), np.zeros(1)) == pytest.approx(
        stats.poisson.logpmf(2, 1e-9), rel=1e-9
    )
    assert _poisson(np.zeros(1), np.zeros(1)) == pytest.approx(-1e-9)


@pytest.mark.parametrize(
    "counts",
    [
        [0, 1, 1, 3, 4, 6],
        [2, 2, 4, 4, 7, 7],
        [0, 2, 1, 3, 5, 4],
        [0, 0, 4, 4, 4, 4],
        [3, 1, 4, 2, 5, 8],
        [0.4, 0.6, 2.4, 2.6, 3.4, 3.6],
    ],
)
def test_accumulation_is_weighed_against_one_level_and_against_one_step(
    counts: list[float],
) -> None:
    requests = np.array([0.0, 1.0, 3.0, 4.0, 6.0, 11.0])
    whole = np.round(np.array(counts))
    moved = np.diff(whole)
    gained, lost = np.maximum(moved, 0), -np.minimum(moved, 0).sum()
    stray = math.log(0.02)
    each = stats.poisson.logpmf(gained, gained.sum() * np.diff(requests) / 11).sum()
    level = stats.poisson.logpmf(whole[1:], whole.mean()).sum()
    most = gained.max()
    step = stats.poisson.logpmf(most, most) - math.log(5) + (gained.sum() - most + lost) * stray
    assert accumulation_log_odds(requests, np.array(counts)) == pytest.approx(
        each + lost * stray - max(level, step)
    )


def test_objects_that_appear_without_a_request_do_not_accumulate_with_requests() -> None:
    counts = np.array([0.0, 2.0, 4.0])
    assert accumulation_log_odds(np.full(3, 5.0), counts) == -math.inf
    assert math.isfinite(accumulation_log_odds(np.array([5.0, 5.5, 6.0]), counts))


@pytest.mark.parametrize(
    ("counts", "known"),
    [([0, 3, 3], True), ([0, 4, 2], False), ([2, 0, 5], True), ([3, 0, 5], False)],
)
def test_what_went_is_subtracted_from_what_came(counts: list[float], known: bool) -> None:
    odds = accumulation_log_odds(np.arange(3.0), np.array(counts, dtype=float))
    assert math.isfinite(odds) is known


def test_the_least_of_the_last_three_levels_lasts() -> None:
    assert lasting(np.array([2.0, 9.0, 8.0, 5.0, 7.0])) == 3.0
    assert lasting(np.array([2.0, 1.0, 8.0, 5.0, 7.0])) == 3.0
    assert lasting(np.array([2.0, 9.0, 1.0, 5.0, 7.0])) == -1.0
    assert lasting(np.array([2.0, 5.0, 8.0])) == 0.0  # the first is none of those that followed it


@pytest.mark.parametrize(
    ("clock", "levels", "ratio"),
    [
        ([0, 1, 2, 3, 4, 5], [0, 4, 8, 8, 10, 12], 0.5),
        # The middle belongs to the earlier half.
        ([0, 1, 2, 3, 4, 5, 6], [0, 2, 4, 6, 9, 10, 11], 0.5),
        ([0, 1, 2, 3, 4], [0, 4, 8, 8, 10], 1.0),
        ([0, 7, 8, 9, 10, 11], [0, 4, 8, 8, 10, 12], 1.0),
        ([0, 5, 6, 7, 8, 10], [0, 4, 8, 8, 10, 12], 1.0),
        ([0, 1, 2, 3, 4, 11], [0, 4, 8, 8, 10, 12], 1.0),
        ([0, 1, 2, 8, 9, 11], [0, 4, 8, 8, 9, 11], 0.25),
        ([10, 11, 12, 13, 14, 15], [0, 4, 8, 8, 10, 12], 0.5),
        ([0, 1, 2, 3, 4, 5], [5, 5, 5, 8, 10, 12], 1.0),
        ([0, 1, 2, 3, 4, 5], [5, 4, 3, 8, 10, 12], 1.0),
        ([0, 1, 2, 3, 4, 5], [0, 1, 2, 9, 9, 9], 0.0),
        ([0, 4, 8, 12, 16, 20], [0, 1, 2, 9, 11, 13], 2.0),
    ],
)
def test_growth_in_the_later_half_is_compared_with_that_in_the_earlier(
    clock: list[float], levels: list[float], ratio: float
) -> None:
    told, _ = slowing(np.array(clock, dtype=float), np.array(levels, dtype=float))
    assert told == pytest.approx(ratio)


def test_a_slowdown_is_told_in_its_standard_errors() -> None:
    clock = np.arange(9.0)
    levels = np.array([0.0, 5, 8, 13, 16, 17, 19, 20, 22])
    early, late = (stats.linregress(clock[half], levels[half]) for half in (slice(5), slice(5, 9)))
    ratio, errors = slowing(clock, levels)
    error = math.hypot(early.stderr, late.stderr)
    assert ratio == pytest.approx(late.slope / early.slope)
    assert errors == pytest.approx((early.slope - late.slope) / error)
    sampled = math.sqrt(error**2 + 0.5 * early.slope / 4 + 0.5 * late.slope / 3)
    assert slowing(clock, levels, 0.5)[1] == pytest.approx((early.slope - late.slope) / sampled)


def test_a_slowdown_without_any_scatter_is_sure() -> None:
    assert slowing(np.arange(6.0), np.array([0.0, 4, 8, 8, 10, 12]))[1] > 1e100
