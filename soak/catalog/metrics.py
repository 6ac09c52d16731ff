"""What the known series mean: one table, data only. Series that are not in it are judged only if a limit names them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Literal

from soak.model import Labels
from soak.units import unit_of


class ResourceKind(StrEnum):
    """What kind of thing a series measures."""

    MEMORY = "memory"
    HEAP = "live heap"
    DESCRIPTORS = "descriptors"
    THREADS = "threads"
    POOL = "pool"
    GC = "gc"
    CPU = "cpu"
    METRICS = "metrics"
    LIMIT = "limit"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Metric:
    """One row: series that `name` (a glob) matches are `noun` in a sentence, counted in `unit`.

    `worse` is the way in which a change is for the worse; nothing where neither is. A row with `judged` false is only shown;
    so is one with a series `unless` beside it, which says the same better, if it has the labels `where`, and one whose label
    matches a glob of `shown`. `capacities` name
    the series that hold its maximum, of which the smallest counts; `floors` the series whose floor is its truth, best first.
    `integer` marks counts of whole things, `connected` those of which a client's connection may be one.
    """

    name: str
    what: ResourceKind
    noun: str
    unit: str
    judged: bool = True
    worse: Literal["up", "down", ""] = "up"
    integer: bool = False
    capacities: tuple[str, ...] = ()
    floors: tuple[str, ...] = ()
    unless: str = ""
    where: Labels = ()
    shown: Labels = ()
    connected: bool = False

    def judges(self, labels: Labels) -> bool:
        """Whether a series with these labels is judged, as far as it alone can say."""
        own = dict(labels)
        return self.judged and not any(fnmatchcase(own.get(label, ""), glob) for label, glob in self.shown)


#: Counters of garbage collections: memory that grew while none ran says nothing yet.
COLLECTIONS = (
    "go_gc_cycles_total_gc_cycles_total",
    "go_gc_duration_seconds_count",
    "jvm_gc_pause_seconds_count",
    "nodejs_gc_duration_seconds_count",
)

_HEAPS = (
    "go_gc_heap_live_bytes",
    "go_memstats_heap_alloc_bytes",
    "jvm_gc_live_data_size_bytes",
    "nodejs_heap_size_used_bytes",
)
_LIMIT, _MACHINE = "container_spec_memory_limit_bytes", "machine_memory_bytes"
_BOTH = (_LIMIT, _MACHINE)
#: Compiled code and young objects have room of their own and never more: full, the JVM drops or moves what is old.
_BOUNDED = (("id", "CodeHeap*"), ("id", "CodeCache"), ("id", "*Eden Space"), ("id", "*Survivor Space"))
_LIVE, _HEAP_AREA = "go_gc_heap_live_bytes", (("area", "heap"),)


def _memory(name: str, noun: str, capacities: tuple[str, ...] = (), floors: tuple[str, ...] = ()) -> Metric:
    return Metric(name, ResourceKind.MEMORY, noun, "bytes", capacities=capacities, floors=floors)


def _heap(name: str, noun: str, unit: str = "bytes", unless: str = "", where: Labels = (), *maximum: str) -> Metric:
    return Metric(name, ResourceKind.HEAP, noun, unit, unless=unless, where=where, capacities=maximum)


def _count(what: ResourceKind, name: str, noun: str, unit: str, *maximum: str) -> Metric:
    return Metric(name, what, noun, unit, integer=True, capacities=maximum)


def _connected(role: Metric) -> Metric:
    return replace(role, connected=True)


def _shown(
    what: ResourceKind, name: str, noun: str, unit: str = "bytes", worse: Literal["up", "down", ""] = "up"
) -> Metric:
    return Metric(name, what, noun, unit, judged=False, worse=worse, integer=unit not in ("bytes", "seconds", "ratio"))


def _pool(used: str, maximum: str, waiting: str = "", idle: str = "") -> tuple[Metric, ...]:
    rows = [_count(ResourceKind.POOL, used, "connections in use", "connections", maximum)]
    if waiting:
        rows.append(_count(ResourceKind.POOL, waiting, "callers waiting for a connection", "callers"))
    if idle:
        rows.append(_shown(ResourceKind.POOL, idle, "idle connections", "connections", ""))
    return (*rows, _shown(ResourceKind.LIMIT, maximum, "the pool's maximum", "connections", ""))


METRICS: tuple[Metric, ...] = (
    # The process, and what holds it.
    _memory("process_resident_memory_bytes", "resident memory", _BOTH, _HEAPS),
    _memory("container_memory_working_set_bytes", "container memory", (_LIMIT,)),
    _shown(ResourceKind.MEMORY, "process_resident_anonymous_bytes", "memory that is no file's"),
    _shown(ResourceKind.MEMORY, "process_proportional_memory_bytes", "memory, shared pages split fairly"),
    _shown(ResourceKind.MEMORY, "process_unique_memory_bytes", "memory of these processes alone"),
    _shown(ResourceKind.MEMORY, "process_children_resident_memory_bytes", "the children's resident memory"),
    _memory("process_swap_bytes", "memory swapped out"),
    _shown(ResourceKind.MEMORY, "process_virtual_memory_bytes", "virtual memory"),
    _shown(ResourceKind.MEMORY, "process_virtual_memory_max_bytes", "the limit of virtual memory", worse=""),
    _shown(ResourceKind.LIMIT, _MACHINE, "the machine's memory", worse=""),
    _shown(ResourceKind.LIMIT, _LIMIT, "the container's memory limit", worse=""),
    _shown(ResourceKind.MEMORY, "container_memory_*", "a part of the container's memory"),
    _count(ResourceKind.THREADS, "container_threads", "the container's threads", "threads", "container_threads_max"),
    _connected(
        _count(ResourceKind.DESCRIPTORS, "process_open_fds", "open descriptors", "descriptors", "process_max_fds")
    ),
    _connected(
        _count(
            ResourceKind.DESCRIPTORS,
            "process_files_open_files",
            "open descriptors",
            "descriptors",
            "process_files_max_files",
        )
    ),
    _shown(ResourceKind.DESCRIPTORS, "process_descriptors", "descriptors of one kind", "descriptors"),
    _count(ResourceKind.THREADS, "process_threads", "threads", "threads"),
    _count(ResourceKind.THREADS, "process_children", "child processes", "processes"),
    _shown(ResourceKind.CPU, "process_cpu_seconds_total", "CPU time", "seconds"),
    _shown(ResourceKind.CPU, "container_cpu_*", "the container's CPU time", "seconds"),
    # Go.
    _connected(_count(ResourceKind.THREADS, "go_goroutines", "goroutines", "goroutines")),
    _count(ResourceKind.THREADS, "go_threads", "Go's threads", "threads"),
    _heap(_LIVE, "the live heap", "bytes", "", (), "go_gc_gomemlimit_bytes", *_BOTH),
    _heap("go_memstats_heap_alloc_bytes", "Go's heap", unless=_LIVE),
    _heap("go_memstats_heap_inuse_bytes", "Go's heap in use", unless=_LIVE),
    _heap("go_memstats_heap_objects", "the number of objects on Go's heap", "objects", _LIVE),
    _heap("go_memstats_stack_inuse_bytes", "Go's stack memory", unless="go_goroutines"),
    _shown(ResourceKind.MEMORY, "go_memstats_sys_bytes", "what Go took from the system"),
    _shown(ResourceKind.HEAP, "go_memstats_next_gc_bytes", "the next collection's goal"),
    _shown(ResourceKind.HEAP, "go_memstats_heap_*_bytes", "a part of Go's heap"),
    _shown(ResourceKind.GC, "go_gc_duration_seconds*", "Go's pauses", "seconds"),
    # The JVM. What of its heap is garbage only a collection tells; then live data speaks for all of it.
    _heap("jvm_gc_live_data_size_bytes", "the JVM's live data", "bytes", "", (), "jvm_gc_max_data_size_bytes"),
    _heap("jvm_memory_pool_collection_used_bytes", "the JVM's heap after a collection"),
    replace(
        _heap("jvm_memory_used_bytes", "the JVM's memory", "bytes", _HEAPS[2], _HEAP_AREA, "jvm_memory_max_bytes"),
        shown=_BOUNDED,
    ),
    _shown(ResourceKind.LIMIT, "jvm_gc_max_data_size_bytes", "the most of live data", worse=""),
    _shown(ResourceKind.LIMIT, "jvm_memory_max_bytes", "the most of a part of the JVM's memory", worse=""),
    _memory("jvm_buffer_memory_used_bytes", "the JVM's buffer memory"),
    _count(ResourceKind.THREADS, "jvm_threads_live_threads", "the JVM's threads", "threads"),
    _shown(ResourceKind.GC, "jvm_gc_pause_seconds*", "the JVM's pauses", "seconds"),
    # Node. Its heap may be judged by its floor alone; of active handles every open connection is one.
    _heap("nodejs_heap_size_used_bytes", "Node's heap"),
    # Buffers that garbage holds count as external until a full collection, maybe an hour away: resident memory tells.
    _shown(ResourceKind.MEMORY, "nodejs_external_memory_bytes", "Node's external memory"),
    _shown(ResourceKind.MEMORY, "nodejs_heap_size_total_bytes", "what Node took for its heap"),
    _shown(ResourceKind.MEMORY, "nodejs_heap_space_size_*_bytes", "a part of Node's heap"),
    _connected(_count(ResourceKind.DESCRIPTORS, "nodejs_active_handles_total", "Node's active handles", "handles")),
    _count(ResourceKind.DESCRIPTORS, "nodejs_active_requests_total", "Node's active requests", "requests"),
    _connected(
        _count(ResourceKind.DESCRIPTORS, "nodejs_active_resources_total", "Node's active resources", "resources")
    ),
    _shown(ResourceKind.GC, "nodejs_gc_duration_seconds*", "Node's collections", "seconds"),
    _shown(ResourceKind.OTHER, "nodejs_eventloop_lag_*", "the event loop's lag", "seconds"),
    # Python.
    _shown(ResourceKind.GC, "python_gc_*", "Python's collections", "objects"),
    # Pools of connections; soak/analysis/rules/pools.py says more of them.
    *_pool("go_sql_in_use_connections", "go_sql_max_open_connections", "", "go_sql_idle_connections"),
    _count(
        ResourceKind.POOL, "go_sql_open_connections", "open connections", "connections", "go_sql_max_open_connections"
    ),
    *_pool("hikaricp_connections_active", "hikaricp_connections_max", "hikaricp_connections_pending"),
    *_pool("hikaricp_active_connections", "hikaricp_max_connections", "hikaricp_pending_threads"),
    *_pool("jdbc_connections_active", "jdbc_connections_max", "", "jdbc_connections_idle"),
    *_pool("r2dbc_pool_acquired_connections", "r2dbc_pool_max_allocated_connections", "r2dbc_pool_pending_connections"),
    *_pool("db_pool_connections_in_use", "db_pool_connections_max", "db_pool_connections_waiting"),
    *_pool(
        "sqlalchemy_pool_checked_out", "sqlalchemy_pool_max", "sqlalchemy_pool_waiting", "sqlalchemy_pool_checked_in"
    ),
    _count(ResourceKind.POOL, "db_client_connections_pending_requests", "callers waiting for a connection", "callers"),
    # The scrape itself: a page that keeps growing has a leak of labels.
    _count(ResourceKind.METRICS, "scrape_samples_scraped", "series on the metrics page", "series"),
    _shown(ResourceKind.OTHER, "soak_load_resident_memory_bytes", "the load generator's memory"),
    _shown(ResourceKind.OTHER, "soak_load_*", "the load generator", "ratio"),
)


def metric_of(name: str) -> Metric | None:
    """The row for a series' name; None when it is not a known one."""
    return next((role for role in METRICS if fnmatchcase(name, role.name)), None)


def unknown_metric(name: str) -> Metric:
    """A row for a series that a limit, or the file being judged, brought up."""
    counted = (
        name.rpartition("_")[2]
        if name.endswith(("_fds", "_connections", "_threads", "_goroutines", "_objects"))
        else ""
    )
    return Metric(name, ResourceKind.OTHER, name, unit_of(name) or counted, integer=bool(counted))
