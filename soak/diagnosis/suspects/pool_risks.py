"""Pools that are no leak but a risk: far larger than they are used, or that never give back what is idle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from soak.catalog.metrics import POOLS, PoolNames, ResourceKind, pool_identity
from soak.diagnosis.attribution.allocation_sites import calls, is_library, place_of
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import RunContext
from soak.diagnosis.suspects.evidence_kinds import EvidenceKind
from soak.diagnosis.suspects.stack_signatures import STACK_SIGNATURES
from soak.diagnosis.thresholds import (
    HARDLY_USED,
    LARGE_POOL,
    LEAST_IDLE,
    LEAST_POOL_SAMPLES,
    MOSTLY_IDLE,
)
from soak.model import Floats, Labels
from soak.units import show_number


def risk_cases(context: RunContext, so_far: Sequence[Case]) -> list[Case]:
    """A case for the pools that are set up badly; none where connections leak, which is no time for advice."""
    if any(case.of(ResourceKind.POOL) for case in so_far):
        return []
    risks = list(_risks(context))
    if not risks:
        return []
    # Where no stack shows who opens the pool, what tells of it names it.
    place = _opened_at(context) or Frame(risks[0][2])
    return [Case("", seen={name: words for name, words, _ in risks}, place=place)]


def _risks(context: RunContext) -> Iterator[tuple[EvidenceKind, str, str]]:
    """What is risky, as evidence by name and in words, and the series that tells."""
    for pool in POOLS:
        for series in context.series(pool.used):
            own = pool_identity(pool, series.labels)
            used = _values(context, pool, pool.used, own)
            most = _values(context, pool, pool.maximum, own)
            told, idle = _idle(context, pool, used, own)
            if len(used) < LEAST_POOL_SAMPLES:
                continue
            peak = float(used.max())
            if len(most) and LARGE_POOL <= most[-1] < 2**31 - 1 and peak < HARDLY_USED * most[-1]:
                yield (
                    EvidenceKind.POOL_TOO_LARGE,
                    f"The pool may hold {show_number(float(most[-1]))} connections and never used more than {show_number(peak)}.",
                    pool.maximum,
                )
            if len(idle) and idle.min() >= max(
                LEAST_IDLE, MOSTLY_IDLE * float((idle + used[: len(idle)].mean()).max())
            ):
                yield (
                    EvidenceKind.IDLE_KEPT,
                    f"{show_number(float(idle.min()))} connections were always idle, and at most {show_number(peak)} in use.",
                    told,
                )


def _idle(context: RunContext, pool: PoolNames, used: Floats, labels: Labels) -> tuple[str, Floats]:
    """The series that tells how many connections are idle, and how many; empty where none does."""
    idle = _values(context, pool, pool.idle, labels) if pool.idle else used[:0]
    if len(idle) or not pool.opened:
        return pool.idle, idle
    opened = _values(context, pool, pool.opened, labels)
    return pool.opened, opened - used if len(opened) == len(used) else used[:0]


def _values(context: RunContext, pool: PoolNames, name: str, labels: Labels) -> Floats:
    for series in context.series(name):
        if pool_identity(pool, series.labels) == labels:
            values: Floats = series.values[
                (series.times >= context.prepared.judged_from) & np.isfinite(series.values)
            ]
            return values
    return np.empty(0)


def _opened_at(context: RunContext) -> Frame | None:
    """The own function through which the pool's connections were made, from what is still held of them."""
    # Go's heap knows where all was made since main; others' snapshots tell only of connections made
    # later, by whoever came first.
    opening = STACK_SIGNATURES["database" if context.language == "Go" else "pools"]
    held: dict[Frame, float] = {}
    for profiled in context.heaps[-1:]:
        values = profiled.profile.column("inuse_space")
        for sample in np.flatnonzero(values > 0):
            frames = profiled.profile.stack(int(sample))
            place = place_of(frames)
            if calls(frames, opening) and place.own and not is_library(place):
                held[place] = held.get(place, 0.0) + float(values[sample])
    return max(held, key=lambda place: held[place], default=None)
