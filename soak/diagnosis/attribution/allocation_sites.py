"""What each place in the code held at each snapshot: stacks are grouped by the innermost frame of the target's own code."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from soak.diagnosis.attribution.site_growth import (
    ProfileSnapshot,
    accumulation_log_odds,
    held,
    lasting,
    slope_and_error,
)
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.thresholds import (
    ACCUMULATION_LOG_ODDS,
    LASTING_ALONE,
    LEAST_LASTING,
    LEAST_SNAPSHOTS,
    MOST_STACKS,
)
from soak.model import Floats, Place

#: Paths of third-party code: Go's modules, vendored code, Node's and Python's packages.
_LIBRARY = re.compile(r"@v\d|/vendor/|node_modules/|site-packages/|dist-packages/")
#: The function by which Go's server reads a request's head: objects made below it belong to the
#: request.
SERVER_READS = ("net/http.(*conn).readRequest",)
NAMELESS = "(anonymous)"
#: Functions that allocate because a profile is taken.
_OBSERVERS = ("runtime/pprof.", "net/http/pprof.")


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """One stack, innermost frame first, and its value at each snapshot."""

    frames: tuple[Frame, ...]
    levels: Floats


@dataclass(frozen=True, eq=False)
class AllocationSite:
    """What one place held at each of n snapshots: `times` in seconds, `requests` done by then, `levels` in the column's unit.

    `period` is what one sample stands for in that unit, 0 if everything is counted.
    """

    place: Frame
    times: Floats
    requests: Floats
    levels: Floats
    stacks: tuple[Stack, ...]
    period: float = 0.0

    @cached_property
    def slope(self) -> tuple[float, float, float]:
        """Growth per request to any endpoint, with its 95% interval."""
        slope, error = slope_and_error(self.requests, self.levels, self.period)
        return slope, slope - error, slope + error

    @property
    def sure(self) -> bool:
        """True if the place surely grows: by its slope's interval or, for a few sampled objects, as they all stayed."""
        if self.slope[1] > 0 or self.slope[0] <= 0 or self.period <= 0:
            return self.slope[1] > 0
        return (
            accumulation_log_odds(self.requests, self.levels / self.period) >= ACCUMULATION_LOG_ODDS
        )

    def through(self, functions: Sequence[str]) -> float:
        """Return the share (0 to 1) of the gain in stacks that contain a function with one of these prefixes."""
        return self._share(self.gained(functions))

    def share_of(self, classes: Collection[str]) -> float:
        """Return the share (0 to 1) of the gain in objects of these classes, which their stacks begin with."""
        return self._share(
            sum(gain for frames, gain in self._gains() if frames[0].function in classes)
        )

    def gained(self, functions: Sequence[str]) -> float:
        """Return the gain of stacks that contain a function with one of these prefixes."""
        return sum(gain for frames, gain in self._gains() if calls(frames, functions))

    def calls_through(self, functions: Sequence[str]) -> bool:
        """Return True if in a stack that gains own code calls a function with one of these prefixes.

        What called own code says nothing: every resumed request of a Node service comes out of a timer or an emitter.
        """
        return any(calls(to_own(frames), functions) for frames, _ in self._gains())

    def _share(self, part: float) -> float:
        gained = sum(gain for _, gain in self._gains())
        return part / gained if gained > 0 else 0.0

    def _gains(self) -> Iterable[tuple[tuple[Frame, ...], float]]:
        for stack in self.stacks:
            gain = float(stack.levels[-1] - stack.levels[0])
            if gain > 0:
                yield stack.frames, gain


#: What Python calls the code of a module outside of its functions.
MODULE = "<module>"


def calls(frames: Iterable[Frame], functions: Sequence[str]) -> bool:
    """Return True if a frame's function, file or `file#function` has one of these prefixes, or lies in such a `/folder/`."""
    starts = tuple(functions)
    folders = [start for start in starts if start.startswith("/")]
    return any(
        frame.function.startswith(starts)
        or frame.file.startswith(starts)
        or f"{frame.file}#{frame.function}".startswith(starts)
        or any(folder in frame.file for folder in folders)
        for frame in frames
    )


def is_library(frame: Frame) -> bool:
    """Return True if this frame's file was installed by a package manager."""
    return bool(_LIBRARY.search(frame.file))


def own_frames(frames: Sequence[Frame]) -> list[Frame]:
    """Return the target's own frames, innermost first, without those of libraries.

    A line of a Python module outside of any function is none: it is who runs the event loop, or imports.
    """
    return [
        frame
        for frame in frames
        if frame.own and frame.function != MODULE and not is_library(frame)
    ]


