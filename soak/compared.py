"""Data types of a comparison of runs: what was measured in each run, and how far two sides differ.

A value is in its metric's unit. Errors are on the metric's scale: natural logarithms if
differences are reported as shares, the unit itself if they are reported as amounts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from soak.model import Chart, Suspect
from soak.units import show_amount, show_number, show_ratio

#: From this multiple on, a rise is reported as a multiple: 42 times is easier to read than +4,067%.
FOLD = 10.0
#: Above this multiple of the base, a rise is reported only as larger than that.
MOST_FOLD = 1000.0


class Change(StrEnum):
    """How the candidate compares with the base in one metric, against that metric's tolerance."""

    WORSE = "worse"
    BETTER = "better"
    SAME = "same"
    CANNOT_TELL = "cannot tell"


class GateVerdict(StrEnum):
    """The verdict of a whole comparison: a metric is worse, none is, or a required one cannot be told."""

    WORSE = "worse"
    NOT_WORSE = "not worse"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One metric of one subject (an endpoint, a series) in one run.

    `error` is the standard error due to the finite number of requests or events. `drift` is the
    additional variation from one part of the run to the next, as a standard error that holds under
    autocorrelation. `matters` is the least difference, in `unit`, that matters for this subject, 0
    if only the metric's tolerance applies.
    """

    metric: str
    subject: str
    value: float
    error: float
    drift: float
    unit: str
    matters: float = 0.0


@dataclass(frozen=True, slots=True)
class MeasuredRun:
    """All measurements of one run, and what must agree before two runs are compared.

    `seconds` is how long its load lasted, `load` the load in words, `target` the target's address.
    `charts` are the run's charts if its recording was read, on an axis that begins with the load.
    `suspects` is None if the source does not say whether there were any.
    """

    name: str
    source: str
    started: str
    seconds: float
    target: str
    load: str
    measurements: tuple[Measurement, ...]
    warnings: tuple[str, ...] = ()
    charts: tuple[Chart, ...] = ()
    suspects: tuple[Suspect, ...] | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric of one subject, base against candidate.

    `relative` says that `change`, `low`, `high` and `tolerance` are shares of the base, else
    amounts in `unit`. A change above 0 is a rise, whichever direction is worse. `low` and `high`
    are a 95% interval, None if unknown. `catches` is the change for the worse that runs like these,
    with the same number per side, would show in 95 of 100 comparisons; `catches_three` is the same
    for three runs per side.
    """

    metric: str
    subject: str
    unit: str
    base: float
    candidate: float
    base_runs: int
    candidate_runs: int
    relative: bool
    change: float
    low: float | None
    high: float | None
    tolerance: float
    worse_is_up: bool
    verdict: Change
    reason: str
    not_worse: bool
    required: bool
    catches: float | None
    catches_three: float | None

    def amount(self, value: float) -> str:
        """Return a change or tolerance as text: a percentage of the base, percentage points, or an amount.

        A rise to at least FOLD times the base is written as a multiple; above MOST_FOLD times only as
        "over" that.
        """
        if self.relative and value > MOST_FOLD - 1:
            return f"over {show_number(MOST_FOLD)} times"
        if self.relative and value >= FOLD - 1:
            return f"{show_number(round(value + 1, 1))} times"
        if self.relative:
            return show_ratio(round(value, 4))
        if self.unit == "ratio":
            return f"{show_number(100 * value)} points"
        return show_amount(value, self.unit)

    def signed(self, value: float) -> str:
        """Return the same text with its sign."""
        if self.relative and value >= FOLD - 1:
            return self.amount(value)
        text = self.amount(abs(value))
        rounds_to_nothing = not any(digit in text for digit in "123456789")
        return text if rounds_to_nothing else f"{'-' if value < 0 else '+'}{text}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides compared: one verdict, the sentence that says why, and a difference for each metric.

    `left_out` names what could not be compared, and why. `new_suspects` are the candidate's
    suspects that the base does not have.
    """

    base: str
    candidate: str
    base_runs: tuple[MeasuredRun, ...]
    candidate_runs: tuple[MeasuredRun, ...]
    verdict: GateVerdict
    reason: str
    differences: tuple[Difference, ...]
    left_out: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    charts: tuple[Chart, ...] = ()
    paired: bool = False
    new_suspects: tuple[Suspect, ...] = ()

    @property
    def untold(self) -> int:
        """The number of differences that may or may not be worse."""
        return sum(
            not difference.not_worse and difference.verdict is not Change.WORSE
            for difference in self.differences
        )
