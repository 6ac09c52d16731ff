"""A second set of held-out kinds: what runtimes, caches, pools, loads and restarts do, and leaks under them and beside them.

Written without knowledge of the verdict. The oracle is told all noise, and uses only what comes
after a level has filled up.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from soak.model import Floats
from tests.bench.corpus import SURVIVE, Kind, Sketch, oracle_error
from tests.bench.kinds import steady


def _ar(rng: Generator, n: int, memory: float) -> Floats:
    shocks = rng.standard_normal(n) * np.sqrt(1 - memory**2)
    shocks[0] /= np.sqrt(1 - memory**2)
    for i in range(1, n):
        shocks[i] += memory * shocks[i - 1]
    return np.asarray(shocks)


def _teeth(
    rng: Generator, x: Floats, count: int, wobble: float
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """For places x (n,) in teeth about 1 / count long: how far into its tooth (in mean and in own lengths), and its number."""
    lengths = rng.uniform(1 - wobble, 1 + wobble, 5 * count)
    edges = np.concatenate(([0.0], np.cumsum(lengths)))
    index = np.searchsorted(edges, x * count, side="right") - 1
    since = x * count - edges[index]
    return since, since / lengths[index], index


def _room(s: Sketch, height: float) -> None:
    s.level = max(s.level, 3 * height)


def _unknown(s: Sketch, extra: Floats, memory: float) -> None:
    s.extra = extra
    s.known_as = (float(np.hypot(s.spread, extra.std())), max(s.memory, memory))
    _room(s, float(np.abs(extra).max()))


def _counts(rng: Generator, s: Sketch, least: float) -> None:
    s.integer, s.wanted = (
        True,
        max(float(rng.choice([8.0, 10.0, 15.0, 25.0])) * oracle_error(s), least),
    )


def _paced(rate: Floats, times: Floats) -> Floats:
    return np.cumsum(rate * np.diff(times, prepend=times[0])) / float(
        rate @ np.diff(times, prepend=times[0])
    )


def jvm(rng: Generator, times: Floats) -> Sketch:
    """A JVM's used heap: young collections faster than the sampling upon the slow, even teeth of the old generation."""
    s = steady(rng, times)
    count, old, young = int(rng.integers(12, 25)), rng.uniform(10, 60), rng.uniform(1, 10)
    since, near = _teeth(rng, times / times[-1], count, 0.1)[0], 1.2 * count / len(times)
    s.extra, s.floor = old * since + young * rng.random(len(times)), since < near
    s.known_as = (float(np.hypot(1, 0.29 * np.hypot(young, old * near))), s.memory)
    _room(s, old + young)
    return s


def node(rng: Generator, times: Floats) -> Sketch:
    """A Node heap: major collections at irregular times, each leaving some other amount of floating garbage."""
    s = steady(rng, times)
    count, swing, left = int(rng.integers(14, 26)), rng.uniform(10, 50), rng.uniform(0.3, 3)
    (since, _, index), near = _teeth(rng, times / times[-1], count, 0.8), count / len(times)
    s.extra, s.floor = swing * since + rng.exponential(left, 5 * count)[index], since < near
    s.known_as = (float(np.hypot(1, np.hypot(left, 0.33 * swing * near))), s.memory)
    _room(s, 3 * swing)
    return s


def tuning(rng: Generator, times: Floats) -> Sketch:
    """Somebody retunes the collector midway (GOGC): teeth of another height and length from then on, upon the same floor."""
    s = steady(rng, times)
    x, at, factor = (
        times / times[-1],
        rng.uniform(0.25, 0.6),
        float(rng.choice([0.5, 0.6, 1.7, 2.2])),
    )
    count, swing = int(rng.integers(14, 25)), rng.uniform(5, 40)
    since = _teeth(rng, np.where(x < at, x, at + (x - at) / factor), count, 0.15)[0] * np.where(
        x < at, 1, factor
    )
    s.extra, s.slack = swing * since, 1.2 * swing * count / len(times)
    s.floor, s.memory = since < 1.2 * count / len(times), 0.0
    _room(s, 2 * swing)
    return s


