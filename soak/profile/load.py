"""The profile's load: how much traffic, in which shape, for how long."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from soak.profile.fields import LONGEST, Count, Duration, Positive, Rate, Strict
from soak.profile.find import Find
from soak.profile.pauses import AnyThink
from soak.profile.requests import AnyTimeouts, TimeoutSpec
from soak.profile.stages import Stage

#: More than any machine can drive or any run lasts; a larger number is a typing error. Processes
#: are per machine, users are a total, times are in seconds (ten years).
MOST = {
    "processes": 512,
    "users": 1_000_000,
    "rate": 10_000_000.0,
    "duration": LONGEST,
    "ramp": LONGEST,
    "warmup": LONGEST,
}

#: Maximum number of remote workers.
MOST_WORKERS = 10_000

#: The message for a load with neither a rate nor users, or with both.
ONE_MODEL = "give either rate (open model) or users (closed model), and not both"


def _each(value: object) -> object:
    """Split a text into a list, as Locust's own option takes files separated by commas."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


Locustfiles = Annotated[
    list[Annotated[str, Field(min_length=1)]],
    Field(min_length=1),
    BeforeValidator(_each),
    WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}}),
]
Argument = bool | int | float | str
UserClass = Annotated[str, Field(pattern=r"^[^\W\d]\w*$")]


class Workers(Strict):
    """Remote load workers, and what happens to the run if one is lost."""

    expect: int = Field(
        default=0,
        ge=0,
        le=MOST_WORKERS,
        description="The load begins when this many `soak worker` have joined",
    )
    bind: str = Field(
        default="127.0.0.1:5557",
        description="Where workers connect to the master, unencrypted; an address other than loopback needs SOAK_WORKER_TOKEN",
    )
    wait: Positive = Field(
        default=60.0, description="Longest wait for all workers to join; default: 60s"
    )
    lost: Literal["rebalance", "break"] = Field(
        default="rebalance",
        description="If a worker is lost: the others take over its share, or the run is declared broken",
    )


class TrafficShape(Strict):
    """The traffic over time: arrivals at a rate (open model) or users (closed model), and how their number changes."""

    rate: Rate | None = Field(
        default=None,
        description="Open model: arrivals follow a schedule, each is a request or a flow",
    )
    users: Count | None = Field(
        default=None,
        description="Closed model: users that each wait for the answer before the next request",
    )
    ramp: Duration = Field(default=0.0, description="Time from zero to the full load")
    duration: Positive = Field(default=0.0, description="Time at full load, after the ramp")
    stages: list[Stage] | None = Field(
        default=None,
        min_length=1,
        description="Successive periods of load, instead of rate or users, ramp and duration",
    )
    arrivals: Literal["constant", "poisson"] = Field(
        default="constant",
        description="Open model: evenly spaced, or random like independent callers",
    )
    think: AnyThink | None = Field(
        default=None, description="Pause between a user's requests: a time, or {min: 1s, max: 3s}"
    )
    pace: Positive | None = Field(
        default=None,
        description="Closed model: minimum time between the starts of two requests or flows of a user",
    )

    @model_validator(mode="after")
    def _one_model(self) -> Self:
        if self.stages:
            self._take_stages(self.stages)
        elif self.rate is not None and self.users is not None:
            raise ValueError(ONE_MODEL)
        if self.open and self.pace is not None:
            raise ValueError("pace goes with users; with a rate, arrivals have their schedule")
        if self.users is not None and self.arrivals == "poisson":
            raise ValueError("arrivals go with a rate; users come one after another")
        return self

    @model_validator(mode="after")
    def _within_bounds(self) -> Self:
        for key, most in MOST.items():
            if (getattr(self, key, None) or 0) > most:
                raise ValueError(f"{key} is above {most:,.0f}, which is more than any load can be")
        return self

    def _take_stages(self, stages: list[Stage]) -> None:
        """Derive ramp and duration from stages: a first stage that is a ramp is the ramp."""
        for key in ("rate", "users", "ramp", "duration"):
            if key in self.model_fields_set:
                raise ValueError(f"give either stages or {key}, and not both")
        levels = [level for stage in stages for level in stage.levels]
        if len({level.open for level in levels}) > 1:
            raise ValueError("stages are all of rates (200/s) or all of users (50)")
        if not any(level.value > 0 for level in levels):
            raise ValueError("stages without any load")
        ramp = stages[0].for_ if stages[0].ramp and len(stages) > 1 else 0.0
        # The model is frozen after validation, and this is still part of it.
        object.__setattr__(self, "ramp", ramp)
        object.__setattr__(self, "duration", sum(stage.for_ for stage in stages) - ramp)

    @property
    def shaped(self) -> bool:
        """True if it says how much load there is."""
        return bool(self.stages) or self.rate is not None or self.users is not None

    @property
    def open(self) -> bool:
        """True if arrivals follow a schedule, independent of the answers."""
        return self.stages[0].levels[0].open if self.stages else self.rate is not None

    @property
    def peak(self) -> float:
        """The highest load: arrivals per second, or users."""
        if self.stages:
            return max(level.value for stage in self.stages for level in stage.levels)
        return float(self.rate if self.rate is not None else self.users or 0)


