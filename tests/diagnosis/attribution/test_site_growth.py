"""Growth by place: the stack that keeps is ranked first, with an interval that is honest about the sampling."""

from __future__ import annotations

import numpy as np
import pytest

from soak.diagnosis.attribution.allocation_sites import allocation_sites, only_gaining
from soak.diagnosis.attribution.site_growth import ProfileSnapshot, accumulation_log_odds, slowing
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