def replicas(rng: Generator, times: Floats) -> Sketch:
    """The sum of two replicas: each with its own warm-up and its own collections."""
    s = steady(rng, times)
    count, extra = int(rng.integers(15, 28)), np.zeros(len(times))
    for _ in range(2):
        own = count + int(rng.integers(0, 5))
        extra += rng.uniform(3, 20) * _teeth(rng, times / times[-1] + rng.random(), own, 0.1)[0]
        s.add(-rng.uniform(1, 40), np.exp(-times / (times[-1] * rng.uniform(0.01, 0.08))))
    _unknown(s, extra, float(np.exp(-12 * count / len(times))))
    _room(s, 80)
    return s


def doubling_pool(rng: Generator, times: Floats) -> Sketch:
    """A pool that doubles whenever it is short, until it has reached its maximum."""
    s = steady(rng, times)
    end, doublings, size = (
        rng.uniform(0.1, 0.5) * times[-1],
        int(rng.integers(3, 7)),
        10 ** rng.uniform(0.7, 2),
    )
    at = end * (
        2.0 ** -np.arange(doublings)
        if rng.random() < 0.5
        else np.append(rng.random(doublings - 1), 1.0)
    )
    doubled = np.minimum(
        2.0 ** (times[:, None] >= at).sum(axis=1), 2.0**doublings * rng.uniform(0.6, 1.0)
    )
    s.add(size, doubled / doubled[-1])
    s.floor = times > end
    _room(s, size)
    return s


def lru_cache(rng: Generator, times: Floats) -> Sketch:
    """A cache that fills as keys of Zipf's popularity are first asked for, until it is full and evicts."""
    s = steady(rng, times)
    keys, full, size = 2000, rng.uniform(0.08, 0.45), 10 ** rng.uniform(0.7, 2.3)
    chance = np.arange(1, keys + 1) ** -rng.uniform(0.6, 1.2)
    asked = np.geomspace(1, 1e6, 400)
    distinct = (1 - np.exp(-asked[:, None] * (chance / chance.sum()))).sum(axis=1)
    capacity = rng.uniform(0.2, 0.7) * keys
    rate = float(np.interp(capacity, distinct, asked)) / (full * times[-1])
    s.add(size, np.minimum(1, np.interp(rate * times, asked, distinct, left=0) / capacity))
    s.floor = times > full * times[-1]
    if rng.random() < 0.5:
        s.requests = np.floor(rate * times)
    _room(s, size)
    return s


def page_cache(rng: Generator, times: Floats) -> Sketch:
    """Page cache: fills all memory once, then is reclaimed from a high to a low mark over and over."""
    s = steady(rng, times)
    x, full, low, size = (
        times / times[-1],
        rng.uniform(0.03, 0.35),
        rng.uniform(0.5, 0.9),
        10 ** rng.uniform(1, 2.3),
    )
    phase = _teeth(rng, np.maximum(0, x - full), int(rng.integers(14, 30)), 0.6)[1]
    s.shape = size * np.where(x < full, x / full, low + (1 - low) * phase)
    _room(s, size)
    return s


def rolling(rng: Generator, times: Floats) -> Sketch:
    """Restarts that nobody reports: each new process starts at the first one's level, far below, and warms up anew."""
    s = steady(rng, times)
    count, span = int(rng.integers(1, 4)), times[-1]
    births = (np.arange(1, count + 1) + rng.uniform(-0.25, 0.25, count)) / (count + 1) * span
    s.lives, s.told = np.searchsorted(births, times).astype(np.float64), False
    ages = times - np.concatenate(([0.0], births))[s.lives.astype(int)]
    s.add(
        -rng.uniform(15, 80), np.exp(-ages / (span / (count + 1) * rng.uniform(0.02, 0.08))), ages
    )
    _room(s, 80)
    return s


def log_normal(rng: Generator, times: Floats) -> Sketch:
    """Requests of log-normal size in flight: mostly little, now and then very much."""
    s = steady(rng, times)
    sigma, scale, memory = (
        rng.uniform(0.7, 1.3),
        rng.uniform(0.5, 8),
        float(rng.choice([0.0, 0.0, 0.5])),
    )
    _unknown(s, scale * np.exp(sigma * _ar(rng, len(times), memory)), memory)
    s.known_as = (
        float(np.hypot(1, scale * np.sqrt(np.expm1(sigma**2) * np.exp(sigma**2)))),
        max(memory, s.memory),
    )
    return s


