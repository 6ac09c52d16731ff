"""The profile's scenarios: several kinds of user at once, each with requests, users or a rate, and limits of its own."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from soak.profile.fields import Duration, Strict
from soak.profile.flows import AnyStep, Flow
from soak.profile.load import ONE_MODEL, Load, TrafficShape
from soak.profile.request_limits import EndpointLimits
from soak.profile.requests import Endpoint
from soak.profile.tags import tag_name


class ScenarioLoad(TrafficShape):
    """A scenario's own load; ramp and think default to those of the profile's load, and it lasts to the run's end."""

    after: Duration = Field(
        default=0.0, description="Begin this long after the start of the run's load"
    )

    @model_validator(mode="after")
    def _some(self) -> ScenarioLoad:
        if not self.shaped:
            raise ValueError(ONE_MODEL)
        return self

    def within(self, whole: Load) -> ScenarioLoad:
        """Return this load completed from the profile's load: ramp, pauses, and the remaining time as duration."""
        taken = {} if self.think is not None else {"think": whole.think}
        if self.stages:
            return self.model_copy(update=taken)
        ramp = self.ramp if "ramp" in self.model_fields_set else whole.ramp
        left = whole.ramp + whole.duration - self.after - ramp
        duration = self.duration if "duration" in self.model_fields_set else left
        return self.model_copy(update=taken | {"ramp": ramp, "duration": duration})

    @property
    def end(self) -> float:
        """When the load ends, in seconds from the beginning of the run's load."""
        return float(self.after + self.ramp + self.duration)


class ScenarioSpec(Strict):
    """One kind of user: its requests, and how many such users there are."""

    name: Annotated[str, BeforeValidator(tag_name)] = Field(
        description="Name in reports, and prefix of its requests' names"
    )
    load: ScenarioLoad = Field(
        description="Its users or rate, and when it begins and ends; everything else comes from the profile's load"
    )
    endpoints: list[Endpoint] = Field(default=[], description="The requests to make")
    flows: list[Flow] = Field(default=[], description="Requests in order, with captures")
    setup: list[AnyStep] = Field(
        default=[], description="Steps that each of its users makes once, before all others"
    )
    teardown: list[AnyStep] = Field(
        default=[], description="Steps that each of its users makes once, at its end"
    )
    limits: EndpointLimits | None = Field(
        default=None, description="Limits for all its requests together"
    )
