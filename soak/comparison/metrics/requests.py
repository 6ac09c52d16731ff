"""Errors and throughput of each endpoint."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from soak.comparison.block_estimates import BLOCKS
from soak.comparison.run_view import Figure, RunView, counting_error, ratio

_UNIT = "requests/s"


def errors(view: RunView) -> Iterator[Figure]:
    """Yield the share of requests that failed. Its error is at least that of as many independent requests, with one
    failure and one success added, as Agresti and Coull do, so that no failure in n is not taken for none ever."""
    for windows in view.windows():
        middles = windows.times - windows.seconds / 2
        failed = view.blocks.sums(middles, windows.failures.astype(np.float64))
        requests = view.blocks.sums(middles, windows.requests.astype(np.float64))
        total = float(requests.sum())
        share = (float(failed.sum()) + 1) / (total + 2)
        counting = (share * (1 - share) / total) ** 0.5 if total else 0.0
        yield from ratio(
            windows.endpoint, failed, requests, "ratio", relative=False, counting=counting
        )


def throughput(view: RunView) -> Iterator[Figure]:
    """Yield the successful requests per second of all endpoints, and of each; an endpoint's share of requests is random."""
    done, seconds = [], np.zeros(BLOCKS)
    for windows in view.windows():
        middles = windows.times - windows.seconds / 2
        seconds = view.blocks.sums(middles, windows.seconds)
        done.append(
            view.blocks.sums(middles, (windows.requests - windows.failures).astype(np.float64))
        )
    if done:
        yield from ratio("", np.sum(done, axis=0), seconds, _UNIT, relative=True)
    for windows, each in zip(view.windows(), done, strict=True):
        if len(done) > 1:
            counting = counting_error(float(each.sum()))
            yield from ratio(
                windows.endpoint, each, seconds, _UNIT, relative=True, counting=counting
            )