def paged(rng: Generator, times: Floats) -> Sketch:
    """Memory in whole pages, nearly constant; a leak takes single pages at random times, 64 or more."""
    s = steady(rng, times)
    page, busy = 4096.0, rng.uniform(0.1, 0.6)
    s.level, s.spread, s.memory = page * int(rng.integers(500, 20_000)), 0.0, 0.0
    s.extra, s.known_as = (
        page * np.round(busy * rng.standard_normal(len(times))),
        (page * max(busy, 0.3), 0.0),
    )
    pages = 2 ** int(
        np.ceil(np.log2(max(64 * rng.uniform(0.6, 8), s.level * times[-1] / SURVIVE / page)))
    )
    s.pace = np.searchsorted(np.sort(rng.uniform(0, times[-1], pages)), times) / pages
    s.wanted = page * pages
    return s


def morning_ramp(rng: Generator, times: Floats) -> Sketch:
    """Connections over some days: few at night, a steep ramp each morning, a plateau, a slow evening."""
    s = steady(rng, times)
    days, night, peak = rng.uniform(3, 7), rng.uniform(0.1, 0.5), 10 ** rng.uniform(1.7, 3.3)
    hour = (times / times[-1] * days + rng.random()) % 1
    ramp, fall = rng.uniform(0.03, 0.12), rng.uniform(0.1, 0.25)
    load = night + (1 - night) * np.clip((hour - 0.3) / ramp, 0, 1) * np.clip(
        (0.95 - hour) / fall, 0, 1
    )
    s.level, s.spread, s.memory, memory = 10.0, 0.01, 0.0, float(rng.choice([0.0, 0.5, 0.8]))
    s.add(peak, load)
    s.extra, s.known_as = (
        np.sqrt(peak * load) * _ar(rng, len(times), memory),
        (float(np.sqrt(peak)), memory),
    )
    if rng.random() < 0.5:
        s.requests = np.cumsum(rng.poisson(peak * load * np.diff(times, prepend=0))).astype(
            np.float64
        )
    _counts(rng, s, max(20.0, 2 * peak * times[-1] / SURVIVE))
    return s


def threads(rng: Generator, times: Floats) -> Sketch:
    """A thread pool that follows a wandering load at once upwards, and downwards only after a keep-alive time."""
    s = steady(rng, times)
    n, wander = len(times), rng.uniform(2, 10)
    tau, alive = max(1.0, n * rng.uniform(0.002, 0.02)), max(1, int(n * rng.uniform(0.002, 0.015)))
    load = np.ceil(wander * _ar(rng, n + alive, float(np.exp(-1 / tau))))
    s.level, s.spread, s.memory = float(rng.integers(40, 200)), 0.01, 0.0
    _unknown(
        s,
        np.max([load[i : i + n] for i in range(alive + 1)], axis=0),
        float(np.exp(-1 / (tau + alive))),
    )
    s.level = float(round(s.level))
    _counts(rng, s, 20.0)
    return s


def load_step(rng: Generator, times: Floats) -> Sketch:
    """The rate halves or doubles midway and the level with it; a leak goes by requests or by time."""
    s = steady(rng, times)
    rate = np.where(times < times[-1] * rng.uniform(0.3, 0.6), 1.0, float(rng.choice([0.5, 2.0])))
    s.add(rng.uniform(3, 40), rate)
    if rng.random() < 0.5:
        s.pace = _paced(rate, times)
    if rng.random() < 0.6:
        s.requests = np.cumsum(rng.poisson(80 * rate * np.diff(times, prepend=0))).astype(
            np.float64
        )
    _room(s, 80)
    return s


def loud(rng: Generator, times: Floats) -> Sketch:
    """Noise whose size grows, shrinks or comes and goes several times over."""
    s = steady(rng, times)
    x, ratio, memory = times / times[-1], rng.uniform(3, 8), s.memory
    how = (x, 1 - x, 0.5 + 0.5 * np.sin(2 * np.pi * (x * rng.uniform(2, 9) + rng.random())))[
        rng.integers(3)
    ]
    s.spread, s.extra, s.known_as = 0.01, ratio**how * _ar(rng, len(times), memory), (ratio, memory)
    _room(s, 3 * ratio)
    return s


