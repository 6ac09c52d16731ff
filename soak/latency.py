"""Latencies in logarithmic buckets: constant memory, at most 2% error, merged exactly.

Bucket b holds (LOWEST·GROWTH^(b-1), LOWEST·GROWTH^b]; its value is the geometric middle, so any
latency is off by a factor of at most √GROWTH < 1.02 (DDSketch, Masson et al., VLDB 2019). Bucket 0
holds all up to 1 µs, the last all beyond 3 hours.
No NumPy here: the load's processes record into these for every request.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil, log
from typing import Any

GROWTH = 1.0392
LOWEST = 1e-6
HIGHEST = 3 * 3600.0
LAST = ceil(log(HIGHEST / LOWEST) / log(GROWTH))
_SCALE = 1 / log(GROWTH)
_MIDDLE = LOWEST / GROWTH**0.5


def bucket_of(seconds: float) -> int:
    """The bucket of a latency in seconds; negative ones (a stepped clock) count as none."""
    if seconds <= LOWEST:
        return 0
    return ceil(log(seconds / LOWEST) * _SCALE) if seconds < HIGHEST else LAST


def bucket_seconds(bucket: Any) -> Any:
    """The latency in seconds that stands for a bucket, or for an array of them."""
    return _MIDDLE * GROWTH**bucket


@dataclass(slots=True)
class Histogram:
    """Counts by bucket; grows with the spread of latencies, never with their number."""

    counts: dict[int, int] = field(default_factory=dict)

    @classmethod
    def from_pairs(cls, pairs: Iterable[Sequence[int]]) -> Histogram:
        """The inverse of `pairs`."""
        return cls({int(bucket): int(count) for bucket, count in pairs})

    def record(self, seconds: float) -> None:
        """Count one latency."""
        # `bucket_of` written out, since this is done for every request.
        bucket = (
            ceil(log(seconds / LOWEST) * _SCALE)
            if LOWEST < seconds < HIGHEST
            else bucket_of(seconds)
        )
        try:
            self.counts[bucket] += 1
        except KeyError:
            self.counts[bucket] = 1

    def merge(self, other: Histogram) -> None:
        """Add another's counts; exact."""
        for bucket, count in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + count

    def total(self) -> int:
        """How many latencies were counted."""
        return sum(self.counts.values())

    def quantile(self, q: float) -> float | None:
        """The smallest recorded latency (seconds, within 2%) that a share q stays within; None when empty."""
        rank = max(1, ceil(q * self.total()))
        for bucket in sorted(self.counts):
            rank -= self.counts[bucket]
            if rank <= 0:
                return float(bucket_seconds(bucket))
        return None

    def pairs(self) -> list[tuple[int, int]]:
        """(bucket, count), rising: what travels over the pipe and into the recording."""
        return sorted(self.counts.items())
