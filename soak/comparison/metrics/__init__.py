"""All metrics that are compared, by their names in profiles and reports; a new one needs one file and one line here."""

from soak.comparison.metrics import capacity, collector, requests, resources, verdicts
from soak.comparison.metrics.latency import percentile
from soak.comparison.metrics.metric import ComparedMetric

#: `floor` and `between` are assumptions about how far runs of one build differ, tuned on 35 short
#: recordings (docs/compare.md).
METRICS: dict[str, ComparedMetric] = {
    "p50": percentile(0.5, floor=0.03),
    "p95": percentile(0.95, floor=0.05),
    "p99": percentile(0.99, floor=0.08),
    "p999": percentile(0.999, floor=0.12),
    "errors": ComparedMetric(
        requests.errors,
        floor=0.0002,
        relative=False,
        tolerance=0.0,
        least=0.001,
        needs_same_load=False,
    ),
    "throughput": ComparedMetric(requests.throughput, floor=0.005, worse_is_up=False),
    "memory": ComparedMetric(resources.memory_level, floor=0.02),
    "memory_peak": ComparedMetric(resources.memory_peak, floor=0.03),
    "count": ComparedMetric(resources.count_level, floor=0.2, relative=False, least=2.0),
    "cpu": ComparedMetric(resources.cpu, floor=0.03, needs_same_load=False),
    "allocation": ComparedMetric(resources.allocation, floor=0.01, needs_same_load=False),
    "gc_cycles": ComparedMetric(collector.cycles, floor=0.02, most_error=collector.MOST_ERROR),
    "gc_pause": ComparedMetric(collector.pause, floor=0.05),
    "gc_paused": ComparedMetric(collector.paused, floor=0.05, most_error=collector.MOST_ERROR),
    "gc_longest_pause": ComparedMetric(collector.longest_pause, floor=0.3),
    "growth": ComparedMetric(verdicts.growth, floor=0.0, between=2.0, relative=False),
    "horizon": ComparedMetric(verdicts.horizon, floor=0.3, worse_is_up=False),
    "capacity": ComparedMetric(
        capacity.capacity, floor=0.04, worse_is_up=False, tolerance=0.1, needs_same_load=False
    ),
}
