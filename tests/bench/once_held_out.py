"""Kinds that were held out at first: other shapes, other noise, other ways to leak. Since they were looked into, development."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from soak.model import Floats
from tests.bench.corpus import Kind, Sketch
from tests.bench.kinds import steady


def stretched(rng: Generator, times: Floats) -> Sketch:
    """A warm-up of many time constants at once: a stretched exponential."""
    s = steady(rng, times)
    time = times[-1] * rng.uniform(0.01, 0.06)
    s.add(-s.spread * 10 ** rng.uniform(0.5, 2), np.exp(-((times / time) ** rng.uniform(0.6, 0.9))))
    return s


def two_stage(rng: Generator, times: Floats) -> Sketch:
    """A quick start, then a slow cache."""
    s = steady(rng, times)
    s.add(
        -s.spread * 10 ** rng.uniform(0.5, 2),
        np.exp(-times / (times[-1] * rng.uniform(0.005, 0.03))),
    )
    s.add(
        s.spread * 10 ** rng.uniform(0.5, 1.5),
        np.minimum(1, times / (times[-1] * rng.uniform(0.2, 0.5))),
    )
    return s


def switching(rng: Generator, times: Floats) -> Sketch:
    """Two levels between which a service switches at random, often."""
    s = steady(rng, times)
    n, share = len(times), rng.uniform(0.01, 0.05)
    level = np.cumsum(rng.random(n) < share) % 2
    height = rng.uniform(2, 10)
    s.extra = s.spread * height * level.astype(np.float64)
    # Nobody can know beforehand when it switches: to the oracle it is noise of that spread and
    # memory.
    s.known_as = (s.spread * float(np.hypot(1, height / 2)), 1 - 2 * share)
    return s


def nightly(rng: Generator, times: Floats) -> Sketch:
    """A job at regular times that holds memory for a tenth of its period."""
    s = steady(rng, times)
    phase = (times / times[-1] * rng.uniform(3, 10) + rng.random()) % 1
    s.add(s.spread * rng.uniform(3, 30), (phase < 0.1).astype(np.float64))
    return s


def bounded_walk(rng: Generator, times: Floats) -> Sketch:
    """A level that wanders between two bounds."""
    s = steady(rng, times)
    n = len(times)
    width = rng.uniform(3, 20)
    walk = np.cumsum(rng.standard_normal(n)) * width / np.sqrt(n) * rng.uniform(2, 6)
    s.extra = np.asarray(
        s.spread * np.abs((walk + width / 2) % (2 * width) - width), dtype=np.float64
    )
    return s


def late(rng: Generator, times: Floats) -> Sketch:
    """Steady at first; leaks from some time on."""
    s = steady(rng, times)
    begins = times[-1] * rng.uniform(0.1, 0.5)
    s.pace = np.maximum(0, times - begins) / (times[-1] - begins)
    return s


def accelerating(rng: Generator, times: Floats) -> Sketch:
    """Leaks ever faster."""
    s = steady(rng, times)
    s.pace = (times / times[-1]) ** rng.uniform(1.3, 2.2)
    return s


def by_day(rng: Generator, times: Floats) -> Sketch:
    """Leaks with a load that comes and goes."""
    s = steady(rng, times)
    angle = 2 * np.pi * (times / times[-1] * rng.uniform(3, 8) + rng.random())
    s.add(s.spread * rng.uniform(1, 8), np.sin(angle))
    pace = np.cumsum((1 + np.sin(angle)) * np.diff(times, prepend=0))
    s.pace = pace / pace[-1]
    return s


def lumps(rng: Generator, times: Floats) -> Sketch:
    """Leaks in lumps of random size at random times: at least a hundred."""
    s = steady(rng, times)
    places = np.sort(rng.uniform(0, times[-1], int(rng.integers(100, 400))))
    sizes = rng.exponential(1.0, len(places))
    s.pace = np.concatenate(([0], np.cumsum(sizes)))[np.searchsorted(places, times)] / sizes.sum()
    s.wanted = s.spread * 10 ** float(rng.uniform(0.5, 1.5))
    return s


HEALTHY: dict[str, Kind] = {
    kind.__name__: kind for kind in (stretched, two_stage, switching, nightly, bounded_walk)
}
LEAKING: dict[str, Kind] = {
    kind.__name__: kind
    for kind in (
        stretched,
        two_stage,
        switching,
        nightly,
        late,
        accelerating,
        by_day,
        lumps,
    )
}
