"""Pools that are no leak but a risk: far larger than they are used, or that never give back what is idle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from soak.catalog.metrics import POOLS, Pool, ResourceKind, pool_identity
from soak.diagnosis.attribution.allocation_sites import calls, is_library, place_of
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import Scene
from soak.diagnosis.suspects.stack_signatures import MARKS
from soak.model import Floats, Labels
from soak.units import show_number

#: A maximum from which on a database suffers, and one of which less than this share is used.
_LARGE, _HARDLY = 100, 0.1
#: Idle connections that were never used at once in the whole run: at least so many, and this share of all.
_IDLE, _MOSTLY, _FEWEST = 20, 0.8, 30


def risk_cases(scene: Scene, found: Sequence[Case]) -> list[Case]:
    """A case for the pools that are set up badly; none where connections leak, which is no time for advice."""
    if any(case.of(ResourceKind.POOL) for case in found):
        return []
    risks = list(_risks(scene))
    if not risks:
        return []
    # Where no stack shows who opens the pool, what tells of it names it.
    place = _opened_at(scene) or Frame(risks[0][2])
    return [Case("", seen={name: words for name, words, _ in risks}, place=place)]


def _risks(scene: Scene) -> Iterator[tuple[str, str, str]]:
    """What is risky, as evidence by name and in words, and the series that tells."""
    for pool in POOLS:
        for series in scene.series(pool.used):
            own = pool_identity(pool, series.labels)
            used = _values(scene, pool, pool.used, own)
            most = _values(scene, pool, pool.maximum, own)
            told, idle = _idle(scene, pool, used, own)
            if len(used) < _FEWEST:
                continue
            peak = float(used.max())
            if len(most) and _LARGE <= most[-1] < 2**31 - 1 and peak < _HARDLY * most[-1]:
                yield (
                    "pool too large",
                    f"The pool may hold {show_number(float(most[-1]))} connections and never used more than {show_number(peak)}.",
                    pool.maximum,
                )
            if len(idle) and idle.min() >= max(_IDLE, _MOSTLY * float((idle + used[: len(idle)].mean()).max())):
                yield (
                    "idle kept",
                    f"{show_number(float(idle.min()))} connections were always idle, and at most {show_number(peak)} in use.",
                    told,
                )


def _idle(scene: Scene, pool: Pool, used: Floats, labels: Labels) -> tuple[str, Floats]:
    """The series that tells how many connections are idle, and how many; empty where none does."""
    idle = _values(scene, pool, pool.idle, labels) if pool.idle else used[:0]
    if len(idle) or not pool.opened:
        return pool.idle, idle
    opened = _values(scene, pool, pool.opened, labels)
    return pool.opened, opened - used if len(opened) == len(used) else used[:0]


def _values(scene: Scene, pool: Pool, name: str, labels: Labels) -> Floats:
    for series in scene.series(name):
        if pool_identity(pool, series.labels) == labels:
            values: Floats = series.values[(series.times >= scene.prepared.judged_from) & np.isfinite(series.values)]
            return values
    return np.empty(0)


def _opened_at(scene: Scene) -> Frame | None:
    """The own function through which the pool's connections were made, from what is still held of them."""
    # Go's heap knows where all was made since main; others' snapshots tell only of connections made later, by whoever came first.
    opening = MARKS["database" if scene.language == "Go" else "pools"]
    held: dict[Frame, float] = {}
    for profiled in scene.heaps[-1:]:
        values = profiled.profile.column("inuse_space")
        for sample in np.flatnonzero(values > 0):
            frames = profiled.profile.stack(int(sample))
            place = place_of(frames)
            if calls(frames, opening) and place.own and not is_library(place):
                held[place] = held.get(place, 0.0) + float(values[sample])
    return max(held, key=lambda one: held[one], default=None)
