"""Data types of a search: steps, their outcomes, and the capacity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class StepKind(StrEnum):
    """The purpose of a step: the load before the first one, a rate to be judged, the found rate again, or a recovery."""

    WARMUP = "warmup"
    STEP = "step"
    CONFIRM = "confirm"
    RECOVERY = "recovery"


class Decision(StrEnum):
    """The outcome of a step: the limits surely held, one surely broke, neither, or the generator was the limit."""

    HELD = "held"
    BROKE = "broke"
    UNDECIDED = "undecided"
    GENERATOR = "generator"


class Conclusion(StrEnum):
    """How a search ended."""

    FOUND = "found"
    AT_LEAST = "at least"
    BELOW = "below"
    GENERATOR = "generator"
    UNRECOVERED = "unrecovered"
    UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True)
class Step:
    """One rate (per second) to drive: `least` and `most` are the seconds it is measured for, after `settle` seconds."""

    kind: StepKind
    rate: float
    settle: float
    least: float
    most: float

    @property
    def judged(self) -> bool:
        """True if its outcome says something about the capacity."""
        return self.kind in (StepKind.STEP, StepKind.CONFIRM)


@dataclass(frozen=True, slots=True)
class DrivenStep:
    """A step as it was driven: its windows end after `start` and until `end`, in seconds on the run's clock."""

    step: Step
    start: float
    end: float

    def to_json(self) -> dict[str, Any]:
        """Return its entry in run.json."""
        step = self.step
        fields = {
            "kind": step.kind.value,
            "rate": step.rate,
            "settle": step.settle,
            "least": step.least,
        }
        return {
            **fields,
            "most": step.most,
            "start": round(self.start, 3),
            "end": round(self.end, 6),
        }

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> DrivenStep:
        """Read an entry of run.json; raise KeyError, TypeError or ValueError if it is damaged."""
        numbers = (float(entry[key]) for key in ("rate", "settle", "least", "most"))
        return cls(
            Step(StepKind(entry["kind"]), *numbers), float(entry["start"]), float(entry["end"])
        )


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """The outcome of a step, and a sentence that gives the reason; `seconds` is how long it was measured.

    `kept` says that the limits were kept as far as measured; this is proven if the decision is
    `HELD`.
    """

    step: Step
    decision: Decision
    seconds: float
    reason: str
    kept: bool


@dataclass(frozen=True, slots=True)
class Bracket:
    """What a search has found so far, in requests per second; None if unknown.

    `held` is the highest rate that kept the limits, `open` the lowest one above it that did not,
    for whatever reason. `low` and `high` are the 95% interval: the highest rate that surely held,
    and the lowest one above it that surely broke a limit.
    """

    held: float | None
    open: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class StepFigures:
    """The measurements of one step for reports: requests per second answered, latencies in seconds, shares of 1.

    `cpu` is the target's CPU in cores, `pools` each connection pool's mean use by name; None and
    empty if not recorded. `start` and `end` are seconds on the run's clock.
    """

    outcome: StepOutcome
    start: float
    end: float
    achieved: float
    p50: float | None
    p99: float | None
    errors: float
    cpu: float | None = None
    pools: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Capacity:
    """The result of a capacity search: the bracket in requests per second, how it ended, and each step in order.

    `p99_limit` (seconds) and `errors_limit` (share) are the search's limits, None if not given.
    """

    conclusion: Conclusion
    bracket: Bracket
    steps: tuple[StepFigures, ...]
    p99_limit: float | None
    errors_limit: float | None

    @property
    def at(self) -> StepFigures | None:
        """The step that measured the capacity: the last one at the highest rate that held."""
        of_rate = [
            step
            for step in self.steps
            if step.outcome.step.judged and step.outcome.step.rate == self.bracket.held
        ]
        return of_rate[-1] if of_rate and self.bracket.held is not None else None
