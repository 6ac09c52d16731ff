"""Send a run's metrics to an OpenTelemetry collector during the run: the same ones that `--metrics` serves.

They are read from the same collector and exported with OpenTelemetry's own OTLP exporter (protobuf
over HTTP), which reads OTEL_EXPORTER_OTLP_HEADERS, OTEL_RESOURCE_ATTRIBUTES and the like. A failed
export does not affect the run.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.metrics.export import Metric as Exported
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client.core import Metric
from prometheus_client.samples import Sample

from soak import __version__
from soak.errors import UsageError, without_url_secrets
from soak.live.prometheus_metrics import RunCollector
from soak.units import show_count

#: Seconds between two exports: four points per minute, as usual in dashboards.
EVERY = 15.0
#: Timeout of one export in seconds, including retries; the last export delays the end of a run by
#: at most as much.
TIMEOUT = 5.0
#: The standard path for metrics, used if the endpoint has no path of its own.
PATH = "/v1/metrics"
#: OpenTelemetry units by suffix of Prometheus names.
UNITS = (("_per_second", ""), ("_seconds", "s"), ("_bytes", "By"), ("_ratio", "1"))


def parse_endpoint(text: str) -> str:
    """Return the full address of a collector: `http://HOST:4318` gets the standard path; UsageError if it is invalid."""
    try:
        parts = urlsplit(text)
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        known = None
    if not known:
        raise UsageError(
            f"--otlp {without_url_secrets(text)!r}: expected the address of a collector, such as http://127.0.0.1:4318"
        )
    return text if parts.path.strip("/") else parts._replace(path=PATH).geturl()


class OtlpExport:
    """Exports every `EVERY` seconds from its own thread, and once more at the end; `say` gets a text at the first failure."""

    def __init__(
        self,
        collector: RunCollector,
        name: str,
        endpoint: str,
        say: Callable[[str], None],
        every: float = EVERY,
    ) -> None:
        self._collector, self._say, self._every = collector, say, every
        self.endpoint = parse_endpoint(endpoint)
        self._shown = without_url_secrets(self.endpoint)
        self._began = time.time_ns()
        self._scope = InstrumentationScope("soak", __version__)
        self._resource = Resource.create(
            {"service.name": "soak", "service.version": __version__, "soak.run": name}
        )
        self._reasons = _Reasons()
        self._exporter = OTLPMetricExporter(endpoint=self.endpoint, timeout=TIMEOUT)
        self.exports = self.failures = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="soak-otlp", daemon=True)

    def start(self) -> None:
        """Start the thread; return at once."""
        self._thread.start()

    def close(self) -> None:
        """Export once more, and report how many exports failed."""
        self._ending.set()
        self._thread.join(2 * TIMEOUT)
        if not self._thread.is_alive():
            self.export()
        self._exporter.shutdown()
        self._reasons.remove()
        if self.failures:
            exports = show_count(self.exports, "export")
            self._say(f"{self.failures} of {exports} to {self._shown} failed")

    def export(self) -> None:
        """Export all current values once."""
        now = time.time_ns()
        metrics = [
            made
            for family in self._collector.collect()
            if (made := exported(family, self._began, now))
        ]
        scope = ScopeMetrics(self._scope, metrics, "")
        data = MetricsData([ResourceMetrics(self._resource, [scope], "")])
        self.exports += 1
        if self._exporter.export(data, timeout_millis=1000 * TIMEOUT) is MetricExportResult.SUCCESS:
            return
        self.failures += 1
        if self.failures == 1:
            self._say(
                f"cannot export to {self._shown}: {without_url_secrets(self._reasons.last)}; "
                "the run goes on, and later exports are tried"
            )

    def _follow(self) -> None:
        while not self._ending.wait(self._every):
            self.export()


class _Reasons(logging.Handler):
    """Keeps the exporter's last log message, which would otherwise be printed over the terminal display."""

    def __init__(self) -> None:
        super().__init__()
        self.last = "it gave no reason"
        self._logger = logging.getLogger("opentelemetry.exporter")
        self._before = self._logger.propagate
        self._logger.propagate = False
        self._logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the first line of a message."""
        self.last = record.getMessage().partition("\n")[0].rstrip(". ")[:300]

    def remove(self) -> None:
        """Restore the logging configuration."""
        self._logger.removeHandler(self)
        self._logger.propagate = self._before


def exported(family: Metric, began: int, now: int) -> Exported | None:
    """Convert a Prometheus family to an OpenTelemetry metric from `began` to `now` (ns since 1970); None without a value."""
    unit = next((unit for end, unit in UNITS if family.name.endswith(end)), "")
    data: Sum | Gauge | Histogram
    if family.type == "histogram":
        points = _histograms(family.samples, began, now)
        if not points:
            return None
        data = Histogram(points, AggregationTemporality.CUMULATIVE)
    else:
        numbers = [
            NumberDataPoint(dict(sample.labels), began, now, sample.value)
            for sample in family.samples
            if sample.value == sample.value
            and not sample.name.endswith("_created")  # NaN: not known yet
        ]
        if not numbers:
            return None
        counts = family.type == "counter"
        data = (
            Sum(numbers, AggregationTemporality.CUMULATIVE, is_monotonic=True)
            if counts
            else Gauge(numbers)
        )
    name = family.samples[0].name if family.type == "info" else family.name
    return Exported(name, family.documentation, unit, data)


def _histograms(samples: Iterable[Sample], began: int, now: int) -> list[HistogramDataPoint]:
    """Return a histogram per set of other labels, with cumulative bucket counts converted to counts per bucket."""
    buckets: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    sums: dict[tuple[tuple[str, str], ...], float] = {}
    for sample in samples:
        labels = tuple(
            sorted((name, value) for name, value in sample.labels.items() if name != "le")
        )
        if sample.name.endswith("_bucket"):
            buckets.setdefault(labels, []).append((float(sample.labels["le"]), sample.value))
        elif sample.name.endswith("_sum"):
            sums[labels] = sample.value
    return [
        _histogram(dict(labels), found, sums.get(labels, 0.0), began, now)
        for labels, found in buckets.items()
    ]


def _histogram(
    labels: dict[str, str],
    buckets: Sequence[tuple[float, float]],
    total: float,
    began: int,
    now: int,
) -> HistogramDataPoint:
    """Return one histogram; its minimum and maximum are approximated by bucket bounds, at most the last bound."""
    counts = [int(count) for _, count in buckets]
    between = [count - before for before, count in zip([0, *counts], counts, strict=False)]
    bounds = [bound for bound, _ in buckets[:-1]]
    filled = [index for index, count in enumerate(between) if count] or [0]
    low = bounds[filled[0] - 1] if filled[0] else 0.0
    return HistogramDataPoint(
        labels,
        began,
        now,
        counts[-1],
        total,
        between,
        bounds,
        low,
        bounds[min(filled[-1], len(bounds) - 1)],
    )
