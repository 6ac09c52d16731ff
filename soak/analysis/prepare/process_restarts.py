"""Find when the processes behind the series were replaced; an adjusted machine clock is not a restart."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from soak.analysis.prepare.stretches import known_between
from soak.catalog.container import CONTAINER_START_TIME
from soak.catalog.process import CPU_SECONDS, PROCESS_ID, START_TIME
from soak.model import Floats, Kind, Recording, Series
from soak.windows import Ints

#: Seconds within which two series see the same restart.
_SAME = 10.0
#: Seconds by which clocks may disagree if none was adjusted.
_CLOCKS = 1.0
#: Labels that identify a container of a page if it has no `id` (the kubelet's resource page).
_CONTAINER = ("namespace", "pod", "container")
_Flags = NDArray[np.bool_]


def restarts(
    recording: Recording, all_series: tuple[Series, ...], start: float, end: float
) -> dict[str, tuple[float, ...]]:
    """Return for each instance when its process was first seen replaced, because its start time or its id changed."""
    seen: dict[str, list[list[float]]] = {}
    for series in all_series:
        least = {START_TIME: _CLOCKS, CONTAINER_START_TIME: _CLOCKS, PROCESS_ID: 0.0}.get(
            series.name
        )
        if least is not None:
            times, values = known_between(series, start, end)
            moved = np.flatnonzero(np.abs(np.diff(values)) > least) + 1
            if series.name == START_TIME and len(moved):
                page = [other for other in all_series if _of_one_process(other, series)]
                started = recording.run.started_at
                began = started.timestamp() if started is not None else math.nan
                moved = np.setdiff1d(moved, moved[_clock_set(times, values, moved, page, began)])
            seen.setdefault(process_of(series), []).append(times[moved].tolist())
    return {instance: _agreed(each) for instance, each in seen.items()}


def _of_one_process(series: Series, other: Series) -> bool:
    return series.source == other.source and process_of(series) == process_of(other)


def _clock_set(
    times: Floats, starts: Floats, moved: Ints, page: list[Series], began: float
) -> _Flags:
    """Return which changes of a start time come from the machine's clock, not from a new process.

    Some pages compute the start time anew at each scrape from the time at which the system booted.
    The clock was set if the same process continues: its CPU time must not begin anew. In addition,
    the new start time must be impossible for a new process. It is impossible if it lies before the
    time at which the old process was last seen. It is also impossible if, by soak's clock, which
    counts from `began`, it does not lie between the two scrapes, and no counter fell although the
    old process was seen for longer than the time between them: a new process would have counted
    less.
    """
    spent = [series for series in page if series.name == CPU_SECONDS]
    before, lives = moved - 1, np.concatenate([[0], moved[:-1]]).astype(np.int64)
    lived, unseen = times[before] - times[lives], times[moved] - times[before]
    too_early = starts[moved] - starts[before] < lived - _CLOCKS
    # Seconds from the scrape that first shows the new start to the start, by soak's clock; NaN if
    # unknown.
    ahead = starts[moved] - began - times[moved]
    elsewhere = (ahead > _CLOCKS) | (ahead < -unseen - _CLOCKS)
    counters = [series for series in page if series.kind is Kind.COUNTER]
    all_go_on = np.logical_and.reduce(
        [np.ones(len(moved), bool), *_going_on(counters, times, moved)]
    )
    no_new_one: _Flags = too_early | (elsewhere & (lived > unseen) & all_go_on)
    return no_new_one & _cpu_goes_on(spent, times, moved)


def _cpu_goes_on(spent: list[Series], times: Floats, moved: Ints) -> _Flags:
    """Return for each change whether the process's CPU time continued; False if it is unknown."""
    if not spent or not len(spent[0].times):
        return np.zeros(len(moved), bool)
    at = np.interp(times, spent[0].times, spent[0].values, math.nan, math.nan)
    goes_on: _Flags = (at[moved] >= at[moved - 1]) & (at[moved - 1] > 0)
    return goes_on


def _going_on(counters: list[Series], times: Floats, moved: Ints) -> Iterator[_Flags]:
    """Yield for each counter at which of the moments it did not fall."""
    for counter in counters:
        known = np.isfinite(counter.values)
        its_times, values = counter.times[known], counter.values[known]
        if not len(values):
            continue
        old, new = (
            np.maximum(np.searchsorted(its_times, times[at], "right") - 1, 0)
            for at in (moved - 1, moved)
        )
        yield values[new] >= values[old]


def process_of(series: Series) -> str:
    """Return the instance whose process a series describes; on cAdvisor's and the kubelet's pages, the container."""
    labels = dict(series.labels)
    if series.name.startswith("container_"):
        path = [labels[name] for name in _CONTAINER if labels.get(name)]
        own = labels.get("id") or "/".join(path)
        if own:
            return own
    return labels.get("instance", "")


def _agreed(each: list[list[float]]) -> tuple[float, ...]:
    """Merge the moments of several series into one per restart.

    Two series may see one restart at slightly different moments, but one series sees it only once.
    """
    agreed: list[float] = []
    for moments in sorted(each, key=len, reverse=True):
        agreed += [
            moment for moment in moments if all(abs(moment - other) > _SAME for other in agreed)
        ]
    return tuple(sorted(agreed))
