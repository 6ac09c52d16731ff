"""Pools of connections: not returned, exhausted, pinned, oversized, never reclaimed.

What costs a request fails a run: a connection that is not returned when the load is over, a caller that gave up waiting;
and callers that wait ever more, by the growth rule. What is only a risk, or the wish of the one who set up the load, is a
warning: a pool at its maximum, one far larger than ever used, idle connections that are kept for ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from soak.analysis.prepare.prepare import Prepared
from soak.analysis.rules.rule import RuleInput
from soak.model import Finding, Floats, Kind, Labels, RuleName, Series, Verdict
from soak.units import show_number, show_ratio

#: A pool is pinned when it is at its maximum in this share of the samples.
_PINNED = 0.95
#: A maximum of at least this many, of which less than this share was ever used, is too large.
_LARGE, _HARDLY = 20, 0.25
#: Idle connections are kept for ever when at least this many, and half of all, were idle for this long (seconds).
_IDLE, _LONG = 10, 900.0
#: Fewer samples than this say nothing.
_FEWEST = 10


@dataclass(frozen=True, slots=True)
class Pool:
    """How one library names what it tells of its pools: gauges, and two counters; a name may hold `{state=used}`."""

    used: str
    maximum: str
    idle: str = ""
    waiting: str = ""
    waits: str = ""
    timeouts: str = ""
    opened: str = ""  # idle and in use together, where idle ones are not told


POOLS: tuple[Pool, ...] = (
    Pool(
        "go_sql_in_use_connections",
        "go_sql_max_open_connections",
        "go_sql_idle_connections",
        "",
        "go_sql_wait_count_total",
    ),
    Pool(
        "hikaricp_connections_active",
        "hikaricp_connections_max",
        "hikaricp_connections_idle",
        "hikaricp_connections_pending",
        "",
        "hikaricp_connections_timeout_total",
    ),
    Pool(
        "hikaricp_active_connections",
        "hikaricp_max_connections",
        "hikaricp_idle_connections",
        "hikaricp_pending_threads",
        "",
        "hikaricp_connection_timeout_total",
    ),
    Pool("jdbc_connections_active", "jdbc_connections_max", "jdbc_connections_idle"),
    Pool(
        "r2dbc_pool_acquired_connections",
        "r2dbc_pool_max_allocated_connections",
        "r2dbc_pool_idle_connections",
        "r2dbc_pool_pending_connections",
    ),
    Pool(
        "db_client_connections_usage{state=used}",
        "db_client_connections_max",
        "db_client_connections_usage{state=idle}",
        "db_client_connections_pending_requests",
        "",
        "db_client_connections_timeouts_total",
    ),
    Pool(
        "db_pool_connections_in_use",
        "db_pool_connections_max",
        "db_pool_connections_idle",
        "db_pool_connections_waiting",
        opened="db_pool_connections_open",
    ),
    Pool("sqlalchemy_pool_checked_out", "sqlalchemy_pool_max", "sqlalchemy_pool_checked_in", "sqlalchemy_pool_waiting"),
)


def pool_findings(asked: RuleInput) -> Iterator[Finding]:
    """Connections that did not come back after the load, and callers that gave up waiting; only what is wrong."""
    prepared, limits = asked.prepared, asked.limits
    for pool in POOLS:
        for used in _series(prepared.recording.series, pool.used):
            yield from _not_returned(prepared, used)
        if pool.timeouts and pool.timeouts not in limits.max:
            for counter in _series(prepared.recording.series, pool.timeouts):
                yield from _gave_up(prepared, counter)


def pool_warnings(asked: RuleInput, findings: Sequence[Finding]) -> Iterator[str]:
    """Risks and waste that are no failure; sizing advice is skipped for pools with a finding that does not pass."""
    prepared = asked.prepared
    unsettled = {(one.series, one.labels) for one in findings if one.verdict is not Verdict.PASS}
    for pool in POOLS:
        for used in _series(prepared.series, pool.used):
            own = _without_state(used.labels)
            of = f" of {', '.join(value for _, value in own)}" if own else ""
            maximum = _beside(prepared, pool.maximum, own)
            most = float(maximum.values[np.isfinite(maximum.values)][-1]) if maximum is not None else 0.0
            taken = _judged(prepared, used)
            if len(taken) < _FEWEST:
                continue
            if maximum is not None and 0 < most < 2**31 - 1:
                yield from _pinned(prepared, pool, own, of, taken, most)
                peak = float(np.nanmax(used.values))
                settled = (used.name, used.labels) not in unsettled
                if settled and most >= _LARGE and peak < _HARDLY * most:
                    yield (
                        f"The connection pool{of} may hold {show_number(most)} connections and never used more than "
                        f"{show_number(peak)}: a smaller maximum protects the database"
                    )
            yield from _kept_for_ever(prepared, pool, own, of, taken)


def _not_returned(prepared: Prepared, used: Series) -> Iterator[Finding]:
    """Held throughout the later half of the drain, when nobody asks for anything, and not before the load."""
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
    if held > usual:
        many, they = (
            ("1 connection was", "it was") if held == 1 else (f"{show_number(held)} connections were", "they were")
        )
        reason = f"{many} still in use when the load had ended: {they} never returned."
        yield Finding(RuleName.GROWTH, used.name, Verdict.FAIL, reason, used.labels, usual, held, "connections")


def _gave_up(prepared: Prepared, counter: Series) -> Iterator[Finding]:
    inside = (counter.times >= prepared.judged_from) & (counter.times <= prepared.end) & np.isfinite(counter.values)
    values = counter.values[inside]
    if len(values) < 2:
        return
    grown = np.diff(values)
    total = float(np.where(grown < 0, values[1:], grown).sum()) if counter.kind is Kind.COUNTER else 0.0
    if total > 0:
        callers = "1 caller" if total == 1 else f"{show_number(total)} callers"
        reason = f"{callers} gave up waiting for a connection: the pool was exhausted."
        yield Finding(RuleName.MAX, counter.name, Verdict.FAIL, reason, counter.labels, 0.0, total, "callers")


def _pinned(prepared: Prepared, pool: Pool, own: Labels, of: str, taken: Floats, most: float) -> Iterator[str]:
    share = float((taken >= most).mean())
    if share < _PINNED:
        return
    waiting = next((one for name in (pool.waiting, pool.waits) if name and (one := _beside(prepared, name, own))), None)
    queue = _judged(prepared, waiting) if waiting is not None else taken[:0]
    waited = float((queue > 0).mean()) if len(queue) else 0.0
    said = f", and callers waited in {show_ratio(waited)} of them" if waited else ""
    yield (
        f"The connection pool{of} was at its maximum of {show_number(most)} in {show_ratio(share)} of the samples{said}: "
        "the pool, and not the service, may set the pace"
    )


def _kept_for_ever(prepared: Prepared, pool: Pool, own: Labels, of: str, taken: Floats) -> Iterator[str]:
    idle = _beside(prepared, pool.idle, own) if pool.idle else None
    if idle is None or prepared.end - prepared.judged_from < 2 * _LONG:
        return
    late = idle.values[(idle.times > prepared.end - _LONG) & np.isfinite(idle.values)]
    busy = taken[len(taken) // 2 :]
    if len(late) >= _FEWEST and late.min() >= _IDLE and late.min() >= float(busy.max()):
        yield (
            f"The connection pool{of} kept at least {show_number(float(late.min()))} connections idle: "
            "an idle timeout of some minutes would give them back"
        )


def _series(found: tuple[Series, ...], selector: str) -> list[Series]:
    """The series of a name, or of a name and a label."""
    name, _, state = selector.partition("{")
    key, _, value = state.rstrip("}").partition("=")
    return [one for one in found if one.name == name and (not state or (key, value) in one.labels)]


def _beside(prepared: Prepared, selector: str, own: Labels) -> Series | None:
    """The series of the same pool, with some value."""
    found = (one for one in _series(prepared.series, selector) if _without_state(one.labels) == own)
    return next((one for one in found if np.isfinite(one.values).any()), None)


def _without_state(labels: Labels) -> Labels:
    return tuple((key, value) for key, value in labels if key != "state")


def _judged(prepared: Prepared, series: Series) -> Floats:
    return series.values[(series.times >= prepared.judged_from) & np.isfinite(series.values)]