class Load(TrafficShape):
    """How much traffic, for how long."""

    find: Find | None = Field(
        default=None,
        description="Search for the highest rate at which limits hold, instead of rate, users or stages",
    )
    warmup: Duration = Field(
        default=0.0, description="The verdict ignores at least this much from the start"
    )
    drain: Duration | None = Field(
        default=None,
        description="Sampling continues this long after the load; default: 0s; with diagnose: 10% of duration, 5s to 30s",
    )
    seed: int = Field(
        default=0, ge=0, description="The same seed gives the same choices, rows and random values"
    )
    cookies: bool | None = Field(
        default=None,
        description="Each user keeps the cookies that it receives; an arrival begins without any, unless this is true",
    )
    redirects: bool = Field(
        default=False,
        description="Follow up to 10 redirects, to loopback and hosts in target.allow only",
    )
    processes: Count | None = Field(
        default=None,
        description="Local Locust processes, each uses one core; default: 1, or 0 with remote workers",
    )
    workers: Workers | None = Field(
        default=None, description="Remote load workers, on other machines"
    )
    timeout: AnyTimeouts = Field(
        default=TimeoutSpec(), description="Longest wait for an answer, or connect, read and total"
    )
    locustfile: Locustfiles | None = Field(
        default=None,
        description="Your own Locust users instead of endpoints: a file, a directory or a list, relative to the profile",
    )
    arguments: dict[str, Argument | list[Argument]] = Field(
        default={},
        description="Options that the locustfile adds to Locust's, by name without the dashes; true for a flag",
    )
    user_classes: list[UserClass] = Field(
        default=[], description="Run only these user classes of the locustfile"
    )
    tags: list[str] = Field(
        default=[], description="Run only the locustfile's tasks with any of these tags"
    )
    exclude_tags: list[str] = Field(
        default=[], description="Run no tasks of the locustfile with any of these tags"
    )

    @model_validator(mode="after")
    def _whole(self) -> Load:
        if self.find:
            self._take_search(self.find)
        elif not self.stages and "duration" not in self.model_fields_set:
            raise ValueError("duration is missing (or stages instead)")
        if self.locustfile and self.open:
            raise ValueError("a locustfile brings its own users: give users, not rate")
        if self.workers is not None and not self.workers.expect and not self.processes:
            raise ValueError("workers: say how many to expect, or give processes")
        for key in ("arguments", "user_classes", "tags", "exclude_tags"):
            if getattr(self, key) and not self.locustfile:
                raise ValueError(f"{key} go with a locustfile")
        return self

    def _take_search(self, find: Find) -> None:
        """Set the duration of a search: the given one, else the longest it can take."""
        for key in ("rate", "users", "ramp", "stages", "locustfile"):
            if key in self.model_fields_set:
                raise ValueError(
                    f"give either find or {key}, and not both: a search sets the rate itself"
                )
        if self.workers is not None and self.workers.expect:
            raise ValueError(
                "find goes with processes of this machine: workers on others leave after each step"
            )
        if "duration" not in self.model_fields_set:
            object.__setattr__(self, "duration", find.settings(self.warmup).longest_seconds)

    @property
    def shaped(self) -> bool:
        """True if it says how much load there is."""
        return self.find is not None or super().shaped

    @property
    def open(self) -> bool:
        """True if arrivals follow a schedule, independent of the answers."""
        return self.find is not None or super().open

    @property
    def peak(self) -> float:
        """The highest load: arrivals per second, or users."""
        return float(self.find.to) if self.find is not None else super().peak

    @property
    def locust_arguments(self) -> tuple[str, ...]:
        """The arguments in the form of a command line."""
        words: list[str] = []
        for name, value in self.arguments.items():
            flag = f"--{name.replace('_', '-')}"
            if value is True:
                words.append(flag)
            elif isinstance(value, list):
                words += [flag, *map(str, value)]
            elif value is not False:
                words.append(f"{flag}={value}")
        return tuple(words)
