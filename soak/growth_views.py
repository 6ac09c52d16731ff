"""Data types of a diagnosis for reports: suspects, a flame graph of growth, and a table of endpoints by places."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the code: a function (or class, or telltale series), its file without folders, and line (0 if unknown).

    Without a `function`, `unknown` says why no place is known. `path` is the file as the runtime told
    it, often with the folders of the machine that built it; it is not part of a place's identity.
    """

    function: str = ""
    file: str = ""
    line: int = 0
    unknown: str = ""
    path: str = field(default="", compare=False)

    @property
    def in_repository(self) -> str:
        """The file relative to the repository, if `path` is so; else without folders."""
        absolute = self.path.startswith("/") or ":" in self.path
        return self.file if absolute or not self.path else self.path

    def __str__(self) -> str:
        if not self.function:
            return f"unknown: {self.unknown}" if self.unknown else "unknown"
        if not self.file:
            return f"{self.function} line {self.line}" if self.line else self.function
        line = f":{self.line}" if self.line else ""
        if self.function == self.file:  # all that is known is the line
            return f"{self.file}{line}"
        return f"{self.function} {self.file}{line}"


@dataclass(frozen=True, slots=True)
class HourlyRate:
    """Growth per hour without any request, with its 95% interval; all 0 if no such growth is proven."""

    value: float = 0.0
    low: float = 0.0
    high: float = 0.0


NO_RATE = HourlyRate()


@dataclass(frozen=True, slots=True)
class Suspect:
    """A likely cause: the class of leak, where in the code, through which endpoint, how much per request.

    `per_hour` is the growth (in `unit`) with time alone, in addition to what requests add. If
    several endpoints share the leak, `endpoint` names them all, `endpoints` has each, and
    `per_request` applies to a request to any of them.
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

    `per_request` is the growth below it minus the shrinkage, negative if more shrinks.
    """

    function: str
    where: str
    depth: int
    left: float
    width: float
    per_request: float


@dataclass(frozen=True, slots=True)
class Flame:
    """Growth and shrinkage by stack, in `unit` per request to any endpoint.

    `stacks` is the number of stacks drawn, `shrinking` the number of those that surely shrink.
    `per_request` is the sum over all of them.
    """

    unit: str
    per_request: float
    stacks: int
    boxes: tuple[FlameBox, ...]
    shrinking: int = 0


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """How much a request to each of the table's endpoints adds at one place, or to one series; 0 if nothing."""

    place: str
    unit: str
    amounts: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PlaceTable:
    """Endpoints by places: how much each endpoint adds at each place."""

    endpoints: tuple[str, ...]
    rows: tuple[PlaceRow, ...]
