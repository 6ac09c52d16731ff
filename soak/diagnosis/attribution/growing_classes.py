"""What requests leave on a JVM's heap: the objects of those classes whose count rises exactly with the requests to an endpoint.

The whole heap moves with every request under way, buffer and cached answer, so a run of minutes
cannot tell a few hundred MiB an hour. A class has no such noise: where each request leaves one
object, the class has one more at every forced collection. Of a thousand classes none follows the
requests to one endpoint by chance, within a hundredth and without ever falling, if the mix of
traffic is varied; what grows with all requests alike may as well grow with time. A cache does until
it is full, and is judged like any heap that may be filling.

| constant | unit | meaning, and where it comes from |
|---|---|---|
| `_FEWEST` 8 | snapshots | points under load that a line through them must fit |
| `_LEAST_RISE` 100 | objects | requests under way and idle connections are fewer |
| `_SETTLED` 0.2 | of the snapshots | left out at first: caches of a few entries fill, classes are loaded |
| `_EXACT` 0.015 | of the rise | scatter about the requests: in 40 runs, leaks 0.001 to 0.007, rows and caches 0.012 on |
| `_PARTLY` 0.008 | of the rise | the same where some requests leave more objects than others |
| `_CHANCE` 0.5 | standard deviations | the same where some leave one and others none, as by a binomial count |
| `WHOLE` 0.03 | of the number | distance from a whole number of objects that each request leaves |
| `_TIMES` 3 | of the scatter | what these requests add to another class for it to count: arrays and strings that are held |
| `_FULL` 0.33 | of the snapshots | left out at first, for those classes: caches hold strings and arrays, too |
| `_LEAST_PART` 0.01 | of the bytes | gain of a class that is looked at beside the exact ones |
| `_FALLS` 0.01 | of the rise | of a count that is said never to fall |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from soak.catalog.jvm import GROWING_CLASSES
from soak.diagnosis.attribution.allocation_sites import AllocationSite
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
_FEWEST, _LEAST_RISE, _SETTLED = 8, 100.0, 0.2
_EXACT, _PARTLY, _CHANCE, WHOLE, _FALLS = 0.015, 0.008, 0.5, 0.03, 0.01
_TIMES, _FULL, _LEAST_PART = 3.0, 0.33, 0.01
#: In the names of classes that the JVM makes for lambda expressions.
LAMBDA = "$$Lambda"
#: Classes that hold the last thousand of values, whatever the load: samples of a histogram.
_BOUNDED = ("com.codahale.metrics.", "io.dropwizard.metrics")


@dataclass(frozen=True, eq=False)
class _Counted:
    """The snapshots' times (n,), and of each class (columns) its instances and bytes, both (n, k); `own` are the target's."""

    times: Floats
    names: tuple[str, ...]
    own: tuple[bool, ...]
    instances: Floats
    bytes: Floats

    @property
    def settled(self) -> _Counted:
        """The later snapshots, when what a young service sets up is there."""
        late = slice(int(_SETTLED * len(self.times)), None)
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
        rise = self.instances[-1] - self.instances[0]
        falls = -np.minimum(np.diff(self.instances, axis=0), 0.0).sum(axis=0)
        return np.asarray((rise >= _LEAST_RISE) & (falls <= _FALLS * rise) & ~self.bounded)


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


# The verdict and the diagnosis of a run both ask.
@lru_cache(maxsize=1)
def _growing(
    snapshots: tuple[Snapshot, ...], windows: tuple[EndpointWindows, ...]
) -> GrowingClasses | None:
    counted = _counted(taken_snapshots(snapshots, "classes"))
    if len(counted.times) < _FEWEST:
        return None
    late = counted.settled
    mix = mix_at(late.times, windows)
    clocks = mix.counts
    if not mix.names:
        return None
    scatter = _scatter(clocks, late.instances)
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


def _exact(clocks: Floats, late: _Counted, scatter: Floats) -> NDArray[np.bool_]:
    """Return which classes (k) follow the requests of which clock (columns of (n, c)) exactly, (c, k)."""
    rise, made = np.ptp(late.instances, axis=0), np.ptp(clocks, axis=0)[:, None]
    each = rise / made
    whole = np.abs(each - np.round(each)) <= WHOLE * np.round(each)
    chance = np.sqrt(made * each * np.clip(1.0 - each, 0.0, None)) / np.maximum(rise, 1.0)
    telling = np.array([not is_common(name) for name in late.names])
    partly = telling & (scatter <= np.maximum(_PARTLY, _CHANCE * chance))
    return np.asarray(late.rises & ((whole & (scatter <= _EXACT)) | partly))


def _with_parts(
    clocks: Floats, late: _Counted, clock: int, exact: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Return the objects and the bytes (k,) that one clock's requests add: of exact classes all, of others what is sure."""
    objects, sizes = np.ptp(late.instances, axis=0) * exact, late.gained * exact
    others = (late.gained >= _LEAST_PART * sizes.sum()) & ~exact & ~late.bounded
    for k in np.flatnonzero(others).tolist():
        size = _added(clocks, late.bytes[:, k], clock)
        many = _added(clocks, late.instances[:, k], clock) if size else 0.0
        if many >= _LEAST_RISE:
            objects[k], sizes[k] = many, size
    return objects, sizes


def places_of(places: Sequence[AllocationSite], classes: GrowingClasses) -> list[AllocationSite]:
    """Return the own places that allocate objects of these classes, or lie in one of them; empty if none does.

    Beside objects that are counted exactly, what a few samples show of other classes is chance. Every
    endpoint allocates strings, arrays and maps, so they count only where nothing else grows.
    """
    own = [site for site in places if site.place.own]
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


def _added(clocks: Floats, level: Floats, clock: int) -> float:
    """Return what the requests of one clock (a column of (n, c)) add to a level (n,) from first to last; 0 if that is unsure.

    The other endpoints may add to it as well. Only its later part tells, when most caches are full.
    """
    whole = float(np.ptp(clocks[:, clock]))
    columns, level = (part[int(_FULL * len(part)) :] for part in (clocks, level))
    scale = np.maximum(np.ptp(columns, axis=0), 1e-300)
    shares, centred = (columns - columns.mean(axis=0)) / scale, level - level.mean()
    amounts, _ = nnls(shares, centred)
    off = float(np.sqrt(np.mean((centred - shares @ amounts) ** 2)))
    return (
        float(amounts[clock]) * whole / float(scale[clock])
        if amounts[clock] >= _TIMES * off
        else 0.0
    )


def _counted(snapshots: Sequence[Snapshot]) -> _Counted:
    """Return the classes of those chosen of the snapshots that can be read."""
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
    return _Counted(np.array(times), names, own, table[..., 0], table[..., 1])


def _scatter(clocks: Floats, levels: Floats) -> Floats:
    """Return how far each level (columns of (n, k)) lies off the best line over each clock (columns of (n, c)): (c, k).

    In shares of the level's rise; infinite if it does not rise.
    """
    clocks = clocks - clocks.mean(axis=0)
    centred = levels - levels.mean(axis=0)
    products = clocks.T @ centred
    squares = (clocks**2).sum(axis=0)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        explained = np.where(squares > 0, products**2 / squares, 0.0)
        off = np.sqrt(np.maximum((centred**2).sum(axis=0) - explained, 0.0) / len(levels))
        rise = levels[-1] - levels[0]
        share = np.where(rise > 0, off / rise, np.inf)
    return np.where(products > 0, share, np.inf)
