"""Poll Spring's actuator: its Prometheus page or, if that is not enabled, its metrics one by one."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import quote

from soak.errors import TargetError
from soak.model import Kind, Labels, Sample
from soak.profile.fields import Positive
from soak.profile.tls import TlsSettings
from soak.sampling.exposition import Exposition
from soak.sampling.fetch import Fetcher, accepted
from soak.sampling.pages import TEXT_FIRST
from soak.sampling.sources.prometheus import about, requests_sent

#: Metrics about resources. Each costs a request, so no others are requested.
ONE_BY_ONE = (
    "jvm.memory.*",
    "jvm.gc.*",
    "jvm.threads.live",
    "jvm.buffer.*",
    "hikaricp.*",
    "process.*",
    "tomcat.threads.*",
)
_NOT_PROMETHEUS = re.compile(r"[^a-zA-Z0-9_:]+")
#: Tags whose values are separate resources, not parts of one resource.
_APART = ("area", "pool", "id")
_MOST_VALUES = 20
#: Seconds before the Prometheus page is requested again: a service that is starting may not serve
#: it yet.
_AGAIN = 60.0


@dataclass(frozen=True)
class Actuator:
    """`actuator: {url: /actuator}`; `keep` are Micrometer's names to request if there is no Prometheus page."""

    url: str = "/actuator"
    keep: tuple[str, ...] = ONE_BY_ONE
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)
    tls: TlsSettings | None = None
    timeout: Positive = 5.0
    _fetcher: Fetcher = field(init=False, repr=False, compare=False)
    _exposition: Exposition = field(
        init=False, repr=False, compare=False, default_factory=Exposition
    )
    _without: dict[str, float] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        headers = {"Accept": f"{TEXT_FIRST},application/json", **self.headers}
        object.__setattr__(
            self, "_fetcher", Fetcher(self.timeout, headers, self.tls or TlsSettings())
        )

    def collect(self) -> Iterable[Sample]:
        """Return the samples of /prometheus, else of /metrics/*, under the names that /prometheus would use."""
        base, began = self.url.rstrip("/"), time.monotonic()
        if began >= self._without.get("until", 0.0):
            answer = self._fetcher.get(f"{base}/prometheus")
            if answer.status == 200:
                page = self._exposition.read(answer, f"{base}/prometheus")
                took = time.monotonic() - began
                return [*page.samples, *about(page, took), requests_sent(self._fetcher, base)]
            if answer.status != 404:
                accepted(answer, f"{base}/prometheus")
            self._without["until"] = began + _AGAIN
        deadline = began + self.timeout
        samples = [
            sample for name in self._names(base) for sample in self._metric(base, name, deadline)
        ]
        if not samples:
            raise TargetError(f"{base}/metrics: has none of {', '.join(self.keep)}")
        return [*samples, requests_sent(self._fetcher, base)]

    def _names(self, base: str) -> list[str]:
        names = self._object(f"{base}/metrics").get("names")
        if not isinstance(names, list):
            raise TargetError(
                f"{base}/metrics: not the list of metrics that Spring's actuator gives"
            )
        return [name for name in names if any(fnmatchcase(str(name), glob) for glob in self.keep)]

    def _metric(self, base: str, name: str, deadline: float) -> Iterator[Sample]:
        """Yield a metric's samples, one per value of the tag that separates its resources, if it has such a tag."""
        url = f"{base}/metrics/{quote(name)}"
        whole = self._object(url)
        tags = {tag["tag"]: tag["values"] for tag in whole.get("availableTags", ())}
        apart = next((tag for tag in _APART if tag in tags), None)
        if apart is None:
            yield from named(name, whole, ())
            return
        for value in sorted(tags[apart])[:_MOST_VALUES]:
            if time.monotonic() > deadline:
                raise TargetError(
                    f"{base}/metrics: not all metrics within {self.timeout:g} s; keep fewer, or ask less often"
                )
            part = self._object(f"{url}?tag={quote(f'{apart}:{value}')}")
            yield from named(name, part, ((apart, str(value)),))

    def _object(self, url: str) -> dict[str, Any]:
        answer = accepted(self._fetcher.get(url), url)
        try:
            document = json.loads(answer.body)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise TargetError(f"{url}: not a JSON object, so not Spring's actuator")
        return document


def named(name: str, metric: dict[str, Any], labels: Labels) -> Iterator[Sample]:
    """Yield a metric's measurements with Micrometer's Prometheus names; raise TargetError if there are none."""
    stem, unit = _NOT_PROMETHEUS.sub("_", name), str(metric.get("baseUnit") or "")
    # The registry appends units of time and size, and counted nouns such as "threads".
    stem = (
        stem
        if not unit or stem.endswith(f"_{unit}")
        else f"{stem}_{_NOT_PROMETHEUS.sub('_', unit)}"
    )
    try:
        measured = {
            measurement["statistic"]: float(measurement["value"])
            for measurement in metric["measurements"]
        }
    except (KeyError, TypeError, ValueError):
        raise TargetError(f"{name}: no measurements, so not Spring's actuator") from None
    timed = "TOTAL_TIME" in measured or "TOTAL" in measured
    for statistic, value in measured.items():
        if statistic in ("VALUE", "ACTIVE_TASKS"):
            yield Sample(stem, value, labels)
        elif statistic == "COUNT":
            yield Sample(
                f"{stem}_count" if timed else f"{stem.removesuffix('_total')}_total",
                value,
                labels,
                Kind.COUNTER,
            )
        elif statistic in ("TOTAL_TIME", "TOTAL"):
            yield Sample(f"{stem}_sum", value, labels, Kind.COUNTER)
        elif statistic == "MAX":
            yield Sample(f"{stem}_max", value, labels)
