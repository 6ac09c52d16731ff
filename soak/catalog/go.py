"""Go: its Prometheus client, expvar, OpenTelemetry's conventions, and database/sql."""

from __future__ import annotations

from soak.catalog.process import MEMORY_LIMITS
from soak.catalog.row_types import (
    Breakdown,
    Collector,
    Family,
    Part,
    PoolNames,
    ResourceKind,
    Unit,
    Worse,
    connected,
    count,
    heap,
    shown,
)

LIVE_HEAP, GOAL = "go_gc_heap_live_bytes", "go_memstats_next_gc_bytes"
#: Added by soak's snapshots: the exact size of the heap just after the collection that each
#: snapshot forces. The goal is less informative for a heap of under 2 MiB, for which it does not
#: change.
COLLECTED_HEAP = "go_heap_after_gc_bytes"
GOROUTINES, MEMORY_LIMIT = "go_goroutines", "go_gc_gomemlimit_bytes"
#: Added by soak's snapshots, where no metrics page counts them: the goroutines of each profile.
COUNTED_GOROUTINES = "go_goroutines_in_profiles"
#: All memory that Go took from the system, and the part of the heap that it gave back.
TAKEN, RETURNED = "go_memstats_sys_bytes", "go_memstats_heap_released_bytes"
#: Prefix of the series that publish runtime.MemStats.
MEMORY_STATISTICS = "go_memstats_"
_OBJECTS = Unit.OBJECTS
_UNLESS_LIVE = (LIVE_HEAP, COLLECTED_HEAP)

