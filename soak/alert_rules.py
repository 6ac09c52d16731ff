"""Write a profile's limits as Prometheus alert rules, to watch in production what soak judges in a test.

Prometheus has no verdict: a rule tests a threshold or a straight line. Each alert's description
says what that means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from soak.analysis.rules.gc_pressure import CYCLES, LIVE, PAUSE
from soak.catalog.metrics import FAMILIES, selector
from soak.catalog.process import START_TIME
from soak.catalog.row_types import Collector, Family, Metric, PoolNames, ResourceKind, Worse
from soak.profile import Profile
from soak.selectors import Matcher
from soak.units import show_amount, show_duration, show_ratio, unit_of

#: Range over which the line is fitted, and how long the condition must hold: several collections
#: and a busy hour.
LOOK_BACK, HOLD = "6h", "1h"
#: Growth over the horizon that matters if no capacity is known: by half, as in soak's own rule.
BY_HALF = 1.5
#: Shares of a capacity, and of a pool's maximum, above which it counts as nearly full.
NEARLY_FULL, POOL_NEARLY_FULL = 0.9, 0.9
WEAKNESS = (
    "predict_linear draws one straight line through 6 h: a warm-up, a deployment or a daily rise looks like a leak to it, and "
    "a slow leak under a sawtooth may be missed. Judge a longer stretch with `soak analyze` before you act."
)


@dataclass(frozen=True, slots=True)
class AlertRule:
    """One alert: a PromQL expression over a series, how long it must hold, and what it means."""

    name: str
    series: str
    expression: str
    hold: str
    summary: str
    description: str
    severity: str = "warning"


def alert_rules(profile: Profile, matchers: str = "") -> dict[str, Any]:
    """Return groups of rules in Prometheus' format; `matchers` are label matchers added to every series."""
    where = Where(matchers)
    groups = {
        "limits": [*_growth_limits(profile, where), *_maxima(profile, where)],
        "restarts": list(_restarts(where)),
        **{_slug(family.name): list(_of_family(family, profile, where)) for family in FAMILIES},
    }
    slug, seen = _slug(profile.name), set[tuple[str, str]]()
    written = []
    for name, rules in groups.items():
        own = {
            (rule.name, rule.series): rule for rule in rules if (rule.name, rule.series) not in seen
        }
        seen |= own.keys()  # two libraries may name the same series
        if own:
            entries = [_entry(rule, profile.name) for rule in own.values()]
            written.append({"name": f"soak-{slug}-{name}", "rules": entries})
    return {"groups": written}


@dataclass(frozen=True, slots=True)
class Where:
    """The label matchers to add to every series, as PromQL text."""

    matchers: str

    def __call__(self, text: str) -> str:
        """Return a selector as PromQL, with these matchers added."""
        parsed = selector(text)
        inner = [
            *(_matcher(matcher) for matcher in parsed.matchers),
            *([self.matchers] if self.matchers else []),
        ]
        return f"{parsed.name}{{{', '.join(inner)}}}" if inner else parsed.name


def _matcher(matcher: Matcher) -> str:
    value = matcher.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{matcher.label}{matcher.operator}"{value}"'


def _entry(rule: AlertRule, profile: str) -> dict[str, Any]:
    return {
        "alert": rule.name,
        "expr": rule.expression,
        "for": rule.hold,
        "labels": {"severity": rule.severity, "soak_profile": profile, "series": rule.series},
        "annotations": {"summary": rule.summary, "description": rule.description},
    }


def _growth_limits(profile: Profile, where: Where) -> Iterator[AlertRule]:
    """Yield the rules for `limits.growth`, each a straight line over 6 h."""
    for name, limit in profile.limits.growth.items():
        if not selector(name).exact:
            continue
        amount = show_amount(limit, f"{unit_of(name)}/h")
        yield AlertRule(
            "SoakGrowthLimit",
            name,
            f"deriv({where(name)}[{LOOK_BACK}]) * 3600 > {limit:.12g}",
            HOLD,
            f"{name} grows by more than {amount}",
            f"The profile allows {amount}; it grew by {{{{ $value | humanize }}}} an hour over {LOOK_BACK}. {WEAKNESS}",
        )


