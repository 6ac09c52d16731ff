"""Sizing: can the peaks of a resource that does not leak still exhaust it, and which size would be enough?

Only limits are judged whose breach ends or breaks a process: memory of a control group, address
space, descriptors. A heap that fills to its maximum before a collection, or a cache at its maximum
size, is not such a risk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from soak.analysis.prepare.bounds import UNLIMITED, bound_of
from soak.analysis.prepare.prepare import Prepared
from soak.analysis.prepare.stretches import known_between
from soak.analysis.rules.rule import RuleInput
from soak.analysis.statistics.peaks import Peaks, fit_peaks
from soak.catalog.container import CONTAINER_RESIDENT, MEMORY_LIMIT
from soak.catalog.databases import MOST_SESSIONS
from soak.catalog.go import MEMORY_LIMIT as GO_LIMIT
from soak.catalog.go import RETURNED as GO_RETURNED
from soak.catalog.go import TAKEN as GO_TAKEN
from soak.catalog.jvm import HEAP_COMMITTED, HEAP_LIMIT
from soak.catalog.metrics import POOLS, metric_of, unknown_metric
from soak.catalog.process import (
    CHILDREN,
    MOST_DESCRIPTORS,
    OPEN_DESCRIPTORS,
    RESIDENT,
    UNIQUE,
    VIRTUAL,
    VIRTUAL_LIMIT,
)
from soak.model import EventKind, Finding, Floats, RuleName, Series, Verdict
from soak.units import capitalized, show_amount, show_duration, show_number, show_ratio

#: Resources, and the limit at which the process is killed or its calls fail.
HARD_LIMITS = (
    (RESIDENT, MEMORY_LIMIT),
    (CONTAINER_RESIDENT, MEMORY_LIMIT),
    (VIRTUAL, VIRTUAL_LIMIT),
    (OPEN_DESCRIPTORS, MOST_DESCRIPTORS),
)
#: Share of the limit from which on a peak is worth a finding: below it, no tail seen in a service
#: reaches the limit.
REMARKABLE = 0.5
#: Share of the limit from which on too few peaks leave the run open.
CLOSE = 0.8
#: Share of the limit that a process must have reached for the limit to explain its death: the last
#: sample is not the last value.
KILLED_AT = 0.9
#: A run fails if even the lower end of the interval of the chance within `survive` reaches this:
#: more likely than not.
FAILS_AT = 0.5
#: The chance from which on a run that does not fail is left open.
OPEN_AT = 0.05
#: The chance of a breach that remains at a recommended size.
RECOMMENDED_CHANCE = 0.01
#: What the instance of a watched PostgreSQL server contains: its program's name, or its port.
_POSTGRESQL = ("postgres", "5432")
#: Ends of the interval, 95%.
_ENDS = (0.025, 0.975)


def sizing_findings(asked: RuleInput) -> Iterator[Finding]:
    """Yield one finding for each resource that comes near its limit; none for those far from it."""
    prepared, horizon = asked.prepared, asked.limits.survive.for_
    for name, limit_name in HARD_LIMITS:
        if name in asked.limits.max:
            continue
        for series in prepared.named(name):
            limit = bound_of(prepared, limit_name, series)
            times, values = known_between(series, prepared.judged_from)
            if limit is None or not len(times):
                continue
            finding = _judged(prepared, series, times, values, limit, horizon)
            if finding is not None:
                yield finding


def _judged(
    prepared: Prepared, series: Series, times: Floats, values: Floats, limit: float, horizon: float
) -> Finding | None:
    peak, level = float(values.max()), float(np.median(values))
    if peak < REMARKABLE * limit:
        return None
    metric = metric_of(series.name, series.labels) or unknown_metric(series.name)
    unit = metric.unit
    noun = capitalized(metric.noun)
    stood = f"{noun} stood at {show_amount(level, unit)} and peaked at {show_amount(peak, unit)}"
    seen = f"{stood}, {show_ratio(peak / limit)} of the limit of {show_amount(limit, unit)}"
    fit = fit_peaks(times, values)
    size = _size(fit, limit, horizon, unit)
    if peak >= KILLED_AT * limit and _died(prepared):
        verdict, reason = (
            Verdict.FAIL,
            f"{seen}, and the process did not survive: the limit is too small for it{size}.",
        )
    elif isinstance(fit, str):
        if peak < CLOSE * limit:
            return None
        verdict, reason = (
            Verdict.INCONCLUSIVE,
            f"{seen}; whether peaks reach it cannot be told: {fit}.",
        )
    else:
        verdict, reason = _by_chance(seen, fit, limit, horizon, size)
    return Finding(RuleName.MAX, series.name, verdict, reason, series.labels, limit, peak, unit)


def _by_chance(
    seen: str, fit: Peaks, limit: float, horizon: float, size: str
) -> tuple[Verdict, str]:
    chances = fit.chances(limit, horizon)
    chance = float(chances[0])
    low, high = (float(end) for end in np.quantile(chances[1:], _ENDS))
    within = f"within {show_duration(horizon)}"
    chance_text = f"the chance that peaks reach it {within} is {_percent(chance)} ({_percent(low)} to {_percent(high)})"
    if low >= FAILS_AT:
        return Verdict.FAIL, f"{seen}, without a leak: {chance_text}{size}."
    if chance >= OPEN_AT:
        return Verdict.INCONCLUSIVE, f"{seen}: {chance_text}{size}."
    return Verdict.PASS, f"{seen}: {chance_text}."


def _size(fit: Peaks | str, limit: float, horizon: float, unit: str) -> str:
    """Return the recommended limit with its chance of a breach; empty if unknown, or if the limit is large enough."""
    if isinstance(fit, str):
        return ""
    needed = float(np.quantile(fit.levels(RECOMMENDED_CHANCE, horizon), _ENDS[1]))
    if needed <= limit:
        return ""
    return (
        f"; {show_amount(needed, unit)} would do, with a chance of {show_ratio(RECOMMENDED_CHANCE)}"
    )


def _percent(chance: float) -> str:
    """Return a chance in whole percent; it never shows as 0 or 100."""
    return (
        "under 1%"
        if chance < 0.01
        else "over 99%"
        if chance > 0.99
        else f"{show_number(round(chance * 100))}%"
    )


def _died(prepared: Prepared) -> bool:
    """Return True if the process ended, was replaced or was killed during the load."""
    return (
        any(prepared.restarts.values())
        or any(health.gone for health in prepared.recording.sources)
        or any(
            event.kind in (EventKind.TARGET, EventKind.OOM) for event in prepared.recording.events
        )
    )


@dataclass(frozen=True, slots=True)
class Ceiling:
    """A runtime's own memory setting: its name, and the series of the limit, of memory taken and memory returned."""

    runtime: str
    setting: str
    limit: str
    taken: str
    returned: str = ""


