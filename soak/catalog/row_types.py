"""The kinds of row that the catalog consists of, and short constructors for the usual ones.

A selector in a row is a metric name, or a name glob, with label matchers where needed:
    `jvm_memory_used_bytes{area="heap"}`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class ResourceKind(StrEnum):
    """What kind of thing a series measures."""

    MEMORY = "memory"
    HEAP = "live heap"
    DESCRIPTORS = "descriptors"
    THREADS = "threads"
    POOL = "pool"
    QUEUE = "queue"
    GC = "gc"
    CPU = "cpu"
    METRICS = "metrics"
    TIMERS = "timers"
    REQUESTS = "requests kept"
    LIMIT = "limit"
    OTHER = "other"


class Unit(StrEnum):
    """What a series counts, as a sentence names it; bytes, seconds and ratios are no counts of whole things."""

    BYTES = "bytes"
    SECONDS = "seconds"
    RATIO = "ratio"
    OBJECTS = "objects"
    BLOCKS = "blocks"
    DESCRIPTORS = "descriptors"
    HANDLES = "handles"
    RESOURCES = "resources"
    REQUESTS = "requests"
    THREADS = "threads"
    GOROUTINES = "goroutines"
    TASKS = "tasks"
    TIMERS = "timers"
    PROCESSES = "processes"
    CONNECTIONS = "connections"
    CALLERS = "callers"
    COLLECTIONS = "collections"
    SERIES = "series"
    NONE = ""

    @property
    def whole(self) -> bool:
        """Whether the unit counts whole things."""
        return self not in (Unit.BYTES, Unit.SECONDS, Unit.RATIO, Unit.NONE)


class Worse(StrEnum):
    """In which direction a change of a series is for the worse."""

    UP = "up"
    DOWN = "down"
    NEITHER = ""


@dataclass(frozen=True, slots=True)
class Metric:
    """The series that `selector` matches are `noun` in a sentence, counted in `unit`.

    A metric with `judged` false is only shown, and so is one beside a series that says the same
    better: one of `unless`, selectors. `capacities` name the series that hold its maximum, of which
    the smallest counts; `floors` the series whose floor is its truth, best first. `whole` marks all
    memory of a process, the heap included, and `connected` what a client's connection adds to, of
    heaps only those that collections leave. `nested_by` is the label whose value is a path: a series
    whose path leads to another's is its total.
    """

    selector: str
    kind: ResourceKind
    noun: str
    unit: Unit
    judged: bool = True
    worse: Worse = Worse.UP
    capacities: tuple[str, ...] = ()
    floors: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    whole: bool = False
    connected: bool = False
    nested_by: str = ""

    @property
    def integer(self) -> bool:
        """Whether it counts whole things."""
        return self.unit.whole


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolNames:
    """How one library names what it tells of its pools: selectors of gauges, and of two counters, `waits` and `timeouts`.

    Labels that the selectors do not mention tell one pool from another. `opened` is in use and idle
    together, where idle connections are not told.
    """

    used: str
    maximum: str = ""
    idle: str = ""
    waiting: str = ""
    waits: str = ""
    timeouts: str = ""
    opened: str = ""
    noun: str = "connections in use"
    unit: Unit = Unit.CONNECTIONS

    def metrics(self) -> tuple[Metric, ...]:
        """The rows of the pool's gauges."""
        rows = [
            Metric(
                self.used, ResourceKind.POOL, self.noun, self.unit, capacities=_named(self.maximum)
            ),
            Metric(
                self.waiting, ResourceKind.POOL, "callers waiting for a connection", Unit.CALLERS
            ),
            shown(self.idle, ResourceKind.POOL, f"idle {self.unit}", self.unit, Worse.NEITHER),
            shown(self.maximum, ResourceKind.LIMIT, "the pool's maximum", self.unit, Worse.NEITHER),
        ]
        return tuple(row for row in rows if row.selector)


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """What one runtime tells of its garbage collector: selectors, empty where it tells nothing.

    `live` is the heap that survived the last collection, brought up to date by full collections
    alone where `live_after_full`, and `collected` its size just after a collection that a snapshot
    forced; `heap` is the heap in use, garbage included. `goal` is the heap
    size that starts the next collection, `percent` by how much it exceeds the live heap, and
    `limit` the memory limit that bounds it (Go's GOGC and GOMEMLIMIT). `taken` is what the runtime
    took from the system for it, or may take, `released` what of that it gave back, and `footprint`
    all memory that the runtime tells of. `allocated` counts bytes ever allocated.

    `collections` counts collections; those that `young` matches leave the old generation as it is,
    and those that `minor` matches are too frequent to count as work, or were asked for from outside. `ended` is the time of the
    last collection. `longest` is a gauge of the longest pause; `pauses` a sum of seconds beside the
    count `paused`. `outside` is memory that the runtime holds outside of its heap, `peak` a gauge
    that rises while a large answer is built. `threads` counts the threads or goroutines that its
    snapshots of stacks list. `metadata` is memory for what the program loads and compiles, in which
    requests leave no garbage. `sooner` says what makes it collect sooner, for whoever has too few
    collections to judge by.
    """

    live: str = ""
    collected: str = ""
    live_after_full: bool = False
    heap: str = ""
    goal: str = ""
    percent: str = ""
    limit: str = ""
    taken: str = ""
    released: str = ""
    footprint: str = ""
    allocated: str = ""
    collections: tuple[str, ...] = ()
    young: tuple[str, ...] = ()
    minor: tuple[str, ...] = ()
    ended: str = ""
    longest: str = ""
    pauses: str = ""
    paused: str = ""
    outside: str = ""
    peak: str = ""
    threads: str = ""
    metadata: tuple[str, ...] = ()
    sooner: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a total: what `selector` matches, without what `less` matches, is `legend` in a chart.

    `by` is a label whose values tell parts of their own, each under that value.
    """

    selector: str
    legend: str = ""
    less: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """Memory of which the parts add up: `total` (a part, too), and its `parts` from the bottom, none within another.

    What no part names is `rest`. `capacities` bound just this total, each a selector or several
    series that add up; the smallest counts. `nested_by` is as in a Metric.
    """

    title: str
    total: Part
    parts: tuple[Part, ...]
    rest: str
    capacities: tuple[str, ...] = ()
    nested_by: str = ""

    def selectors(self) -> tuple[str, ...]:
        """Those of the total and of every part."""
        every = (self.total, *self.parts)
        return tuple(text for part in every for text in (part.selector, part.less) if text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What one runtime, library or exporter publishes.

    `language` is the one that programs with these series are written in, where that is one;
    `executables` match the names of the files that run them, and `opening` says how such a program
    is opened for snapshots, where soak can take any; `prefixes` are how the series' names begin.
    Where a page has one of the `exporter_marks`, an exporter
    serves it for another process, and what the page says of a process is the exporter's own.
    `never_dropped` are counts of what nothing ever takes away again.
    """

    name: str
    metrics: tuple[Metric, ...] = ()
    pools: tuple[PoolNames, ...] = ()
    collectors: tuple[Collector, ...] = ()
    breakdowns: tuple[Breakdown, ...] = ()
    language: str = ""
    executables: str = ""
    opening: str = ""
    prefixes: tuple[str, ...] = ()
    exporter_marks: tuple[str, ...] = ()
    never_dropped: tuple[str, ...] = ()


