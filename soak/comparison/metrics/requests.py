"""Errors and throughput of each endpoint."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from soak.comparison.run_view import Figure, RunView, counting_error, ratio


def errors(view: RunView) -> Iterator[Figure]:
    """The share of requests that failed; known no better than as many independent requests would tell (one added, as
    Agresti and Coull do, so that none in n is not taken for none ever)."""
    for windows in view.windows():
        middles = windows.times - windows.seconds / 2
        failed = view.blocks.sums(middles, windows.failures.astype(np.float64))
        requests = view.blocks.sums(middles, windows.requests.astype(np.float64))
        total = float(requests.sum())
        share = (float(failed.sum()) + 1) / (total + 2)
        floor = (share * (1 - share) / total) ** 0.5 if total else 0.0
        yield from ratio(windows.endpoint, failed, requests, "ratio", relative=False, floor=floor)


def throughput(view: RunView) -> Iterator[Figure]:
    """Successful requests a second."""
    for windows in view.windows():
        middles = windows.times - windows.seconds / 2
        done = view.blocks.sums(middles, (windows.requests - windows.failures).astype(np.float64))
        seconds = view.blocks.sums(middles, windows.seconds)
        yield from ratio(
            windows.endpoint, done, seconds, "requests/s", relative=True, floor=counting_error(float(done.sum()))
        )
