"""A class that a JVM counts at every forced collection is told apart by all of these, and not by the snapshots alone."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from soak.diagnosis.attribution.allocation_sites import AllocationSite, Stack
from soak.diagnosis.attribution.class_levels import levels_at_collections
from soak.diagnosis.profiles.frames import Frame
from soak.sampling.profilers.profiler import gauges
from soak.snapshots import Snapshot


def site(name: str, times: list[float]) -> AllocationSite:
    at = np.array(times)
    frames = (Frame(name),)
    return AllocationSite(frames[0], at, 100 * at, 32 * at, (Stack(frames, 32 * at),))


def reading(time: float, data: bytes, error: str | None = None) -> Snapshot:
    return Snapshot(time, 0.1, "gauges", "steady", error, partial(bytes, data))


def counted(time: float, name: str = "[Lshop.Offer;") -> Snapshot:
    return reading(time, gauges([], {name: 40.0 * time}))


def test_a_class_has_a_level_at_every_reading_between_its_first_snapshot_and_its_last() -> None:
    readings = [counted(float(time)) for time in range(90, 0, -10)]
    times, levels = levels_at_collections(readings, site("shop.Offer[]", [20.0, 50.0, 80.0]))
    assert times.tolist() == [20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0]
    assert levels.tolist() == (40 * times).tolist()


@pytest.mark.parametrize(
    "readings",
    [
        [],
        [counted(30.0), counted(40.0), counted(60.0)],  # no more than the snapshots
        [counted(float(time), "shop.Basket") for time in range(20, 80, 10)],
        [reading(float(time), b'{"classes": [1]}') for time in range(20, 80, 10)],
        [reading(float(time), b"[]") for time in range(20, 80, 10)],
        [reading(float(time), b"", "no answer") for time in range(20, 80, 10)],
    ],
)
def test_where_readings_tell_no_more_the_snapshots_do(readings: list[Snapshot]) -> None:
    place = site("shop.Offer[]", [20.0, 50.0, 80.0])
    times, levels = levels_at_collections(readings, place)
    assert (times is place.times, levels is place.levels) == (True, True)
