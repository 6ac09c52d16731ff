"""The JVM: Micrometer, Prometheus client_java 0.x and 1.x (and jmx_exporter, which uses it), OpenTelemetry, MicroProfile."""

from __future__ import annotations

from soak.catalog.microprofile import (
    MICROPROFILE_COLLECTORS,
    MICROPROFILE_METRICS,
    MICROPROFILE_POOLS,
    YOUNG,
)
from soak.catalog.row_types import (
    Breakdown,
    Collector,
    Family,
    Part,
    PoolNames,
    ResourceKind,
    Unit,
    Worse,
    bound,
    connected,
    count,
    heap,
    memory,
    shown,
)

LIVE_DATA, USED = "jvm_gc_live_data_size_bytes", "jvm_memory_used_bytes"
THREADS = "jvm_threads_live_threads"
NATIVE_MEMORY, CLASS_LOADERS = "jvm_native_memory_committed_bytes", "jvm_class_loaders"
LIVE_CLASSES, GROWING_CLASSES = "jvm_live_classes_bytes", "jvm_growing_classes_bytes"
#: The whole heap: its limit, and what it took from the system.
HEAP_LIMIT = 'jvm_memory_max_bytes{area="heap"}'
HEAP_COMMITTED = 'jvm_memory_committed_bytes{area="heap"}'
#: Pools of the heap that hold old objects: what is in them after a collection is live.
_OLD = ".*([Oo]ld|[Tt]enured).*|ZHeap|Shenandoah"
#: All pools of the heap, by the beans' names.
_HEAP_POOLS = ".*(Eden Space|Survivor Space|Old Gen|Tenured Gen|[Nn]ursery.*|[Tt]enured.*)|ZHeap|ZGC .*|Shenandoah|Epsilon Heap"
#: Pools of a fixed size, for compiled code and young objects: when they are full, the JVM drops or
#: moves old entries.
_BOUNDED = (
    "Code ?Heap.*|Code ?Cache|.*JIT.*|.*Eden Space|.*Survivor Space|.*[Nn]ursery.*|ZGC Young.*"
)
_SOONER = (
    "a smaller -Xmx makes the JVM clean its old generation sooner, and under a light load "
    "-XX:G1PeriodicGCInterval=60000 (JDK 12 and later) makes G1 do so every minute"
)
_AFTER, _AFTER_OTEL = "jvm_memory_pool_collection_used_bytes", "jvm_memory_used_after_last_gc_bytes"
_AFTER_OLD, _AFTER_OTEL_OLD = (
    f'{_AFTER}{{pool=~"{_OLD}"}}',
    f'{_AFTER_OTEL}{{jvm_memory_pool_name=~"{_OLD}"}}',
)
_METASPACE = 'jvm_memory_pool_used_bytes{pool=~"Metaspace|class storage"}'
_METASPACE_0 = 'jvm_memory_pool_bytes_used{pool=~"Metaspace|class storage"}'
_DIRECT = 'jvm_buffer_memory_used_bytes{id="direct"}'
_METADATA = "the JVM's class metadata"
#: Micrometer's and OpenTelemetry's pools for class metadata, and for the part that only a new class
#: enlarges.
_META_POOLS = tuple(
    f'{label}=~"Metaspace|class storage"' for label in ("id", "jvm_memory_pool_name")
)
_CLASS_POOLS = tuple(
    f'{label}="Compressed Class Space"' for label in ("id", "jvm_memory_pool_name")
)
_LOADED = ("jvm_classes_loaded", "jvm_classes_currently_loaded", "jvm_classes_loaded_classes")
#: Causes of collections that were requested by jcmd (by soak too, for its snapshots): they are not
#: work of the program.
_FROM_OUTSIDE = '"Heap (Inspection|Dump) Initiated GC|Diagnostic Command"'
_TASKS = Unit.TASKS

