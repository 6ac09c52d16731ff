"""Proxies and web servers: Envoy, Traefik, nginx, HAProxy."""

from __future__ import annotations

from soak.catalog.process import resident
from soak.catalog.row_types import (
    Family,
    Metric,
    ResourceKind,
    Unit,
    bound,
    connected,
    count,
    heap,
    memory,
    shown,
)


def _connections(selector: str, noun: str, *capacities: str) -> Metric:
    """Build a row for a proxy's open connections, which include those of the load."""
    return connected(count(ResourceKind.DESCRIPTORS, selector, noun, Unit.CONNECTIONS, *capacities))


ENVOY = Family(
    name="Envoy",
    prefixes=("envoy_",),
    metrics=(
        heap("envoy_server_memory_allocated", "Envoy's heap"),
        shown("envoy_server_memory_heap_size", ResourceKind.MEMORY, "what Envoy took for its heap"),
        resident("envoy_server_memory_physical_size", "Envoy's resident memory"),
        _connections("envoy_server_total_connections", "Envoy's connections"),
        _connections("envoy_http_downstream_cx_active", "connections from clients"),
        count(
            ResourceKind.QUEUE,
            "envoy_http_downstream_rq_active",
            "requests under way in Envoy",
            Unit.REQUESTS,
        ),
        count(
            ResourceKind.POOL,
            "envoy_cluster_upstream_cx_active",
            "connections to a cluster",
            Unit.CONNECTIONS,
        ),
        count(
            ResourceKind.QUEUE,
            "envoy_cluster_upstream_rq_active",
            "requests under way to a cluster",
            Unit.REQUESTS,
        ),
        count(
            ResourceKind.QUEUE,
            "envoy_cluster_upstream_rq_pending_active",
            "requests that wait for a connection to a cluster",
            Unit.REQUESTS,
        ),
    ),
)

TRAEFIK = Family(
    name="Traefik",
    prefixes=("traefik_",),
    metrics=(
        _connections("traefik_open_connections", "Traefik's open connections"),
        _connections("traefik_entrypoint_open_connections", "Traefik's open connections"),
        _connections("traefik_service_open_connections", "Traefik's connections to a service"),
    ),
)

NGINX = Family(
    name="nginx",
    prefixes=("nginx_", "nginxexporter_"),
    exporter_marks=("nginxexporter_build_info", "nginx_exporter_build_info"),
    metrics=(
        _connections("nginx_connections_active", "nginx's connections"),
        shown(
            "nginx_connections_*",
            ResourceKind.DESCRIPTORS,
            "some of nginx's connections",
            Unit.CONNECTIONS,
        ),
        _connections('nginx_vts_main_connections{status="active"}', "nginx's connections"),
        shown(
            "nginx_vts_main_connections",
            ResourceKind.DESCRIPTORS,
            "nginx's connections",
            Unit.CONNECTIONS,
        ),
        memory('nginx_vts_main_shm_usage_bytes{shared="used_size"}', "nginx's shared memory"),
        shown("nginx_vts_main_shm_usage_bytes", ResourceKind.MEMORY, "nginx's shared memory"),
        resident(
            "nginx_ingress_controller_nginx_process_resident_memory_bytes",
            "nginx's resident memory",
        ),
        _connections(
            'nginx_ingress_controller_nginx_process_connections{state="active"}',
            "nginx's connections",
        ),
        shown(
            "nginx_ingress_controller_nginx_process_connections",
            ResourceKind.DESCRIPTORS,
            "some of nginx's connections",
            Unit.CONNECTIONS,
        ),
    ),
)

HAPROXY = Family(
    name="HAProxy",
    prefixes=("haproxy_",),
    exporter_marks=("haproxy_exporter_build_info",),
    metrics=(
        memory(
            "haproxy_process_pool_used_bytes",
            "memory in use of HAProxy's pools",
            ("haproxy_process_max_memory_bytes",),
        ),
        memory(
            "haproxy_process_pool_allocated_bytes",
            "memory that HAProxy took for its pools",
            ("haproxy_process_max_memory_bytes",),
        ),
        _connections(
            "haproxy_process_current_connections",
            "HAProxy's connections",
            "haproxy_process_max_connections",
        ),
        bound(
            "haproxy_process_max_connections",
            "the limit of HAProxy's connections",
            Unit.CONNECTIONS,
        ),
        count(ResourceKind.OTHER, "haproxy_process_current_tasks", "HAProxy's tasks", Unit.TASKS),
        _connections(
            "haproxy_frontend_current_sessions",
            "a frontend's sessions",
            "haproxy_frontend_limit_sessions",
        ),
        _connections(
            "haproxy_backend_current_sessions",
            "a backend's sessions",
            "haproxy_backend_limit_sessions",
        ),
        count(
            ResourceKind.QUEUE,
            "haproxy_backend_current_queue",
            "requests that wait for a server",
            Unit.REQUESTS,
        ),
        shown(
            "haproxy_server_*_sessions",
            ResourceKind.DESCRIPTORS,
            "a server's sessions",
            Unit.CONNECTIONS,
        ),
    ),
)
