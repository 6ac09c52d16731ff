"""Find unknown series whose names suggest a resource, so that the user can set limits on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from soak.catalog.metrics import NO_RESOURCES, metric_of
from soak.catalog.row_types import ResourceKind, Unit
from soak.catalog.words import RESOURCES, Meaning, meaning_of_words, resource_of, words_of
from soak.model import Kind, Labels, series_key

#: Maximum number of series named.
MOST = 10
#: Suffixes of names in kB, MB and GB. No unit of a limit fits their values, so 1 MiB/h is given as
#: a bare number.
_SIZES = {
    word: (unit, limit)
    for unit, limit, names in (
        ("kB", "1024/h", "kb kib kilobytes kbytes"),
        ("MB", "1/h", "mb mib megabytes mbytes"),
        ("GB", "0.001/h", "gb gib gigabytes gbytes"),
    )
    for word in names.split()
}
#: Words that mark bounds, sums and shares on a metrics page, even next to the word of a resource.
_BOUNDS = frozenset(("total", "seconds", "percent"))


@dataclass(frozen=True, slots=True)
class Likely:
    """A series that may be a resource: its kind, its unit, and the growth limit that would judge it."""

    name: str
    labels: Labels
    kind: ResourceKind
    unit: str
    limit: str

    @property
    def key(self) -> str:
        """The series as Prometheus writes it."""
        return series_key(self.name, self.labels)

    @property
    def what(self) -> str:
        """Kind and unit in words, such as `memory in bytes` or `threads`."""
        return str(self.kind) if self.unit == self.kind else f"{self.kind} in {self.unit}"

    @property
    def line(self) -> str:
        """The line of the profile that would judge it."""
        return f"limits: {{growth: {{{self.name}: {self.limit}}}}}"


def likely_resources(series: Iterable[tuple[str, Labels, Kind]]) -> list[Likely]:
    """Return at most MOST unknown gauges that look like memory, threads, handles or pools: memory first, one per name."""
    by_metric: dict[str, Likely] = {}
    for name, labels, kind in series:
        if kind is Kind.GAUGE and name not in by_metric and metric_of(name, labels) is None:
            for likely in _likely(name, labels):
                by_metric[name] = likely
    order = [resource.kind for resource in RESOURCES]
    return sorted(by_metric.values(), key=lambda likely: order.index(likely.kind))[:MOST]


def _likely(name: str, labels: Labels) -> Iterator[Likely]:
    words = set(words_of(name))
    known = resource_of(name)
    if (
        known is None
        or known.kind is ResourceKind.OTHER
        or name.startswith(NO_RESOURCES)
        or words & _BOUNDS
    ):
        return
    if meaning_of_words(name) is not Meaning.RESOURCE:
        return
    unit, limit = str(known.unit), known.limit
    if known.kind is ResourceKind.MEMORY:
        if words & {"objects", "count", "slots", "pages"}:
            unit, limit = str(Unit.OBJECTS), "0/h"
        unit, limit = _SIZES.get(words_of(name)[-1], (unit, limit))
    yield Likely(name, labels, known.kind, unit, limit)
