"""What requests leave on a JVM's heap: the objects of those classes whose count rises exactly with the requests to an endpoint.

The whole heap moves with every request under way, buffer and cached answer, so a run of minutes
cannot tell a few hundred MiB an hour. A class has no such noise: where each request leaves one
object, the class has one more at every forced collection. Of a thousand classes none follows the
requests to one endpoint by chance, within a hundredth and without ever falling, if the mix of
traffic is varied; what grows with all requests alike may as well grow with time. A cache does until
it is full, and is judged like any heap that may be filling.

| constant | unit | meaning, and where it comes from |
|---|---|---|
| `_LEAST_PART` 0.01 | of the bytes | gain of a class that is looked at beside the exact ones |
| `_LATE_PART` 0.25 | of the gain | in the last half, for a place to be no cache that fills: an even rise gains 0.5 |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from soak.catalog.jvm import GROWING_CLASSES
from soak.diagnosis.attribution.allocation_sites import AllocationSite
from soak.diagnosis.attribution.exact_counts import (
    FEWEST,
    LEAST_RISE,
    SETTLED,
    added,
    follow,
    only_rise,
    scatter_about,
)
from soak.diagnosis.attribution.load_profiles import chosen_to_read, taken_snapshots
from soak.diagnosis.attribution.request_counts import mix_at
from soak.diagnosis.profiles.java_names import class_frame, is_common, is_own_class
from soak.diagnosis.profiles.jvm_histogram import Histogram, read_histogram
from soak.diagnosis.thresholds import LEAST_CLASS_SHARE
from soak.errors import SoakError
from soak.model import Floats, Kind, Recording, Series
from soak.snapshots import SNAPSHOT_SOURCE, Snapshot
from soak.windows import EndpointWindows

#: The label of the endpoint to whose requests the growth is due.
ENDPOINT = "endpoint"
_LEAST_PART, _LATE_PART = 0.01, 0.25
#: In the names of classes that the JVM makes for lambda expressions.
LAMBDA = "$$Lambda"
#: Classes that hold the last thousand of values, whatever the load: samples of a histogram.
_BOUNDED = ("com.codahale.metrics.", "io.dropwizard.metrics")


@dataclass(frozen=True, eq=False)
class CountedClasses:
    """The snapshots' times (n,), and of each class (columns) its instances and bytes, both (n, k); `own` are the target's."""

    times: Floats
    names: tuple[str, ...]
    own: tuple[bool, ...]
    instances: Floats
    bytes: Floats

    @property
    def settled(self) -> CountedClasses:
        """The later snapshots, when what a young service sets up is there."""
        late = slice(int(SETTLED * len(self.times)), None)
        return replace(
            self, times=self.times[late], instances=self.instances[late], bytes=self.bytes[late]
        )

    @property
    def gained(self) -> Floats:
        """The bytes that each class gained from first to last, (k,)."""
        return np.asarray(self.bytes[-1] - self.bytes[0])

    @property
    def bounded(self) -> NDArray[np.bool_]:
        """Which classes hold so many values at most, whatever the load, (k,)."""
        return np.array([name.startswith(_BOUNDED) for name in self.names])

    @property
    def rises(self) -> NDArray[np.bool_]:
        """Which classes rise by enough, hardly ever fall, and are not bounded, (k,)."""
        return only_rise(self.instances) & ~self.bounded


@dataclass(frozen=True, eq=False)
class GrowingClasses:
    """Classes whose objects the requests to one endpoint add to, those that gain most first.

    `each` is how many more objects of the class each such request leaves, and `own` are the classes
    that the target itself defines, those of lambda expressions last. `bytes` (n,) at `times` (n,)
    is what requests have left: the objects of the class that follows the requests best, with what
    the others gain for each of them.
    """

    endpoint: str
    each: Mapping[str, float]
    own: tuple[str, ...]
    times: Floats
    bytes: Floats

    @property
    def series(self) -> Series:
        """The bytes as a gauge, to be judged like any other; its label names the endpoint."""
        labels = ((ENDPOINT, self.endpoint),)
        return Series(GROWING_CLASSES, self.times, self.bytes, labels, Kind.GAUGE, SNAPSHOT_SOURCE)


def growing_classes(recording: Recording) -> GrowingClasses | None:
    """Return the classes that requests surely add to; None if there are none, or if the mix of traffic was not varied."""
    return _growing(recording.snapshots, recording.windows) if recording.mix_varied else None


def counted_classes(recording: Recording) -> CountedClasses:
    """Return how many objects there were of each class at each of a JVM's snapshots under load."""
    return _counted(recording.snapshots, recording.windows)


