"""Read a JVM's MBeans over HTTP through Jolokia: memory, threads, collections, pools, and attributes that are named."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from soak.errors import TargetError, UsageError
from soak.model import Kind, Labels, Sample, label_pairs
from soak.profile.fields import Positive
from soak.profile.tls import TlsSettings
from soak.sampling.fetch import Fetcher, accepted
from soak.sampling.sources.prometheus import requests_sent

#: MBean, attribute, part of it, name in Micrometer or Prometheus, labels, and factor to the base
#: unit.
Row = tuple[str, str, str, str, Labels, float]
_HEAP, _REST = (("area", "heap"),), (("area", "nonheap"),)
_MEMORY, _SYSTEM = "java.lang:type=Memory", "java.lang:type=OperatingSystem"
_GC, _POOL = "java.lang:type=GarbageCollector,name=*", "com.zaxxer.hikari:type=Pool (*)"
KNOWN: tuple[Row, ...] = (
    (_MEMORY, "HeapMemoryUsage", "used", "jvm_memory_used_bytes", _HEAP, 1),
    (_MEMORY, "HeapMemoryUsage", "committed", "jvm_memory_committed_bytes", _HEAP, 1),
    (_MEMORY, "HeapMemoryUsage", "max", "jvm_memory_max_bytes", _HEAP, 1),
    (_MEMORY, "NonHeapMemoryUsage", "used", "jvm_memory_used_bytes", _REST, 1),
    (
        "java.lang:type=MemoryPool,name=*",
        "CollectionUsage",
        "used",
        "jvm_memory_pool_collection_used_bytes",
        (),
        1,
    ),
    ("java.lang:type=Threading", "ThreadCount", "", "jvm_threads_live_threads", (), 1),
    (_GC, "CollectionCount", "", "jvm_gc_pause_seconds_count", (), 1),
    (_GC, "CollectionTime", "", "jvm_gc_pause_seconds_sum", (), 1e-3),
    ("java.nio:type=BufferPool,name=*", "MemoryUsed", "", "jvm_buffer_memory_used_bytes", (), 1),
    (_SYSTEM, "OpenFileDescriptorCount", "", "process_files_open_files", (), 1),
    (_SYSTEM, "MaxFileDescriptorCount", "", "process_files_max_files", (), 1),
    (_SYSTEM, "ProcessCpuTime", "", "process_cpu_seconds_total", (), 1e-9),
    ("java.lang:type=Runtime", "StartTime", "", "process_start_time_seconds", (), 1e-3),
    (_POOL, "ActiveConnections", "", "hikaricp_connections_active", (), 1),
    (_POOL, "IdleConnections", "", "hikaricp_connections_idle", (), 1),
    (_POOL, "TotalConnections", "", "hikaricp_connections", (), 1),
    (_POOL, "ThreadsAwaitingConnection", "", "hikaricp_connections_pending", (), 1),
    (
        "com.zaxxer.hikari:type=PoolConfig (*)",
        "MaximumPoolSize",
        "",
        "hikaricp_connections_max",
        (),
        1,
    ),
)
_COUNTERS = ("_total", "_seconds_count", "_seconds_sum")


@dataclass(frozen=True)
class Jolokia:
    """`jolokia: {url: /jolokia, read: {cache_entries: "app:type=Cache/Size"}}`; `read` names MBean/attribute[/part]."""

    url: str = "/jolokia"
    read: Mapping[str, str] = field(default_factory=dict, hash=False)
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)
    tls: TlsSettings | None = None
    timeout: Positive = 5.0
    _fetcher: Fetcher = field(init=False, repr=False, compare=False)
    _rows: tuple[Row, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "_fetcher", Fetcher(self.timeout, self.headers, self.tls or TlsSettings())
        )
        object.__setattr__(
            self, "_rows", (*KNOWN, *(_asked(name, text) for name, text in self.read.items()))
        )

    def collect(self) -> Iterable[Sample]:
        """Read everything in one request; leave out what this JVM does not have, except attributes in `read`."""
        questions = [
            {"type": "read", "mbean": mbean, "attribute": attribute}
            for mbean, attribute, *_ in self._rows
        ]
        answer = accepted(self._fetcher.post(self.url, json.dumps(questions).encode()), self.url)
        try:
            results = json.loads(answer.body)
        except ValueError:
            results = None
        if isinstance(results, dict) and "error" in results:
            raise TargetError(f"{self.url}: {' '.join(str(results['error']).split())[:200]}")
        if (
            not isinstance(results, list)
            or len(results) != len(self._rows)
            or not all(isinstance(row_answer, dict) for row_answer in results)
        ):
            raise TargetError(
                f"{self.url}: not the answer of Jolokia to {len(self._rows)} questions"
            )
        samples: dict[tuple[str, Labels], Sample] = {}
        for row, row_answer in zip(self._rows, results, strict=True):
            for sample in self._samples(row, row_answer):
                samples.setdefault((sample.name, sample.labels), sample)
        if not samples:
            raise TargetError(f"{self.url}: has none of the MBeans asked for")
        return [*samples.values(), requests_sent(self._fetcher, self.url)]

    def _samples(self, row: Row, result: dict[str, Any]) -> Iterator[Sample]:
        mbean, attribute, part, name, labels, unit = row
        if result.get("status") != 200:
            if name in self.read:
                raise TargetError(
                    f"{self.url}: {name}: {' '.join(str(result.get('error')).split())[:200]}"
                )
            return
        value, several = result.get("value"), "*" in mbean
        beans = value.items() if several and isinstance(value, dict) else [(mbean, value)]
        for bean, bean_values in beans:
            attributed = (
                bean_values.get(attribute)
                if several and isinstance(bean_values, dict)
                else bean_values
            )
            number = attributed.get(part) if part and isinstance(attributed, dict) else attributed
            if isinstance(number, int | float) and not isinstance(number, bool):
                # -1 means that a memory pool has no maximum.
                if number < 0:
                    continue
                kind = Kind.COUNTER if name.endswith(_COUNTERS) else Kind.GAUGE
                yield Sample(
                    name, number * unit, labels or _labels_of(bean if several else ""), kind
                )
            elif name in self.read:
                raise TargetError(
                    f"{self.url}: {name}: {mbean} {attribute} {part}".rstrip() + " is not a number"
                )


def _labels_of(bean: str) -> Labels:
    """Return the label that distinguishes beans of a pattern: the id of `name=G1 Eden`, the pool of `Pool (orders)`."""
    inside = bean.partition(":")[2]
    properties = dict(pair.split("=", 1) for pair in inside.split(",") if "=" in pair)
    kind = properties.get("type", "")
    if kind.startswith(("Pool (", "PoolConfig (")):
        return (("pool", kind.partition("(")[2].removesuffix(")")),)
    key = {"GarbageCollector": "gc"}.get(kind, "id")
    return label_pairs({key: properties["name"]}) if "name" in properties else ()


def _asked(name: str, text: str) -> Row:
    """Parse a text such as `java.lang:type=Memory/HeapMemoryUsage/used` into a row."""
    mbean, _, rest = text.partition("/")
    attribute, _, part = rest.partition("/")
    if ":" not in mbean or not attribute:
        raise UsageError(
            f"jolokia: read: {name}: expected MBean/attribute, such as java.lang:type=Memory/HeapMemoryUsage/used"
        )
    return mbean, attribute, part, name, (), 1.0
