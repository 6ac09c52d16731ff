"""Unknown series that look like resources, by the words of their names: what a user may want to set limits on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from soak.catalog.metrics import NO_RESOURCES, metric_of
from soak.catalog.rows import ResourceKind, Unit
from soak.model import Kind, Labels, series_key

#: Series named at most.
MOST = 10
#: Words of a name, what they speak for, the unit where the name says none, and a growth limit to begin with.
_WORDS: tuple[tuple[str, ResourceKind, Unit, str], ...] = (
    ("rss memory mem heap alloc allocated resident arena", ResourceKind.MEMORY, Unit.BYTES, "1MiB/h"),
    ("thread threads goroutines fibers coroutines tasks workers processes", ResourceKind.THREADS, Unit.THREADS, "0/h"),
    (
        "fd fds handles descriptors sockets files connections conns",
        ResourceKind.DESCRIPTORS,
        Unit.DESCRIPTORS,
        "0/h",
    ),
    (
        "pool queue queued backlog pending inflight sessions subscriptions cache",
        ResourceKind.POOL,
        Unit.OBJECTS,
        "0/h",
    ),
)
_BOUNDS = frozenset(
    ("max", "limit", "total", "maximum", "capacity", "quota", "min", "seconds", "ratio", "percent", "peak")
)
_SPLIT = re.compile(r"[_:.]+|(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Likely:
    """A series that may be a resource: what kind, its unit, and a line of `limits` that would judge it."""

    name: str
    labels: Labels
    kind: ResourceKind
    unit: Unit
    limit: str

    @property
    def key(self) -> str:
        """The series as Prometheus writes it."""
        return series_key(self.name, self.labels)

    @property
    def line(self) -> str:
        """The line of the profile that would judge it."""
        return f"limits: {{growth: {{{self.name}: {self.limit}}}}}"


def likely_resources(series: Iterable[tuple[str, Labels, Kind]]) -> list[Likely]:
    """The unknown gauges that look like memory, threads, handles or pools, memory first; at most MOST, one a name."""
    found: dict[str, Likely] = {}
    for name, labels, kind in series:
        if kind is Kind.GAUGE and name not in found and metric_of(name, labels) is None:
            for likely in _likely(name, labels):
                found[name] = likely
    order = [kind for _, kind, _, _ in _WORDS]
    return sorted(found.values(), key=lambda likely: order.index(likely.kind))[:MOST]


def _likely(name: str, labels: Labels) -> Iterator[Likely]:
    words = {word.lower() for word in _SPLIT.split(name)}
    if name.startswith(NO_RESOURCES) or words & _BOUNDS:
        return
    for known, kind, unit, limit in _WORDS:
        if words & set(known.split()):
            counted = kind is ResourceKind.MEMORY and words & {"objects", "count", "slots"}
            yield Likely(name, labels, kind, Unit.OBJECTS if counted else unit, "0/h" if counted else limit)
            return