def to_own(frames: Sequence[Frame]) -> Sequence[Frame]:
    """Return the frames from the innermost to the target's own: what it calls; all of them if none is its own."""
    own = own_frames(frames)
    return frames[: frames.index(own[0]) + 1] if own else frames


def place_of(frames: Sequence[Frame]) -> Frame:
    """Return the innermost frame of the target's own code; else of a library; else the innermost of all.

    An anonymous function is replaced by the innermost named function of the same file that is
    further out in the stack, if there is one.
    """
    own = own_frames(frames) or [frame for frame in frames if frame.own] or list(frames)
    if not own:
        return Frame("unknown")
    named = [frame for frame in own if frame.file == own[0].file and frame.function != NAMELESS]
    return named[0] if own[0].function == NAMELESS and named else own[0]


def place_at(frame: Frame) -> Place:
    """Return a frame as a place; its file is without folders, and a dot in a Go module's name as it is spelled."""
    path = frame.file.replace("\\", "/").removeprefix("file://")
    return Place(frame.function.replace("%2e", "."), path.rpartition("/")[2], frame.line, path=path)


def where(frame: Frame) -> str:
    """Return function, file without folders, and line, as far as known: `main.rememberSearch leaks.go:41`."""
    return str(place_at(frame))


def allocation_sites(
    snapshots: Sequence[ProfileSnapshot], column: str, *, added: bool = False
) -> list[AllocationSite]:
    """Return the site of every place, fastest growth first; none from fewer than three snapshots, or without requests.

    Snapshots without the column, such as another tool's, are left out. Values are the amount at each
    snapshot; with `added` they are increments since the previous snapshot.
    """
    snapshots = [snapshot for snapshot in snapshots if column in dict(snapshot.profile.columns)]
    if len(snapshots) < LEAST_SNAPSHOTS:
        return []
    keys, table, samples = held(snapshots, column)
    table = np.cumsum(table, axis=0) if added else table
    times, requests = (
        np.array([getattr(snapshot, name) for snapshot in snapshots])
        for name in ("time", "requests")
    )
    if np.ptp(requests) <= 0:
        return []
    moved = np.argsort(-np.abs(table - table[0]).max(axis=0), kind="stable")[:MOST_STACKS]
    by_place: dict[tuple[str, str, int], list[Stack]] = {}
    for index in moved:
        row, sample = samples[int(keys[index])]
        frames = snapshots[row].profile.stack(sample)
        if calls(frames, _OBSERVERS):
            continue
        place = place_of(frames)
        # Functions without a name are told apart by the line at which each begins.
        line = place.line if place.function == NAMELESS else 0
        stack = Stack(frames, table[:, index])
        by_place.setdefault((place.function, place.file, line), []).append(stack)
    profile = snapshots[-1].profile
    period = profile.period if profile.period_unit == "bytes" and column.endswith("space") else 0.0
    sites = [_holding(stacks, times, requests, period) for stacks in by_place.values()]
    return sorted(sites, key=lambda site: -site.slope[0])


def _holding(stacks: list[Stack], times: Floats, requests: Floats, period: float) -> AllocationSite:
    """Build the site of one place; its line is that of the stack that gained most."""
    stacks.sort(key=lambda stack: float(stack.levels[0] - stack.levels[-1]))
    levels = np.sum([stack.levels for stack in stacks], axis=0)
    return AllocationSite(
        place_of(stacks[0].frames), times, requests, levels, tuple(stacks), period
    )


def only_gaining(places: Sequence[AllocationSite]) -> AllocationSite | None:
    """Return the place that has nearly all sampled objects that appeared and stayed; None if there is no such own place.

    The heap is known to grow, so some place must have the growth. If the samples are too few for any
    place to grow surely by itself, the only one that gained is by far the likeliest. Places that are
    counted exactly are not considered, nor are objects that a server made from a request's head:
    other code keeps those.
    """
    gains = [
        (lasting(site.levels) / site.period, site)
        for site in places
        if site.period > 0 and site.through(SERVER_READS) == 0
    ]
    stayed, site = max(gains, key=lambda pair: pair[0], default=(0.0, None))
    others = sum(max(gain, 0.0) for gain, _ in gains) - stayed
    if (
        site is None
        or not site.place.own
        or stayed < LEAST_LASTING
        or stayed < LASTING_ALONE * (stayed + others)
    ):
        return None
    return site
