""".NET: prometheus-net, the built-in meters of .NET 8 and 9, and OpenTelemetry's earlier runtime instrumentation."""

from __future__ import annotations

from soak.catalog.process import resident
from soak.catalog.row_types import (
    Breakdown,
    Collector,
    Family,
    Part,
    ResourceKind,
    Unit,
    connected,
    count,
    heap,
    shown,
)

_OTEL, _BEFORE = (
    "dotnet_gc_last_collection_heap_size_bytes",
    "process_runtime_dotnet_gc_heap_size_bytes",
)

DOTNET = Family(
    name=".NET",
    language="C#",
    executables=r"dotnet",
    prefixes=("dotnet_", "process_runtime_dotnet_"),
    metrics=(
        # prometheus-net. Private memory is what the process requested, touched or not.
        resident("process_working_set_bytes"),
        shown("process_private_memory_bytes", ResourceKind.MEMORY, "private memory"),
        heap("dotnet_total_memory_bytes", ".NET's heap"),
        count(ResourceKind.THREADS, "process_num_threads", "threads", Unit.THREADS),
        connected(
            count(ResourceKind.DESCRIPTORS, "process_open_handles", "open handles", Unit.HANDLES)
        ),
        # .NET 9's own meters, as OpenTelemetry's exporters spell them: some append `_total` even to
        # series that go up and down.
        resident("dotnet_process_memory_working_set_bytes"),
        heap(_OTEL, ".NET's heap after a collection"),
        shown("dotnet_gc_last_collection_*_bytes", ResourceKind.HEAP, "memory of .NET's collector"),
        # prometheus-net.DotNetRuntime; young generations hold what is allocated between
        # collections.
        heap('dotnet_gc_heap_size_bytes{gc_generation=~"2|loh"}', ".NET's heap after a collection"),
        shown(
            'dotnet_gc_heap_size_bytes{gc_generation=~".+"}',
            ResourceKind.HEAP,
            "a young part of .NET's heap",
        ),
        heap("dotnet_gc_heap_size_bytes", ".NET's heap"),
        count(
            ResourceKind.QUEUE,
            "dotnet_gc_finalization_queue_length",
            "objects that wait for their finalizer",
            Unit.OBJECTS,
        ),
        shown("dotnet_gc_pinned_objects", ResourceKind.OTHER, "pinned objects", Unit.OBJECTS),
        shown("dotnet_gc_*", ResourceKind.GC, ".NET's collections", Unit.COLLECTIONS),
        count(
            ResourceKind.THREADS,
            "dotnet_thread_pool_thread_count*",
            "threads of .NET's pool",
            Unit.THREADS,
        ),
        count(
            ResourceKind.QUEUE, "dotnet_thread_pool_queue_length*", "work items queued", Unit.TASKS
        ),
        count(ResourceKind.TIMERS, "dotnet_timer_count*", ".NET's timers", Unit.TIMERS),
        # OpenTelemetry.Instrumentation.Runtime for .NET 8 and earlier.
        heap(_BEFORE, ".NET's heap after a collection"),
        heap("process_runtime_dotnet_gc_objects_size_bytes", ".NET's heap", unless=(_BEFORE,)),
        shown(
            "process_runtime_dotnet_gc_*", ResourceKind.GC, ".NET's collections", Unit.COLLECTIONS
        ),
        count(
            ResourceKind.THREADS,
            "process_runtime_dotnet_thread_pool_threads_count",
            "threads of .NET's pool",
            Unit.THREADS,
        ),
        count(
            ResourceKind.QUEUE,
            "process_runtime_dotnet_thread_pool_queue_length",
            "work items queued",
            Unit.TASKS,
        ),
        count(
            ResourceKind.TIMERS, "process_runtime_dotnet_timer_count", ".NET's timers", Unit.TIMERS
        ),
        # prometheus-net.DotNetRuntime.
        count(
            ResourceKind.THREADS,
            "dotnet_threadpool_num_threads",
            "threads of .NET's pool",
            Unit.THREADS,
        ),
        count(
            ResourceKind.QUEUE, "dotnet_threadpool_queue_length*", "work items queued", Unit.TASKS
        ),
        count(ResourceKind.TIMERS, "dotnet_threadpool_timer_count", ".NET's timers", Unit.TIMERS),
        shown("dotnet_threadpool_*", ResourceKind.THREADS, ".NET's pool of threads", Unit.THREADS),
    ),
    breakdowns=(
        Breakdown(
            title=".NET's heap by generation",
            total=Part("dotnet_gc_last_collection_memory_committed_size_bytes"),
            parts=(Part(_OTEL, by="gc_heap_generation"),),
            rest="taken from the system, not in use",
        ),
        Breakdown(
            title=".NET's heap by generation",
            total=Part("process_runtime_dotnet_gc_committed_memory_size_bytes"),
            parts=(Part(_BEFORE, by="generation"),),
            rest="taken from the system, not in use",
        ),
    ),
    collectors=(
        Collector(
            heap="dotnet_total_memory_bytes",
            collections=("dotnet_collection_count_total",),
            young=('dotnet_collection_count_total{generation=~"0|1"}',),
            threads="process_num_threads",
        ),
        Collector(
            live=_OTEL,
            taken="dotnet_gc_last_collection_memory_committed_size_bytes",
            allocated="dotnet_gc_heap_total_allocated_bytes_total",
            collections=("dotnet_gc_collections_total",),
            young=('dotnet_gc_collections_total{gc_heap_generation=~"gen[01]"}',),
            pauses="dotnet_gc_pause_time_seconds_total",
        ),
        Collector(
            live=_BEFORE,
            taken="process_runtime_dotnet_gc_committed_memory_size_bytes",
            allocated="process_runtime_dotnet_gc_allocations_size_bytes_total",
            collections=("process_runtime_dotnet_gc_collections_count_total",),
            young=('process_runtime_dotnet_gc_collections_count_total{generation=~"gen[01]"}',),
        ),
    ),
)