# The verdict and the diagnosis of a run both ask.
@lru_cache(maxsize=1)
def _growing(
    snapshots: tuple[Snapshot, ...], windows: tuple[EndpointWindows, ...]
) -> GrowingClasses | None:
    counted = _counted(snapshots, windows)
    if len(counted.times) < FEWEST:
        return None
    late = counted.settled
    mix = mix_at(late.times, windows)
    clocks = mix.counts
    if not mix.names:
        return None
    scatter = scatter_about(clocks, late.instances)
    exact = _exact(clocks, late, scatter)
    clock = int(np.argmax((exact * late.gained).sum(axis=1)))
    if not exact[clock].any():
        return None
    objects, sizes = _with_parts(clocks, late, clock, exact[clock])
    made = float(np.ptp(clocks[:, clock]))
    order = sorted(np.flatnonzero(objects).tolist(), key=lambda k: -float(sizes[k]))
    own = sorted(
        (LAMBDA in counted.names[k], at, k) for at, k in enumerate(order) if counted.own[k]
    )
    leader = int(np.argmin(np.where(exact[clock], scatter[clock], np.inf)))
    return GrowingClasses(
        mix.names[clock],
        {counted.names[k]: float(objects[k]) / made for k in order},
        tuple(counted.names[k] for _, _, k in own),
        counted.times,
        float(sizes.sum() / objects[leader]) * counted.instances[:, leader],
    )


def _exact(clocks: Floats, late: CountedClasses, scatter: Floats) -> NDArray[np.bool_]:
    """Return which classes (k) follow the requests of which clock (columns of (n, c)) exactly, (c, k)."""
    telling = np.array([not is_common(name) for name in late.names])
    return late.rises & follow(clocks, late.instances, scatter, telling)


def _with_parts(
    clocks: Floats, late: CountedClasses, clock: int, exact: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Return the objects and the bytes (k,) that one clock's requests add: of exact classes all, of others what is sure."""
    objects, sizes = np.ptp(late.instances, axis=0) * exact, late.gained * exact
    others = (late.gained >= _LEAST_PART * sizes.sum()) & ~exact & ~late.bounded
    for k in np.flatnonzero(others).tolist():
        size = added(clocks, late.bytes[:, k], clock)
        many = added(clocks, late.instances[:, k], clock) if size else 0.0
        if many >= LEAST_RISE:
            objects[k], sizes[k] = many, size
    return objects, sizes


def places_of(places: Sequence[AllocationSite], classes: GrowingClasses) -> list[AllocationSite]:
    """Return the own places that allocate objects of these classes, or lie in one of them; empty if none does.

    Beside objects that are counted exactly, what a few samples show of other classes is chance. Every
    endpoint allocates strings, arrays and maps, so they count only where nothing else grows. A place
    that hardly gains anything in the last half fills a cache.
    """
    own = [site for site in places if site.place.own and gains_late(site)]
    telling = [name for name in classes.each if not is_common(name)]
    outer = tuple(f"{name.partition('$')[0]}." for name in classes.own)
    kept = [
        site
        for site in own
        if site.share_of(telling) >= LEAST_CLASS_SHARE or site.place.function.startswith(outer)
    ]
    if kept or classes.own:
        return kept
    return [site for site in own if site.share_of(classes.each) >= LEAST_CLASS_SHARE]


def gains_late(site: AllocationSite) -> bool:
    """Return True if a place gained a fair share of all in the last half."""
    late = float(site.levels[-1] - site.levels[len(site.levels) // 2])
    return late >= _LATE_PART * float(site.levels[-1] - site.levels[0])


# The same snapshots of another run may have other contents; its windows are others.
@lru_cache(maxsize=1)
def _counted(taken: tuple[Snapshot, ...], _windows: tuple[EndpointWindows, ...]) -> CountedClasses:
    """Return the classes of those chosen of the snapshots under load that can be read."""
    snapshots = taken_snapshots(taken, "classes")
    times: list[float] = []
    histograms: list[Histogram] = []
    libraries: tuple[str, ...] = ()
    for index in chosen_to_read(snapshots):
        try:
            histogram, libraries = read_histogram(snapshots[index].read())
        except (SoakError, OSError):
            continue
        histograms.append(histogram)
        times.append(snapshots[index].time)
    names = tuple(sorted(set().union(*histograms)))
    table = np.array(
        [[histogram.get(name, (0.0, 0.0)) for name in names] for histogram in histograms]
    ).reshape(len(times), len(names), 2)
    own = tuple(
        is_own_class(class_frame(name.partition(LAMBDA)[0])) and not name.startswith(libraries)
        for name in names
    )
    return CountedClasses(np.array(times), names, own, table[..., 0], table[..., 1])
