"""A user's pauses: a fixed time, or a random time between two bounds."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from soak.profile.fields import Duration, Shorthand, Strict


class Think(Strict):
    """A random pause, uniform between two times; short form: a fixed time."""

    min: Duration = Field(description="Shortest pause")
    max: Duration = Field(description="Longest pause")

    @model_validator(mode="after")
    def _in_order(self) -> Think:
        if self.min > self.max:
            raise ValueError("min must not be above max")
        return self


AnyThink = Annotated[Think, Shorthand(("min", "max"))]