def memory(
    selector: str, noun: str, capacities: tuple[str, ...] = (), floors: tuple[str, ...] = ()
) -> Metric:
    """Memory that a process or container holds, in bytes."""
    return Metric(
        selector, ResourceKind.MEMORY, noun, Unit.BYTES, capacities=capacities, floors=floors
    )


def heap(
    selector: str,
    noun: str,
    *capacities: str,
    unit: Unit = Unit.BYTES,
    unless: tuple[str, ...] = (),
) -> Metric:
    """Managed memory, with the garbage in it."""
    return Metric(selector, ResourceKind.HEAP, noun, unit, capacities=capacities, unless=unless)


def count(kind: ResourceKind, selector: str, noun: str, unit: Unit, *capacities: str) -> Metric:
    """A count of whole things."""
    return Metric(selector, kind, noun, unit, capacities=capacities)


def connected(metric: Metric) -> Metric:
    """The same, of which a client's connection may be one."""
    return replace(metric, connected=True)


def shown(
    selector: str, kind: ResourceKind, noun: str, unit: Unit = Unit.BYTES, worse: Worse = Worse.UP
) -> Metric:
    """A series that is drawn, and judged only where a limit names it."""
    return Metric(selector, kind, noun, unit, judged=False, worse=worse)


def bound(selector: str, noun: str, unit: Unit = Unit.BYTES) -> Metric:
    """A series that holds a capacity."""
    return shown(selector, ResourceKind.LIMIT, noun, unit, Worse.NEITHER)


def _named(selector: str) -> tuple[str, ...]:
    return (selector,) if selector else ()
