"""Signals, places and runs of a few whole numbers, made by hand for the tests of what is suspected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from soak.analysis.prepare.prepare import prepare
from soak.catalog.metrics import ResourceKind
from soak.diagnosis.attribution.allocation_sites import AllocationSite, Stack, place_of
from soak.diagnosis.attribution.attribution import Amount
from soak.diagnosis.attribution.signals import Signal
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects.context import RunContext
from soak.model import Kind, Phase, Recording, RunInfo, Series
from soak.windows import EndpointWindows

NOBODY = Amount("", 0.0, 0.0, 0.0)
_NO_LATENCY = np.zeros(0, dtype=np.int64)


def amount(endpoint: str = "", each: float = 10.0, share: float = 1.0, near: float = 1.0) -> Amount:
    """So much per request, give or take `near`."""
    return Amount(endpoint, each, each - near, each + near, share)


def own(function: str, file: str = "main.go", line: int = 1) -> Frame:
    """A frame of the target's own code."""
    return Frame(function, file, line, own=True)


def library(function: str, line: int = 1) -> Frame:
    """A frame of a package that the target uses."""
    return Frame(function, "/go/pkg/mod/example.com/lib@v1.2.0/lib.go", line, own=True)


def stack(*frames: Frame, gain: float = 1.0, first: float = 0.0, points: int = 4) -> Stack:
    """A stack, innermost first, whose level rises evenly by so much in all from the first of its points to the last."""
    return Stack(frames, first + gain * np.arange(float(points)) / (points - 1))


def site(*stacks: Stack, period: float = 0.0, at: Frame | None = None) -> AllocationSite:
    """The place of these stacks, with ten requests and as many seconds from one snapshot to the next."""
    levels = np.sum([each.levels for each in stacks], axis=0)
    steps = 10.0 * np.arange(float(len(levels)))
    place = place_of(stacks[0].frames) if at is None else at
    return AllocationSite(place, steps, steps, levels, stacks, period)


def rising(function: str, slope: float, low: float, high: float, *, is_own: bool = True) -> Any:
    """A place whose growth per request has this interval."""
    made = site(stack(Frame(function, "main.go", 1, is_own)))
    vars(made)["slope"] = slope, low, high
    return made


def signal(
    what: ResourceKind | str,
    *contributors: Amount,
    each: Amount | float = 10.0,
    unit: str = "bytes",
    name: str = "x",
    words: str = "It grows.",
    **more: Any,
) -> Signal:
    """Something that grows by so much per request of any kind."""
    any_kind = each if isinstance(each, Amount) else amount("", each)
    return Signal(what, name, unit, any_kind, contributors, words, **more)


def windows(endpoint: str, requests: Sequence[int], sent: Sequence[int] | None = None) -> Any:
    """One window a second, with so many requests and bytes sent in each."""
    made = np.array(requests, dtype=np.int64)
    answered = 100 * made if sent is None else np.array(sent, dtype=np.int64)
    seconds = np.ones(len(made))
    return EndpointWindows(
        endpoint,
        np.cumsum(seconds),
        seconds,
        made,
        0 * made,
        answered,
        np.zeros(len(made) + 1, dtype=np.int64),
        _NO_LATENCY,
        _NO_LATENCY,
    )


def gauge(name: str, values: Any, first: float = 0.0, **labels: str) -> Series:
    """One value a second, from `first` on."""
    column = np.asarray(values, dtype=np.float64)
    return Series(name, first + np.arange(float(len(column))), column, tuple(labels.items()))


def counter(name: str, values: Any, first: float = 0.0, **labels: str) -> Series:
    """One value of a counter a second, from `first` on."""
    column = np.asarray(values, dtype=np.float64)
    times = first + np.arange(float(len(column)))
    return Series(name, times, column, tuple(labels.items()), Kind.COUNTER)


def context(
    *series: Series,
    requests: Sequence[EndpointWindows] = (),
    seconds: float = 30.0,
    warmup: float = 0.0,
    language: str = "Go",
    findings: Sequence[Any] = (),
    **more: Any,
) -> RunContext:
    """A run of some seconds of steady load; `more` are the context's other parts."""
    recording = Recording(
        RunInfo("made", seconds=seconds),
        tuple(series),
        tuple(requests),
        phases=(Phase("steady", 0.0, seconds),),
    )
    return RunContext(prepare(recording, warmup), findings, language, **more)
