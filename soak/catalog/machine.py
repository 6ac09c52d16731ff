"""A whole machine, as reported by sysstat, vmstat, free, dstat and Prometheus's node_exporter."""

from __future__ import annotations

from dataclasses import replace

from soak.catalog.process import MACHINE_MEMORY
from soak.catalog.row_types import (
    Breakdown,
    Family,
    Metric,
    Part,
    ResourceKind,
    Unit,
    Worse,
    count,
    memory,
    shown,
)


def _left(metric: Metric) -> Metric:
    """Mark a metric as the free part of a resource: a fall is the leak."""
    return replace(metric, worse=Worse.DOWN)


MACHINE = Family(
    name="machine",
    # The series of node_exporter's own process say nothing about the machine.
    exporter_marks=("node_exporter_build_info", "node_scrape_collector_success"),
    metrics=(
        memory("machine_memory_used_bytes", "the machine's memory in use", (MACHINE_MEMORY,)),
        _left(memory("machine_memory_available_bytes", "the machine's available memory")),
        memory("machine_swap_used_bytes", "the machine's swap in use"),
        # Not judged: caches grow and shrink, and committed memory may never be touched.
        shown("machine_memory_*_bytes", ResourceKind.MEMORY, "a part of the machine's memory"),
        shown("machine_cached_*", ResourceKind.OTHER, "the kernel's cache of files", Unit.OBJECTS),
        shown("machine_swap_*_bytes", ResourceKind.MEMORY, "a part of the machine's swap"),
        count(
            ResourceKind.DESCRIPTORS, "machine_open_files", "the machine's open files", Unit.HANDLES
        ),
        _left(memory("node_memory_MemAvailable_bytes", "the machine's available memory")),
        _left(memory("node_memory_SwapFree_bytes", "the machine's free swap")),
        # Kernel memory that no process owns, such as leaks of a driver or a namespace.
        memory("node_memory_SUnreclaim_bytes", "the kernel's memory that cannot be reclaimed"),
        shown("node_memory_*", ResourceKind.MEMORY, "a part of the machine's memory"),
        count(
            ResourceKind.DESCRIPTORS,
            "node_filefd_allocated",
            "the machine's open files",
            Unit.HANDLES,
            "node_filefd_maximum",
        ),
        count(
            ResourceKind.THREADS,
            "node_processes_pids",
            "processes",
            Unit.PROCESSES,
            "node_processes_max_processes",
        ),
        count(
            ResourceKind.THREADS,
            "node_processes_threads",
            "threads",
            Unit.THREADS,
            "node_processes_max_threads",
        ),
        # If the table is full, the kernel drops every new connection.
        count(
            ResourceKind.DESCRIPTORS,
            "node_nf_conntrack_entries",
            "the kernel's tracked connections",
            Unit.CONNECTIONS,
            "node_nf_conntrack_entries_limit",
        ),
        _left(memory("node_filesystem_avail_bytes", "free space of a file system")),
        _left(
            count(
                ResourceKind.DESCRIPTORS,
                "node_filesystem_files_free",
                "free inodes of a file system",
                Unit.OBJECTS,
            )
        ),
        shown("node_filesystem_*", ResourceKind.OTHER, "a file system"),
        count(
            ResourceKind.DESCRIPTORS,
            "node_sockstat_TCP_alloc",
            "the machine's TCP sockets",
            Unit.HANDLES,
        ),
        shown("node_sockstat_*", ResourceKind.DESCRIPTORS, "the machine's sockets", Unit.HANDLES),
        shown("node_procs_*", ResourceKind.THREADS, "runnable processes", Unit.PROCESSES),
        shown("node_*_info", ResourceKind.OTHER, "a description of the machine"),
    ),
    breakdowns=(
        Breakdown(
            title="The machine's memory by part",
            total=Part("node_memory_MemTotal_bytes"),
            parts=(
                Part("node_memory_AnonPages_bytes", "anonymous memory"),
                Part("node_memory_SUnreclaim_bytes", "the kernel's, not to be reclaimed"),
                Part("node_memory_SReclaimable_bytes", "the kernel's, to be reclaimed"),
                Part("node_memory_Buffers_bytes", "buffers"),
                Part("node_memory_Cached_bytes", "cache of files, and shared memory"),
                Part("node_memory_MemFree_bytes", "free"),
            ),
            rest="further memory",
        ),
    ),
)