GO = Family(
    name="Go",
    language="Go",
    opening='let it serve net/http/pprof under /debug/pprof (import _ "net/http/pprof")',
    prefixes=("go_", "process_runtime_go_"),
    metrics=(
        connected(count(ResourceKind.THREADS, GOROUTINES, "goroutines", Unit.GOROUTINES)),
        connected(count(ResourceKind.THREADS, COUNTED_GOROUTINES, "goroutines", Unit.GOROUTINES)),
        count(ResourceKind.THREADS, "go_threads", "Go's threads", Unit.THREADS),
        connected(heap(LIVE_HEAP, "the live heap", MEMORY_LIMIT, *MEMORY_LIMITS)),
        connected(
            heap(COLLECTED_HEAP, "Go's heap after a collection", MEMORY_LIMIT, *MEMORY_LIMITS)
        ),
        heap("go_memstats_heap_alloc_bytes", "Go's heap", unless=_UNLESS_LIVE),
        heap("go_memstats_heap_inuse_bytes", "Go's heap in use", unless=_UNLESS_LIVE),
        heap(
            "go_memstats_heap_objects",
            "objects on Go's heap",
            unit=_OBJECTS,
            unless=_UNLESS_LIVE,
        ),
        heap("go_memstats_stack_inuse_bytes", "Go's stack memory", unless=(GOROUTINES,)),
        shown(TAKEN, ResourceKind.MEMORY, "what Go took from the system"),
        shown(GOAL, ResourceKind.HEAP, "the next collection's goal"),
        shown("go_memstats_heap_*_bytes", ResourceKind.HEAP, "a part of Go's heap"),
        shown("go_gc_duration_seconds*", ResourceKind.GC, "Go's pauses", Unit.SECONDS),
        # OpenTelemetry, from semantic conventions 1.29 on, and earlier.
        connected(count(ResourceKind.THREADS, "go_goroutine_count", "goroutines", Unit.GOROUTINES)),
        heap(
            'go_memory_used_bytes{go_memory_type="stack"}',
            "Go's stack memory",
            unless=("go_goroutine_count",),
        ),
        heap(
            'go_memory_used_bytes{go_memory_type="other"}',
            "Go's memory in use",
            "go_memory_limit_bytes",
        ),
        shown("go_memory_gc_goal_bytes", ResourceKind.HEAP, "the next collection's goal"),
        shown(
            "go_memory_limit_bytes", ResourceKind.LIMIT, "Go's memory limit", worse=Worse.NEITHER
        ),
        connected(
            count(
                ResourceKind.THREADS, "process_runtime_go_goroutines", "goroutines", Unit.GOROUTINES
            )
        ),
        heap("process_runtime_go_mem_heap_alloc_bytes", "Go's heap"),
        heap("process_runtime_go_mem_heap_inuse_bytes", "Go's heap in use"),
        heap(
            "process_runtime_go_mem_heap_objects",
            "objects on Go's heap",
            unit=_OBJECTS,
        ),
        shown("process_runtime_go_mem_heap_*_bytes", ResourceKind.HEAP, "a part of Go's heap"),
        # The open connections of a pool, idle ones among them.
        count(
            ResourceKind.POOL,
            "go_sql_open_connections",
            "open connections",
            Unit.CONNECTIONS,
            "go_sql_max_open_connections",
        ),
    ),
    breakdowns=(
        # runtime.MemStats: Sys includes HeapInuse, HeapIdle, StackSys and more. HeapReleased is the
        # part of the idle heap that was given back. GOMEMLIMIT bounds Sys - HeapReleased
        # (debug.SetMemoryLimit).
        Breakdown(
            title="Go's memory by part",
            total=Part(TAKEN, less=RETURNED),
            parts=(
                Part("go_memstats_heap_inuse_bytes", "heap in use"),
                Part("go_memstats_heap_idle_bytes", "idle heap, kept", less=RETURNED),
                Part("go_memstats_stack_inuse_bytes", "stacks"),
            ),
            rest="the runtime's own",
            capacities=(MEMORY_LIMIT,),
        ),
        Breakdown(
            title="Go's memory by part",
            total=Part("go_memory_used_bytes"),
            parts=(
                Part('go_memory_used_bytes{go_memory_type="other"}', "heap and the runtime's own"),
                Part('go_memory_used_bytes{go_memory_type="stack"}', "stacks"),
            ),
            rest="further memory",
            capacities=("go_memory_limit_bytes",),
        ),
    ),
    pools=(
        PoolNames(
            used="go_sql_in_use_connections",
            maximum="go_sql_max_open_connections",
            idle="go_sql_idle_connections",
            waits="go_sql_wait_count_total",
        ),
        PoolNames(
            used="pgxpool_acquired_conns",
            maximum="pgxpool_max_conns",
            idle="pgxpool_idle_conns",
            waits="pgxpool_empty_acquire",
        ),
    ),
    collectors=(
        Collector(
            live=LIVE_HEAP,
            collected=COLLECTED_HEAP,
            heap="go_memstats_heap_inuse_bytes",
            goal=GOAL,
            percent="go_gc_gogc_percent",
            limit=MEMORY_LIMIT,
            taken=TAKEN,
            released=RETURNED,
            spans="go_memstats_heap_sys_bytes",
            footprint=TAKEN,
            allocated="go_memstats_alloc_bytes_total",
            collections=("go_gc_cycles_total_gc_cycles_total", "go_gc_duration_seconds_count"),
            ended="go_memstats_last_gc_time_seconds",
            longest='go_gc_duration_seconds{quantile="1"}',
            pauses="go_gc_duration_seconds_sum",
            paused="go_gc_cycles_total_gc_cycles_total",
            threads=GOROUTINES,
            sooner="Go collects at least every 2 minutes, and more often with a lower GOGC",
        ),
        Collector(
            heap="process_runtime_go_mem_heap_inuse_bytes",
            collections=("process_runtime_go_gc_count_total",),
            threads="process_runtime_go_goroutines",
        ),
        Collector(
            heap='go_memory_used_bytes{go_memory_type="other"}',
            allocated="go_memory_allocated_bytes_total",
            threads="go_goroutine_count",
        ),
    ),
)
