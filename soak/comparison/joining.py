"""Join a gate's slices of one side: they are one process over the whole time, so its growth can be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from soak.model import Phase, PhaseName, Recording, Series


def joined(recordings: Sequence[Recording], starts: Sequence[float]) -> Recording:
    """Put the series of several runs of one process on one time axis; `starts` are their start times in seconds.

    The time between runs, which was not sampled, stays a gap. Requests are left out, since growth is
    over time.
    """
    pieces: dict[tuple[str, str], list[Series]] = {}
    for recording, start in zip(recordings, starts, strict=True):
        for series in recording.series:
            moved = replace(series, times=series.times + (start - starts[0]))
            pieces.setdefault((series.key, series.source), []).append(moved)
    last = max(
        (
            float(piece.times[-1])
            for several in pieces.values()
            for piece in several
            if len(piece.times)
        ),
        default=0.0,
    )
    steady = [phase for phase in recordings[0].phases if phase.name == "steady"]
    begin = steady[0].start if steady else 0.0
    return replace(
        recordings[0],
        run=replace(recordings[0].run, seconds=last),
        series=tuple(_concatenated(several) for several in pieces.values()),
        windows=(),
        users=None,
        phases=(Phase(PhaseName.STEADY, begin, last),),
        events=(),
        sources=(),
        generator=None,
        exemplars=(),
        coverages=None,
        snapshots=(),
        traces=(),
    )


def _concatenated(several: Sequence[Series]) -> Series:
    times = np.concatenate([piece.times for piece in several])
    values = np.concatenate([piece.values for piece in several])
    rising = np.argsort(times, kind="stable")
    return replace(several[0], times=times[rising], values=values[rising])