#: Runtimes with a setting for their memory. Go's limit covers all that the runtime holds, the JVM's
#: only its heap.
CEILINGS = (
    Ceiling("The JVM", "-Xmx", HEAP_LIMIT, HEAP_COMMITTED),
    Ceiling("Go", "GOMEMLIMIT", GO_LIMIT, GO_TAKEN, GO_RETURNED),
)


def ceiling_warnings(asked: RuleInput, _findings: Sequence[Finding]) -> Iterator[str]:
    """Yield runtimes whose own setting allows so much that, with other memory, the container's limit is exceeded."""
    prepared = asked.prepared
    for resident in prepared.named(RESIDENT):
        limit = bound_of(prepared, MEMORY_LIMIT, resident)
        known = resident.known
        if limit is None or not len(known):
            continue
        for ceiling in CEILINGS:
            allowed = _total(prepared, ceiling.limit)
            taken = _total(prepared, ceiling.taken) - (
                _total(prepared, ceiling.returned) if ceiling.returned else 0.0
            )
            beside = max(0.0, float(np.median(known)) - taken)
            if allowed and taken > 0 and allowed + beside > limit:
                yield (
                    f"{ceiling.runtime} may take {show_amount(allowed, 'bytes')} ({ceiling.setting}), and the process holds "
                    f"{show_amount(beside, 'bytes')} beside it: more than the container's {show_amount(limit, 'bytes')}, so "
                    f"it may be killed without a leak; {ceiling.setting} of "
                    f"{show_amount(max(0.0, limit - beside), 'bytes')} at most would fit"
                )


def session_warnings(asked: RuleInput, _findings: Sequence[Finding]) -> Iterator[str]:
    """Yield pools that may open more connections than the database can take, by number or by memory.

    A session's size is known only for a PostgreSQL server that the `process` source watches,
    because the server has a process for each session.
    """
    prepared = asked.prepared
    for selector in dict.fromkeys(pool.maximum for pool in POOLS if pool.maximum):
        most = _total(prepared, selector)
        if not most:
            continue
        noun = f"The pool may open {show_number(most)} connections"
        accepted = _total(prepared, MOST_SESSIONS)
        if accepted and most > accepted:
            yield f"{noun}, and PostgreSQL accepts {show_number(accepted)} (max_connections): some will be refused"
        for children in prepared.named(CHILDREN):
            server = children.instance
            if not any(mark in server for mark in _POSTGRESQL):
                continue
            unique, limit = (
                _last(prepared.beside(UNIQUE, children.labels)),
                bound_of(prepared, MEMORY_LIMIT, children),
            )
            level, processes = _last(prepared.beside(RESIDENT, children.labels)), _last(children)
            if not (unique and level and processes and limit) or most <= processes:
                continue
            session = unique / (processes + 1)
            needed = level + (most - processes) * session
            if needed > limit:
                yield (
                    f"{noun}, of which each takes {show_amount(session, 'bytes')} at PostgreSQL: with all of them it needs "
                    f"{show_amount(needed, 'bytes')}, more than its {show_amount(limit, 'bytes')}, so it may be killed "
                    "without a leak"
                )


def _last(series: Series | None) -> float:
    """Return the last known value; 0 if there is none."""
    return (series.last if series is not None else None) or 0.0


def _total(prepared: Prepared, selector: str) -> float:
    """Return the sum of the last values of the series that a selector matches, without -1, which means no limit."""
    last = [_last(series) for series in prepared.named(selector)]
    return sum(value for value in last if 0 < value < UNLIMITED)
