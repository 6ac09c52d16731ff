"""Limits of requests: their errors, latencies and rate."""

from __future__ import annotations

from pydantic import Field

from soak.profile.fields import Rate, Strict
from soak.profile.windowed import ErrorLimit, LatencyLimit


class EndpointLimits(Strict):
    """Limits of requests: of one endpoint, of several or of all together."""

    errors: ErrorLimit | None = Field(default=None, description="Largest share of failed requests")
    p50: LatencyLimit | None = Field(default=None, description="Largest median latency")
    p90: LatencyLimit | None = Field(default=None, description="Largest 90th percentile of latency")
    p95: LatencyLimit | None = Field(default=None, description="Largest 95th percentile of latency")
    p99: LatencyLimit | None = Field(default=None, description="Largest 99th percentile of latency")
    p999: LatencyLimit | None = Field(
        default=None, description="Largest 99.9th percentile of latency"
    )
    rate: Rate | None = Field(default=None, description="Lowest acceptable rate of requests")
