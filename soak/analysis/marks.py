"""Marks along the time axis of charts: scrapes without an answer, load that was sent late, the load's stages."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from soak.analysis.prepare.prepare import Prepared
from soak.model import Floats, Mark, MarkKind
from soak.units import show_count, show_ratio

#: Most stretches of one kind: if there are more, the nearest are joined, because a chart has no
#: room for them.
MOST = 100
#: The share of late arrivals above which a window is marked; the chart of late arrivals shows
#: smaller shares.
LATE = 0.1


def marks(prepared: Prepared) -> Iterator[Mark]:
    """Yield all marks of a run, kind by kind."""
    yield from _lost(prepared)
    yield from _late(prepared)
    starts = [(_moment(prepared, begins), text) for begins, text in prepared.asked.stages]
    ends = [*(start for start, _ in starts[1:]), prepared.end]
    for (start, text), end in zip(starts, ends, strict=False):
        if start < prepared.end:
            yield Mark(MarkKind.STAGE, start, min(end, prepared.end), text)


def _moment(prepared: Prepared, load_seconds: float) -> float:
    """Return when this many seconds of load had been made, without the gaps."""
    moment = prepared.start + load_seconds
    for gap in prepared.gaps:
        moment += gap.end - gap.start if gap.start <= moment else 0.0
    return moment


def _lost(prepared: Prepared) -> Iterator[Mark]:
    for health in prepared.recording.sources:
        for first, last in _stretches(~health.answered, health.times):
            failed = int((~health.answered[first : last + 1]).sum())
            text = f"{health.source}: {show_count(failed, 'scrape')} without an answer"
            start, end = float(health.times[first]), float(health.times[last])
            yield Mark(MarkKind.LOST, start, end, text)


def _late(prepared: Prepared) -> Iterator[Mark]:
    windows = prepared.recording.windows
    schedules = [window.arrivals for window in windows if window.arrivals is not None]
    if not schedules:
        return
    times, seconds = windows[0].times, windows[0].seconds
    late = np.sum([schedule.late for schedule in schedules], axis=0)
    requests = np.sum([window.requests for window in windows], axis=0)
    for first, last in _stretches(late > LATE * requests, times):
        share = float(late[first : last + 1].sum() / max(requests[first : last + 1].sum(), 1))
        start, end = float(times[first] - seconds[first]), float(times[last])
        yield Mark(MarkKind.LATE, start, end, f"{show_ratio(share)} of the arrivals")


def _stretches(marked: NDArray[np.bool_], times: Floats) -> list[tuple[int, int]]:
    """Return first and last index of each run of marked moments, with the nearest runs joined to `MOST` at most."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], marked.astype(np.int8), [0]))))
    firsts, lasts = edges[::2], edges[1::2] - 1
    if len(firsts) > MOST:
        apart = times[firsts[1:]] - times[lasts[:-1]]
        kept = np.sort(np.argsort(apart, kind="stable")[-(MOST - 1) :])
        firsts, lasts = firsts[np.append(0, kept + 1)], lasts[np.append(kept, len(lasts) - 1)]
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))
