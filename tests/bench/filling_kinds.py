"""Kinds of services that are young, or that look at a level through a coarse glass: caches that fill, memory that is rounded.

A cache that still fills can not be told from a leak before it bends, so for these kinds the only
wrong answer is a fail.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from soak.model import Floats
from tests.bench.corpus import Kind, Sketch, oracle_error
from tests.bench.kinds import steady

_KEYS = 1000


def _short(rng: Generator) -> Floats:
    """Times of a run of one minute to an hour, up to 600 samples."""
    span = float(np.exp(rng.uniform(np.log(60), np.log(3600))))
    return np.arange(0.0, span, max(1.0, round(span / 600)))


def _collected(rng: Generator, times: Floats, live: Floats) -> Floats:
    """The live heap as a collector tells it: as it was at the last collection, which came when the heap had doubled."""
    garbage = float(live[0]) * rng.uniform(0.02, 0.5)
    at, budget, last = [0], 0.0, float(live[0])
    for i in range(1, len(times)):
        budget += garbage * (times[i] - times[i - 1]) + max(float(live[i] - live[i - 1]), 0.0)
        if budget >= last:
            at.append(i)
            budget, last = 0.0, float(live[i])
    picked: Floats = live[
        np.array(at)[np.searchsorted(at, np.arange(len(times)), side="right") - 1]
    ]
    return picked


def _cache(
    rng: Generator, times: Floats, popularity: Floats, share: float, capacity: float = np.inf
) -> Sketch:
    """A heap with a cache of keys of such popularity (summing to 1), filled to 63% after about `share` of the run."""
    s = steady(rng, times)
    # Under requests at random, each key's first comes after an exponential number of them: exact.
    first = np.sort(rng.exponential(1 / popularity))
    full = int(min(len(first), capacity))
    each_second = first[int(0.63 * full)] / (share * times[-1])
    draws = np.cumsum(rng.poisson(each_second * np.diff(times, prepend=0.0)))
    kept = np.minimum(np.searchsorted(first, draws), full) / full
    s.level, s.spread, s.memory = 1000.0, float(rng.choice([0.3, 1.0, 3.0, 10.0])), 0.0
    live = s.level * (1 + 10 ** rng.uniform(0, 2) * kept)
    s.shape = (_collected(rng, times, live) if rng.random() < 0.6 else live) - s.level
    if rng.random() < 0.5:
        s.requests = draws.astype(np.float64)
    return s


def random_keys(rng: Generator, times: Floats) -> Sketch:
    """Keys drawn evenly at random: the coupon collector's exponential."""
    return _cache(
        rng,
        _short(rng),
        np.full(_KEYS, 1 / _KEYS),
        float(np.exp(rng.uniform(np.log(0.05), np.log(1.0)))),
    )


def popular_keys(rng: Generator, times: Floats) -> Sketch:
    """Keys of Zipf's popularity, without a bound but the number of keys."""
    weights = np.arange(1, _KEYS + 1) ** -rng.uniform(0.5, 1.1)
    return _cache(
        rng,
        _short(rng),
        weights / weights.sum(),
        float(np.exp(rng.uniform(np.log(0.03), np.log(0.5)))),
    )


def bounded_cache(rng: Generator, times: Floats) -> Sketch:
    """Keys of Zipf's popularity in a cache that evicts once it is full, in the first three fifths of the run."""
    weights = np.arange(1, _KEYS + 1) ** -rng.uniform(0.5, 1.1)
    return _cache(
        rng,
        _short(rng),
        weights / weights.sum(),
        rng.uniform(0.05, 0.3),
        _KEYS * rng.uniform(0.2, 0.7),
    )


def climb_drop_climb(rng: Generator, times: Floats) -> Sketch:
    """A database: buffers climb, are dropped, climb again, and stand still for the last third or more."""
    s = steady(rng, _short(rng))
    x = s.times / s.times[-1]
    first, second = rng.uniform(0.1, 0.3), rng.uniform(0.05, 0.3)
    drop, height = rng.uniform(0.3, 0.9), s.spread * 10 ** rng.uniform(1, 2.5)
    bend = rng.uniform(0.6, 1.2)
    climbed = np.minimum(x / first, 1) ** bend
    again = np.clip((x - first) / second, 0, 1) ** bend
    s.shape = height * np.where(x < first, climbed, 1 - drop + (drop + rng.uniform(0, 0.4)) * again)
    s.level = max(s.level, 2 * height)
    return s


def rounded(rng: Generator, times: Floats) -> Sketch:
    """A share of memory in whole percent: noise smaller than the grain, or a few grains; a leak of three grains or more."""
    s = steady(rng, times)
    s.level, s.spread = (
        float(rng.uniform(15, 80)),
        float(np.exp(rng.uniform(np.log(0.08), np.log(2.0)))),
    )
    s.memory, s.grain = float(rng.choice([0.0, 0.6, 0.9])), 1.0
    if rng.random() < 0.3:
        s.add(
            s.spread * rng.uniform(0.5, 3),
            np.sin(2 * np.pi * times / times[-1] * rng.uniform(3, 12)),
        )
    s.known_as = (float(np.hypot(s.spread, 0.5)), s.memory)
    s.wanted = max(
        float(rng.choice([8.0, 10.0, 15.0, 25.0])) * oracle_error(s), float(rng.uniform(3, 12))
    )
    return s


def rare_spikes(rng: Generator, times: Floats) -> Sketch:
    """A level with rare, short, high spikes: large answers, a report now and then."""
    s = steady(rng, times)
    extra = np.zeros(len(times))
    for _ in range(int(rng.integers(3, 25))):
        at = int(rng.integers(len(times)))
        extra[at : at + int(rng.integers(1, 4))] += s.spread * rng.uniform(10, 200)
    s.extra = extra
    s.level = max(s.level, 300 * s.spread)
    return s


def late_after_bursts(rng: Generator, times: Floats) -> Sketch:
    """Bursts in the first half, and from the middle on a leak."""
    s = rare_spikes(rng, times)
    assert s.extra is not None
    s.extra[len(times) // 2 :] = 0.0
    begins = times[-1] * rng.uniform(0.4, 0.6)
    s.pace = np.maximum(0, times - begins) / (times[-1] - begins)
    return s


HEALTHY: dict[str, Kind] = {
    kind.__name__: kind
    for kind in (random_keys, popular_keys, bounded_cache, climb_drop_climb, rounded, rare_spikes)
}
LEAKING: dict[str, Kind] = {
    kind.__name__: kind for kind in (rounded, rare_spikes, late_after_bursts)
}
