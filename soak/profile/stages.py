"""Stages of a load: successive periods, each with one shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import Field, model_validator

from soak.profile.fields import LoadLevel, Positive, StageLoad, Strict
from soak.units import show_duration, show_number


class Sine(Strict):
    """Load that rises and falls as a sine, like day and night; it begins at `low`."""

    low: StageLoad = Field(description="The lowest load, at the beginning of each period")
    high: StageLoad = Field(description="The highest load, in the middle of each period")
    period: Positive = Field(description="Time from one low to the next")


class Stage(Strict):
    """A period with one shape of load: exactly one of rate, users, ramp, spike and sine."""

    for_: Positive = Field(alias="for", description="How long the stage lasts")
    rate: StageLoad | None = Field(
        default=None, description="Hold this rate of arrivals (open model)"
    )
    users: StageLoad | None = Field(default=None, description="Hold this many users (closed model)")
    ramp: StageLoad | None = Field(
        default=None, description="Change linearly from the previous load to this one"
    )
    spike: StageLoad | None = Field(
        default=None, description="Hold this load, then return to the previous one"
    )
    sine: Sine | None = Field(default=None, description="Rise and fall between two loads as a sine")

    @model_validator(mode="after")
    def _one_shape(self) -> Stage:
        given = [self.rate, self.users, self.ramp, self.spike, self.sine]
        if sum(shape is not None for shape in given) != 1:
            raise ValueError("a stage has exactly one of rate, users, ramp, spike and sine")
        if (self.rate and not self.rate.open) or (self.users and self.users.open):
            raise ValueError("rate is such as 200/s, and users a whole number")
        if self.sine and self.sine.low.value > self.sine.high.value:
            raise ValueError("the low of a sine must not be above its high")
        return self

    @property
    def levels(self) -> tuple[LoadLevel, ...]:
        """The loads that the stage names."""
        if self.sine:
            return self.sine.low, self.sine.high
        return tuple(
            level for level in (self.rate, self.users, self.ramp, self.spike) if level is not None
        )

    @property
    def said(self) -> str:
        """The stage in words: `200/s for 1 h`, `evenly to 40 users within 5 min`."""
        levels = [
            f"{show_number(level.value)}{'/s' if level.open else ' users'}" for level in self.levels
        ]
        lasts = show_duration(self.for_)
        if self.sine:
            swing = show_duration(self.sine.period)
            return f"between {levels[0]} and {levels[1]} every {swing}, for {lasts}"
        if self.ramp:
            return f"evenly to {levels[0]} within {lasts}"
        return f"{'a spike of ' if self.spike else ''}{levels[0]} for {lasts}"


def stage_starts(stages: Sequence[Stage]) -> Iterator[tuple[float, str]]:
    """Yield when each of several stages begins, in seconds of load, and its description; nothing for a single stage."""
    begins = 0.0
    for number, stage in enumerate(stages, 1):
        if len(stages) > 1:
            yield begins, f"{number} of {len(stages)}: {stage.said}"
        begins += stage.for_
