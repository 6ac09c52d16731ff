"""Growth by place: the stack that keeps is ranked first, with an interval that is honest about the sampling."""

from __future__ import annotations

import numpy as np
import pytest

from soak.diagnosis.attribution.site_growth import Snapshot, growth_by_place
from soak.diagnosis.profiles.pprof import Frame, read_pprof
from tests.diagnosis.writing import profile

COLUMNS = ("inuse_objects", "inuse_space")
LEAK, FLAT, LATE = (
    ["runtime.mapassign", "main.keep", "net/http.serve"],
    ["main.cache"],
    ["example.com/lib.Grow", "main.other"],
)


def snapshots(count: int, leak: float = 1000.0, seed: int = 1) -> list[Snapshot]:
    """A leak of so many bytes a request, seen through the sampling of one byte in 512 KiB; a cache that is full."""
    rng = np.random.default_rng(seed)
    held, found = 0.0, []
    for i in range(count):
        gained = leak * 10_000 if i else 0.0
        held += 524288.0 * rng.poisson(gained / 524288.0)
        samples = [(FLAT, [1, 50_000_000]), (LEAK, [1, int(held)])]
        if i == count - 1:
            samples.append((LATE, [1, 600_000]))
        found.append(Snapshot(60.0 * i, 10_000.0 * i, read_pprof(profile(samples, COLUMNS))))
    return found


def test_the_stack_that_keeps_is_first_with_what_it_keeps_a_request() -> None:
    best, *others = growth_by_place(snapshots(6), "inuse_space")
    assert best.place == Frame("main.keep", "main.go", best.place.line)
    assert best.sure
    assert best.low < 1000 < best.high
    assert best.per_request == pytest.approx(1000, rel=0.15)
    assert all(not other.sure for other in others)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(200):
        best = growth_by_place(snapshots(6, leak=300.0, seed=seed), "inuse_space")[0]
        covered += best.low <= 300 <= best.high
    assert covered >= 185


def test_two_snapshots_say_nothing() -> None:
    assert growth_by_place(snapshots(2), "inuse_space") == []


def test_without_traffic_there_is_no_growth_a_request() -> None:
    idle = [Snapshot(one.time, 5.0, one.profile) for one in snapshots(4)]
    assert growth_by_place(idle, "inuse_space") == []