JVM = Family(
    name="JVM",
    language="Java",
    executables=r"java",
    opening="run soak as the JVM's user beside it, with a JDK's jcmd on the PATH",
    prefixes=("jvm_", "jdk_", "base_memory_", "memory_usedHeap"),
    metrics=(
        # Micrometer, with a series for each memory pool. Only a collection shows how much of a heap
        # is garbage.
        heap(LIVE_DATA, "the JVM's live data", "jvm_gc_max_data_size_bytes"),
        shown(
            f'{USED}{{id=~"{_BOUNDED}"}}', ResourceKind.HEAP, "a bounded part of the JVM's memory"
        ),
        shown(
            f'{USED}{{jvm_memory_pool_name=~"{_BOUNDED}"}}',
            ResourceKind.HEAP,
            "a bounded part of the JVM's memory",
        ),
        heap(
            f'{USED}{{jvm_memory_type="heap"}}',
            "the JVM's heap",
            "jvm_memory_limit_bytes",
            unless=(_AFTER_OTEL_OLD,),
        ),
        *(
            heap(f"{USED}{{{pool}}}", noun, "jvm_memory_max_bytes", "jvm_memory_limit_bytes")
            for pools, noun in ((_META_POOLS, _METADATA), (_CLASS_POOLS, "the JVM's class space"))
            for pool in pools
        ),
        heap(
            f'{USED}{{area="heap",id=~"{_OLD}"}}',
            "the JVM's old generation",
            "jvm_memory_max_bytes",
            unless=(LIVE_DATA, _AFTER_OLD),
        ),
        heap(
            f'{USED}{{area="heap"}}',
            "the JVM's memory",
            "jvm_memory_max_bytes",
            unless=(LIVE_DATA, _AFTER_OLD),
        ),
        # Prometheus's client publishes the sum of an area here, and its parts under another name.
        heap(
            f'{USED}{{area="nonheap",id=""}}',
            "the JVM's memory",
            "jvm_memory_max_bytes",
            unless=(_METASPACE,),
        ),
        heap(USED, "the JVM's memory", "jvm_memory_max_bytes", "jvm_memory_limit_bytes"),
        bound("jvm_gc_max_data_size_bytes", "the most of live data"),
        bound("jvm_memory_max_bytes", "the most of a part of the JVM's memory"),
        bound("jvm_memory_limit_bytes", "the most of a part of the JVM's memory"),
        memory(_DIRECT, "the JVM's direct memory"),
        memory('jvm_buffer_memory_used_bytes{id=~"mapped.*"}', "the JVM's mapped memory"),
        memory("jvm_buffer_memory_used_bytes", "the JVM's buffer memory"),
        count(ResourceKind.THREADS, THREADS, "the JVM's threads", Unit.THREADS),
        count(ResourceKind.THREADS, "jvm_threads_virtual_live*", "virtual threads", Unit.THREADS),
        count(ResourceKind.QUEUE, "executor_queued_tasks", "tasks queued for an executor", _TASKS),
        count(
            ResourceKind.THREADS,
            "executor_active_threads",
            "threads at work for an executor",
            Unit.THREADS,
            "executor_pool_max_threads",
        ),
        count(
            ResourceKind.THREADS,
            "tomcat_threads_current_threads",
            "Tomcat's threads",
            Unit.THREADS,
            "tomcat_threads_config_max_threads",
        ),
        count(
            ResourceKind.THREADS,
            "jetty_threads_current",
            "Jetty's threads",
            Unit.THREADS,
            "jetty_threads_config_max",
        ),
        connected(
            count(
                ResourceKind.DESCRIPTORS,
                "jetty_connections_current_connections",
                "Jetty's connections",
                Unit.CONNECTIONS,
            )
        ),
        memory("netty_allocator_memory_used*", "memory of Netty's buffers"),
        count(
            ResourceKind.QUEUE,
            "netty_eventexecutor_tasks_pending*",
            "Netty's waiting tasks",
            _TASKS,
        ),
        shown(
            "tomcat_sessions_active_current_sessions",
            ResourceKind.OTHER,
            "sessions",
            Unit.OBJECTS,
            Worse.NEITHER,
        ),
        # A class loader that is kept alive shows in metaspace, which is judged.
        *(
            shown(name, ResourceKind.OTHER, "loaded classes", Unit.OBJECTS)
            for name in ("jvm_classes_loaded*", "jvm_classes_currently_loaded", "jvm_class_count")
        ),
        connected(
            count(
                ResourceKind.DESCRIPTORS,
                "process_files_open_files",
                "open descriptors",
                Unit.DESCRIPTORS,
                "process_files_max_files",
            )
        ),
        # Counted by soak's own snapshots after the collection that each forces.
        connected(heap(LIVE_CLASSES, "the JVM's heap after a collection", "jvm_memory_max_bytes")),
        heap(GROWING_CLASSES, "what requests leave on the JVM's heap"),
        # Only the program allocates under this category; the JVM has others for its own.
        memory(
            f'{NATIVE_MEMORY}{{category="Other"}}',
            "the JVM's memory for direct buffers",
            unless=(_DIRECT, 'jvm_buffer_pool_used_bytes{pool="direct"}'),
        ),
        shown(NATIVE_MEMORY, ResourceKind.MEMORY, "a part of the JVM's native memory"),
        shown(CLASS_LOADERS, ResourceKind.OTHER, "class loaders", Unit.OBJECTS),
        shown("jvm_gc_pause_seconds*", ResourceKind.GC, "the JVM's pauses", Unit.SECONDS),
        # Prometheus's client: each pool after a collection, when the young pools are empty.
        heap(_AFTER_OLD, "the JVM's heap after a collection", "jvm_memory_pool_max_bytes"),
        heap(f'{_AFTER}{{id=~"{_OLD}"}}', "the JVM's heap after a collection"),
        shown(_AFTER, ResourceKind.HEAP, "a bounded part of the JVM's memory"),
        heap(_METASPACE, _METADATA, "jvm_memory_pool_max_bytes"),
        shown("jvm_memory_pool_used_bytes", ResourceKind.HEAP, "a part of the JVM's memory"),
        heap(_METASPACE_0, _METADATA, "jvm_memory_pool_bytes_max"),
        shown("jvm_memory_pool_bytes_used", ResourceKind.HEAP, "a part of the JVM's memory"),
        heap('jvm_memory_bytes_used{area="nonheap"}', "the JVM's memory", unless=(_METASPACE_0,)),
        heap(
            "jvm_memory_bytes_used", "the JVM's heap", "jvm_memory_bytes_max", unless=(_AFTER_OLD,)
        ),
        memory("jvm_buffer_pool_used_bytes", "the JVM's buffer memory"),
        count(ResourceKind.THREADS, "jvm_threads_current", "the JVM's threads", Unit.THREADS),
        shown("jvm_threads_*", ResourceKind.THREADS, "some of the JVM's threads", Unit.THREADS),
        shown("jvm_gc_collection_seconds*", ResourceKind.GC, "the JVM's collections", Unit.SECONDS),
        # OpenTelemetry's conventions.
        heap(_AFTER_OTEL_OLD, "the JVM's heap after a collection", "jvm_memory_limit_bytes"),
        shown(_AFTER_OTEL, ResourceKind.HEAP, "a bounded part of the JVM's memory"),
        count(ResourceKind.THREADS, "jvm_thread_count", "the JVM's threads", Unit.THREADS),
        connected(
            count(
                ResourceKind.DESCRIPTORS,
                "jvm_file_descriptor_count",
                "open descriptors",
                Unit.DESCRIPTORS,
                "jvm_file_descriptor_limit",
            )
        ),
        shown("jvm_gc_duration_seconds*", ResourceKind.GC, "the JVM's collections", Unit.SECONDS),
        *MICROPROFILE_METRICS,
    ),
    breakdowns=tuple(
        Breakdown(
            title="The JVM's heap by pool",
            total=Part(f"jvm_memory_committed_bytes{{{heap_label}}}"),
            parts=(Part(used, by=pool),),
            rest="taken from the system, not in use",
            capacities=(f"{most}{{{heap_label}}}",),
        )
        for used, pool, heap_label, most in (
            (f'{USED}{{area="heap",id!=""}}', "id", 'area="heap"', "jvm_memory_max_bytes"),
            (
                f'jvm_memory_pool_used_bytes{{pool=~"{_HEAP_POOLS}"}}',
                "pool",
                'area="heap"',
                "jvm_memory_max_bytes",
            ),
            (
                f'{USED}{{jvm_memory_type="heap",jvm_memory_pool_name!=""}}',
                "jvm_memory_pool_name",
                'jvm_memory_type="heap"',
                "jvm_memory_limit_bytes",
            ),
        )
    ),
    pools=(
        PoolNames(
            used="hikaricp_connections_active",
            maximum="hikaricp_connections_max",
            idle="hikaricp_connections_idle",
            waiting="hikaricp_connections_pending",
            timeouts="hikaricp_connections_timeout_total",
        ),
        PoolNames(
            used="hikaricp_active_connections",
            maximum="hikaricp_max_connections",
            idle="hikaricp_idle_connections",
            waiting="hikaricp_pending_threads",
            timeouts="hikaricp_connection_timeout_total",
        ),
        PoolNames(
            used="jdbc_connections_active",
            maximum="jdbc_connections_max",
            idle="jdbc_connections_idle",
        ),
        PoolNames(
            used="r2dbc_pool_acquired_connections",
            maximum="r2dbc_pool_max_allocated_connections",
            idle="r2dbc_pool_idle_connections",
            waiting="r2dbc_pool_pending_connections",
        ),
        PoolNames(
            used="mongodb_driver_pool_checkedout", waiting="mongodb_driver_pool_waitqueuesize"
        ),
        PoolNames(
            used='httpcomponents_httpclient_pool_total_connections{state="leased"}',
            maximum="httpcomponents_httpclient_pool_total_max",
            idle='httpcomponents_httpclient_pool_total_connections{state="available"}',
            waiting="httpcomponents_httpclient_pool_total_pending",
        ),
        *MICROPROFILE_POOLS,
    ),
    collectors=(
        Collector(
            live=LIVE_DATA,
            collected=LIVE_CLASSES,
            live_after_full=True,
            heap=f'{USED}{{area="heap"}}',
            taken="jvm_gc_max_data_size_bytes",
            footprint=USED,
            peak=f'{USED}{{area="heap"}}',
            allocated="jvm_gc_memory_allocated_bytes_total",
            collections=("jvm_gc_pause_seconds_count",),
            young=('jvm_gc_pause_seconds_count{action=~".*minor.*"}',),
            minor=(f"jvm_gc_pause_seconds_count{{cause=~{_FROM_OUTSIDE}}}",),
            longest=f"jvm_gc_pause_seconds_max{{cause!~{_FROM_OUTSIDE}}}",
            pauses=f"jvm_gc_pause_seconds_sum{{cause!~{_FROM_OUTSIDE}}}",
            paused="jvm_gc_pause_seconds_count",
            outside="jvm_buffer_memory_used_bytes",
            threads=THREADS,
            metadata=(f'{USED}{{area="nonheap"}}',),
            classes=(f"{USED}{{{_CLASS_POOLS[0]}}}", *_LOADED),
            sooner=_SOONER,
        ),
        Collector(
            live=_AFTER_OLD,
            collected=LIVE_CLASSES,
            live_after_full=True,
            heap='jvm_memory_bytes_used{area="heap"}',
            allocated="jvm_memory_pool_allocated_bytes_total",
            collections=("jvm_gc_collection_seconds_count",),
            young=(f'jvm_gc_collection_seconds_count{{gc=~"{YOUNG}"}}',),
            pauses='jvm_gc_collection_seconds_sum{gc!~".*(Cycles|Concurrent).*"}',
            paused="jvm_gc_collection_seconds_count",
            outside="jvm_buffer_pool_used_bytes",
            threads="jvm_threads_current",
            metadata=(_METASPACE, _METASPACE_0, 'jvm_memory_bytes_used{area="nonheap"}'),
            classes=(
                'jvm_memory_pool_used_bytes{pool="Compressed Class Space"}',
                'jvm_memory_pool_bytes_used{pool="Compressed Class Space"}',
                *_LOADED,
            ),
            sooner=_SOONER,
        ),
        Collector(
            live=_AFTER_OTEL_OLD,
            collected=LIVE_CLASSES,
            live_after_full=True,
            heap=f'{USED}{{jvm_memory_type="heap"}}',
            collections=("jvm_gc_duration_seconds_count",),
            young=('jvm_gc_duration_seconds_count{jvm_gc_action=~".*minor.*"}',),
            pauses='jvm_gc_duration_seconds_sum{jvm_gc_name!~".*(Cycles|Concurrent).*"}',
            paused="jvm_gc_duration_seconds_count",
            threads="jvm_thread_count",
            metadata=(f'{USED}{{jvm_memory_type="non_heap"}}',),
            classes=(f"{USED}{{{_CLASS_POOLS[1]}}}", "jvm_class_count"),
            sooner=_SOONER,
        ),
        *MICROPROFILE_COLLECTORS,
    ),
)
