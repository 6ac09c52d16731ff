"""The catalog: what every known series means. Other series are judged only if a limit names them.

Each runtime, library or exporter has one file of rows. To add one, write its file and add it to
FAMILIES.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Protocol, TypeVar

from soak.catalog.beam import BEAM
from soak.catalog.container import CONTAINER
from soak.catalog.databases import COCKROACHDB, ETCD, HASHICORP, POSTGRESQL, REDIS
from soak.catalog.dotnet import DOTNET
from soak.catalog.go import GO
from soak.catalog.jvm import JVM
from soak.catalog.load import ANY_LANGUAGE, LOAD
from soak.catalog.machine import MACHINE
from soak.catalog.node import NODE
from soak.catalog.php import PHP
from soak.catalog.process import PROCESS
from soak.catalog.proxies import ENVOY, HAPROXY, NGINX, TRAEFIK
from soak.catalog.python import PYTHON
from soak.catalog.row_types import Breakdown as Breakdown  # noqa: PLC0414
from soak.catalog.row_types import Collector as Collector  # noqa: PLC0414 - the catalog's users know this module alone
from soak.catalog.row_types import Containers as Containers  # noqa: PLC0414
from soak.catalog.row_types import Family, Unit, Worse
from soak.catalog.row_types import Metric as Metric  # noqa: PLC0414
from soak.catalog.row_types import Part as Part  # noqa: PLC0414
from soak.catalog.row_types import PoolNames as PoolNames  # noqa: PLC0414
from soak.catalog.row_types import ResourceKind as ResourceKind  # noqa: PLC0414
from soak.catalog.ruby import RUBY
from soak.catalog.words import is_left
from soak.model import Labels
from soak.selectors import Selector
from soak.units import unit_of

FAMILIES: tuple[Family, ...] = (
    PROCESS,
    CONTAINER,
    MACHINE,
    GO,
    JVM,
    NODE,
    PYTHON,
    DOTNET,
    RUBY,
    PHP,
    BEAM,
    ENVOY,
    TRAEFIK,
    NGINX,
    HAPROXY,
    COCKROACHDB,
    HASHICORP,
    ETCD,
    REDIS,
    POSTGRESQL,
    ANY_LANGUAGE,
    LOAD,
)
_EXPORTER_MARKS = frozenset(mark for family in FAMILIES for mark in family.exporter_marks)
POOLS: tuple[PoolNames, ...] = tuple(pool for family in FAMILIES for pool in family.pools)
COLLECTORS: tuple[Collector, ...] = tuple(
    collector for family in FAMILIES for collector in family.collectors
)
CONTAINERS: tuple[Containers, ...] = tuple(
    family.containers for family in FAMILIES if family.containers is not None
)
NEVER_DROPPED: tuple[str, ...] = tuple(
    selector for family in FAMILIES for selector in family.never_dropped
)
BREAKDOWNS: tuple[Breakdown, ...] = tuple(
    breakdown for family in FAMILIES for breakdown in family.breakdowns
)
METRICS: tuple[Metric, ...] = tuple(
    metric
    for family in FAMILIES
    for metric in (*family.metrics, *(row for pool in family.pools for row in pool.metrics()))
)


#: Prefixes of series that measure load, time or the work of a collector.
NO_RESOURCES = (
    "http_request",
    "load_",
    "soak_load_",
    "process_start_time",
    "container_start_time",
    "go_gc_",
    "scrape_",
)
#: Prefixes of series that an exporter publishes about itself.
_OWN = ("process_", "go_", "python_", "promhttp_")


class Named(Protocol):
    """Anything that has a series' name and labels."""

    @property
    def name(self) -> str:
        """The metric's name."""
        ...

    @property
    def labels(self) -> Labels:
        """Sorted pairs of label name and value."""
        ...


Some = TypeVar("Some", bound=Named)


@lru_cache(maxsize=4096)
def selector(text: str) -> Selector:
    """Parse a selector; the result is cached."""
    return Selector.parse(text)


def selects(text: str, series: Named) -> bool:
    """Return True if a selector matches a series; an empty selector matches none."""
    return (
        bool(text)
        and selector(text).matches_name(series.name)
        and selector(text).matches(series.name, dict(series.labels))
    )


def selects_any(selectors: Iterable[str], series: Named) -> bool:
    """Return True if one of the selectors matches a series."""
    return any(selects(selector, series) for selector in selectors)


def selected(text: str, series: Iterable[Some]) -> Iterator[Some]:
    """Yield the series that a selector matches."""
    if not text:
        return
    wanted = selector(text)
    for candidate in series:
        if wanted.matches_name(candidate.name) and wanted.matches(
            candidate.name, dict(candidate.labels)
        ):
            yield candidate


