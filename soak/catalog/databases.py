"""Databases and stores: CockroachDB, HashiCorp's servers, etcd, and the exporters of Redis and PostgreSQL."""

from __future__ import annotations

from soak.catalog.process import resident
from soak.catalog.row_types import (
    Collector,
    Family,
    ResourceKind,
    Unit,
    bound,
    connected,
    count,
    heap,
    memory,
    shown,
)

#: The series that holds the maximum number of PostgreSQL's connections.
MOST_SESSIONS = "pg_settings_max_connections"
_GO_HEAP = ("go_gc_heap_live_bytes", "go_memstats_heap_alloc_bytes")

COCKROACHDB = Family(
    name="CockroachDB",
    prefixes=("sys_",),
    metrics=(
        resident("sys_rss"),
        heap("sys_go_allocbytes", "Go's heap", unless=_GO_HEAP),
        memory("sys_cgo_allocbytes", "memory allocated by C code"),
        shown("sys_go_totalbytes", ResourceKind.MEMORY, "what Go took from the system"),
        shown("sys_cgo_totalbytes", ResourceKind.MEMORY, "what C code took from the system"),
        connected(count(ResourceKind.THREADS, "sys_goroutines", "goroutines", Unit.GOROUTINES)),
        connected(
            count(
                ResourceKind.DESCRIPTORS,
                "sys_fd_open",
                "open descriptors",
                Unit.DESCRIPTORS,
                "sys_fd_softlimit",
            )
        ),
        connected(
            count(ResourceKind.DESCRIPTORS, "sql_conns", "SQL connections", Unit.CONNECTIONS)
        ),
        memory("sql_mem_root_current", "memory of SQL statements"),
    ),
    collectors=(
        Collector(heap="sys_go_allocbytes", taken="sys_go_totalbytes", threads="sys_goroutines"),
    ),
)

#: Consul, Vault and Nomad publish the same series, each under its own prefix, in addition to those
#: of the Go client.
HASHICORP = Family(
    name="Consul",
    prefixes=("consul_", "vault_", "nomad_"),
    metrics=(
        heap("*_runtime_alloc_bytes", "Go's heap", unless=_GO_HEAP),
        heap(
            "*_runtime_heap_objects",
            "objects on Go's heap",
            unit=Unit.OBJECTS,
            unless=_GO_HEAP,
        ),
        connected(
            count(ResourceKind.THREADS, "*_runtime_num_goroutines", "goroutines", Unit.GOROUTINES)
        ),
        shown("*_runtime_sys_bytes", ResourceKind.MEMORY, "what Go took from the system"),
    ),
)

ETCD = Family(
    name="etcd",
    prefixes=("etcd_",),
    metrics=(
        memory(
            "etcd_mvcc_db_total_size_in_use_in_bytes",
            "etcd's database",
            ("etcd_server_quota_backend_bytes",),
        ),
        shown("etcd_mvcc_db_total_size_in_bytes", ResourceKind.MEMORY, "etcd's database file"),
        bound("etcd_server_quota_backend_bytes", "etcd's quota"),
        connected(
            count(
                ResourceKind.DESCRIPTORS,
                "os_fd_used",
                "open descriptors",
                Unit.DESCRIPTORS,
                "os_fd_limit",
            )
        ),
        count(
            ResourceKind.OTHER, "etcd_debugging_mvcc_watcher_total", "etcd's watchers", Unit.OBJECTS
        ),
        count(
            ResourceKind.OTHER,
            "etcd_debugging_mvcc_watch_stream_total",
            "etcd's watch streams",
            Unit.OBJECTS,
        ),
    ),
)

REDIS = Family(
    name="Redis",
    prefixes=("redis_",),
    exporter_marks=("redis_exporter_build_info", "redis_exporter_scrapes_total"),
    metrics=(
        resident("redis_memory_used_rss_bytes", "Redis's resident memory"),
        heap("redis_memory_used_bytes", "memory that Redis allocated", "redis_memory_max_bytes"),
        shown("redis_memory_*_bytes", ResourceKind.MEMORY, "a part of Redis's memory"),
        connected(
            count(
                ResourceKind.DESCRIPTORS,
                "redis_connected_clients",
                "Redis's clients",
                Unit.CONNECTIONS,
                "redis_max_clients",
                "redis_config_maxclients",
            )
        ),
        count(
            ResourceKind.OTHER, "redis_blocked_clients", "Redis's blocked clients", Unit.CONNECTIONS
        ),
        shown("redis_mem_*", ResourceKind.MEMORY, "a part of Redis's memory"),
        shown("redis_allocator_*_bytes", ResourceKind.MEMORY, "what Redis's allocator holds"),
        shown("redis_db_keys", ResourceKind.OTHER, "keys in Redis", Unit.OBJECTS),
    ),
)

POSTGRESQL = Family(
    name="PostgreSQL",
    prefixes=("pg_",),
    exporter_marks=("postgres_exporter_build_info", "pg_exporter_last_scrape_error"),
    metrics=(
        connected(
            count(
                ResourceKind.DESCRIPTORS,
                "pg_stat_database_numbackends",
                "PostgreSQL's connections",
                Unit.CONNECTIONS,
                MOST_SESSIONS,
            )
        ),
        count(
            ResourceKind.POOL,
            'pg_stat_activity_count{state=~"idle in transaction.*"}',
            "connections idle in a transaction",
            Unit.CONNECTIONS,
        ),
        shown(
            "pg_stat_activity_count",
            ResourceKind.DESCRIPTORS,
            "connections in one state",
            Unit.CONNECTIONS,
        ),
        bound(MOST_SESSIONS, "the limit of connections", Unit.CONNECTIONS),
        shown("pg_database_size_bytes", ResourceKind.OTHER, "a database's size on disk"),
        shown("pg_locks_count", ResourceKind.OTHER, "locks", Unit.OBJECTS),
    ),
)
