"""The profile's `gate`: two targets that are driven in turn at the same load, and compared."""

from __future__ import annotations

from pydantic import Field

from soak.profile.fields import Count, Positive, Strict
from soak.profile.start import Start


class GateSide(Strict):
    """One of the two targets: where it listens, and how soak starts it, if it does."""

    url: str = Field(description="Where it listens, such as http://127.0.0.1:8081")
    start: Start | None = Field(
        default=None, description="Start it before the first slice and stop it after the last"
    )


class GateSpec(Strict):
    """Two targets, and how long and how often each is driven."""

    base: GateSide = Field(description="What is there now")
    candidate: GateSide = Field(description="What is to be released")
    pairs: Count = Field(default=6, description="How often each side is driven; 6 unless given")
    slice: Positive = Field(
        default=30.0, description="How long a slice lasts at full load; 30s unless given"
    )
    discard: int = Field(
        default=1, ge=0, le=100, description="Pairs at the beginning that are driven and left out"
    )
    seed: int = Field(
        default=0,
        ge=0,
        description="Which side of a pair comes first; the same seed, the same order",
    )
