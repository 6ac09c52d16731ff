"""One run as the history keeps it, read from analysis.json: verdict, measured values, and the findings that pooling needs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from soak.catalog.metrics import metric_of, unknown_metric
from soak.model import (
    Adjustment,
    Analysis,
    Ending,
    Finding,
    Labels,
    RuleName,
    RunInfo,
    Trend,
    Verdict,
    label_pairs,
    series_key,
)

#: The version of analysis.json that is read.
FORMAT_VERSION = 1
#: Latency percentiles of an endpoint that the history follows, in seconds.
_LATENCIES = ("p50", "p99")


@dataclass(frozen=True, slots=True)
class HistoryMetric:
    """One line of the history: what it measures, its unit, and which way is worse (1 up, -1 down, 0 neither)."""

    key: str
    title: str
    unit: str
    worse: int


@dataclass(frozen=True, slots=True)
class Profiled:
    """What a night's profile says: the key of runs it can be pooled with, its horizons, and its warm-up, in seconds."""

    pooling_key: str
    survive: float
    vouch: float | None
    warmup: float


@dataclass(frozen=True)
class Night:
    """One run.

    `values` maps a metric's key to its value. `findings` are those about growth and those that did
    not pass. `judged` is the length of the judged stretch in seconds. `usable` is true if the run
    may be compared: it ran to its end and did not break.
    """

    directory: str
    name: str
    started: float
    seconds: float
    ended: Ending
    verdict: Verdict
    reason: str
    commit: str
    usable: bool
    vouched: float | None
    judged: float
    profiled: Profiled
    values: Mapping[str, float]
    metrics: tuple[HistoryMetric, ...]
    findings: tuple[Finding, ...]

    @property
    def date(self) -> str:
        """The start in UTC, such as `2026-11-28 22:00`."""
        return datetime.fromtimestamp(self.started, UTC).strftime("%Y-%m-%d %H:%M")

    def analysis(self) -> Analysis:
        """Return the part of the night's analysis that pooling needs."""
        run = RunInfo(
            self.name,
            datetime.fromtimestamp(self.started, UTC).isoformat(),
            self.seconds,
            self.ended,
        )
        return Analysis(run, self.verdict, self.reason, self.findings)


def read_night(directory: str, analysis: Mapping[str, Any], profiled: Profiled) -> Night:
    """Build a night from its analysis.json; raise ValueError with a readable reason if its version differs or it is damaged."""
    version = analysis.get("format_version")
    if version != FORMAT_VERSION:
        raise ValueError(f"format_version {version}, and this soak reads {FORMAT_VERSION}")
    try:
        return _night(directory, analysis, profiled)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"damaged: {type(error).__name__}: {error}") from None


def _night(directory: str, analysis: Mapping[str, Any], profiled: Profiled) -> Night:
    run = analysis["run"]
    ended = Ending(run["ended"])
    findings = tuple(_finding(entry) for entry in analysis["findings"])
    measured = [*_resources(findings), *_endpoints(analysis["endpoints"])]
    vouched = analysis.get("vouched_seconds")
    if vouched is not None:
        measured.append((HistoryMetric("vouched", "vouches for", "seconds", 0), vouched))
    broken = run.get("failure") or analysis.get("broken")
    return Night(
        directory,
        str(run["name"]),
        datetime.fromisoformat(run["started"]).timestamp(),
        float(run["seconds"]),
        ended,
        Verdict(analysis["verdict"]),
        str(analysis["reason"]),
        str((run.get("facts") or {}).get("commit", "")),
        not broken and ended in (Ending.COMPLETED, Ending.EARLY),
        vouched,
        max(0.0, float(run["seconds"]) - profiled.warmup),
        profiled,
        {
            metric.key: value
            for metric, value in measured
            if value is not None and math.isfinite(value)
        },
        tuple(metric for metric, _ in measured),
        tuple(
            finding
            for finding in findings
            if finding.rule is RuleName.GROWTH or finding.verdict is not Verdict.PASS
        ),
    )


def _finding(entry: Mapping[str, Any]) -> Finding:
    trend = None
    if entry["slope_per_hour"] is not None:
        low, high = entry["slope_low"], entry["slope_high"]
        trend = Trend(
            entry["slope_per_hour"],
            -math.inf if low is None else low,
            math.inf if high is None else high,
            _or(entry["resolution_per_hour"], math.inf),
            entry["settled_after_seconds"],
            _or(entry.get("level"), math.nan),
            entry.get("doubt"),
            p_no_growth=_or(entry.get("p_no_growth"), 0.0),
        )
    return Finding(
        RuleName(entry["rule"]),
        entry["series"],
        Verdict(entry["verdict"]),
        entry["reason"],
        label_pairs(entry["labels"]),
        unit=entry["unit"],
        trend=trend,
        adjustments=tuple(
            Adjustment(step["by"], Verdict(step["from"]), Verdict(step["to"]), step["why"])
            for step in entry.get("adjustments", ())
        ),
        vouched_seconds=entry.get("vouched_seconds"),
    )


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def _resources(findings: Sequence[Finding]) -> Iterator[tuple[HistoryMetric, float | None]]:
    """Yield the level and the growth of each judged resource."""
    for finding in findings:
        if finding.rule is RuleName.GROWTH and finding.trend is not None:
            level, growth = _metrics_of(finding.series, finding.labels, finding.unit)
            yield level, finding.trend.level
            yield growth, finding.trend.slope_per_hour


@cache
def _metrics_of(series: str, labels: Labels, unit: str) -> tuple[HistoryMetric, HistoryMetric]:
    """Return the metrics for the level and the growth of a series; they are the same every night."""
    key = series_key(series, labels)
    noun = (metric_of(series, labels) or unknown_metric(series)).noun
    title = f"{noun} {series_key('', labels)}" if labels else noun
    return (
        HistoryMetric(f"level {key}", title, unit.removesuffix("/h"), 1),
        HistoryMetric(f"growth {key}", f"growth of {title}", unit, 1),
    )


def _endpoints(
    endpoints: Sequence[Mapping[str, Any]],
) -> Iterator[tuple[HistoryMetric, float | None]]:
    """Yield latencies, errors and throughput of each endpoint."""
    for endpoint in endpoints:
        name, requests = endpoint["name"], endpoint["requests"]
        for quantile in _LATENCIES:
            yield (
                HistoryMetric(f"{quantile} {name}", f"{quantile} of {name}", "seconds", 1),
                endpoint[quantile],
            )
        errors = endpoint["failures"] / requests if requests else None
        yield HistoryMetric(f"errors {name}", f"errors of {name}", "ratio", 1), errors
        yield HistoryMetric(f"rate {name}", f"requests/s of {name}", "", -1), endpoint["rate"]
