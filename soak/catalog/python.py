"""Python: prometheus_client, OpenTelemetry's conventions, asyncio and SQLAlchemy. Reference counting frees most memory,
so a run without a collection proves as much as one with many."""

from __future__ import annotations

from soak.catalog.row_types import (
    Collector,
    Containers,
    Family,
    PoolNames,
    ResourceKind,
    Unit,
    connected,
    count,
    heap,
    shown,
)

#: What malloc and CPython's allocator have given out, after a collection.
HELD_MEMORY = "python_held_bytes"
TRACED_MEMORY, CONTAINER_LENGTH = "python_traced_memory_bytes", "python_container_length"
#: What an entry of a growing container holds alone, by its holder.
ENTRY_BYTES = "python_container_entry_bytes"
GROWING_ENTRIES = "python_growing_entries_bytes"
#: Number of files, sockets and databases that the service's own code opened, by source line.
OPENINGS = "python_openings"
ALLOCATED_BLOCKS = "python_allocated_blocks"
#: The share of processor time that tracing allocations takes, and the share of the time that is
#: traced.
TRACING_SHARE, TRACING_DUTY = "python_tracing_share_ratio", "python_tracing_duty_ratio"
#: 1 if the service collects what refers to itself, 0 if it has switched that off.
COLLECTOR_ENABLED = "python_gc_enabled"
MALLOC_TRIMMED = "python_malloc_trimmed_bytes"

PYTHON = Family(
    name="Python",
    language="Python",
    executables=r"(python|pypy)[0-9.]*",
    opening="start it with `SOAK_HOOK=127.0.0.1:9230 python -m soak.hook service.py`",
    prefixes=("python_", "process_runtime_cpython_", "cpython_"),
    metrics=(
        heap(TRACED_MEMORY, "what Python's allocations hold"),
        # Counted by soak's own hook at each snapshot.
        heap(HELD_MEMORY, "what Python and its libraries hold"),
        heap(GROWING_ENTRIES, "what requests leave in Python's containers"),
        # A steady number of blocks proves nothing: a list may grow without another block. So no
        # Collector uses it.
        heap(
            ALLOCATED_BLOCKS,
            "blocks of memory that Python holds",
            unit=Unit.BLOCKS,
            unless=(HELD_MEMORY, TRACED_MEMORY),
        ),
        shown(CONTAINER_LENGTH, ResourceKind.OTHER, "a container's entries", Unit.OBJECTS),
        shown(ENTRY_BYTES, ResourceKind.OTHER, "what a container's entry holds"),
        shown(OPENINGS, ResourceKind.OTHER, "what a line opened", Unit.OBJECTS),
        shown(MALLOC_TRIMMED, ResourceKind.MEMORY, "memory that malloc_trim gave back"),
        shown(
            "python_tracing_*_ratio", ResourceKind.CPU, "what tracing allocations takes", Unit.RATIO
        ),
        count(ResourceKind.THREADS, "*asyncio_tasks", "asyncio tasks", Unit.TASKS),
        count(
            ResourceKind.QUEUE,
            "*asyncio_handles",
            "callbacks scheduled on the event loop",
            Unit.HANDLES,
        ),
        shown("python_gc_*", ResourceKind.GC, "Python's collections", Unit.OBJECTS),
        shown("cpython_gc_*", ResourceKind.GC, "Python's collections", Unit.OBJECTS),
        shown("process_runtime_cpython_memory_bytes", ResourceKind.MEMORY, "memory of one kind"),
        count(
            ResourceKind.THREADS, "process_runtime_cpython_thread_count", "threads", Unit.THREADS
        ),
        connected(
            count(
                ResourceKind.DESCRIPTORS,
                "process_runtime_cpython_fd_count",
                "open descriptors",
                Unit.DESCRIPTORS,
            )
        ),
    ),
    pools=(
        PoolNames(
            used="sqlalchemy_pool_checked_out",
            maximum="sqlalchemy_pool_max",
            idle="sqlalchemy_pool_checked_in",
            waiting="sqlalchemy_pool_waiting",
        ),
    ),
    containers=Containers(CONTAINER_LENGTH, GROWING_ENTRIES, HELD_MEMORY, ENTRY_BYTES),
    collectors=(Collector(collected=HELD_MEMORY, heap=TRACED_MEMORY),),
    never_dropped=(f'{CONTAINER_LENGTH}{{bound="none"}}',),
)
