"""Count latencies in logarithmic buckets: constant memory, at most 2% error, exact merging.

Bucket b holds (LOWEST·GROWTH^(b-1), LOWEST·GROWTH^b]; its value is the geometric middle, so any
latency is off by a factor of at most √GROWTH < 1.02 (DDSketch, Masson et al., VLDB 2019). Bucket 0
holds all up to 1 µs, the last all beyond 3 hours. NumPy is not used here: the load's processes
record into these histograms for every request.
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
    """Return the bucket of a latency in seconds; negative latencies (a stepped clock) count as 0."""
    if seconds <= LOWEST:
        return 0
    return ceil(log(seconds / LOWEST) * _SCALE) if seconds < HIGHEST else LAST


def bucket_seconds(bucket: Any) -> Any:
    """Return the latency in seconds that represents a bucket, or an array of buckets."""
    return _MIDDLE * GROWTH**bucket


@dataclass(slots=True)
class Histogram:
    """Counts by bucket; its size depends on the spread of latencies, not on their number."""

    counts: dict[int, int] = field(default_factory=dict)

    @classmethod
    def from_pairs(cls, pairs: Iterable[Sequence[int]]) -> Histogram:
        """Build a histogram from the result of `pairs`."""
        return cls({int(bucket): int(count) for bucket, count in pairs})

    def record(self, seconds: float) -> None:
        """Count one latency."""
        # This is `bucket_of` inlined, because it runs for every request.
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
        """Add another histogram's counts exactly."""
        for bucket, count in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + count

    def total(self) -> int:
        """Return the number of latencies counted."""
        return sum(self.counts.values())

    def quantile(self, q: float) -> float | None:
        """Return the smallest latency (seconds, within 2%) that a share `q` of them does not exceed; None if empty."""
        rank = max(1, ceil(q * self.total()))
        for bucket in sorted(self.counts):
            rank -= self.counts[bucket]
            if rank <= 0:
                return float(bucket_seconds(bucket))
        return None

    def pairs(self) -> list[tuple[int, int]]:
        """Return (bucket, count) pairs by rising bucket, the form sent over the pipe and stored in the recording."""
        return sorted(self.counts.items())
