"""Find pools that do not leak but are a risk: far larger than their use, or with connections that are always idle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from soak.analysis.prepare.stretches import known_between
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
    """Return a case for badly configured pools; none if connections leak, since the leak must be fixed first."""
    if any(case.of(ResourceKind.POOL) for case in so_far):
        return []
    risks = list(_risks(context))
    if not risks:
        return []
    # If no stack shows who opens the pool, the series that shows the risk stands for the place.
    place = _opened_at(context) or Frame(risks[0][2])
    return [Case("", seen={name: words for name, words, _ in risks}, place=place)]


def _risks(context: RunContext) -> Iterator[tuple[EvidenceKind, str, str]]:
    """Yield each risk: its kind of evidence, its description, and the series that shows it."""
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
                    (
                        f"The pool may hold {show_number(float(most[-1]))} connections, "
                        f"of which polls saw at most {show_number(peak)} in use."
                    ),
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
    """Return the series that shows the idle connections, and their number over time; empty if unknown."""
    idle = _values(context, pool, pool.idle, labels) if pool.idle else used[:0]
    if len(idle) or not pool.opened:
        return pool.idle, idle
    opened = _values(context, pool, pool.opened, labels)
    return pool.opened, opened - used if len(opened) == len(used) else used[:0]


def _values(context: RunContext, pool: PoolNames, name: str, labels: Labels) -> Floats:
    for series in context.series(name):
        if pool_identity(pool, series.labels) == labels:
            return known_between(series, context.prepared.judged_from)[1]
    return np.empty(0)


def _opened_at(context: RunContext) -> Frame | None:
    """Return the own function that made most of the pool's connections, by the memory that they still hold."""
    # Go's heap profile covers all allocations since main. Those of other runtimes cover only later
    # connections, made by whichever request came first.
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
