"""A labelled corpus of resource series, seeded: what services do that leak, and what services do that only look like it.

A leak's slope is sized in standard errors of the oracle: generalised least squares that knows the
noise's covariance and
every shape beside the slope, and fits their sizes and how fast they run: the limit that no method
can beat. Development and held-out cases differ in seeds, and some kinds are held out altogether.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from soak.analysis.statistics.growth_input import Subject
from soak.model import Floats, Series

SURVIVE = 30 * 86400.0
#: Bytes are drawn in mebibytes: processes of 20 MiB to 2 GiB.
_MEBIBYTE = 2.0**20
PLANS = (
    (300, 1.0),
    (600, 1.0),
    (600, 1.0),
    (1800, 1.0),
    (3600, 2.0),
    (4 * 3600, 5.0),
    (24 * 3600, 30.0),
    (72 * 3600, 60.0),
)


@dataclass(slots=True, eq=False)
class Sketch:
    """A series in the making. All of shape (n,) unless said.

    `shape` is the healthy level, `pace` what a leak follows (rising by 1 over the run), `spread`
    the noise's standard deviation, `memory` its AR(1) coefficient a sample; `lives` (n,) numbers
    the processes. `floor` gives the samples that an oracle may use (a sawtooth's floors), all where
    None, and `slack` how far (in spreads, at most) these lie above the true floor for want of a
    sample at the very moment. `drift` is the healthy level's own rise over the run. `known_as` is
    spread and memory as the oracle knows them, where the noise is more than AR(1); `grain` is what
    values are rounded to, 0 where they are not.
    """

    times: Floats
    shape: Floats
    level: float
    pace: Floats
    spread: float = 1.0
    memory: float = 0.0
    tails: float = 0.0
    lives: Floats | None = None
    floor: NDArray[np.bool_] | None = None
    integer: bool = False
    told: bool = True
    requests: Floats | None = None
    extra: Floats | None = None
    poisson: bool = False
    wanted: float | None = None
    parts: list[Floats] = field(default_factory=list)
    slack: float = 0.0
    drift: float = 0.0
    known_as: tuple[float, float] | None = None
    grain: float = 0.0

    def add(
        self, size: float, part: Floats, ages: Floats | None = None, *, told: bool = False
    ) -> None:
        """Give the healthy level another part, of a shape that the oracle knows and a size that it must fit.

        How fast that shape runs its course (over `ages`, the times unless given) nobody can know,
        unless it is `told`: the oracle must fit that too, by the derivative to the time, as a
        Cramer-Rao bound does.
        """
        self.shape = self.shape + size * part
        self.parts.append(part)
        clock = self.times if ages is None else ages
        if size and not told:
            change = clock * np.gradient(part, self.times)
            if np.ptp(change) > 1e-9:
                self.parts.append(change / np.ptp(change))


Kind = Callable[[Generator, Floats], Sketch]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One labelled series: its kind, whether it leaks, its true late slope an hour, and its size in oracle errors."""

    kind: str
    leaks: bool
    subject: Subject
    slope: float
    size: float
    error: float
    seed: int
    plan: str = field(default="")


def sample_times(rng: Generator, length: float, period: float) -> Floats:
    """Times of samples: even, jittered, thinned, irregular, or with a gap."""
    n = int(length / period)
    times = np.arange(n) * period
    pattern = rng.choice(["even", "even", "even", "jitter", "thinned", "gap", "irregular"])
    if pattern == "jitter":
        times = times + rng.uniform(-0.3, 0.3, n) * period
    elif pattern == "thinned":
        times = times[rng.random(n) > rng.uniform(0.02, 0.3)]
    elif pattern == "gap":
        start, width = rng.uniform(0.1, 0.75), rng.uniform(0.05, 0.2)
        times = times[(times < start * length) | (times > (start + width) * length)]
    elif pattern == "irregular":
        times = np.sort(rng.uniform(0, length, n))
    return np.asarray(times - times[0])


def noise(rng: Generator, sketch: Sketch) -> Floats:
    """AR(1) noise of the sketch's spread, of normal or heavy-tailed innovations."""
    n = len(sketch.times)
    shocks = (
        rng.standard_t(sketch.tails, n) / np.sqrt(3) if sketch.tails else rng.standard_normal(n)
    )
    if not sketch.memory:
        return np.asarray(sketch.spread * shocks)
    result = np.empty(n)
    value = rng.standard_normal()
    root = np.sqrt(1 - sketch.memory**2)
    for i in range(n):
        value = sketch.memory * value + root * shocks[i]
        result[i] = value
    return np.asarray(sketch.spread * result)


def oracle_error(sketch: Sketch) -> float:
    """The leak's standard error over the run, by least squares that know covariance and shapes, and fit sizes and speeds."""
    chosen = np.arange(len(sketch.times)) if sketch.floor is None else np.flatnonzero(sketch.floor)
    lives = np.zeros(len(chosen)) if sketch.lives is None else sketch.lives[chosen]
    gap = float(np.median(np.diff(chosen))) if len(chosen) > 1 else 1.0
    spread, memory = sketch.known_as or (
        sketch.spread * float(np.sqrt(1 + sketch.slack**2 / 12)),
        sketch.memory,
    )
    memory = memory**gap
    rows = []
    for life in np.unique(lives):
        here = lives == life
        columns = np.stack([sketch.pace, *sketch.parts], axis=1)[chosen][here]
        white = _whiten(np.column_stack((columns, np.ones(len(columns)))), memory)
        first = white[:, -1:]
        rows.append((white - first * (first.T @ white) / float((first.T @ first)[0, 0]))[:, :-1])
    design = np.concatenate(rows)
    pace, parts = design[:, 0], design[:, 1:]
    if parts.shape[1]:
        pace = pace - parts @ np.linalg.lstsq(parts, pace, rcond=None)[0]
    return float(spread / np.sqrt(max(float(pace @ pace), 1e-300)))


def _whiten(columns: Floats, memory: float) -> Floats:
    rest = (columns[1:] - memory * columns[:-1]) / np.sqrt(1 - memory**2)
    return np.asarray(np.concatenate((columns[:1], rest)))


def build(name: str, kind: Kind, leaks: bool, seed: int) -> Case:
    """One case of a kind, of a length drawn with it; a seed gives the same case on any machine."""
    rng = _generator(name, seed)
    length, period = PLANS[rng.integers(len(PLANS))]
    return _make(rng, name, kind, leaks, seed, length, period)[0]


def build_sized(
    name: str, kind: Kind, leaks: bool, seed: int, length: float, period: float
) -> tuple[Case, Sketch, float]:
    """One case of a kind over `length` seconds, a sample each `period`; its sketch, and how far its leak rises."""
    return _make(_generator(name, seed), name, kind, leaks, seed, length, period)


def build_runs(
    name: str, kind: Kind, leaks: bool, seed: int, count: int, length: float, period: float
) -> tuple[list[Case], list[float]]:
    """Runs of one service, and the oracle's error of its growth in each, in the series' own unit an hour.

    They share the level, above noise of one size, and the leak, of one to five standard errors of the first. All else that the
    kind draws is each run's own.
    """
    rng = _generator(name, seed)
    size = float(rng.choice([1.0, 2.0, 3.0, 5.0]))
    runs, errors, rise, level = [], [], 0.0, 0.0
    for number in range(count):
        own = _generator(name, seed, number)
        sketch = kind(own, sample_times(own, length, period))
        level = sketch.level = level or sketch.level
        error = oracle_error(sketch)
        rise = rise or size * error * leaks
        plan = f"{length:g}s/{period:g}s"
        runs.append(_cased(own, name, sketch, rise, error, leaks, seed, plan))
        errors.append(3600 * error * (1.0 if sketch.integer else _MEBIBYTE) / length)
    return runs, errors


def _generator(name: str, *seeds: int) -> Generator:
    return np.random.default_rng([*seeds, sum(map(ord, name)), len(name)])


def _make(
    rng: Generator, name: str, kind: Kind, leaks: bool, seed: int, length: float, period: float
) -> tuple[Case, Sketch, float]:
    sketch = kind(rng, sample_times(rng, length, period))
    error = oracle_error(sketch)
    span = float(sketch.times[-1] - sketch.times[0])
    rise = _rise(rng, sketch, error, span) if leaks else 0.0
    plan = f"{length:g}s/{period:g}s"
    return _cased(rng, name, sketch, rise, error, leaks, seed, plan), sketch, rise


def _cased(
    rng: Generator,
    name: str,
    sketch: Sketch,
    rise: float,
    error: float,
    leaks: bool,
    seed: int,
    plan: str,
) -> Case:
    """A sketch with its noise, and with a leak that rises by `rise`, as a case."""
    times, span = sketch.times, float(sketch.times[-1] - sketch.times[0])
    values = sketch.level + sketch.shape + _leak(rng, sketch, rise) + noise(rng, sketch)
    if sketch.extra is not None:
        values = values + sketch.extra
    if sketch.integer:
        values = np.maximum(np.round(values), 0.0)
    if sketch.grain:
        values = np.round(values / sketch.grain) * sketch.grain
    told = sketch.lives is not None and sketch.told
    restarts = (
        tuple(map(float, times[1:][np.diff(sketch.lives) > 0]))
        if told and sketch.lives is not None
        else None
    )
    unit, noun = (
        ("descriptors", "open descriptors") if sketch.integer else ("bytes", "resident memory")
    )
    size = 1.0 if sketch.integer else _MEBIBYTE
    subject = Subject(
        Series(name, times, values * size),
        noun,
        unit,
        integer=sketch.integer,
        borders=restarts,
        requests=None if sketch.requests is None else Series("requests", times, sketch.requests),
    )
    half = len(times) // 2
    late = float(np.polyfit(times[half:], sketch.pace[half:], 1)[0])
    slope = 3600 * (rise * late + sketch.drift / span) * size
    return Case(name, leaks, subject, slope, rise / error if error else 0.0, error, seed, plan)


def _rise(rng: Generator, sketch: Sketch, error: float, span: float) -> float:
    """How far a leak rises over the run: so many errors of the oracle, and clearly enough to matter within a month."""
    size = float(rng.choice([8.0, 10.0, 15.0, 25.0]))
    rise = size * error if sketch.wanted is None else sketch.wanted
    level = sketch.level + max(float(sketch.shape[-1]), 0.0)
    return max(rise, level * span / SURVIVE)


def _leak(rng: Generator, sketch: Sketch, rise: float) -> Floats:
    """The leak's own part of the values, shape (n,): nothing at each process's birth."""
    if sketch.poisson:
        steps = np.diff(sketch.pace, prepend=sketch.pace[0]) * rise
        return np.cumsum(rng.poisson(np.maximum(steps, 0))).astype(np.float64)
    begun = 0.0 if sketch.lives is None else _at_birth(sketch)
    return np.asarray(rise * (sketch.pace - begun))


def _at_birth(sketch: Sketch) -> Floats:
    """The pace's value where each sample's process began."""
    assert sketch.lives is not None
    first = np.flatnonzero(np.diff(sketch.lives, prepend=-1) > 0)
    return np.asarray(sketch.pace[first][np.cumsum(np.diff(sketch.lives, prepend=-1) > 0) - 1])


def cases(kinds: dict[str, Kind], leaks: bool, seeds: range) -> Iterator[Case]:
    """All cases of these kinds over these seeds."""
    for name, kind in kinds.items():
        for seed in seeds:
            yield build(name, kind, leaks, seed)
