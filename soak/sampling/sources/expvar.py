"""Poll Go's /debug/vars: runtime.MemStats with Prometheus's names, and the goroutine count from pprof's index page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

from soak.errors import TargetError
from soak.model import Kind, Sample
from soak.profile.fields import Positive
from soak.profile.tls import TlsSettings
from soak.sampling.fetch import Fetcher
from soak.sampling.sources.prometheus import requests_sent

MEMSTATS = {
    "Alloc": "go_memstats_alloc_bytes",
    "Sys": "go_memstats_sys_bytes",
    "HeapAlloc": "go_memstats_heap_alloc_bytes",
    "HeapSys": "go_memstats_heap_sys_bytes",
    "HeapIdle": "go_memstats_heap_idle_bytes",
    "HeapInuse": "go_memstats_heap_inuse_bytes",
    "HeapReleased": "go_memstats_heap_released_bytes",
    "HeapObjects": "go_memstats_heap_objects",
    "StackInuse": "go_memstats_stack_inuse_bytes",
    "NextGC": "go_memstats_next_gc_bytes",
}
COUNTERS = {
    "TotalAlloc": "go_memstats_alloc_bytes_total",
    "Mallocs": "go_memstats_mallocs_total",
    "Frees": "go_memstats_frees_total",
    "NumGC": "go_gc_cycles_total_gc_cycles_total",
}
_COUNT = re.compile(rb"<td>(\d+)</td>\s*<td><a href=['\"]?(goroutine|threadcreate)\?debug=1")
_NOT_A_NAME = re.compile(r"[^a-zA-Z0-9_:]+")


@dataclass(frozen=True)
class Expvar:
    """`expvar: {url: /debug/vars}`; `pprof` is the index page with the number of goroutines."""

    url: str = "/debug/vars"
    pprof: str = "/debug/pprof/"
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)
    tls: TlsSettings | None = None
    timeout: Positive = 5.0
    _fetcher: Fetcher = field(init=False, repr=False, compare=False)
    _without: set[str] = field(init=False, repr=False, compare=False, default_factory=set)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "_fetcher", Fetcher(self.timeout, self.headers, self.tls or TlsSettings())
        )

    def collect(self) -> Iterable[Sample]:
        """Return memory statistics, the service's own numbers, and goroutines and threads if pprof is served."""
        answer = self._fetcher.get_ok(self.url)
        try:
            published = json.loads(answer.body)
        except ValueError:
            raise TargetError(f"{self.url}: not valid JSON, so not expvar") from None
        if not isinstance(published, dict):
            raise TargetError(f"{self.url}: not a JSON object, so not expvar")
        return [*parse(published), *self._counts(), requests_sent(self._fetcher, self.url)]

    def _counts(self) -> Iterator[Sample]:
        """Yield goroutines and threads from the counts on pprof's index page, which do not require walking stacks."""
        url = urljoin(self.url, self.pprof)
        if not self.pprof or url in self._without:
            return
        answer = self._fetcher.get(url)
        counts = (
            {name: float(count) for count, name in _COUNT.findall(answer.body)}
            if answer.status == 200
            else {}
        )
        if not counts:
            self._without.add(url)
        if b"goroutine" in counts:
            yield Sample("go_goroutines", counts[b"goroutine"])
        if b"threadcreate" in counts:
            yield Sample("go_threads", counts[b"threadcreate"])


def parse(published: dict[str, Any]) -> Iterator[Sample]:
    """Yield the samples in a /debug/vars object: memstats with client_golang's names, other numbers with their own."""
    memory = published.get("memstats")
    if isinstance(memory, dict):
        yield from (
            Sample(name, float(memory[key]))
            for key, name in MEMSTATS.items()
            if _is_number(memory.get(key))
        )
        for key, name in COUNTERS.items():
            if _is_number(memory.get(key)):
                yield Sample(name, float(memory[key]), kind=Kind.COUNTER)
        if _is_number(memory.get("PauseTotalNs")):
            yield Sample(
                "go_gc_duration_seconds_sum", memory["PauseTotalNs"] / 1e9, kind=Kind.COUNTER
            )
        if _is_number(memory.get("LastGC")):
            yield Sample("go_memstats_last_gc_time_seconds", memory["LastGC"] / 1e9)
    for key, value in published.items():
        if _is_number(value):
            name = _NOT_A_NAME.sub("_", key)
            kind = Kind.COUNTER if name.endswith("_total") else Kind.GAUGE
            yield Sample(name if not name[:1].isdigit() else f"_{name}", float(value), kind=kind)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
