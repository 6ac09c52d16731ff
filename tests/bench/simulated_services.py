"""Services that only exist as numbers: coded traffic, what each endpoint leaks, and how that looks from outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from soak.analysis.prepare.prepare import prepare
from soak.diagnosis.attribution.attribution import Attribution, attribute
from soak.diagnosis.attribution.retained_level import retained_levels
from soak.load.plan.mix_modulation import MixModulation
from soak.model import Floats, Phase, Recording, RunInfo, Series
from soak.windows import EndpointWindows, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Service:
    """One simulated run, whose first series is to be told apart, and the truth: what a request to each endpoint keeps (k,),
    and what each second does."""

    recording: Recording
    amounts: Floats
    per_second: float

    def attribution(self) -> Attribution:
        """What soak makes of it."""
        series, prepared = self.recording.series[0], prepare(self.recording, 0.0)
        times, levels = retained_levels(prepared, series)
        return attribute(times, levels, self.recording.windows, key=series.name, unit="")


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """What is kept at each second (n + 1,), what was allocated by then, and the requests of each second (n, k)."""

    chance: np.random.Generator
    bytes: Floats
    allocated: Floats
    requests: Ints
    unit: float

    @property
    def seconds(self) -> int:
        return len(self.requests)


def counts_by_code(
    chance: np.random.Generator, weights: Floats, rate: float, seconds: int, *, coded: bool
) -> Ints:
    """Requests to each endpoint in each second, (n, k), drawn as the load draws them."""
    code = MixModulation.of(list(weights), 0.0, seconds, int(chance.integers(1 << 30)))
    assert code is not None
    shares = []
    for second in range(seconds):
        bounds = code.at(second + 0.5)[0] if coded else code.plain
        shares.append(np.diff(np.array(bounds) / bounds[-1], prepend=0.0))
    return np.array([chance.multinomial(round(rate), share / share.sum()) for share in shares])


def windows_of(requests: Ints) -> tuple[EndpointWindows, ...]:
    """Windows of one second each."""
    n = len(requests)
    none, times = np.zeros(n, dtype=np.int64), np.arange(1.0, n + 1)
    offsets = np.zeros(n + 1, dtype=np.int64)
    return tuple(
        EndpointWindows(
            f"GET /{i}", times, np.ones(n), column, none, none, offsets, none[:0], none[:0]
        )
        for i, column in enumerate(requests.T)
    )


def wandering(chance: np.random.Generator, n: int, spread: float, seconds: float) -> Floats:
    """An AR(1) of this spread and correlation time, from within its own spread."""
    keep = float(np.exp(-1 / seconds))
    values, level = np.empty(n), chance.normal(0, spread)
    for i, push in enumerate(chance.normal(0, spread * np.sqrt(1 - keep**2), n)):
        level = keep * level + push
        values[i] = level
    return values


def creeping(chance: np.random.Generator, n: int, height: float) -> Floats:
    """Warm-up: by exponential settling, or ever more slowly."""
    t = np.arange(n) / n
    if chance.random() < 0.5:
        return np.asarray(height * (1 - np.exp(-t / chance.uniform(0.05, 0.3))))
    return np.asarray(height * np.log1p(t / 0.02) / np.log1p(50))


def as_count(kept: Kept) -> tuple[Series, ...]:
    """Descriptors or goroutines: whole, with connections that come and go beside."""
    chance, n = kept.chance, kept.seconds
    noise = np.round(wandering(chance, n, chance.choice([0.0, 0.5, 2.0]), chance.uniform(2, 30)))
    return _sampled(kept, "process_open_fds", np.floor(_late(kept) + 1e-9) + 20 + noise)


def as_live_heap(kept: Kept) -> tuple[Series, ...]:
    """The live heap: what the last collection found, so a stair; collections come when the heap has doubled."""
    moments, floors, _ = _collections(kept)
    at = _sample_times(kept)
    seen = np.maximum(np.searchsorted(moments, at, side="right") - 1, 0)
    clock = Series("go_memstats_last_gc_time_seconds", at, np.asarray(1.7e9 + moments[seen]))
    return *_sampled(kept, "go_gc_heap_live_bytes", floors[seen]), clock


def as_heap(kept: Kept) -> tuple[Series, ...]:
    """The heap as allocated: a saw with its floors in between samples."""
    moments, floors, marks = _collections(kept)
    at = _sample_times(kept)
    seen = np.maximum(np.searchsorted(moments, at, side="right") - 1, 0)
    grown = np.interp(at, np.arange(kept.seconds + 1), kept.allocated) - marks[seen]
    return _sampled(kept, "go_memstats_heap_alloc_bytes", floors[seen] + np.maximum(grown, 0))


def as_resident(kept: Kept) -> tuple[Series, ...]:
    """Resident memory without a collector: steps of arenas, slow noise, and a warm-up that ends or nearly so."""
    chance, n = kept.chance, kept.seconds
    total = float(kept.bytes[-1])
    size = max(total, 4e6)
    level = _late(kept) + creeping(chance, n, size * chance.uniform(0, 0.15))
    level = level + wandering(chance, n, size * chance.uniform(0.002, 0.02), chance.uniform(2, 60))
    arena = chance.choice([4096, 1 << 16, 1 << 20])
    return _sampled(
        kept,
        "process_resident_memory_bytes",
        6e7 + np.asarray(np.ceil(np.maximum(level, 0) / arena) * arena),
    )


def as_place(kept: Kept) -> tuple[Series, ...]:
    """One stack's bytes in a few heap profiles, which sample one allocation in 512 KiB."""
    chance, count = kept.chance, int(kept.chance.integers(12, 40))
    at = np.linspace(0, kept.seconds, count)
    true = np.interp(at, np.arange(kept.seconds + 1), kept.bytes)
    rate = 524288.0
    objects = chance.poisson(np.maximum(np.diff(true, prepend=0.0), 0) / rate)
    return (
        Series(
            "inuse_space", np.asarray(at, dtype=np.float64), np.asarray(np.cumsum(objects) * rate)
        ),
    )


