"""What the known series mean: one table, data only. Series that are not in it are judged only if a limit names them."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from soak.units import unit_of


@dataclass(frozen=True, slots=True)
class Role:
    """One row: series that `name` (a glob) matches are `noun` in a sentence, counted in `unit`.

    `capacities` name the series that hold its maximum, of which the smallest counts; `floors` the series whose floor is
    its truth, best first. A row with `judged` false is only shown; so is one with a series `unless` beside it, which says
    the same better. `integer` marks counts of whole things.
    """

    name: str
    noun: str
    unit: str
    judged: bool = True
    integer: bool = False
    capacities: tuple[str, ...] = ()
    floors: tuple[str, ...] = ()
    unless: str = ""


_HEAPS = (
    "go_gc_heap_live_bytes",
    "go_memstats_heap_alloc_bytes",
    "jvm_gc_live_data_size_bytes",
    "nodejs_heap_size_used_bytes",
)

#: Counters of garbage collections: memory that grew while none ran says nothing yet.
COLLECTIONS = (
    "go_gc_cycles_total_gc_cycles_total",
    "go_gc_duration_seconds_count",
    "jvm_gc_pause_seconds_count",
    "nodejs_gc_duration_seconds_count",
)

_MEMORY = ("container_spec_memory_limit_bytes", "machine_memory_bytes")

ROLES: tuple[Role, ...] = (
    Role("process_resident_memory_bytes", "resident memory", "bytes", capacities=_MEMORY, floors=_HEAPS),
    Role(
        "container_memory_working_set_bytes",
        "container memory",
        "bytes",
        capacities=("container_spec_memory_limit_bytes",),
    ),
    Role("process_resident_anonymous_bytes", "memory that is no file's", "bytes", judged=False),
    Role("process_virtual_memory_bytes", "virtual memory", "bytes", judged=False),
    Role("machine_memory_bytes", "the machine's memory", "bytes", judged=False),
    Role("container_spec_memory_limit_bytes", "the container's memory limit", "bytes", judged=False),
    Role("go_memstats_sys_bytes", "what Go took from the system", "bytes", judged=False),
    Role("go_memstats_next_gc_bytes", "the next collection's goal", "bytes", judged=False),
    Role("process_open_fds", "open descriptors", "descriptors", integer=True, capacities=("process_max_fds",)),
    Role(
        "process_files_open_files",
        "open descriptors",
        "descriptors",
        integer=True,
        capacities=("process_files_max_files",),
    ),
    Role("process_threads", "threads", "threads", integer=True),
    Role("process_cpu_seconds_total", "CPU time", "seconds", judged=False),
    Role("go_goroutines", "goroutines", "goroutines", integer=True),
    Role("go_threads", "Go's threads", "threads", integer=True),
    Role("go_gc_heap_live_bytes", "the live heap", "bytes", capacities=("go_gc_gomemlimit_bytes", *_MEMORY)),
    Role("go_memstats_heap_alloc_bytes", "Go's heap", "bytes", unless="go_gc_heap_live_bytes"),
    Role("go_memstats_heap_inuse_bytes", "Go's heap in use", "bytes", unless="go_gc_heap_live_bytes"),
    Role("go_memstats_heap_objects", "the number of objects on Go's heap", "objects", unless="go_gc_heap_live_bytes"),
    Role("go_memstats_stack_inuse_bytes", "Go's stack memory", "bytes", unless="go_goroutines"),
    Role("jvm_gc_live_data_size_bytes", "the JVM's live data", "bytes", capacities=("jvm_gc_max_data_size_bytes",)),
    Role("jvm_memory_used_bytes", "the JVM's memory", "bytes", capacities=("jvm_memory_max_bytes",)),
    Role("jvm_buffer_memory_used_bytes", "the JVM's buffer memory", "bytes"),
    Role("jvm_threads_live_threads", "the JVM's threads", "threads", integer=True),
    Role("nodejs_heap_size_used_bytes", "Node's heap", "bytes"),
    Role("nodejs_external_memory_bytes", "Node's external memory", "bytes"),
    Role("nodejs_active_handles_total", "Node's active handles", "handles", integer=True),
    Role("nodejs_active_requests_total", "Node's active requests", "requests", integer=True),
    Role("nodejs_active_resources_total", "Node's active resources", "resources", integer=True),
    Role(
        "go_sql_in_use_connections",
        "connections in use",
        "connections",
        integer=True,
        capacities=("go_sql_max_open_connections",),
    ),
    Role(
        "go_sql_open_connections",
        "open connections",
        "connections",
        integer=True,
        capacities=("go_sql_max_open_connections",),
    ),
    Role(
        "hikaricp_connections_active",
        "connections in use",
        "connections",
        integer=True,
        capacities=("hikaricp_connections_max",),
    ),
    Role("hikaricp_active_connections", "connections in use", "connections", integer=True),
    Role("hikaricp_connections_pending", "callers waiting for a connection", "callers", integer=True),
    Role("hikaricp_pending_threads", "callers waiting for a connection", "callers", integer=True),
    Role(
        "db_pool_connections_in_use",
        "connections in use",
        "connections",
        integer=True,
        capacities=("db_pool_connections_max",),
    ),
    Role("db_pool_connections_waiting", "callers waiting for a connection", "callers", integer=True),
    Role("soak_load_resident_memory_bytes", "the load generator's memory", "bytes", judged=False),
    Role("soak_load_*", "the load generator", "", judged=False),
    Role("go_memstats_heap_*_bytes", "a part of Go's heap", "bytes", judged=False),
)


def role_of(name: str) -> Role | None:
    """The row for a series' name; None when it is not a known one."""
    return next((role for role in ROLES if fnmatchcase(name, role.name)), None)


def unknown_role(name: str) -> Role:
    """A row for a series that a limit, or the file being judged, brought up."""
    counted = (
        name.rpartition("_")[2]
        if name.endswith(("_fds", "_connections", "_threads", "_goroutines", "_objects"))
        else ""
    )
    return Role(name, name, unit_of(name) or counted, integer=bool(counted))
