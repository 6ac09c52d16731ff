"""The process and its machine: series of the `process` source, and of Prometheus clients that use the same names."""

from __future__ import annotations

from dataclasses import replace

from soak.catalog.row_types import (
    Breakdown,
    Family,
    Metric,
    Part,
    ResourceKind,
    Unit,
    Worse,
    bound,
    connected,
    count,
    memory,
    shown,
)

RESIDENT, ANONYMOUS = "process_resident_memory_bytes", "process_resident_anonymous_bytes"
#: Added by soak's snapshots: resident memory just after the collection that they force.
RESIDENT_AFTER_GC = "process_resident_after_gc_bytes"
#: Computed: resident memory without what the runtime took for its heap and has not given back.
RESIDENT_OUTSIDE_HEAP = "process_resident_outside_heap_bytes"
OPEN_DESCRIPTORS, MOST_DESCRIPTORS, DESCRIPTORS_BY_TYPE = (
    "process_open_fds",
    "process_max_fds",
    "process_descriptors",
)
#: Open files by path, or by folder and suffix; and the state of a socket that the other side has closed.
OPEN_FILES, CLOSE_WAIT = "process_open_files", "close_wait"
VIRTUAL, VIRTUAL_LIMIT = "process_virtual_memory_bytes", "process_virtual_memory_max_bytes"
CPU_SECONDS = "process_cpu_seconds_total"
THREADS, CHILDREN, UNIQUE = "process_threads", "process_children", "process_unique_memory_bytes"
START_TIME, PROCESS_ID = "process_start_time_seconds", "process_pid"
MACHINE_MEMORY = "machine_memory_bytes"
MEMORY_LIMITS = ("container_spec_memory_limit_bytes", MACHINE_MEMORY)
#: Heap series whose floor resident memory follows, best first.
HEAP_FLOORS = (
    "go_gc_heap_live_bytes",
    "go_memstats_heap_alloc_bytes",
    "jvm_gc_live_data_size_bytes",
    "nodejs_heap_size_used_bytes",
)


def resident(selector: str, noun: str = "resident memory") -> Metric:
    """Build a row for the whole resident memory of a process."""
    return replace(memory(selector, noun, MEMORY_LIMITS, HEAP_FLOORS), whole=True)


PROCESS = Family(
    name="process",
    metrics=(
        resident(RESIDENT),
        shown(ANONYMOUS, ResourceKind.MEMORY, "memory that is no file's"),
        shown(RESIDENT_AFTER_GC, ResourceKind.MEMORY, "resident memory after a collection"),
        shown(RESIDENT_OUTSIDE_HEAP, ResourceKind.MEMORY, "resident memory outside of the heap"),
        shown(
            "process_proportional_memory_bytes",
            ResourceKind.MEMORY,
            "memory, shared pages split fairly",
        ),
        shown(UNIQUE, ResourceKind.MEMORY, "memory of these processes alone"),
        shown(
            "process_children_resident_memory_bytes",
            ResourceKind.MEMORY,
            "the children's resident memory",
        ),
        memory("process_swap_bytes", "memory swapped out"),
        shown(VIRTUAL, ResourceKind.MEMORY, "virtual memory"),
        bound(VIRTUAL_LIMIT, "the limit of virtual memory"),
        bound(MACHINE_MEMORY, "the machine's memory"),
        connected(
            count(
                ResourceKind.DESCRIPTORS,
                OPEN_DESCRIPTORS,
                "open descriptors",
                Unit.DESCRIPTORS,
                MOST_DESCRIPTORS,
            )
        ),
        bound(MOST_DESCRIPTORS, "the limit of open descriptors", Unit.DESCRIPTORS),
        shown(
            DESCRIPTORS_BY_TYPE,
            ResourceKind.DESCRIPTORS,
            "descriptors of one kind",
            Unit.DESCRIPTORS,
        ),
        shown(OPEN_FILES, ResourceKind.DESCRIPTORS, "open files of one path", Unit.DESCRIPTORS),
        count(ResourceKind.THREADS, THREADS, "threads", Unit.THREADS),
        count(ResourceKind.THREADS, CHILDREN, "child processes", Unit.PROCESSES),
        shown(CPU_SECONDS, ResourceKind.CPU, "CPU time", Unit.SECONDS),
        # OpenTelemetry's process metrics, whatever the language; the older Python ones have a label
        # for the type of memory.
        resident("process_memory_usage_bytes"),
        resident('process_runtime_cpython_memory_bytes{type="rss"}'),
        shown("process_memory_virtual_bytes", ResourceKind.MEMORY, "virtual memory"),
        count(ResourceKind.THREADS, "process_thread_count", "threads", Unit.THREADS),
        connected(
            count(
                ResourceKind.DESCRIPTORS,
                "process_open_file_descriptor_count",
                "open descriptors",
                Unit.DESCRIPTORS,
            )
        ),
        connected(
            count(
                ResourceKind.DESCRIPTORS,
                "process_unix_file_descriptor_count",
                "open descriptors",
                Unit.DESCRIPTORS,
            )
        ),
        connected(
            count(
                ResourceKind.DESCRIPTORS,
                "process_windows_handle_count",
                "open handles",
                Unit.HANDLES,
            )
        ),
        # For servers that put their own name before the names of process series, such as nginx's
        # ingress controller and RabbitMQ.
        resident("*_process_resident_memory_bytes"),
        connected(
            count(
                ResourceKind.DESCRIPTORS, "*_process_open_fds", "open descriptors", Unit.DESCRIPTORS
            )
        ),
        # The scrape itself: a metrics page that keeps growing has a leak of label values.
        count(
            ResourceKind.METRICS,
            "scrape_samples_scraped",
            "series on the metrics page",
            Unit.SERIES,
        ),
        shown(
            START_TIME, ResourceKind.OTHER, "when the process started", Unit.SECONDS, Worse.NEITHER
        ),
    ),
    breakdowns=(
        Breakdown(
            title="Resident memory by part",
            total=Part(RESIDENT),
            parts=(Part(ANONYMOUS, "heaps, stacks and other memory that is no file's"),),
            rest="files and shared memory",
            capacities=MEMORY_LIMITS,
        ),
    ),
)
