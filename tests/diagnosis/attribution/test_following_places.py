"""Places that grow with the requests that leave entries in a container of Node."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from soak.catalog.node import GROWING_ENTRIES
from soak.diagnosis import thresholds
from soak.diagnosis.attribution.allocation_sites import AllocationSite
from soak.diagnosis.attribution.following_places import (
    endpoint_of_entries,
    exact_endpoints,
    following,
)
from soak.diagnosis.profiles.frames import Frame
from soak.model import Finding, Floats, RuleName, Verdict
from tests.boundaries import pins

TIMES = np.arange(5.0, 121.0, 5.0)
SECONDS = np.arange(1.0, 121.0)
#: Requests a second to two endpoints, whose shares change every 15 s.
RATES = {
    "GET /a": 20.0 + 15.0 * np.sign(np.sin(np.pi * SECONDS / 30)),
    "GET /b": 20.0 - 15.0 * np.sign(np.sin(np.pi * SECONDS / 30)),
}


def run() -> Any:
    windows = tuple(
        SimpleNamespace(endpoint=name, times=SECONDS, seconds=np.ones(120), requests=rate)
        for name, rate in RATES.items()
    )
    return SimpleNamespace(windows=lambda: windows)


def done(endpoint: str) -> Floats:
    """The requests to an endpoint by each snapshot, from 0 to 1."""
    counts = np.interp(TIMES, SECONDS, RATES[endpoint].cumsum())
    return np.asarray((counts - counts[0]) / np.ptp(counts))


def site(levels: Floats, line: int = 1) -> AllocationSite:
    frame = Frame("make", "shop.js", line, True)
    return AllocationSite(frame, TIMES, TIMES, 2e6 * levels, (), 32768.0)


def scattered(share: float) -> AllocationSite:
    """A place that grows with GET /a and lies off by so much of its rise, up and down in turn."""
    level = done("GET /a")
    first = int(0.2 * len(level))
    off = np.where(np.arange(len(level)) % 2, 1.0, -1.0)
    off[[first, -1]] = 0.0
    return site(level + share * (level[-1] - level[first]) * off)


def test_only_places_that_grow_with_the_endpoint_s_requests_are_kept() -> None:
    own, other = site(done("GET /a"), 1), site(done("GET /b"), 2)
    job = site(0.5 + 0.5 * ((TIMES // 10) % 2), 3)
    assert following(run(), [job, other, own], "GET /a") == [own]
    assert following(run(), [job, other, own], "GET /b") == [other]
    assert following(run(), [own], "GET /c") == []
    few = AllocationSite(own.place, TIMES[:2], TIMES[:2], own.levels[:2], (), 32768.0)
    assert following(run(), [few], "GET /a") == []


@pins(thresholds, "FOLLOWS_SHARE")
def test_a_place_may_lie_off_by_an_eighth_of_its_rise() -> None:
    assert following(run(), [scattered(0.11)], "GET /a")
    assert not following(run(), [scattered(0.13)], "GET /a")


@pins(thresholds, "FOLLOWS_BEST")
def test_a_place_may_follow_another_endpoint_s_requests_a_little_better() -> None:
    both = {name: done(name) for name in RATES}
    # Mixed half and half it follows both alike; a little more of the other, and that one better.
    for share, kept in ((0.5, True), (0.44, False)):
        mixed = site(share * both["GET /a"] + (1 - share) * both["GET /b"])
        assert bool(following(run(), [mixed], "GET /a")) is kept


@pytest.mark.parametrize(
    ("series", "verdict", "endpoint"),
    [
        (GROWING_ENTRIES, Verdict.FAIL, "GET /a"),
        (GROWING_ENTRIES, Verdict.INCONCLUSIVE, ""),
        ("python_growing_entries_bytes", Verdict.FAIL, ""),
    ],
)
def test_the_endpoint_is_that_of_node_s_entries_that_fail(
    series: str, verdict: Verdict, endpoint: str
) -> None:
    labels = (("endpoint", "GET /a"),)
    found = Finding(RuleName.GROWTH, series, verdict, "It grows.", labels)
    assert endpoint_of_entries([found]) == endpoint


def test_endpoints_are_exact_where_objects_or_entries_surely_stay() -> None:
    def found(series: str, endpoint: str, verdict: Verdict = Verdict.FAIL) -> Finding:
        labels = (("endpoint", endpoint),)
        return Finding(RuleName.GROWTH, series, verdict, "It grows.", labels)

    assert exact_endpoints(
        [
            found("jvm_growing_classes_bytes", "a"),
            found("python_growing_entries_bytes", "b"),
            found(GROWING_ENTRIES, "c", Verdict.PASS),
            found("python_held_bytes", "d"),
        ]
    ) == {"a", "b"}
