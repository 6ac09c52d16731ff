"""Poll a Prometheus server with instant queries; each query has its own series name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from soak.errors import TargetError, UsageError
from soak.model import Kind, Sample, label_pairs
from soak.profile.fields import Positive
from soak.profile.tls import TlsSettings
from soak.sampling.fetch import Fetcher, accepted
from soak.sampling.sources.prometheus import requests_sent

#: Most series of one query.
_MOST = 500


@dataclass(frozen=True)
class Promql:
    """`promql: {server: "http://127.0.0.1:9090", query: {orders_memory_bytes: 'sum(container_memory_rss)'}}`."""

    server: str
    query: Mapping[str, str] = field(hash=False)
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)
    tls: TlsSettings | None = None
    timeout: Positive = 5.0
    _fetcher: Fetcher = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.query:
            raise UsageError(
                "promql: query: give at least one, such as {memory_bytes: 'process_resident_memory_bytes'}"
            )
        object.__setattr__(
            self, "_fetcher", Fetcher(self.timeout, self.headers, self.tls or TlsSettings())
        )

    def collect(self) -> Iterable[Sample]:
        """Return the elements of each query's vector; count queries without one; raise TargetError if none has one."""
        samples: list[Sample] = []
        silent = [name for name, text in self.query.items() if not self._add(samples, name, text)]
        if len(silent) == len(self.query):
            raise TargetError(
                f"{self.server}: {_listed(silent)} gave no result; does Prometheus scrape the target?"
            )
        silence = Sample("scrape_queries_without_result", float(len(silent)))
        return [*samples, silence, requests_sent(self._fetcher, self.server)]

    def _add(self, collected: list[Sample], name: str, text: str) -> bool:
        samples = list(self._ask(name, text))
        collected += samples
        return bool(samples)

    def _ask(self, name: str, text: str) -> Iterator[Sample]:
        url = (
            f"{self.server.rstrip('/')}/api/v1/query?query={quote(text)}&timeout={self.timeout:g}s"
        )
        answer = self._fetcher.get(url)
        try:
            document = json.loads(answer.body)
            status = document["status"]
        except (ValueError, KeyError, TypeError):
            accepted(answer, self.server)
            raise TargetError(
                f"{self.server}: its answer is not that of a Prometheus server"
            ) from None
        if status != "success":
            raise TargetError(
                f"{self.server}: {name}: {document.get('errorType')}: {_line(document.get('error'))}"
            )
        try:
            yield from _samples(name, document["data"])
        except (KeyError, TypeError, ValueError, IndexError):
            raise TargetError(
                f"{self.server}: {name}: its answer is not that of a Prometheus server"
            ) from None


def _samples(name: str, data: dict[str, Any]) -> Iterator[Sample]:
    """Yield a scalar, or a vector's elements without their metric name; raise TargetError for anything else."""
    kind = Kind.COUNTER if name.endswith("_total") else Kind.GAUGE
    if data["resultType"] == "scalar":
        yield Sample(name, float(data["result"][1]), (), kind)
        return
    if data["resultType"] != "vector":
        raise TargetError(f"{name}: gives a {data['resultType']}, and a vector or scalar is needed")
    if len(data["result"]) > _MOST:
        raise TargetError(
            f"{name}: gives {len(data['result']):,} series; sum them, or choose fewer than {_MOST}"
        )
    seen = set()
    for element in data["result"]:
        labels = label_pairs(
            {key: value for key, value in element["metric"].items() if key != "__name__"}
        )
        if labels in seen:
            raise TargetError(
                f"{name}: gives several series that only their names tell apart; ask for one"
            )
        seen.add(labels)
        yield Sample(name, float(element["value"][1]), labels, kind)


def _listed(names: list[str]) -> str:
    return f"the query {names[0]}" if len(names) == 1 else f"the queries {', '.join(names[:5])}"


def _line(text: object) -> str:
    return " ".join(str(text).split())[:200]
