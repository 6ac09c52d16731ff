"""What a place that is a class held, also between snapshots: a JVM's classes are counted at every forced collection.

Three snapshots are too few to tell six endpoints apart. The same histogram is read some four times
as often without stacks, and of one class of the target's own it has no noise but what traffic
makes.
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
    """Times (seconds on the run's clock) and levels (bytes) of a place, both (n,): as snapshots have them or, of a class, as
    often as it was counted while the snapshots of the place were taken, if that is more often.
    """
    if site.place.file:  # a call, and no class
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
    """Bytes by class of one reading; empty where it has none or looks otherwise."""
    try:
        classes = json.loads(data).get("classes", {})
        return {class_name(name): float(size) for name, size in classes.items()}
    except OTHER_SHAPE:
        return {}