def pink(rng: Generator, times: Floats) -> Sketch:
    """Noise like 1/f: processes of many memories at once, the longest a fifteenth of the run at most."""
    s = steady(rng, times)
    n, count = len(times), int(rng.integers(3, 6))
    taus = np.geomspace(1, n * rng.uniform(0.02, 0.066), count)
    _unknown(s, sum((_ar(rng, n, float(np.exp(-1 / tau))) for tau in taus), np.zeros(n)), 0.0)
    s.known_as = (float(np.sqrt(count + 1)), float(np.exp(-1 / taus.mean())))
    return s


def peaks_missing(rng: Generator, times: Floats) -> Sketch:
    """A load in regular peaks, at the top of which most or all of the samples are lost."""
    angle = 2 * np.pi * (times / times[-1] * rng.uniform(4, 12) + rng.random())
    peaks = np.exp(rng.uniform(1, 4) * (np.cos(angle) - 1))
    keep = (rng.random(len(times)) > rng.uniform(0.7, 1.0)) | (peaks < rng.uniform(0.5, 0.9))
    keep[0] = True
    s = steady(rng, times[keep])
    s.add(size := rng.uniform(5, 40), peaks[keep])
    _room(s, size)
    return s


def one_mode(rng: Generator, times: Floats) -> Sketch:
    """Two modes by turns (or shifts and the quiet between), of unequal length and level: only one leaks, or has requests."""
    s = steady(rng, times)
    busy = (
        _teeth(rng, times / times[-1] + rng.random(), int(rng.integers(12, 26)), 0.5)[2] % 2
    ).astype(np.float64)
    s.add(rng.uniform(-10, 10), busy)
    s.pace = _paced(busy + 0.02, times)
    if rng.random() < 0.5:
        s.requests = np.cumsum(rng.poisson(60 * (busy + 0.02) * np.diff(times, prepend=0))).astype(
            np.float64
        )
    return s


def after_warm_up(rng: Generator, times: Floats) -> Sketch:
    """A warm-up, a while of calm, and only then a leak."""
    s = steady(rng, times)
    begins = times[-1] * rng.uniform(0.15, 0.4)
    s.add(-(size := 10 ** rng.uniform(0.7, 2)), np.exp(-times / (begins * rng.uniform(0.05, 0.2))))
    s.pace = np.maximum(0, times - begins) / (times[-1] - begins)
    _room(s, size)
    return s


def given_back(rng: Generator, times: Floats) -> Sketch:
    """A leak of which each recycled worker gives a part back, and the rest stays for good."""
    s = steady(rng, times)
    since = _teeth(rng, times / times[-1] + rng.random(), int(rng.integers(8, 20)), 0.25)[0]
    s.add(0.0, since)
    s.pace = times / times[-1] + rng.uniform(0.03, 0.12) * since
    s.wanted = None if rng.random() < 0.5 else 10 ** float(rng.uniform(0.7, 1.7))
    return s


def slowing(rng: Generator, times: Floats) -> Sketch:
    """A leak that slows a little as it goes, and never stops."""
    s = steady(rng, times)
    s.pace = (times / times[-1]) ** rng.uniform(0.8, 0.92)
    return s


def error_descriptors(rng: Generator, times: Floats) -> Sketch:
    """A descriptor lost with some errors, most of which come in short storms, beside those in use."""
    s = steady(rng, times)
    x, count, width = times / times[-1], int(rng.integers(25, 60)), rng.uniform(0.002, 0.008)
    in_storms = np.clip(
        (x[:, None] - (np.arange(count) + rng.random(count)) / count) / width, 0, 1
    ).mean(axis=1)
    s.pace = 0.7 * in_storms / in_storms[-1] + 0.3 * x
    s.level, s.spread = float(rng.integers(15, 300)), float(rng.uniform(0.3, 3))
    s.integer, s.poisson, s.wanted = True, True, float(rng.choice([80, 150, 400]))
    return s


BOTH: tuple[Kind, ...] = (
    jvm,
    node,
    tuning,
    replicas,
    doubling_pool,
    lru_cache,
    rolling,
    log_normal,
    paged,
)
BOTH += (morning_ramp, threads, load_step, loud, pink, peaks_missing)
ONLY_LEAKING = (one_mode, after_warm_up, given_back, slowing, error_descriptors)
HEALTHY: dict[str, Kind] = {kind.__name__: kind for kind in (*BOTH, page_cache)}
LEAKING: dict[str, Kind] = {kind.__name__: kind for kind in (*BOTH, *ONLY_LEAKING)}
