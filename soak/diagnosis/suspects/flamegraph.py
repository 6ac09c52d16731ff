"""Prepare growth for drawing: a flame graph of growth per request, and a table of places by endpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from soak.diagnosis.attribution.allocation_sites import AllocationSite, Stack, where
from soak.diagnosis.attribution.attribution import EVERY
from soak.diagnosis.attribution.signals import Signal
from soak.diagnosis.attribution.site_growth import slope_and_error
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.thresholds import (
    DEEPEST_FLAME,
    MOST_FLAME_STACKS,
    MOST_TABLE_ROWS,
    NARROWEST_BOX,
)
from soak.growth_views import Flame, FlameBox, PlaceRow, PlaceTable


@dataclass
class _Call:
    """One call with the growth and the shrinkage beneath it, both positive."""

    frame: Frame
    grown: float = 0.0
    shrunk: float = 0.0
    calls: dict[str, _Call] = field(default_factory=dict)

    @property
    def changed(self) -> float:
        """The total change beneath the call in either direction: the width of its box."""
        return self.grown + self.shrunk

    def add(self, slope: float) -> None:
        """Add a stack through this call that changes by `slope` per request."""
        self.grown += max(slope, 0.0)
        self.shrunk += max(-slope, 0.0)


def flame_of(places: Sequence[AllocationSite]) -> Flame | None:
    """Draw the stacks that change fastest, outermost call at the top: growing and surely shrinking ones; None if none grow."""
    stacks = [
        (_change(site, stack), stack.frames)
        for site in places
        for stack in site.stacks
        if stack.frames
    ]
    fastest = sorted(stacks, key=lambda pair: -abs(pair[0]))[:MOST_FLAME_STACKS]
    kept = [pair for pair in fastest if abs(pair[0]) >= NARROWEST_BOX * abs(fastest[0][0])]
    if not any(slope > 0 for slope, _ in kept):
        return None
    root = _Call(Frame("all that changes"))
    for slope, frames in kept:
        root.add(slope)
        call = root
        for frame in frames[::-1][:DEEPEST_FLAME]:
            call = call.calls.setdefault(frame.function, _Call(frame))
            call.add(slope)
    boxes: list[FlameBox] = []
    _draw(root, 0, 0.0, root.changed, boxes)
    shrinking = sum(slope < 0 for slope, _ in kept)
    return Flame("bytes", root.grown - root.shrunk, len(kept), tuple(boxes), shrinking)


def _change(site: AllocationSite, stack: Stack) -> float:
    """Return a stack's growth per request; 0 for a fall that is not significant."""
    slope, error = slope_and_error(site.requests, stack.levels, site.period)
    return slope if slope > 0 or slope + error < 0 else 0.0


def _draw(call: _Call, depth: int, left: float, whole: float, boxes: list[FlameBox]) -> None:
    """Append a call's box and, below it, the boxes of the calls that it makes, widest first."""
    width = call.changed / whole
    if width < NARROWEST_BOX:
        return
    boxes.append(
        FlameBox(
            call.frame.function, where(call.frame), depth, left, width, call.grown - call.shrunk
        )
    )
    for inner in sorted(call.calls.values(), key=lambda called: -called.changed):
        _draw(inner, depth + 1, left, whole, boxes)
        left += inner.changed / whole


def table_of(grown: Sequence[Signal], endpoints: Sequence[str]) -> PlaceTable | None:
    """Return the table of signals by endpoints, as far as endpoints could be separated; None if they could not."""
    rows = []
    for signal in grown:
        share = {amount.endpoint: amount.per_request for amount in signal.contributors}
        if share:
            every = share.get(EVERY, 0.0)
            rows.append(
                PlaceRow(
                    signal.name, signal.unit, tuple(share.get(name, every) for name in endpoints)
                )
            )
    return (
        PlaceTable(tuple(endpoints), tuple(rows[:MOST_TABLE_ROWS])) if rows and endpoints else None
    )
