"""The types of the catalog's rows, and short constructors for the usual ones.

A selector in a row is a metric name, or a name glob, with label matchers where needed:
    `jvm_memory_used_bytes{area="heap"}`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from soak.model import Labels


class ResourceKind(StrEnum):
    """The kind of resource that a series measures."""

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
    """What a series counts, as named in a sentence; bytes, seconds and ratios do not count whole things."""

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
        """True if the unit counts whole things."""
        return self not in (Unit.BYTES, Unit.SECONDS, Unit.RATIO, Unit.NONE)


class Worse(StrEnum):
    """The direction in which a change of a series is for the worse."""

    UP = "up"
    DOWN = "down"
    NEITHER = ""


@dataclass(frozen=True, slots=True)
class Metric:
    """The meaning of the series that `selector` matches: `noun` names them in a sentence, `unit` is what they count.

    A metric is only shown, not judged, if `judged` is false, or if a series that measures the same
    better is present: one that a selector of `unless` matches. `capacities` name the series that
    hold its maximum; the smallest counts. `floors` name the series whose floor shows the true level,
    best first. `whole` marks all memory of a process, including the heap. `connected` marks metrics
    that a client's connection raises; of heaps, only those measured after a collection. `nested_by`
    is a label whose value is a path: a series whose path is a parent of another's is its total.
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
        """True if the metric counts whole things."""
        return self.unit.whole


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolNames:
    """Selectors of the series that one library publishes about its pools: gauges and two counters, `waits`, `timeouts`.

    Labels that the selectors do not mention distinguish one pool from another. `opened` counts
    connections in use and idle together, for libraries that do not publish idle connections.
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
        """Return the rows of the pool's gauges."""
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
    """Selectors of the series that one runtime publishes about its garbage collector; empty if it publishes none.

    `live` is the heap that survived the last collection; with `live_after_full`, only full
    collections update it. `collected` is the size of the heap just after a collection that a
    snapshot forced. `heap` is the heap in use, including garbage. `goal` is the heap size that
    starts the next collection, `percent` by how much it exceeds the live heap, and `limit` the
    memory limit that bounds it (Go's GOGC and GOMEMLIMIT). `taken` is what the runtime took, or may
    take, from the system for the heap; `released` is the part of it that the runtime gave back.
    `spans` is what it took for the heap alone. `footprint` is all memory that the runtime reports.
    `allocated` counts all bytes ever allocated.

    `collections` counts collections. Those that `young` matches do not touch the old generation;
    those that `minor` matches are too frequent to count as work, or were requested from outside.
    `ended` is the time of the last collection. `longest` is a gauge of the longest pause. `pauses`
    is a sum of seconds, and `paused` the count that belongs to it. `outside` is memory that the
    runtime holds outside of its heap. `peak` is a gauge that rises while a large answer is built.
    `threads` counts the threads or goroutines that the runtime's stack snapshots list. `metadata`
    is memory for what the program loads and compiles; requests leave no garbage in it. `classes` are
    what grows with every class that is loaded. `sooner` tells the user how to make the runtime
    collect sooner if a run has too few collections.
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
    spans: str = ""
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
    classes: tuple[str, ...] = ()
    sooner: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a total: what `selector` matches less what `less` matches; a chart calls it `legend`.

    If `by` names a label, each value of the label is a part of its own, named by that value.
    """

    selector: str
    legend: str = ""
    less: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """Memory whose parts add up: `total` (also a Part) and its disjoint `parts`, from the bottom of the chart.

    Memory that no part covers is called `rest`. `capacities` bound exactly this total; each is a
    selector, whose series are added up if it matches several; the smallest counts. `nested_by` is
    as in a Metric.
    """

    title: str
    total: Part
    parts: tuple[Part, ...]
    rest: str
    capacities: tuple[str, ...] = ()
    nested_by: str = ""

    def selectors(self) -> tuple[str, ...]:
        """Return the selectors of the total and of every part."""
        every = (self.total, *self.parts)
        return tuple(text for part in every for text in (part.selector, part.less) if text)


@dataclass(frozen=True, slots=True)
class Containers:
    """The series by which snapshots tell what a runtime's containers hold.

    `lengths` has one series for each container, with the label `holder`, and `bound` if it is known how
    many entries there may be, or that they are never dropped (`none`). `growing` are the bytes that
    requests to one endpoint leave as entries, `held` is all that the runtime holds, and `entry` is what
    one entry of a container holds alone, empty if that is not measured.
    """

    lengths: str
    growing: str
    held: str
    entry: str = ""

    @staticmethod
    def is_bounded(labels: Labels) -> bool:
        """Return True if a container of these labels can hold so many entries and no more, however long it takes to fill."""
        return dict(labels).get("bound", "none") != "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """The series that one runtime, library or exporter publishes.

    `language` is the language of programs with these series, if they have one in common.
    `executables` is a regular expression for the names of the files that run them. `opening` says
    how to make such a program ready for snapshots, if soak can take any. `prefixes` are the
    beginnings of the series' names. If a page has one of the `exporter_marks`, an exporter serves it
    for another process, and the page's process series describe the exporter itself.
    `never_dropped` are selectors of counts of things that are never removed again.
    """

    name: str
    metrics: tuple[Metric, ...] = ()
    pools: tuple[PoolNames, ...] = ()
    collectors: tuple[Collector, ...] = ()
    containers: Containers | None = None
    breakdowns: tuple[Breakdown, ...] = ()
    language: str = ""
    executables: str = ""
    opening: str = ""
    prefixes: tuple[str, ...] = ()
    exporter_marks: tuple[str, ...] = ()
    never_dropped: tuple[str, ...] = ()


def memory(
    selector: str,
    noun: str,
    capacities: tuple[str, ...] = (),
    floors: tuple[str, ...] = (),
    unless: tuple[str, ...] = (),
) -> Metric:
    """Build a row for memory that a process or container holds, in bytes."""
    kind, unit = ResourceKind.MEMORY, Unit.BYTES
    return Metric(selector, kind, noun, unit, capacities=capacities, floors=floors, unless=unless)


def heap(
    selector: str,
    noun: str,
    *capacities: str,
    unit: Unit = Unit.BYTES,
    unless: tuple[str, ...] = (),
) -> Metric:
    """Build a row for managed memory, which may include garbage."""
    return Metric(selector, ResourceKind.HEAP, noun, unit, capacities=capacities, unless=unless)


def count(kind: ResourceKind, selector: str, noun: str, unit: Unit, *capacities: str) -> Metric:
    """Build a row for a count of whole things."""
    return Metric(selector, kind, noun, unit, capacities=capacities)


def connected(metric: Metric) -> Metric:
    """Mark a metric as one that a client's connection raises."""
    return replace(metric, connected=True)


def shown(
    selector: str, kind: ResourceKind, noun: str, unit: Unit = Unit.BYTES, worse: Worse = Worse.UP
) -> Metric:
    """Build a row for a series that is drawn, but judged only if a limit names it."""
    return Metric(selector, kind, noun, unit, judged=False, worse=worse)


def bound(selector: str, noun: str, unit: Unit = Unit.BYTES) -> Metric:
    """Build a row for a series that holds a capacity."""
    return shown(selector, ResourceKind.LIMIT, noun, unit, Worse.NEITHER)


def _named(selector: str) -> tuple[str, ...]:
    return (selector,) if selector else ()
