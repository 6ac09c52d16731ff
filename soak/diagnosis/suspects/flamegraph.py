"""What grows, to be drawn: a flame graph of growth a request, and a table of endpoints by places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from soak.diagnosis.attribution.allocation_sites import AllocationSite, where
from soak.diagnosis.attribution.attribution import EVERY
from soak.diagnosis.attribution.signals import Signal
from soak.diagnosis.attribution.site_growth import slope_and_error
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.thresholds import DEEPEST_FLAME, MOST_FLAME_STACKS, MOST_TABLE_ROWS, NARROWEST_BOX
from soak.growth_views import Flame, FlameBox, PlaceRow, PlaceTable


@dataclass
class _Call:
    """One call with all that grows beneath it."""

    frame: Frame
    per_request: float = 0.0
    calls: dict[str, _Call] = field(default_factory=dict)


def flame_of(places: Sequence[AllocationSite]) -> Flame | None:
    """The stacks that grow fastest, outermost call at the bottom; None where none does."""
    stacks = [
        (slope_and_error(site.requests, stack.levels)[0], stack.frames) for site in places for stack in site.stacks
    ]
    fastest = sorted((pair for pair in stacks if pair[0] > 0 and pair[1]), key=lambda pair: -pair[0])[
        :MOST_FLAME_STACKS
    ]
    kept = [pair for pair in fastest if pair[0] >= NARROWEST_BOX * fastest[0][0]]
    if not kept:
        return None
    root = _Call(Frame("all that grows"))
    for slope, frames in kept:
        root.per_request += slope
        call = root
        for frame in frames[::-1][:DEEPEST_FLAME]:
            call = call.calls.setdefault(frame.function, _Call(frame))
            call.per_request += slope
    boxes: list[FlameBox] = []
    _draw(root, 0, 0.0, root.per_request, boxes)
    return Flame("bytes", root.per_request, len(kept), tuple(boxes))


def _draw(call: _Call, depth: int, left: float, whole: float, boxes: list[FlameBox]) -> None:
    """A call's box and, above it, those of what it calls, the widest first."""
    width = call.per_request / whole
    if width < NARROWEST_BOX:
        return
    boxes.append(FlameBox(call.frame.function, where(call.frame), depth, left, width, call.per_request))
    for inner in sorted(call.calls.values(), key=lambda called: -called.per_request):
        _draw(inner, depth + 1, left, whole, boxes)
        left += inner.per_request / whole


def table_of(grown: Sequence[Signal], endpoints: Sequence[str]) -> PlaceTable | None:
    """Endpoints by what grows, as far as endpoints could be told apart; None where they could not."""
    rows = []
    for signal in grown:
        share = {amount.endpoint: amount.per_request for amount in signal.contributors}
        if share:
            every = share.get(EVERY, 0.0)
            rows.append(PlaceRow(signal.name, signal.unit, tuple(share.get(name, every) for name in endpoints)))
    return PlaceTable(tuple(endpoints), tuple(rows[:MOST_TABLE_ROWS])) if rows and endpoints else None
