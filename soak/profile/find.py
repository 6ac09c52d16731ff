"""The profile's `load.find`: a search for the target's capacity, instead of a fixed load."""

from __future__ import annotations

from pydantic import Field, model_validator

from soak.capacity.settings import SearchSettings, StepLimit
from soak.profile.fields import Positive, Rate, Ratio, Strict

_QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
#: The share of failed requests allowed at a rate, if the profile does not say.
USUAL_ERRORS = 0.01
#: No number of requests proves that none ever fails; to prove this share takes 160,000 of them.
LEAST_ERRORS = 1e-4
#: Bounds of `within`: below, steps differ by less than repeated measurements of one rate.
NARROWEST, WIDEST = 0.01, 0.5
#: The shortest step in seconds: its windows of one second must show their spread.
SHORTEST = 5.0


class FindLimits(Strict):
    """Limits that must hold at a rate: latencies of successful requests, and the share of failed ones."""

    p50: Positive | None = Field(default=None, description="Median, such as 20ms")
    p90: Positive | None = Field(default=None, description="90th percentile, such as 100ms")
    p95: Positive | None = Field(default=None, description="95th percentile, such as 150ms")
    p99: Positive | None = Field(default=None, description="99th percentile, such as 250ms")
    p999: Positive | None = Field(default=None, description="99.9th percentile, such as 1s")
    errors: Ratio = Field(
        default=USUAL_ERRORS, description="Largest share of failed requests; default: 1%"
    )

    @model_validator(mode="after")
    def _some(self) -> FindLimits:
        if not self.model_fields_set:
            raise ValueError("name at least one limit, such as p99: 250ms or errors: 1%")
        if not LEAST_ERRORS <= self.errors <= 0.5:
            raise ValueError(
                "errors must be from 0.01% to 50%: no run proves that no request ever fails"
            )
        return self

    @property
    def of_steps(self) -> tuple[StepLimit, ...]:
        """The same limits as they apply to each step of the search."""
        bounds = ((name, quantile, getattr(self, name)) for name, quantile in _QUANTILES.items())
        latency = (
            StepLimit(name, quantile, bound)
            for name, quantile, bound in bounds
            if bound is not None
        )
        return (*latency, StepLimit("errors", None, self.errors))


class Find(Strict):
    """A search for the highest rate at which all limits hold: double the rate from the lowest, then halve the bracket."""

    limits: FindLimits = Field(
        description="Limits that must hold at a rate, such as {p99: 250ms, errors: 1%}"
    )
    from_: Rate = Field(
        alias="from",
        description="The first rate, such as 50/s; a capacity below it fails",
    )
    to: Rate = Field(description="The highest rate to try, such as 5000/s")
    step: Positive = Field(default=10.0, description="Shortest measurement of a rate; default: 10s")
    confirm: Positive = Field(
        default=30.0, description="Shortest measurement of the rate that was found; default: 30s"
    )
    within: Ratio = Field(
        default=0.05, description="The search ends when the bracket is this narrow; default: 5%"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Find:
        if self.from_ >= self.to:
            raise ValueError(f"from ({self.from_:g}/s) must be below to ({self.to:g}/s)")
        if not NARROWEST <= self.within <= WIDEST:
            raise ValueError("within must be from 1% to 50%")
        if self.step < SHORTEST or self.confirm < self.step:
            raise ValueError(
                f"step must be at least {SHORTEST:g}s, and confirm at least as long as step"
            )
        return self

    def settings(self, warmup: float) -> SearchSettings:
        """Return the settings of the search; `warmup` is seconds at the lowest rate before it."""
        return SearchSettings(
            self.limits.of_steps, self.from_, self.to, self.step, self.confirm, self.within, warmup
        )