def _maxima(profile: Profile, where: Where) -> Iterator[AlertRule]:
    """Yield the rules for `limits.max`."""
    for name, limit in profile.limits.max.items():
        if not selector(name).exact:
            continue
        amount = show_amount(limit, unit_of(name))
        yield AlertRule(
            "SoakMaximum",
            name,
            f"{where(name)} > {limit:.12g}",
            "5m",
            f"{name} is above {amount}",
            f"The profile allows {amount}; it is {{{{ $value | humanize }}}}.",
        )


def _restarts(where: Where) -> Iterator[AlertRule]:
    """Yield the rules that detect a replaced process, whatever replaced it."""
    for name, function in (
        (START_TIME, "changes"),
        ("kube_pod_container_status_restarts_total", "increase"),
    ):
        yield AlertRule(
            "SoakRestart",
            name,
            f"{function}({where(name)}[15m]) > 0",
            "0m",
            "a process was restarted",
            "A restart frees whatever had leaked, and hides it. A deployment looks alike: compare with its time.",
        )


def _of_family(family: Family, profile: Profile, where: Where) -> Iterator[AlertRule]:
    """Yield the rules of one runtime, library or exporter; if its series are absent, they never fire."""
    known = {metric.selector for other in FAMILIES for metric in other.metrics}
    for metric in _watched(family):
        capacities = [
            capacity
            for capacity in metric.capacities
            if capacity in known and capacity not in profile.limits.max
        ]
        yield from _exhaustion(metric, _nearest(metric, capacities), profile, where)
    for pool in family.pools:
        yield from _pool(pool, where)
    for collector in family.collectors:
        yield from _collector(collector, profile, where)


def _watched(family: Family) -> Iterator[Metric]:
    """Yield the resources that soak judges by default and whose name is exact: a glob may match duplicates in PromQL."""
    for metric in family.metrics:
        if (
            metric.judged
            and metric.worse is Worse.UP
            and selector(metric.selector).exact
            and not metric.unless
        ):
            if metric.kind in (
                ResourceKind.GC,
                ResourceKind.CPU,
                ResourceKind.LIMIT,
                ResourceKind.QUEUE,
            ):
                continue
            yield metric


def _nearest(metric: Metric, capacities: list[str]) -> str:
    """Return the capacity with the longest common prefix with the metric, empty if none shares the first word."""

    def common(name: str) -> int:
        pairs = zip(selector(name).name, selector(metric.selector).name, strict=False)
        return next((index for index, (a, b) in enumerate(pairs) if a != b), len(name))

    best = max(capacities, key=common, default="")
    return best if best and common(best) >= len(selector(best).name.split("_")[0]) else ""


def _exhaustion(
    metric: Metric, capacity: str, profile: Profile, where: Where
) -> Iterator[AlertRule]:
    horizon = profile.limits.survive.for_
    series, until = where(metric.selector), show_duration(horizon)
    line = f"predict_linear({series}[{LOOK_BACK}], {horizon:.12g})"
    if capacity:
        ignored = _ignoring(metric.selector, capacity)
        yield AlertRule(
            "SoakRunsOut",
            metric.selector,
            f"{line} >{ignored} ({where(capacity)} > 0)",
            HOLD,
            f"{metric.noun} would reach its limit within {until}",
            f"At the growth of the last {LOOK_BACK}, {selector(metric.selector).name} reaches "
            f"{selector(capacity).name}. {WEAKNESS}",
        )
        yield AlertRule(
            "SoakNearlyFull",
            metric.selector,
            f"{series} /{ignored} ({where(capacity)} > 0) > {NEARLY_FULL}",
            "10m",
            f"{metric.noun} is above {show_ratio(NEARLY_FULL)} of its limit",
            f"It is {{{{ $value | humanizePercentage }}}} of {selector(capacity).name}.",
            "critical",
        )
    yield AlertRule(
        "SoakGrowth",
        metric.selector,
        f"{line} > {BY_HALF} * {series} and deriv({series}[{LOOK_BACK}]) > 0",
        HOLD,
        f"{metric.noun} would grow by half within {until}",
        f"At the growth of the last {LOOK_BACK} it would be {{{{ $value | humanize }}}} by then. {WEAKNESS}",
    )


