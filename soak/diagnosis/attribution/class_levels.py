"""Levels of a place that is a class, also between snapshots: a JVM's classes are counted at every forced collection.

Three snapshots are too few to separate six endpoints. The same histogram is read about four times as
often without stacks, and for a class of the target's own it has no noise other than that of the
traffic.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from soak.diagnosis.attribution.allocation_sites import AllocationSite
from soak.diagnosis.profiles.java_names import class_name
from soak.errors import OTHER_SHAPE
from soak.model import Floats
from soak.snapshots import Snapshot


def levels_at_collections(
    snapshots: Sequence[Snapshot], site: AllocationSite
) -> tuple[Floats, Floats]:
    """Return times (seconds on the run's clock) and levels (bytes) of a place, both (n,).

    They are those of the snapshots or, for a class that was counted more often in the same period,
    those of the counts.
    """
    if site.place.file:  # a call, not a class
        return site.times, site.levels
    first, last = site.times[0], site.times[-1]
    readings = [
        (snapshot.time, held)
        for snapshot in snapshots
        if snapshot.kind == "gauges" and snapshot.error is None and first <= snapshot.time <= last
        for held in [_classes(snapshot.read()).get(site.place.function)]
        if held is not None
    ]
    if len(readings) <= len(site.times):
        return site.times, site.levels
    times, levels = np.array(sorted(readings), dtype=np.float64).T
    return times, levels


@lru_cache(maxsize=1024)
def _classes(data: bytes) -> dict[str, float]:
    """Return bytes by class of one reading; empty if it has none or has another format."""
    try:
        classes = json.loads(data).get("classes", {})
        return {class_name(name): float(size) for name, size in classes.items()}
    except OTHER_SHAPE:
        return {}
