"""Polls a /metrics page: Prometheus text or OpenMetrics, parsed by Prometheus's own client library."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from soak.errors import TargetError
from soak.model import Kind, Sample, label_pairs
from soak.profile.fields import Positive
from soak.sampling.fetch import Answer, Fetcher

ACCEPT = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.9,*/*;q=0.1"
_COUNTED = ("histogram", "gaugehistogram", "summary")


@dataclass(frozen=True)
class Prometheus:
    """`prometheus: {url: /metrics, keep: ["go_*"], drop: ["*_bucket"]}`; a path is meant on the target."""

    url: str = "/metrics"
    keep: tuple[str, ...] = ("*",)
    drop: tuple[str, ...] = ()
    timeout: Positive = 5.0
    _fetcher: Fetcher = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_fetcher", Fetcher(self.timeout, {"Accept": ACCEPT}))

    def collect(self) -> Iterable[Sample]:
        """All samples of the page that `keep` matches and `drop` does not; buckets of histograms are left out."""
        answer = self._fetcher.get_ok(self.url)
        samples = [sample for sample in parse(answer, self.url) if self._wanted(sample.name)]
        if not samples:
            raise TargetError(f"{self.url}: no metric matches keep and drop")
        return samples

    def _wanted(self, name: str) -> bool:
        return any(fnmatchcase(name, glob) for glob in self.keep) and not any(
            fnmatchcase(name, glob) for glob in self.drop
        )


def parse(answer: Answer, url: str) -> Iterator[Sample]:
    """The samples of a metrics page; TargetError when it is none (an HTML page, a truncated line, an empty body).

    A series that appears twice keeps its first value, as Prometheus does.
    """
    if answer.content_type in ("text/html", "application/json"):
        raise TargetError(f"{url}: answered {answer.content_type}, not Prometheus text")
    parser = parse_openmetrics if answer.content_type == "application/openmetrics-text" else parse_text
    seen = set()
    try:
        for family in parser(answer.body.decode("utf-8")):
            for sample in family.samples:
                name = sample.name
                if name.endswith(("_bucket", "_created")) and family.type in (*_COUNTED, "counter"):
                    continue
                labels = label_pairs(sample.labels)
                if (name, labels) in seen:
                    continue
                seen.add((name, labels))
                yield Sample(name, float(sample.value), labels, _kind(family.type, name, sample.labels))
    except (ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise TargetError(f"{url}: not valid Prometheus text: {first[:120]}") from None
    if not seen:
        raise TargetError(f"{url}: holds no metric")


def _kind(family: str, name: str, labels: dict[str, str]) -> Kind:
    if family == "counter" or (family in ("unknown", "untyped") and name.endswith("_total")):
        return Kind.COUNTER
    if family in _COUNTED and "quantile" not in labels and name.endswith(("_sum", "_count")):
        return Kind.COUNTER
    return Kind.GAUGE