def _pool(pool: PoolNames, where: Where) -> Iterator[AlertRule]:
    name = selector(pool.used).name
    if pool.maximum and selector(pool.used).exact and selector(pool.maximum).exact:
        yield AlertRule(
            "SoakPoolNearlyFull",
            pool.used,
            f"{where(pool.used)} /{_ignoring(pool.used, pool.maximum)} ({where(pool.maximum)} > 0) > {POOL_NEARLY_FULL}",
            "5m",
            f"more than {show_ratio(POOL_NEARLY_FULL)} of a pool's {pool.unit} are in use",
            f"{name} is {{{{ $value | humanizePercentage }}}} of {selector(pool.maximum).name}: who comes next will wait.",
        )
    if pool.waiting and selector(pool.waiting).exact:
        yield AlertRule(
            "SoakPoolWaiting",
            pool.waiting,
            f"min_over_time({where(pool.waiting)}[5m]) > 0",
            "5m",
            "callers wait for a pool",
            "For 5 minutes there was always somebody waiting: the pool is too small, or what it lends is not given back.",
        )
    if pool.timeouts and selector(pool.timeouts).exact:
        yield AlertRule(
            "SoakPoolTimeouts",
            pool.timeouts,
            f"increase({where(pool.timeouts)}[15m]) > 0",
            "0m",
            "callers gave up waiting for a pool",
            "{{ $value | humanize }} in 15 minutes.",
            "critical",
        )


def _collector(collector: Collector, profile: Profile, where: Where) -> Iterator[AlertRule]:
    """Yield the rules on pauses, on collections, and on the live share of the memory taken."""
    limits = profile.limits.gc
    pause, cycles = limits.pause or PAUSE, limits.cycles or CYCLES
    live = limits.live or LIVE
    if _all_exact(collector.longest):
        yield AlertRule(
            "SoakGcPause",
            collector.longest,
            f"{where(collector.longest)} > {pause:.12g}",
            "5m",
            f"the garbage collector pauses for more than {show_duration(pause)}",
            "Every request that was under way then waited as long.",
        )
    elif _all_exact(collector.pauses, collector.paused):
        ignored = _ignoring(collector.pauses, collector.paused)
        yield AlertRule(
            "SoakGcPause",
            collector.pauses,
            f"rate({where(collector.pauses)}[5m]) /{ignored} (rate({where(collector.paused)}[5m]) > 0) > {pause:.12g}",
            "5m",
            f"the garbage collector pauses for more than {show_duration(pause)}, on average",
            "Longest pauses are longer than the average that this runtime tells.",
        )
    for counted in filter(_all_exact, collector.collections[:1]):
        yield AlertRule(
            "SoakGcCycles",
            counted,
            f"sum without (gc, cause, action) (rate({where(counted)}[5m])) > {cycles:.12g}",
            "15m",
            f"more than {show_amount(60 * cycles, 'collections')} a minute",
            "The collector works hard: too little room, or too much garbage.",
        )
    alive = collector.live or collector.heap
    if _all_exact(alive, collector.taken):
        yield AlertRule(
            "SoakLiveShare",
            alive,
            f"{where(alive)} /{_ignoring(alive, collector.taken)} ({where(collector.taken)} > 0) > {live:.12g}",
            "15m",
            f"more than {show_ratio(live)} of the memory that the runtime took is in use",
            f"{selector(alive).name} is {{{{ $value | humanizePercentage }}}} of {selector(collector.taken).name}.",
        )


def _all_exact(*texts: str) -> bool:
    return all(text and selector(text).exact for text in texts)


def _ignoring(*selectors: str) -> str:
    """Return ` ignoring (labels)` for the labels in the selectors, which differ between the two sides; empty without any."""
    labels = sorted({matcher.label for text in selectors for matcher in selector(text).matchers})
    return f" ignoring ({', '.join(labels)})" if labels else ""


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
