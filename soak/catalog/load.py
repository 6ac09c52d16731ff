"""Series that soak records about its own load, and pools that any language may publish (OpenTelemetry's or soak's names)."""

from __future__ import annotations

from soak.catalog.row_types import Family, PoolNames, ResourceKind, Unit, shown

LOAD = Family(
    name="soak",
    metrics=(
        shown("soak_load_resident_memory_bytes", ResourceKind.OTHER, "the load generator's memory"),
        shown("soak_load_*", ResourceKind.OTHER, "the load generator", Unit.RATIO),
    ),
)

ANY_LANGUAGE = Family(
    name="OpenTelemetry",
    pools=(
        PoolNames(
            used='db_client_connections_usage{state="used"}',
            maximum="db_client_connections_max",
            idle='db_client_connections_usage{state="idle"}',
            waiting="db_client_connections_pending_requests",
            timeouts="db_client_connections_timeouts_total",
        ),
        *(
            PoolNames(
                used=f'db_client_connection_count{{{label}="used"}}',
                maximum="db_client_connection_max",
                idle=f'db_client_connection_count{{{label}="idle"}}',
                waiting="db_client_connection_pending_requests",
                timeouts="db_client_connection_timeouts_total",
            )
            for label in ("db_client_connection_state", "state")
        ),
        PoolNames(
            used="db_pool_connections_in_use",
            maximum="db_pool_connections_max",
            idle="db_pool_connections_idle",
            waiting="db_pool_connections_waiting",
            opened="db_pool_connections_open",
        ),
    ),
)
