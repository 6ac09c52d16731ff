"""What is alive by traceback, and what pairs of short and long windows of tracing add up to.

What is alive at the end of a window was made in it: of garbage and work in flight there is as much
in both kinds, so that what a long window has more than a short one, over the seconds that it is
longer, is what is kept for good, per second.
"""

from __future__ import annotations

import tracemalloc
from typing import Any, Dict, Tuple  # noqa: UP035

Traceback = Tuple[Tuple[str, int], ...]  # noqa: UP006 - Python 3.8 knows no other
Held = Dict[Traceback, Tuple[float, float]]  # noqa: UP006
#: Bytes and blocks that pairs of windows tell of, and the sum of the squares of their bytes.
Sums = Dict[Traceback, Tuple[float, float, float]]  # noqa: UP006

#: An estimate counts from so many standard errors on: a hundred tracebacks whose work in flight differs between windows by chance
#: then bring one false one in ten runs. And from so many pairs of windows on an error can be told.
SURE, LEAST_PAIRS = 3.0, 4


def alive(least: int = 0) -> Held:
    """Bytes and blocks that are alive, by traceback, of blocks of at least so many bytes."""
    # Statistics by way of its public classes take minutes where these tuples (domain, size, frames,
    # depth) take seconds. A traceback is the same object wherever it occurs, innermost call first.
    traces: list[Any] = tracemalloc.take_snapshot().traces._traces  # type: ignore[attr-defined]  # noqa: SLF001
    sizes: dict[int, int] = {}
    counts: dict[int, int] = {}
    tracebacks: dict[int, Traceback] = {}
    for _, size, traceback, *_ in traces:
        if size >= least:
            identity = id(traceback)
            sizes[identity] = sizes.get(identity, 0) + size
            counts[identity] = counts.get(identity, 0) + 1
            tracebacks[identity] = traceback
    return {
        tracebacks[identity]: (float(sizes[identity]), float(counts[identity]))
        for identity in sizes
    }


def accumulate(sums: Sums, short: Held, long: Held, scale: float) -> None:
    """Add to `sums` what a pair of windows tells: what the long one left more than the short one, times `scale`.

    `scale` is the seconds that the pair stands for over the seconds by which one window is longer.
    """
    for traceback in set(short) | set(long):
        long_size, long_count = long.get(traceback, (0.0, 0.0))
        short_size, short_count = short.get(traceback, (0.0, 0.0))
        left = scale * (long_size - short_size)
        size, count, squares = sums.get(traceback, (0.0, 0.0, 0.0))
        sums[traceback] = (
            size + left,
            count + scale * (long_count - short_count),
            squares + left * left,
        )


def surely_kept(sums: Sums, pairs: int) -> Held:
    """What so many pairs of windows tell is kept for good, beyond the chance of what was in flight at their ends."""
    if pairs < LEAST_PAIRS:
        return {}
    kept: Held = {}
    for traceback, (size, count, squares) in sums.items():
        error = (max(squares - size * size / pairs, 0.0) * pairs / (pairs - 1)) ** 0.5
        if size > SURE * error:
            kept[traceback] = (size, count)
    return kept
