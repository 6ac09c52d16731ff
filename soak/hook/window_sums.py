"""What is alive by traceback, and the sums over pairs of short and long windows of tracing.

What is alive at the end of a window was allocated in it. Garbage and work in flight amount to the
same in both kinds of windows, so the difference between a long and a short window, divided by the difference
of their lengths, is the amount that is kept for good, per second.
"""

from __future__ import annotations

import tracemalloc
from typing import Any, Dict, Tuple  # noqa: UP035

Traceback = Tuple[Tuple[str, int], ...]  # noqa: UP006 - Python 3.8 knows no other
Held = Dict[Traceback, Tuple[float, float]]  # noqa: UP006
#: Bytes and blocks summed over pairs of windows, and the sum of the squares of the bytes.
Sums = Dict[Traceback, Tuple[float, float, float]]  # noqa: UP006

#: Standard errors from which an estimate counts: a hundred tracebacks with random work in flight
#: then give one false result in ten runs. And the fewest pairs of windows from which a standard
#: error can be estimated.
SURE, LEAST_PAIRS = 3.0, 4


def alive(least: int = 0) -> Held:
    """Return bytes and blocks that are alive, by traceback, counting only blocks of at least `least` bytes."""
    # Statistics with tracemalloc's public classes take minutes; these tuples (domain, size, frames,
    # depth) take seconds. Equal tracebacks are the same object, with the innermost call first.
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
    """Add a pair of windows to `sums`: the long one's remainder minus the short one's, times `scale`.

    `scale` is the time that the pair stands for, divided by the difference of the windows' lengths.
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
    """Return what is kept for good, according to `pairs` pairs of windows, beyond random work in flight."""
    if pairs < LEAST_PAIRS:
        return {}
    kept: Held = {}
    for traceback, (size, count, squares) in sums.items():
        error = (max(squares - size * size / pairs, 0.0) * pairs / (pairs - 1)) ** 0.5
        if size > SURE * error:
            kept[traceback] = (size, count)
    return kept
