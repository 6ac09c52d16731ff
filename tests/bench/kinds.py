"""The kinds of series: shapes that stay healthy, and the same and others with a leak in them."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from soak.model import Floats
from tests.bench.corpus import Kind, Sketch


def steady(rng: Generator, times: Floats) -> Sketch:
    """Steady, with a level of 20 to 2,000 times its noise, of some short memory."""
    span = times[-1]
    level = float(10 ** rng.uniform(1.3, 3.3))
    return Sketch(
        times,
        np.zeros(len(times)),
        level,
        times / span,
        memory=float(rng.choice([0.0, 0.0, 0.3, 0.6])),
    )


def _with(make: Kind, *changes: str) -> Kind:
    def kind(rng: Generator, times: Floats) -> Sketch:
        sketch = make(rng, times)
        for change in changes:
            sketch = CHANGES[change](rng, sketch)
        return sketch

    return kind


def flat(rng: Generator, times: Floats) -> Sketch:
    return steady(rng, times)


def correlated(rng: Generator, s: Sketch) -> Sketch:
    s.memory = float(rng.uniform(0.7, 0.95))
    return s


def near_unit_root(rng: Generator, s: Sketch) -> Sketch:
    n = len(s.times)
    s.memory = float(np.exp(-1 / (n * rng.uniform(0.02, 0.12))))
    return s


def heavy(rng: Generator, s: Sketch) -> Sketch:
    s.tails, s.memory = float(rng.choice([2.5, 3.0, 4.0])), 0.0
    return s


def bursts(rng: Generator, s: Sketch) -> Sketch:
    n = len(s.times)
    extra = np.zeros(n)
    for _ in range(int(rng.integers(2, 9))):
        at, width = int(rng.integers(n)), max(2, int(n * rng.uniform(0.003, 0.02)))
        extra[at : at + width] += s.spread * rng.uniform(5, 40)
    s.extra = extra
    return s


def sawtooth(rng: Generator, s: Sketch) -> Sketch:
    n = len(s.times)
    spacing = float(np.median(np.diff(s.times)))
    period = spacing * float(np.exp(rng.uniform(np.log(6), np.log(max(8, n / 12)))))
    phase = (s.times / period + rng.random()) % 1.0
    swing = rng.uniform(10, 100)
    s.extra = s.spread * swing * phase
    s.floor = np.diff(phase, prepend=phase[0]) < -0.3
    s.slack = swing * spacing / period
    s.memory = 0.0
    return s


def few_collections(rng: Generator, s: Sketch) -> Sketch:
    """A handful of collections in the whole run, at no even pace."""
    x = s.times / s.times[-1]
    count = int(rng.integers(5, 10))
    ends = np.cumsum(rng.uniform(0.6, 1.4, count + 2))
    ends = ends / ends[-1] * 1.1 - 0.1 * rng.random()
    last = np.searchsorted(ends, x, side="right") - 1
    since = (x - np.where(last >= 0, ends[np.maximum(last, 0)], ends[0] - 1 / count)) * count
    swing = rng.uniform(10, 60)
    s.extra = s.spread * swing * since
    s.floor = np.diff(since, prepend=since[0]) < 0
    s.slack, s.memory = swing * count / len(s.times), 0.0
    return s


def jobs(rng: Generator, s: Sketch) -> Sketch:
    """A job or two that take memory while they run, and give it back."""
    n = len(s.times)
    extra = np.zeros(n)
    for _ in range(int(rng.integers(1, 3))):
        at, width = int(n * rng.uniform(0, 0.85)), int(n * rng.uniform(0.03, 0.1))
        extra[at : at + width] += s.spread * rng.uniform(15, 60)
    s.extra = extra
    return s


def aliased(rng: Generator, s: Sketch) -> Sketch:
    spacing = float(np.median(np.diff(s.times)))
    period = spacing * float(rng.uniform(0.23, 3.3))
    phase = (s.times / period + rng.random()) % 1.0
    s.extra = s.spread * (swing := rng.uniform(3, 30)) * phase
    s.spread = s.spread * swing * 0.29
    s.extra = s.extra + 0.0
    s.spread, s.extra = s.spread, s.extra - s.extra.mean()
    return s


def saturating(rng: Generator, s: Sketch) -> Sketch:
    s.add(
        -s.spread * 10 ** rng.uniform(0.5, 2.5),
        np.exp(-s.times / (s.times[-1] * rng.uniform(0.02, 0.2))),
    )
    return s


def filling(rng: Generator, s: Sketch) -> Sketch:
    s.add(
        s.spread * 10 ** rng.uniform(0.7, 2.5),
        np.minimum(1.0, s.times / (s.times[-1] * rng.uniform(0.05, 0.6))),
    )
    return s


def steps(rng: Generator, s: Sketch) -> Sketch:
    for _ in range(int(rng.integers(1, 4))):
        at = s.times[-1] * rng.uniform(0.05, 0.9)
        s.add(s.spread * 10 ** rng.uniform(0.3, 1.7), (s.times > at).astype(np.float64))
    return s


def cycling(rng: Generator, s: Sketch) -> Sketch:
    angle = 2 * np.pi * (s.times / s.times[-1] * rng.uniform(2.0, 12) + rng.random())
    size = s.spread * 10 ** rng.uniform(0.3, 1.5)
    s.add(size, np.sin(angle))
    s.add(0.0, np.cos(angle))
    s.add(size * rng.uniform(0, 0.4), np.sin(2 * angle + 1))
    return s


def young(rng: Generator, times: Floats) -> Sketch:
    """Resident memory of a young process at light load: steps of pages, ever smaller and rarer, with hardly any noise."""
    s = steady(rng, times)
    origin = rng.uniform(1, 20)
    limit = int(rng.integers(8, 40))
    at = origin * (np.exp(np.sort(rng.uniform(0, np.log1p(times[-1] / origin), limit))) - 1)
    sizes = rng.uniform(0.3, 1.5, limit) * np.exp(-np.arange(limit) / rng.uniform(6, 20))
    s.shape = 40 * (sizes[None, :] * (times[:, None] >= at[None, :])).sum(axis=1)
    s.spread, s.level = float(rng.choice([0.01, 0.3])), 500.0
    return s


def restarting(rng: Generator, s: Sketch) -> Sketch:
    count = int(rng.choice([1, 2, 3, 6, 12, 20]))
    span = s.times[-1]
    births = np.sort(rng.uniform(0.03, 0.97, count)) * span
    s.lives = np.searchsorted(births, s.times).astype(np.float64)
    ages = s.times - np.concatenate(([0.0], births))[s.lives.astype(int)]
    s.add(
        -s.spread * 10 ** rng.uniform(0.5, 1.5),
        np.exp(-ages / (span / (count + 1) * rng.uniform(0.03, 0.12))),
        ages,
    )
    return s


def counted(rng: Generator, times: Floats) -> Sketch:
    """Goroutines or connections: as many as are in flight, whole numbers."""
    s = steady(rng, times)
    s.level, s.integer, s.spread = float(rng.integers(10, 400)), True, float(rng.uniform(0.6, 5))
    return s


def rare_changes(rng: Generator, times: Floats) -> Sketch:
    """Descriptors that now and then open one and now and then close one."""
    s = steady(rng, times)
    s.level, s.integer, s.spread, s.memory = float(rng.integers(6, 60)), True, 0.01, 0.0
    for _ in range(int(rng.integers(0, 7))):
        a, b = np.sort(rng.uniform(0, times[-1], 2))
        s.shape = s.shape + ((times > a) & (times < b))
    return s


def load_drift(rng: Generator, times: Floats) -> Sketch:
    """The level follows a load that drifts, and the requests say so."""
    s = steady(rng, times)
    rate = (
        1
        + rng.uniform(0.2, 0.8) * times / times[-1]
        + 0.1 * np.sin(times / times[-1] * rng.uniform(10, 40))
    )
    s.requests = np.cumsum(rate * np.diff(times, prepend=0) * 50)
    s.add(s.spread * 10 ** rng.uniform(0.5, 1.5), rate, told=True)
    return s


def declining(rng: Generator, s: Sketch) -> Sketch:
    s.drift = -s.spread * float(rng.uniform(1, 30))
    s.shape = s.shape + s.drift * s.times / s.times[-1]
    return s


def constant(rng: Generator, times: Floats) -> Sketch:
    s = steady(rng, times)
    s.spread = 0.0
    return s


def staircase(rng: Generator, times: Floats) -> Sketch:
    """Arenas that a leak fills one after the other: equal steps at nearly equal distances, all the way."""
    s = steady(rng, times)
    count = int(rng.integers(8, 40))
    places = (np.arange(count) + rng.uniform(0.1, 0.9) + rng.normal(0, 0.1, count)) / count
    s.pace = (times[:, None] / times[-1] >= places[None, :]).sum(axis=1) / count
    s.wanted = s.spread * 10 ** float(rng.uniform(0.5, 1.5)) * 2
    return s


def rare_increments(rng: Generator, times: Floats) -> Sketch:
    """One descriptor now and then, never closed: a Poisson process of at least 64 in all."""
    s = counted(rng, times)
    s.poisson, s.spread, s.memory = True, 0.01, 0.0
    s.wanted = float(rng.choice([64, 100, 225, 600]))
    return s


def per_request(rng: Generator, times: Floats) -> Sketch:
    """A leak that follows the requests while their rate drifts."""
    s = load_drift(rng, times)
    assert s.requests is not None
    s.pace = (s.requests - s.requests[0]) / (s.requests[-1] - s.requests[0])
    return s


def gross(rng: Generator, times: Floats) -> Sketch:
    """Forty to sixty seconds at 1 Hz: a ramp of load, then something leaked with every request."""
    times = np.arange(float(rng.integers(40, 61)))
    s = steady(rng, times)
    ramp = float(rng.choice([0.0, 5.0, 10.0, 15.0]))
    rate = np.minimum(1.0, times / ramp) if ramp else np.ones(len(times))
    s.requests = 100 * np.cumsum(rate)
    s.pace = s.requests / s.requests[-1]
    s.level, s.spread = float(rng.uniform(5, 40)), float(rng.uniform(0.01, 1.0))
    s.shape = s.level * 0.3 * -np.exp(-times / 4)
    s.wanted = float(rng.uniform(20, 5000))
    if rng.random() < 0.5:
        s.requests = None
    return s


def brief(rng: Generator, times: Floats) -> Sketch:
    """Sixty healthy seconds at 1 Hz of a process that was just started."""
    times = np.arange(60.0)
    s = steady(rng, times)
    s.shape = -s.spread * rng.uniform(0, 300) * np.exp(-times / rng.uniform(1, 6))
    return s


def irregular_collections(rng: Generator, times: Floats) -> Sketch:
    """A sawtooth whose teeth differ in length and height."""
    s = steady(rng, times)
    n = len(times)
    lengths = np.maximum(8, rng.gamma(4, max(12, n / 60) / 4, n // 8).astype(int))
    starts = np.concatenate(([0], np.cumsum(lengths)))
    since = np.arange(n) - starts[np.searchsorted(starts, np.arange(n), side="right") - 1]
    s.extra = s.spread * float(rng.uniform(0.3, 3)) * since.astype(np.float64)
    s.floor = np.asarray(since == 0)
    s.memory = 0.0
    return s


def pages(rng: Generator, times: Floats) -> Sketch:
    """Correlated noise, measured in whole units a little larger than itself."""
    s = steady(rng, times)
    s.spread, s.memory, s.integer = (
        float(rng.uniform(0.3, 0.9)),
        float(rng.uniform(0.5, 0.95)),
        True,
    )
    s.level = float(round(s.level))
    return s


def one_cycle(rng: Generator, s: Sketch) -> Sketch:
    angle = 2 * np.pi * (s.times / s.times[-1] * rng.uniform(1.0, 2.0) + rng.random())
    s.add(s.spread * 10 ** rng.uniform(0.3, 1.3), np.sin(angle))
    s.add(0.0, np.cos(angle))
    return s


def square(rng: Generator, s: Sketch) -> Sketch:
    phase = (s.times / s.times[-1] * int(rng.integers(2, 8)) + rng.random()) % 1
    s.add(s.spread * rng.uniform(3, 20), (phase < rng.uniform(0.3, 0.7)).astype(np.float64))
    return s


def creeping(rng: Generator, s: Sketch) -> Sketch:
    s.add(
        s.spread * 10 ** rng.uniform(0.5, 1.7),
        np.log1p(s.times / (s.times[-1] * rng.uniform(0.01, 0.05))),
    )
    return s


CHANGES = {
    f.__name__: f
    for f in (
        correlated,
        near_unit_root,
        heavy,
        bursts,
        sawtooth,
        few_collections,
        jobs,
        aliased,
        saturating,
        filling,
        steps,
        cycling,
        restarting,
        declining,
        one_cycle,
        square,
        creeping,
    )
}
HEALTHY: dict[str, Kind] = {
    "flat": flat,
    "young": young,
    "counted": counted,
    "rare_changes": rare_changes,
}
HEALTHY |= {"load_drift": load_drift, "constant": constant, "brief": brief}
HEALTHY |= {"irregular_collections": irregular_collections, "pages": pages}
HEALTHY |= {name: _with(flat, name) for name in CHANGES}
LEAKING: dict[str, Kind] = {"linear": flat, "counted": counted, "staircase": staircase}
LEAKING |= {"rare_increments": rare_increments, "per_request": per_request, "gross": gross}
LEAKING |= {"irregular_collections": irregular_collections, "pages": pages}
LEAKING |= {name: _with(flat, name) for name in CHANGES if name != "declining"}
