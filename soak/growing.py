"""What grows, ready to be drawn: a flame graph of growth, and a table of endpoints by places."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FlameBox:
    """One call in a flame graph: `left` and `width` are shares of the whole, `depth` is 0 for the outermost call."""

    function: str
    where: str
    depth: int
    left: float
    width: float
    per_request: float


@dataclass(frozen=True, slots=True)
class Flame:
    """What grows by stack, in `unit` a request to any endpoint; `stacks` of them are drawn, `per_request` all together."""

    unit: str
    per_request: float
    stacks: int
    boxes: tuple[FlameBox, ...]


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """How much a request to each endpoint of a table adds at one place, or to one series; 0 where it adds nothing."""

    place: str
    unit: str
    amounts: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PlaceTable:
    """Endpoints by places: who adds how much where."""

    endpoints: tuple[str, ...]
    rows: tuple[PlaceRow, ...]