def as_cycling(kept: Kept) -> tuple[Series, ...]:
    """Held out: a cache that fills and is emptied at a beat of its own, over white noise."""
    chance, n = kept.chance, kept.seconds
    period, size = chance.uniform(15, 60), max(float(kept.bytes[-1]), 4e6)
    beat = (np.arange(n) / period + chance.random()) % 1.0
    level = (
        _late(kept) + size * chance.uniform(0.01, 0.06) * beat + chance.normal(0, size * 0.003, n)
    )
    return _sampled(kept, "process_resident_memory_bytes", 6e7 + level)


def as_walking(kept: Kept) -> tuple[Series, ...]:
    """Held out: a random walk with now and then a spike."""
    chance, n = kept.chance, kept.seconds
    size = max(float(kept.bytes[-1]), 4e6)
    level = _late(kept) + np.cumsum(chance.standard_t(4, n)) * size * 0.002
    spikes = np.where(chance.random(n) < 0.02, chance.exponential(size * 0.1, n), 0.0)
    return _sampled(kept, "process_resident_memory_bytes", 6e7 + level + spikes)


Form = Callable[[Kept], tuple[Series, ...]]
SEEN: dict[str, Form] = {
    "count": as_count,
    "live heap": as_live_heap,
    "heap": as_heap,
    "resident": as_resident,
    "place": as_place,
}
HELD_OUT: dict[str, Form] = {"cycling": as_cycling, "walking": as_walking}
LEAKS = ("none", "one", "two", "all", "time")


@dataclass(frozen=True, slots=True)
class Setting:
    """What is drawn anew for each run, within these bounds."""

    seconds: tuple[int, int] = (120, 480)
    rate: tuple[float, float] = (40, 200)
    endpoints: tuple[int, int] = (6, 9)
    coded: bool = True
    sizes: tuple[float, ...] = field(default=(4096.0, 16384.0, 65536.0))


def service(form: Form, leak: str, seed: int, setting: Setting | None = None) -> Service:
    """One run with that leak, seen in that form."""
    setting = setting or Setting()
    chance = np.random.default_rng([seed, LEAKS.index(leak), sum(map(ord, form.__name__))])
    k, seconds = int(chance.integers(*setting.endpoints)), int(chance.integers(*setting.seconds))
    weights = chance.choice([1.0, 2.0, 4.0, 6.0, 10.0, 12.0, 15.0], k)
    rate = float(chance.uniform(*setting.rate))
    requests = counts_by_code(chance, weights, rate, seconds, coded=setting.coded)
    unit = 1.0 if form is as_count else float(chance.choice(setting.sizes))
    amounts, per_second = np.zeros(k), 0.0
    if leak in ("one", "two"):
        contributors = chance.choice(k, {"one": 1, "two": 2}[leak], replace=False)
        amounts[contributors] = unit * (
            chance.choice([1, 2], len(contributors))
            if unit == 1
            else chance.uniform(0.5, 2, len(contributors))
        )
    elif leak == "all":
        amounts[:] = unit
    elif leak == "time":
        per_second = unit * rate / k
    kept = np.concatenate(([0.0], np.cumsum(requests @ amounts + per_second)))
    allocated = np.concatenate(([0.0], np.cumsum(requests @ chance.uniform(5e3, 8e4, k))))
    series = form(Kept(chance, kept, allocated, requests, unit))
    steady = (Phase("steady", 0.0, seconds + 1.0),)
    recording = Recording(
        RunInfo("simulated", "", seconds + 1.0), series, windows_of(requests), None, steady
    )
    return Service(recording, amounts, per_second)


def _late(kept: Kept) -> Floats:
    """What is kept a fraction of a second after each window."""
    at = _sample_times(kept)
    return np.asarray(np.interp(at, np.arange(kept.seconds + 1), kept.bytes))


def _sampled(kept: Kept, name: str, values: Floats) -> tuple[Series, ...]:
    return (Series(name, _sample_times(kept), values),)


def _sample_times(kept: Kept) -> Floats:
    return np.asarray(np.arange(1, kept.seconds + 1) + _PHASE, dtype=np.float64)


_PHASE = 0.3


def _collections(kept: Kept) -> tuple[Floats, Floats, Floats]:
    """When a collector that waits for the heap to double ran, what it found, and what had been allocated by then."""
    chance = kept.chance
    base, fine = float(chance.uniform(3e6, 3e7)), 10
    at = np.arange(kept.seconds * fine + 1) / fine
    true, allocated = (
        np.interp(at, np.arange(kept.seconds + 1), column)
        for column in (kept.bytes, kept.allocated)
    )
    moments, floors, marks, mark, goal = [0.0], [base], [0.0], 0.0, 2 * base
    for i, moment in enumerate(at):
        if floors[-1] + allocated[i] + true[i] - mark >= goal:
            known_floors = (
                base
                + true[i]
                + float(chance.normal(0, 0.004 * base))
                + float(chance.exponential(0.01 * base))
            )
            moments.append(moment)
            floors.append(known_floors)
            mark = allocated[i] + true[i]
            marks.append(allocated[i])
            goal = 2 * max(known_floors, 4e6)
    return np.array(moments), np.array(floors), np.array(marks)
