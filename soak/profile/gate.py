"""The profile's `gate`: two targets that are driven in turn at the same load, and compared."""

from __future__ import annotations

from pydantic import Field

from soak.profile.fields import Count, Positive, Strict
from soak.profile.start import Start


class GateSide(Strict):
    """One of the two targets: where it listens, and optionally how soak starts it."""

    url: str = Field(description="Where the target listens, such as http://127.0.0.1:8081")
    start: Start | None = Field(
        default=None,
        description="Start the target before the first slice and stop it after the last",
    )


class GateSpec(Strict):
    """Two targets, and how long and how often each is driven."""

    base: GateSide = Field(description="The current build")
    candidate: GateSide = Field(description="The build to be released")
    pairs: Count = Field(default=6, description="Slices per side; default: 6")
    slice: Positive = Field(
        default=30.0, description="Length of a slice at full load; default: 30s"
    )
    discard: int = Field(
        default=1,
        ge=0,
        le=100,
        description="Additional pairs at the beginning that are driven and not compared",
    )
    seed: int = Field(
        default=0,
        ge=0,
        description="Determines which side of a pair comes first; the same seed gives the same order",
    )