@lru_cache(maxsize=16384)
def metric_of(name: str, labels: Labels = ()) -> Metric | None:
    """Return the row of a series, exact names before globs; None for an unknown series."""
    known = dict(labels)
    rows = (*_exact().get(name, ()), *_globs())
    return next((metric for metric in rows if selector(metric.selector).matches(name, known)), None)


@lru_cache(maxsize=1)
def _exact() -> Mapping[str, Sequence[Metric]]:
    """Return the rows with exact names (no globs), by name."""
    rows: dict[str, list[Metric]] = {}
    for metric in METRICS:
        if selector(metric.selector).exact:
            rows.setdefault(selector(metric.selector).name, []).append(metric)
    return rows


@lru_cache(maxsize=1)
def _globs() -> Sequence[Metric]:
    return [metric for metric in METRICS if not selector(metric.selector).exact]


def superseded(metric: Metric, others: Iterable[Named]) -> bool:
    """Return True if one of these series measures the same better than `metric`."""
    return bool(metric.unless) and any(
        selects(text, other) for other in others for text in metric.unless
    )


def pool_identity(pool: PoolNames, labels: Labels) -> Labels:
    """Return the labels that distinguish one pool from another: those that the pool's selectors do not mention."""
    return _without(labels, _matched((pool.used, pool.idle, pool.maximum, pool.waiting)))


def breakdown_identity(breakdown: Breakdown, labels: Labels) -> Labels:
    """Return the labels that distinguish one process from another: those by which the breakdown does not split parts."""
    told_by = {part.by for part in (breakdown.total, *breakdown.parts)}
    return _without(labels, _matched(breakdown.selectors()) | told_by)


def _matched(selectors: Iterable[str]) -> set[str]:
    """Return the labels that these selectors match on."""
    return {matcher.label for text in selectors for matcher in selector(text).matchers}


def _without(labels: Labels, names: set[str]) -> Labels:
    return tuple(pair for pair in labels if pair[0] not in names)


def encloses(metric: Metric | Breakdown, series: Named, others: Iterable[Named]) -> bool:
    """Return True if a series is the total of another one: its path label is a parent of the other's."""
    if not metric.nested_by:
        return False
    path = dict(series.labels).get(metric.nested_by, "").rstrip("/")
    paths = (
        dict(other.labels).get(metric.nested_by, "")
        for other in others
        if other.name == series.name
    )
    return any(other.startswith(f"{path}/") and other != f"{path}/" for other in paths)


def is_exporters_own(name: str, page: Iterable[str]) -> bool:
    """Return True if a series describes the exporter that serves a page, rather than the program that the page is about.

    `page` holds the names of all series of the page.
    """
    return name.startswith(_OWN) and not _EXPORTER_MARKS.isdisjoint(page)


def language_of(names: Iterable[str]) -> str:
    """Return the language of a program from most of its series' names; empty if they do not show it."""
    known = list(names)
    counts = {
        family.language: sum(name.startswith(family.prefixes) for name in known)
        for family in FAMILIES
        if family.language
    }
    language = max(counts, key=counts.__getitem__)
    return language if counts[language] else ""


def collects_garbage(language: str) -> bool:
    """Return True if the catalog knows, for this language, a garbage collector whose collections are counted."""
    collectors = (
        each for family in FAMILIES if family.language == language for each in family.collectors
    )
    return bool(language) and any(each.collections for each in collectors)


def language_of_executable(name: str) -> str:
    """Return the language of programs that an executable of this name (python3.11) runs; empty if unknown."""
    return next(
        (
            family.language
            for family in FAMILIES
            if family.executables and re.fullmatch(family.executables, name)
        ),
        "",
    )


def opening_of(language: str) -> str:
    """Return how to make a program in this language ready for snapshots; empty if soak cannot take any."""
    return next((family.opening for family in FAMILIES if family.language == language), "")


def unknown_metric(name: str) -> Metric:
    """Build a row for an unknown series that a limit or the file being judged names."""
    last = name.rpartition("_")[2]
    counted = {"fds": Unit.DESCRIPTORS} | {str(unit): unit for unit in _COUNTED}
    measured = {str(unit): unit for unit in (Unit.BYTES, Unit.SECONDS, Unit.RATIO)}
    unit = counted.get(last) or measured.get(unit_of(name), Unit.NONE)
    return Metric(
        name, ResourceKind.OTHER, name, unit, worse=Worse.DOWN if is_left(name) else Worse.UP
    )


#: Units that are recognized by the end of an unknown series' name.
_COUNTED = (
    Unit.CONNECTIONS,
    Unit.THREADS,
    Unit.GOROUTINES,
    Unit.OBJECTS,
    Unit.HANDLES,
    Unit.DESCRIPTORS,
)
