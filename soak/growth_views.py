"""What a diagnosis gives to the reports: suspects, a flame graph of growth, and a table of endpoints by places."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the code: a function (or a class, or a series that tells), its file without folders, and line (0 unknown).

    Without a `function`, `unknown` says why no place is known.
    """

    function: str = ""
    file: str = ""
    line: int = 0
    unknown: str = ""

    def __str__(self) -> str:
        if not self.function:
            return f"unknown: {self.unknown}" if self.unknown else "unknown"
        line = f":{self.line}" if self.file and self.line else ""
        return f"{self.function} {self.file}{line}".strip()


@dataclass(frozen=True, slots=True)
class HourlyRate:
    """What grows in an hour without any request, with its 95% interval; all 0 where no such growth is proven."""

    value: float = 0.0
    low: float = 0.0
    high: float = 0.0


NO_RATE = HourlyRate()


@dataclass(frozen=True, slots=True)
class Suspect:
    """A likely cause: the class of leak, where in the code, through which endpoint, how much per request.

    `per_hour` is what the same thing (in `unit`) grows by with time alone, beside what requests
    add. Where several endpoints share the leak, `endpoint` names them all, `endpoints` has each, and
    `per_request` is of a request to any of them.
    """

    leak_class: str
    confidence: float
    place: Place
    endpoint: str
    per_request: float
    low: float
    high: float
    unit: str
    evidence: tuple[str, ...]
    runner_up: str
    remedy: str
    per_hour: HourlyRate = NO_RATE
    endpoints: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """The place in words, as every report shows it."""
        return str(self.place)


@dataclass(frozen=True, slots=True)
class FlameBox:
    """One call in a flame graph: `left` and `width` are shares of all that changed, `depth` is 0 for the outermost call.

    `per_request` is what grows beneath it less what shrinks, negative where more shrinks.
    """

    function: str
    where: str
    depth: int
    left: float
    width: float
    per_request: float


@dataclass(frozen=True, slots=True)
class Flame:
    """What grows and what shrinks by stack, in `unit` per request to any endpoint.

    `stacks` of them are drawn, of which `shrinking` surely shrink; `per_request` is all of them
    together.
    """

    unit: str
    per_request: float
    stacks: int
    boxes: tuple[FlameBox, ...]
    shrinking: int = 0


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
