"""analysis.json: the analysis for programs, format_version 1, whose keys and order are fixed."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from soak.growth_views import PlaceTable
from soak.model import Analysis, EndpointSummary, Exemplar, Finding, PlantedLeak, Suspect
from soak.reporters import capacity, wording
from soak.traces import ServiceTime, TraceReport

FORMAT_VERSION = 1


def render(analysis: Analysis) -> str:
    """Render one JSON object, indented, in ASCII, with a newline at its end; a number that is not finite is null."""
    run = analysis.run
    layout = {
        "format_version": FORMAT_VERSION,
        "verdict": analysis.verdict.value,
        "reason": analysis.reason,
        "run": {
            "name": run.name,
            "started": run.started,
            "seconds": _number(run.seconds),
            "ended": run.ended.value,
            "failure": run.failure,
            "aborted_by": run.aborted.rule if run.aborted else None,
            "facts": dict(run.facts),
        },
        "broken": analysis.broken,
        "vouched_seconds": _number(analysis.vouched.seconds) if analysis.vouched else None,
        "vouched_by": analysis.vouched.by if analysis.vouched else None,
        "vouch_more_seconds": _number(analysis.vouched.more_seconds) if analysis.vouched else None,
        "more_seconds": _number(analysis.more_seconds),
        "findings": [_finding(finding) for finding in analysis.findings],
        "suspects": [suspect_fields(suspect) for suspect in analysis.suspects],
        "endpoints": [_endpoint(endpoint) for endpoint in analysis.endpoints],
        "groups": [
            {"kind": group.kind, **_endpoint(group.summary), "endpoints": list(group.endpoints)}
            for group in analysis.groups
        ],
        "warnings": list(analysis.warnings),
        "exemplars": [_exemplar(exemplar, analysis) for exemplar in analysis.exemplars],
        "traces": _traces(analysis.traces) if analysis.traces else None,
        "places": _places(analysis.places),
        "capacity": _numbers(capacity.tree(analysis.capacity)) if analysis.capacity else None,
    }
    return json.dumps(layout, indent=2, allow_nan=False) + "\n"


def _numbers(node: Any) -> Any:
    """Round all numbers of a tree with `_number`."""
    if isinstance(node, dict):
        return {key: _numbers(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_numbers(value) for value in node]
    return _number(node) if isinstance(node, float) else node


def _number(value: float | None) -> float | int | None:
    """Round to six significant figures, but keep whole numbers exact (1 MiB is 1048576); None if not finite."""
    if value is None or not math.isfinite(value):
        return None
    if float(value).is_integer() and abs(value) < 2**53:
        return int(value)
    return float(f"{value:.6g}")


def _planted(leak: PlantedLeak) -> dict[str, Any]:
    """Return the positive control of a finding's resolution."""
    return {
        "per_hour": _number(leak.per_hour),
        "promised_per_hour": _number(leak.promised_per_hour),
        "unit": leak.unit,
        "caught": leak.caught,
        "tries": leak.tries,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    """Return a finding with its trend's numbers, null if it has no trend."""
    trend = finding.trend
    return {
        "rule": finding.rule,
        "series": finding.series,
        "labels": dict(finding.labels),
        "verdict": finding.verdict.value,
        "reason": finding.reason,
        "limit": _number(finding.limit),
        "observed": _number(finding.observed),
        "unit": finding.unit,
        "slope_per_hour": _number(trend.slope_per_hour) if trend else None,
        "slope_low": _number(trend.slope_low) if trend else None,
        "slope_high": _number(trend.slope_high) if trend else None,
        "resolution_per_hour": _number(trend.resolution_per_hour) if trend else None,
        "settled_after_seconds": _number(trend.settled_after_seconds) if trend else None,
        "exhausts_in_hours": _number(finding.exhausts_in_hours),
        "vouched_seconds": _number(finding.vouched_seconds),
        "more_seconds": _number(finding.more_seconds),
        "planted": _planted(finding.planted) if finding.planted else None,
        "level": _number(trend.level) if trend else None,
        "doubt": trend.doubt if trend else None,
        "p_no_growth": _number(trend.p_no_growth) if trend else None,
        "adjustments": [
            {
                "by": adjustment.by,
                "from": adjustment.before.value,
                "to": adjustment.after.value,
                "why": adjustment.why,
            }
            for adjustment in finding.adjustments
        ],
    }


def suspect_fields(suspect: Suspect) -> dict[str, Any]:
    """Return a suspect; its class of leak has the key `class`, which is a reserved word in Python."""
    return {
        "class": suspect.leak_class,
        "confidence": _number(suspect.confidence),
        "where": suspect.where,
        "function": suspect.place.function,
        "file": suspect.place.file,
        "line": suspect.place.line,
        "endpoint": suspect.endpoint,
        "endpoints": list(suspect.endpoints or filter(None, (suspect.endpoint,))),
        "per_request": _number(suspect.per_request),
        "low": _number(suspect.low),
        "high": _number(suspect.high),
        "unit": suspect.unit,
        "per_hour": _number(suspect.per_hour.value),
        "per_hour_low": _number(suspect.per_hour.low),
        "per_hour_high": _number(suspect.per_hour.high),
        "evidence": list(suspect.evidence),
        "runner_up": suspect.runner_up,
        "remedy": suspect.remedy,
    }


def _places(table: PlaceTable | None) -> list[dict[str, Any]]:
    """Return what grows at each place, and what a request to each endpoint adds; empty if endpoints were not told apart."""
    if table is None:
        return []
    return [
        {
            "place": row.place,
            "unit": row.unit,
            "per_request": {
                name: _number(amount)
                for name, amount in zip(table.endpoints, row.amounts, strict=True)
                if amount
            },
        }
        for row in table.rows
    ]


def _endpoint(endpoint: EndpointSummary) -> dict[str, Any]:
    """Return counts, requests per second, and latencies in seconds, null if no request succeeded."""
    return {
        "name": endpoint.name,
        "requests": int(endpoint.requests),
        "failures": int(endpoint.failures),
        "rate": _number(endpoint.rate),
        "whole_requests": endpoint.whole_requests,
        "p50": _number(endpoint.p50),
        "p90": _number(endpoint.p90),
        "p95": _number(endpoint.p95),
        "p99": _number(endpoint.p99),
        "p999": _number(endpoint.p999),
        "max": _number(endpoint.max),
        "service_p99": _number(endpoint.service_p99),
        "p99_drift": _number(endpoint.drift),
    }


def _exemplar(exemplar: Exemplar, analysis: Analysis) -> dict[str, Any]:
    """Return a request with its links, and how its time divides if its trace was found."""
    times = analysis.traces.times_of(exemplar.trace) if analysis.traces else None
    return {
        "endpoint": exemplar.endpoint,
        "seconds": _number(exemplar.seconds),
        "failure": exemplar.failure or None,
        "status": exemplar.status or None,
        "trace_id": exemplar.trace or None,
        "time": _number(exemplar.time),
        "links": dict(wording.links(analysis, exemplar)),
        "times": _times(times.times) if times else [],
        "failed_in": times.failed_in or None if times else None,
    }


def _traces(report: TraceReport) -> dict[str, Any]:
    """Return the summary of all traces: the slowest requests' time by service, and how many calls have a span."""
    return {
        "asked": report.asked,
        "found": report.found,
        "slow": _times(report.slow),
        "coverage": [
            {
                "service": coverage.service or None,
                "calls": coverage.calls,
                "reported": coverage.reported,
                "called_by": list(coverage.callers),
                "before": list(coverage.before),
            }
            for coverage in report.coverage
        ],
    }


def _times(times: Sequence[ServiceTime]) -> list[dict[str, Any]]:
    """Return own seconds by service, longest first; the service is null for the time that no span covers."""
    return [
        {"service": time.service or None, "seconds": _number(time.seconds), "reports": time.reports}
        for time in times
    ]
