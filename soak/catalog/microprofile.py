"""MicroProfile Metrics of Liberty, SmallRye (Quarkus, WildFly), Infinispan and Helidon, and the pools of these servers."""

from __future__ import annotations

from soak.catalog.row_types import (
    Collector,
    Metric,
    PoolNames,
    ResourceKind,
    Unit,
    Worse,
    count,
    heap,
    memory,
    shown,
)

#: Collectors of the young generation alone, by their beans' names.
YOUNG = "G1 Young.*|PS Scavenge|ParNew|Copy|.*Minor.*|scavenge|.*Concurrent.*"
#: SmallRye gives pools a label (Quarkus, WildFly); before version 2 the pool is part of the series'
#: name (WildFly, Infinispan).
_METASPACE_MP = (
    'vendor_memoryPool_usage_bytes{name=~"Metaspace|class storage"}',
    "vendor_memoryPool_Metaspace_usage_bytes",
)
_TASKS = Unit.TASKS

MICROPROFILE_METRICS: tuple[Metric, ...] = (
    # MicroProfile Metrics: with the prefix `base_` up to version 4, without it from 5 on
    # (Liberty, WildFly).
    *(
        row
        for prefix in ("base_", "")
        for row in (
            heap(
                f"{prefix}memory_usedHeap_bytes",
                "the JVM's heap",
                f"{prefix}memory_maxHeap_bytes",
            ),
            count(ResourceKind.THREADS, f"{prefix}thread_count", "the JVM's threads", Unit.THREADS),
        )
    ),
    *(
        heap(
            f"{prefix}memory_usedNonHeap_bytes",
            "the JVM's memory outside of its heap",
            unless=_METASPACE_MP,
        )
        for prefix in ("base_", "vendor_", "")
    ),
    *(heap(name, "the JVM's class metadata") for name in _METASPACE_MP),
    shown("vendor_memoryPool_*", ResourceKind.HEAP, "a part of the JVM's memory"),
    memory("vendor_BufferPool_used_memory_*_bytes", "the JVM's buffer memory"),
    *(
        count(ResourceKind.QUEUE, f"wildfly_{pool}_queue_size", "queued tasks", _TASKS)
        for pool in ("io", "jca", "ejb3")
    ),
    shown(
        "wildfly_undertow_active_sessions",
        ResourceKind.OTHER,
        "sessions",
        Unit.OBJECTS,
        Worse.NEITHER,
    ),
    shown(
        "*threadpool_activeThreads",
        ResourceKind.THREADS,
        "threads at work for a pool",
        Unit.THREADS,
    ),
    shown("*session_activeSessions", ResourceKind.OTHER, "sessions", Unit.OBJECTS, Worse.NEITHER),
)
MICROPROFILE_POOLS: tuple[PoolNames, ...] = (
    *(
        # Agroal, Quarkus's pool (Keycloak); MicroProfile Metrics add the prefix.
        PoolNames(
            used=f"{prefix}agroal_active_count",
            idle=f"{prefix}agroal_available_count",
            waiting=f"{prefix}agroal_awaiting_count",
        )
        for prefix in ("vendor_", "")
    ),
    # WildFly calls open connections active.
    PoolNames(
        used="wildfly_datasources_pool_in_use_count",
        opened="wildfly_datasources_pool_active_count",
    ),
    *(
        PoolNames(
            used=f"{prefix}connectionpool_managedConnections",
            idle=f"{prefix}connectionpool_freeConnections",
            noun="connections of a pool",
        )
        for prefix in ("vendor_", "")
    ),
)
MICROPROFILE_COLLECTORS: tuple[Collector, ...] = (
    *(
        Collector(
            heap=f"{prefix}memory_usedHeap_bytes",
            collections=(f"{prefix}gc_total",),
            young=(f'{prefix}gc_total{{name=~"{YOUNG}"}}',),
            threads=f"{prefix}thread_count",
            metadata=(*_METASPACE_MP, f"{prefix}memory_usedNonHeap_bytes"),
        )
        for prefix in ("base_", "")
    ),
)
