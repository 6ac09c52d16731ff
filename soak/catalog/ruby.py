"""Ruby: prometheus_exporter, and Yabeda with its plug-ins for Puma, Sidekiq and ActiveRecord."""

from __future__ import annotations

from soak.catalog.process import resident
from soak.catalog.row_types import (
    Collector,
    Family,
    PoolNames,
    ResourceKind,
    Unit,
    count,
    heap,
    shown,
)

RUBY = Family(
    name="Ruby",
    language="Ruby",
    executables=r"(ruby|jruby|truffleruby)[0-9.]*",
    prefixes=("ruby_", "puma_", "sidekiq_"),
    metrics=(
        resident("ruby_rss"),
        resident("ruby_process_resident_memory_bytes"),
        heap("ruby_heap_live_slots", "objects on Ruby's heap", unit=Unit.OBJECTS),
        heap(
            "ruby_gc_stat_heap_live_slots",
            "objects on Ruby's heap",
            unit=Unit.OBJECTS,
        ),
        heap("gc_heap_live_slots", "objects on Ruby's heap", unit=Unit.OBJECTS),
        shown("ruby_heap_free_slots", ResourceKind.HEAP, "free slots of Ruby's heap", Unit.OBJECTS),
        heap("ruby_v8_used_heap_size", "the heap of JavaScript in Ruby"),
        shown("ruby_v8_*", ResourceKind.HEAP, "memory of JavaScript in Ruby"),
        count(
            ResourceKind.DESCRIPTORS, "ruby_file_descriptors", "open descriptors", Unit.DESCRIPTORS
        ),
        count(ResourceKind.THREADS, "ruby_thread_count", "Ruby's threads", Unit.THREADS),
        count(
            ResourceKind.QUEUE,
            "*puma_backlog",
            "requests that wait for a thread of Puma",
            Unit.REQUESTS,
        ),
        count(
            ResourceKind.QUEUE,
            "*puma_request_backlog",
            "requests that wait for a thread of Puma",
            Unit.REQUESTS,
        ),
        count(
            ResourceKind.THREADS,
            "*puma_running",
            "Puma's threads",
            Unit.THREADS,
            "puma_max_threads",
        ),
        count(
            ResourceKind.THREADS,
            "*puma_running_threads",
            "Puma's threads",
            Unit.THREADS,
            "puma_max_threads",
        ),
        count(
            ResourceKind.QUEUE,
            "sidekiq_jobs_waiting_count",
            "jobs that wait for Sidekiq",
            Unit.TASKS,
        ),
        count(
            ResourceKind.QUEUE, "*sidekiq_queue_backlog", "jobs that wait for Sidekiq", Unit.TASKS
        ),
        shown("sidekiq_*", ResourceKind.OTHER, "Sidekiq's jobs", Unit.TASKS),
    ),
    pools=tuple(
        PoolNames(
            used=f"{prefix}_connection_pool_busy",
            maximum=f"{prefix}_connection_pool_size",
            idle=f"{prefix}_connection_pool_idle",
            waiting=f"{prefix}_connection_pool_waiting",
        )
        for prefix in ("activerecord", "ruby_active_record", "active_record")
    ),
    collectors=(
        Collector(
            heap="ruby_heap_live_slots",
            collections=("ruby_major_gc_ops_total", "ruby_minor_gc_ops_total"),
            young=("ruby_minor_gc_ops_total",),
            minor=("ruby_minor_gc_ops_total",),
        ),
    ),
)
