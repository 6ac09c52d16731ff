"""The charts: series of one kind together with their fits, thinned so that peaks remain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from soak.analysis.prepare.prepare import Prepared
from soak.analysis.request_charts import LATENCY, LOAD, request_charts
from soak.analysis.rules.gc_pressure import COLLECTIONS
from soak.analysis.stacked_charts import stacked_charts
from soak.analysis.thinning import thinned
from soak.catalog.metrics import ResourceKind, metric_of, unknown_metric
from soak.catalog.process import CPU_SECONDS
from soak.model import (
    Chart,
    Curve,
    Finding,
    Labels,
    Phase,
    PhaseName,
    RuleName,
    Series,
    Trend,
    Verdict,
    series_key,
)
from soak.units import capitalized, unit_of

#: Most curves of a chart: more cannot be distinguished, and each adds some 15 KB to a report that
#: should stay below 2 MB.
MOST_CURVES = 20
MEMORY, COUNTS = "Memory", "Descriptors, threads and other counts"
POOLS, COLLECTOR, GENERATOR = "Pools", "Garbage collection and CPU", "Load generator"
_GROUPS = {
    ResourceKind.MEMORY: MEMORY,
    ResourceKind.HEAP: MEMORY,
    ResourceKind.POOL: POOLS,
    ResourceKind.GC: COLLECTOR,
    ResourceKind.CPU: COLLECTOR,
}
#: Series of the load, with their chart's title, unit and heading.
_REQUESTS = {
    "http_requests_per_second": ("Requests", "requests/s", LOAD),
    "http_request_error_ratio": ("Failed requests", "ratio", LOAD),
    "soak_load_asked_per_second": ("Requests", "requests/s", LOAD),
    "load_users": ("Users and requests in flight", "users", LOAD),
    "soak_load_asked_users": ("Users and requests in flight", "users", LOAD),
    CPU_SECONDS: ("CPU", "cores", COLLECTOR),
    "soak_load_cpu_ratio": ("Load generator: CPU of its busiest process", "ratio", GENERATOR),
    "soak_load_lag_seconds": ("Load generator: event loop lag", "seconds", GENERATOR),
    "soak_load_late_ratio": ("Late arrivals", "ratio", GENERATOR),
    "soak_load_dropped_total": ("Dropped arrivals", "arrivals/s", GENERATOR),
}
#: Legends of the load generator's series.
_LEGENDS = {
    "soak_load_asked_per_second": "asked",
    "soak_load_asked_users": "users asked for",
    "soak_load_cpu_ratio": "busiest process",
    "load_users": "in flight",
    "soak_load_lag_seconds": "event loop lag",
    "soak_load_late_ratio": "sent late",
    "soak_load_dropped_total": "dropped",
}
#: Series that are not drawn if they are always 0.
_WHEN_ANY = ("soak_load_late_ratio", "soak_load_dropped_total")
_ORDER = [Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS, None]


def charts(prepared: Prepared, findings: tuple[Finding, ...]) -> tuple[Chart, ...]:
    """Return the charts: first of judged series, in the order of their findings, then of the load."""
    by_name: dict[str, list[Series]] = defaultdict(list)
    for series in prepared.drawn:
        by_name[series.name].append(series)
    # Restarts are moments, which every chart marks; a chart of a process's start time shows nothing
    # useful.
    judged = dict.fromkeys(f.series for f in findings if f.rule is not RuleName.RESTART)
    latencies = [finding for finding in findings if _is_latency(finding.series)]
    names = [
        name
        for name in judged
        if name in by_name and name not in _REQUESTS and not _is_latency(name)
    ]
    all_charts = [_chart(name, by_name[name], findings) for name in names]
    grouped: dict[tuple[str, str, str], list[Curve]] = defaultdict(list)
    for name, title in _REQUESTS.items():
        for series in by_name.get(name, ()):
            if name in _WHEN_ANY and not np.nansum(series.values):
                continue
            if title[0] != "Failed requests" or not series.labels:
                grouped[title].append(thinned(series, _short(name, series.labels), None))
    verdicts = {
        title: _worst(
            [f for f in findings if f.series in _REQUESTS and _REQUESTS[f.series] == title]
        )
        for title in grouped
    }
    drawn = [
        Chart(
            _counted(title, curves),
            unit,
            _largest(curves),
            verdicts[title, unit, group],
            group=group,
        )
        for (title, unit, group), curves in grouped.items()
    ]
    return (
        *all_charts,
        *stacked_charts(prepared, MEMORY),
        *drawn,
        *request_charts(prepared, _worst(latencies)),
    )


def _largest(curves: list[Curve]) -> tuple[Curve, ...]:
    """Return the curves with the highest means, in order, as many as a chart may have."""
    if len(curves) <= MOST_CURVES:
        return tuple(curves)
    means = [float(np.nanmean(curve.values)) if len(curve.values) else 0.0 for curve in curves]
    kept = set(sorted(range(len(curves)), key=lambda number: -means[number])[:MOST_CURVES])
    return tuple(curve for number, curve in enumerate(curves) if number in kept)


def _counted(title: str, curves: Sequence[object]) -> str:
    """Return the title, with a note if there are more curves than are drawn."""
    return (
        f"{title} (the {MOST_CURVES} largest of {len(curves):,})"
        if len(curves) > MOST_CURVES
        else title
    )


def _chart(name: str, drawn: list[Series], findings: tuple[Finding, ...]) -> Chart:
    own = [finding for finding in findings if finding.series == name]
    trends = {finding.labels: finding.trend for finding in own if finding.trend is not None}
    limit = next((finding.limit for finding in own if finding.rule is RuleName.MAX), None)
    # The chart is about the judged series of this name, so they determine its title and unit,
    # unless it shows several kinds that have a name together.
    labels = own[0].labels if own else drawn[0].labels
    kinds = {metric.noun for each in drawn if (metric := metric_of(name, each.labels)) is not None}
    together = metric_of(name) if len(kinds) > 1 else None
    role = together or metric_of(name, labels) or unknown_metric(name)
    title, unit = _rate_of(name, capitalized(role.noun), str(role.unit or unit_of(name)))
    group = _group(name)
    if any(finding.unit == COLLECTIONS for finding in own):
        title, unit, group = "Garbage collections", "per second", COLLECTOR
    if len(drawn) > MOST_CURVES:
        verdicts = {finding.labels: _ORDER.index(finding.verdict) for finding in reversed(own)}
        title += f" (the {MOST_CURVES} worst of {len(drawn):,})"
        drawn = sorted(drawn, key=lambda series: verdicts.get(series.labels, len(_ORDER)))[
            :MOST_CURVES
        ]
    drawn_trends = {labels: trend.once_settled() for labels, trend in trends.items()}
    curves = tuple(
        thinned(series, series_key(name, series.labels), drawn_trends.get(series.labels))
        for series in drawn
    )
    return Chart(title, unit, curves, _worst(own), limit, _warm_up(trends.values()), group)


def _rate_of(name: str, title: str, unit: str) -> tuple[str, str]:
    """Return title and unit as drawn: counters are drawn as rates, counters of time as a share of time."""
    if name.endswith("_count"):
        return f"{title}: how many a second", "per second"
    if name.endswith(("_seconds_sum", "_seconds_total")):
        return f"{title}: share of time", "ratio"
    return title, f"{unit}/s" if name.endswith("_total") and unit else unit


def _group(name: str) -> str:
    """Return the heading under which a judged series is drawn."""
    if name.startswith("http_request"):
        return LATENCY if name.endswith("_seconds") else LOAD
    metric = metric_of(name) or unknown_metric(name)
    return _GROUPS.get(metric.kind, MEMORY if metric.unit == "bytes" else COUNTS)


def _is_latency(name: str) -> bool:
    return name.startswith("http_request_p") and name.endswith("_seconds")


def _warm_up(trends: Iterable[Trend]) -> Phase | None:
    """Return the time from the first judged sample until the last series had settled; None if none took any time."""
    stretches = [trend.warm_up for trend in trends if trend.warm_up is not None]
    if not stretches:
        return None
    return Phase(
        PhaseName.WARMUP, min(start for start, _ in stretches), max(end for _, end in stretches)
    )


def _short(name: str, labels: Labels) -> str:
    """Return `asked`, `all`, or the endpoint's name."""
    if name in _LEGENDS:
        return _LEGENDS[name]
    return (
        dict(labels).get("endpoint", "all")
        if name.startswith("http_")
        else series_key(name, labels)
    )


def _worst(findings: list[Finding]) -> Verdict | None:
    return min((finding.verdict for finding in findings), key=_ORDER.index, default=None)
