"""The state of a run as Prometheus metrics: load, growth so far, verdict and horizon, sampler and load generator.

Values are read at each request, from counts in constant memory and from the last judgement.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from soak import __version__
from soak.latency import GROWTH, LOWEST, Histogram
from soak.live.judge import Judgement
from soak.live.lines import growth_findings
from soak.live.progress import Live, Totals
from soak.model import Finding, Verdict, series_key

#: Upper bounds of the latency buckets, 0.24 ms to 65 s: every 18th of soak's own buckets, each
#: twice the previous.
STEP = 18
BOUNDS = tuple(range(143, 143 + 19 * STEP, STEP))
SECONDS_PER_HOUR = 3600.0


class RunCollector:
    """A collector for prometheus-client; `latest` returns the last judgement, None before the first."""

    def __init__(self, name: str, live: Live, latest: Callable[[], Judgement | None]) -> None:
        self._name, self._live, self._latest = name, live, latest

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics with their current values."""
        totals, judgement = self._live.totals(), self._latest()
        yield InfoMetricFamily(
            "soak_run",
            "The run that is under way.",
            value={"name": self._name, "version": __version__},
        )
        yield _gauge(
            "soak_run_elapsed_seconds", "Seconds since the load began.", self._live.elapsed
        )
        yield from _load(totals)
        yield from _sampler(totals)
        yield from _generator(totals)
        yield from _judgement(judgement)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)


def _load(totals: Totals) -> Iterator[Metric]:
    """Yield the requests by endpoint since the start."""
    yield _gauge(
        "soak_load_users",
        "Users or requests in flight at the end of the last window.",
        totals.users,
    )
    requests = CounterMetricFamily("soak_load_requests", "Requests made.", labels=["endpoint"])
    failures = CounterMetricFamily(
        "soak_load_request_failures", "Requests that failed.", labels=["endpoint", "reason"]
    )
    received = CounterMetricFamily(
        "soak_load_received_bytes", "Bytes of answers.", labels=["endpoint"]
    )
    late = CounterMetricFamily(
        "soak_load_late_arrivals", "Requests that were sent late.", labels=["endpoint"]
    )
    dropped = CounterMetricFamily(
        "soak_load_dropped_arrivals", "Requests that were never sent.", labels=["endpoint"]
    )
    latency = HistogramMetricFamily(
        "soak_load_request_duration_seconds",
        "Latency of successful requests; in the open model from when a request should have been sent.",
        labels=["endpoint"],
    )
    for name, counts in sorted(totals.endpoints.items()):
        requests.add_metric([name], counts.requests)
        received.add_metric([name], counts.bytes)
        late.add_metric([name], counts.late)
        dropped.add_metric([name], counts.dropped)
        latency.add_metric([name], _buckets(counts.latency), counts.latency_sum)
        for kind, count in sorted(counts.failures.items()):
            failures.add_metric([name, kind], count)
    yield from (requests, failures, received, late, dropped, latency)


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    """Return cumulative counts at the bounds, which coincide with bounds of soak's own buckets, so they are exact."""
    rest = sorted(histogram.counts.items())
    cumulative, index, lines = 0, 0, []
    for bound in BOUNDS:
        while index < len(rest) and rest[index][0] <= bound:
            cumulative += rest[index][1]
            index += 1
        lines.append((f"{LOWEST * GROWTH**bound:.6g}", float(cumulative)))
    return [*lines, ("+Inf", float(histogram.total()))]


def _sampler(totals: Totals) -> Iterator[Metric]:
    """Yield how well the sources are sampled."""
    scrapes = CounterMetricFamily("soak_sampler_scrapes", "Scrapes of a source.", labels=["source"])
    failed = CounterMetricFamily(
        "soak_sampler_scrape_failures", "Scrapes that gave nothing.", labels=["source"]
    )
    late = GaugeMetricFamily(
        "soak_sampler_scrape_lateness_seconds",
        "How late the last scrape of a source began.",
        labels=["source"],
    )
    for name, counts in sorted(totals.sources.items()):
        scrapes.add_metric([name], counts.scrapes)
        failed.add_metric([name], counts.failed)
        late.add_metric([name], counts.late)
    yield from (scrapes, failed, late)


def _generator(totals: Totals) -> Iterator[Metric]:
    """Yield the state of the load generator."""
    health = totals.generator
    yield _gauge(
        "soak_generator_cpu_ratio",
        "Share of a core that the busiest load process used in the last window.",
        health.cpu_ratio if health else math.nan,
    )
    yield _gauge(
        "soak_generator_lag_seconds",
        "How late a timer of the slowest load process fired at worst in the last window.",
        health.lag if health else math.nan,
    )
    yield _gauge(
        "soak_generator_memory_bytes",
        "Resident memory of the load processes.",
        health.memory if health else math.nan,
    )


def _judgement(judgement: Judgement | None) -> Iterator[Metric]:
    """Yield the results of the last judgement."""
    analysis = judgement.analysis if judgement else None
    spent = judgement.cpu_seconds if judgement else 0.0
    yield _gauge("soak_judging_cpu_seconds", "CPU time that the judging process has spent.", spent)
    verdict = GaugeMetricFamily(
        "soak_verdict", "1 for the verdict that the run would get now.", labels=["verdict"]
    )
    for possible in Verdict:
        verdict.add_metric(
            [possible.value], float(analysis is not None and analysis.verdict is possible)
        )
    yield verdict
    judged = analysis.run.seconds if analysis else 0.0
    yield _gauge("soak_judged_run_seconds", "How much of the run the last judgement saw.", judged)
    vouched = analysis.vouched.seconds if analysis and analysis.vouched else 0.0
    yield _gauge(
        "soak_vouched_seconds",
        "For how long the run would vouch now; 0 for what is no pass.",
        vouched,
    )
    yield from _growth(growth_findings(analysis) if analysis else ())


def _growth(findings: Sequence[Finding]) -> Iterator[Metric]:
    """Yield growth per second of each resource with its 95% interval, its verdict, and its horizon."""
    labels = ["series"]
    growth = GaugeMetricFamily(
        "soak_series_growth_per_second", "Growth so far, in the series' unit.", labels=labels
    )
    low = GaugeMetricFamily(
        "soak_series_growth_low_per_second", "Lower end of its 95% interval.", labels=labels
    )
    high = GaugeMetricFamily(
        "soak_series_growth_high_per_second", "Upper end of its 95% interval.", labels=labels
    )
    verdict = GaugeMetricFamily(
        "soak_series_verdict",
        "1 for the verdict that the resource would get now.",
        labels=["series", "verdict"],
    )
    vouched = GaugeMetricFamily(
        "soak_series_vouched_seconds", "How long the resource would surely last.", labels=labels
    )
    for finding in findings:
        key = series_key(finding.series, finding.labels)
        verdict.add_metric([key, finding.verdict.value], 1.0)
        if finding.vouched_seconds is not None:
            vouched.add_metric([key], finding.vouched_seconds)
        if finding.trend is not None:
            growth.add_metric([key], finding.trend.slope_per_hour / SECONDS_PER_HOUR)
            low.add_metric([key], finding.trend.slope_low / SECONDS_PER_HOUR)
            high.add_metric([key], finding.trend.slope_high / SECONDS_PER_HOUR)
    yield from (growth, low, high, verdict, vouched)
