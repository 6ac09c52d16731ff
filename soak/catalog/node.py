"""Node.js: prom-client, and OpenTelemetry's conventions for V8."""

from __future__ import annotations

from soak.catalog.row_types import (
    Breakdown,
    Collector,
    Containers,
    Family,
    Part,
    ResourceKind,
    Unit,
    bound,
    connected,
    count,
    heap,
    memory,
    shown,
)

ACTIVE_RESOURCES = "nodejs_active_resources"
#: Numbers by type, of which a page shows those types alone that are there: a missing type is 0.
COUNTED_BY_TYPE = (
    ACTIVE_RESOURCES,
    "nodejs_active_handles",
    "nodejs_active_requests",
    "v8js_resource_active",
)
#: Added by soak's snapshots: how many of the requests received since the first snapshot are still
#: on the heap.
KEPT_REQUESTS = "nodejs_requests_alive"
#: The size of the heap just after the collection that a snapshot forces.
LIVE_HEAP = "nodejs_heap_live_bytes"
#: Added by soak's snapshots: entries of a container that has gained some, and what holds it.
CONTAINER_LENGTH, CONTAINER_HOLDER = "nodejs_container_length", "nodejs_container_holder"
GROWING_ENTRIES = "nodejs_growing_entries_bytes"
_SECONDS = Unit.SECONDS
_SOONER = "a smaller --max-old-space-size, as of 128, makes Node collect its old generation sooner"
_PARTIAL = "minor|incremental|weakcb"
#: V8's spaces that hold old objects.
_OLD_SPACE = "(old|large_object|trusted|trusted_large_object)_space"

NODE = Family(
    name="Node.js",
    language="JavaScript",
    executables=r"node(js)?[0-9.]*",
    opening="start it with `node --inspect=127.0.0.1:9229`",
    prefixes=("nodejs_", "v8js_"),
    metrics=(
        # Every open connection is an active handle and resource.
        connected(heap(LIVE_HEAP, "Node's live heap")),
        heap("nodejs_heap_size_used_bytes", "Node's heap", unless=(LIVE_HEAP,)),
        heap(GROWING_ENTRIES, "what requests leave in Node's containers"),
        shown(CONTAINER_LENGTH, ResourceKind.OTHER, "a container's entries", Unit.OBJECTS),
        shown(CONTAINER_HOLDER, ResourceKind.OTHER, "what holds a container", Unit.OBJECTS),
        # Buffers that garbage refers to count as external until the next full collection, maybe in
        # an hour. So external memory is not judged; resident memory is.
        memory("nodejs_external_live_bytes", "Node's live external memory"),
        shown("nodejs_external_memory_bytes", ResourceKind.MEMORY, "Node's external memory"),
        shown("nodejs_heap_size_total_bytes", ResourceKind.MEMORY, "what Node took for its heap"),
        shown("nodejs_heap_space_size_*_bytes", ResourceKind.MEMORY, "a part of Node's heap"),
        connected(
            count(
                ResourceKind.DESCRIPTORS,
                "nodejs_active_handles_total",
                "Node's active handles",
                Unit.HANDLES,
            )
        ),
        shown(
            "nodejs_active_handles",
            ResourceKind.DESCRIPTORS,
            "Node's handles of one type",
            Unit.HANDLES,
        ),
        count(
            ResourceKind.DESCRIPTORS,
            "nodejs_active_requests_total",
            "Node's active requests",
            Unit.REQUESTS,
        ),
        connected(
            count(
                ResourceKind.DESCRIPTORS,
                "nodejs_active_resources_total",
                "Node's active resources",
                Unit.RESOURCES,
            )
        ),
        count(
            ResourceKind.TIMERS,
            'nodejs_active_resources{type="Timeout"}',
            "Node's timers",
            Unit.TIMERS,
        ),
        connected(
            count(
                ResourceKind.REQUESTS,
                KEPT_REQUESTS,
                "requests that Node keeps on its heap",
                Unit.REQUESTS,
            )
        ),
        shown(
            "nodejs_active_resources",
            ResourceKind.DESCRIPTORS,
            "Node's resources of one type",
            Unit.RESOURCES,
        ),
        shown("nodejs_gc_duration_seconds*", ResourceKind.GC, "Node's collections", _SECONDS),
        shown("nodejs_eventloop_lag_*", ResourceKind.OTHER, "the event loop's lag", _SECONDS),
        heap(
            f'v8js_memory_heap_used_bytes{{v8js_heap_space_name=~"{_OLD_SPACE}"}}',
            "V8's heap",
            "v8js_memory_heap_limit_bytes",
        ),
        shown(
            'v8js_memory_heap_used_bytes{v8js_heap_space_name!=""}',
            ResourceKind.HEAP,
            "a part of V8's heap",
        ),
        heap("v8js_memory_heap_used_bytes", "V8's heap", "v8js_memory_heap_limit_bytes"),
        bound("v8js_memory_heap_limit_bytes", "the limit of V8's heap"),
        shown("v8js_memory_heap_space_*_bytes", ResourceKind.MEMORY, "a part of V8's heap"),
        count(
            ResourceKind.TIMERS,
            'v8js_resource_active{v8js_resource_type="Timeout"}',
            "Node's timers",
            Unit.TIMERS,
        ),
        shown(
            "v8js_resource_active*",
            ResourceKind.DESCRIPTORS,
            "Node's resources of one type",
            Unit.RESOURCES,
        ),
        shown("v8js_gc_duration_seconds*", ResourceKind.GC, "V8's collections", _SECONDS),
    ),
    breakdowns=(
        Breakdown(
            title="Node's heap by space",
            total=Part("nodejs_heap_size_total_bytes"),
            parts=(Part("nodejs_heap_space_size_used_bytes", by="space"),),
            rest="taken from the system, not in use",
        ),
        # What V8 calls a space's size, OpenTelemetry calls its limit.
        Breakdown(
            title="V8's heap by space",
            total=Part('v8js_memory_heap_limit_bytes{v8js_heap_space_name!=""}'),
            parts=(
                Part(
                    'v8js_memory_heap_used_bytes{v8js_heap_space_name!=""}',
                    by="v8js_heap_space_name",
                ),
            ),
            rest="taken from the system, not in use",
        ),
    ),
    containers=Containers(CONTAINER_LENGTH, GROWING_ENTRIES, LIVE_HEAP),
    collectors=(
        Collector(
            collected=LIVE_HEAP,
            heap="nodejs_heap_size_used_bytes",
            footprint="nodejs_heap_size_total_bytes",
            collections=("nodejs_gc_duration_seconds_count",),
            young=(f'nodejs_gc_duration_seconds_count{{kind=~"{_PARTIAL}"}}',),
            minor=(f'nodejs_gc_duration_seconds_count{{kind=~"{_PARTIAL}"}}',),
            pauses="nodejs_gc_duration_seconds_sum",
            paused="nodejs_gc_duration_seconds_count",
            outside="nodejs_external_memory_bytes",
            peak="nodejs_external_memory_bytes",
            sooner=_SOONER,
        ),
        Collector(
            heap="v8js_memory_heap_used_bytes",
            collections=("v8js_gc_duration_seconds_count",),
            young=(f'v8js_gc_duration_seconds_count{{v8js_gc_type=~"{_PARTIAL}"}}',),
            minor=(f'v8js_gc_duration_seconds_count{{v8js_gc_type=~"{_PARTIAL}"}}',),
            pauses="v8js_gc_duration_seconds_sum",
            paused="v8js_gc_duration_seconds_count",
            sooner=_SOONER,
        ),
    ),
)
