"""Pools of connections: not returned, exhausted, pinned, oversized, never reclaimed.

Failures are what harms requests: connections that are not returned when the load is over, and
callers that gave up waiting. Callers that wait more and more are left to the growth rule. What is
only a risk, or intended by whoever configured the load, is a warning: a pool at its maximum, one
far larger than ever used, idle connections that are kept for ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from soak.analysis.prepare.prepare import Prepared
from soak.analysis.prepare.stretches import known_between
from soak.analysis.rules.overload import held_by_backlog, overload_of
from soak.analysis.rules.rule import RuleInput
from soak.catalog.metrics import POOLS, PoolNames, pool_identity, selected
from soak.model import Finding, Floats, Kind, Labels, RuleName, Series, Verdict
from soak.units import show_count, show_number, show_ratio

#: A pool is pinned if it is at its maximum in this share of the samples.
_PINNED = 0.95
#: A maximum of at least this many connections is too large if less than this share of it was ever
#: used.
_LARGE, _HARDLY = 20, 0.25
#: Idle connections are kept for ever if at least this many, and half of all, were idle for this
#: long (seconds).
_IDLE, _LONG = 10, 900.0
#: A pool with at most this share of its maximum in use is far from used up.
_FAR = 0.5
#: Fewer samples than this are not evaluated.
_FEWEST = 10


def pool_findings(asked: RuleInput) -> Iterator[Finding]:
    """Yield connections not returned after the load, and callers that gave up waiting; nothing if all is well."""
    prepared, limits = asked.prepared, asked.limits
    overload = overload_of(prepared)
    for pool in POOLS:
        for used in selected(pool.used, prepared.recording.series):
            for finding in _not_returned(prepared, pool, used):
                yield held_by_backlog(finding, overload)
        if pool.timeouts and pool.timeouts not in limits.max:
            for counter in selected(pool.timeouts, prepared.recording.series):
                yield from _gave_up(prepared, counter)


def pool_warnings(asked: RuleInput, findings: Sequence[Finding]) -> Iterator[str]:
    """Yield risks and waste; no advice on size is given for a pool with a finding that does not pass."""
    prepared = asked.prepared
    unsettled = {
        (finding.series, finding.labels)
        for finding in findings
        if finding.verdict is not Verdict.PASS
    }
    for pool in POOLS:
        for used in prepared.named(pool.used):
            own = pool_identity(pool, used.labels)
            of = f" of {', '.join(value for _, value in own)}" if own else ""
            maximum = _beside(prepared, pool, pool.maximum, own)
            most = maximum.last if maximum is not None else None
            taken = _judged(prepared, used)
            if len(taken) < _FEWEST:
                continue
            if most is not None and 0 < most < 2**31 - 1:
                yield from _pinned(prepared, pool, own, of, taken, most)
                peak = float(np.nanmax(used.values))
                settled = (used.name, used.labels) not in unsettled
                if settled and most >= _LARGE and peak < _HARDLY * most:
                    yield (
                        f"The connection pool{of} may hold {show_number(most)} connections, of which polls saw at most "
                        f"{show_number(peak)} in use: a smaller maximum protects the database"
                    )
            yield from _kept_for_ever(prepared, pool, own, of, taken)


def _not_returned(prepared: Prepared, pool: PoolNames, used: Series) -> Iterator[Finding]:
    """Yield pools with connections in use throughout the later half of the drain, beyond those taken for good.

    These were in use before the load, or just as many from its beginning on, in a pool that is far from
    used up: a connection that listens, or holds a leader's lock.
    """
    drain = next((phase for phase in prepared.recording.phases if phase.name == "drain"), None)
    if drain is None:
        return
    known = np.isfinite(used.values)
    times, values = used.times[known], used.values[known]
    late = values[(times >= 0.5 * (drain.start + drain.end)) & (times <= drain.end)]
    before = values[times < prepared.start]
    if len(late) < 3:
        return
    held, usual = float(late.min()), float(before.min()) if len(before) else 0.0
    third = prepared.judged_from + (prepared.end - prepared.judged_from) / 3
    early = values[(times >= prepared.judged_from) & (times <= third)]
    maximum = _beside(prepared, pool, pool.maximum, pool_identity(pool, used.labels))
    if (
        len(early)
        and early.min() == held
        and maximum is not None
        and held <= _FAR * (maximum.last or 0.0)
    ):
        usual = held
    if held > usual:
        many, they = (
            ("1 connection was", "it was")
            if held == 1
            else (f"{show_number(held)} connections were", "they were")
        )
        reason = f"{many} still in use when the load had ended: {they} never returned."
        yield Finding(
            RuleName.GROWTH,
            used.name,
            Verdict.FAIL,
            reason,
            used.labels,
            usual,
            held,
            "connections",
        )


def _gave_up(prepared: Prepared, counter: Series) -> Iterator[Finding]:
    _, values = known_between(counter, prepared.judged_from, prepared.end)
    grown = np.diff(values)
    total = (
        float(np.where(grown < 0, values[1:], grown).sum()) if counter.kind is Kind.COUNTER else 0.0
    )
    if total > 0:
        callers = show_count(round(total), "caller")
        reason = f"{callers} gave up waiting for a connection: the pool was exhausted."
        yield Finding(
            RuleName.MAX, counter.name, Verdict.FAIL, reason, counter.labels, 0.0, total, "callers"
        )


def _pinned(
    prepared: Prepared, pool: PoolNames, own: Labels, of: str, taken: Floats, most: float
) -> Iterator[str]:
    share = float((taken >= most).mean())
    if share < _PINNED:
        return
    waiting = next(
        (
            beside
            for name in (pool.waiting, pool.waits)
            if name and (beside := _beside(prepared, pool, name, own))
        ),
        None,
    )
    queue = _judged(prepared, waiting) if waiting is not None else taken[:0]
    waited = float((queue > 0).mean()) if len(queue) else 0.0
    waits = f", and callers waited in {show_ratio(waited)} of them" if waited else ""
    yield (
        f"The connection pool{of} was at its maximum of {show_number(most)} in {show_ratio(share)} of the samples{waits}: "
        "the pool, and not the service, may set the pace"
    )


def _kept_for_ever(
    prepared: Prepared, pool: PoolNames, own: Labels, of: str, taken: Floats
) -> Iterator[str]:
    idle = _beside(prepared, pool, pool.idle, own) if pool.idle else None
    if idle is None or prepared.judged_seconds < 2 * _LONG:
        return
    if any(went_on > prepared.end - _LONG for went_on in prepared.gap_ends):
        return  # the pool's use during the gap is unknown
    late = idle.values[(idle.times > prepared.end - _LONG) & np.isfinite(idle.values)]
    busy = taken[len(taken) // 2 :]
    if len(late) >= _FEWEST and late.min() >= _IDLE and late.min() >= float(busy.max()):
        yield (
            f"The connection pool{of} kept at least {show_number(float(late.min()))} connections idle: "
            "an idle timeout of some minutes would give them back"
        )


def _beside(prepared: Prepared, pool: PoolNames, selector: str, own: Labels) -> Series | None:
    """Return the series of the same pool that a selector matches and that has a value; None if there is none."""
    beside = (
        series for series in prepared.named(selector) if pool_identity(pool, series.labels) == own
    )
    return next((series for series in beside if np.isfinite(series.values).any()), None)


def _judged(prepared: Prepared, series: Series) -> Floats:
    return known_between(series, prepared.judged_from)[1]
