"""The profile's types: every key, with its unit, its default, and one sentence for the editor."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from soak.profile.abort import AbortRule, AbortRules, rules_in_force
from soak.profile.compare import Accepted, CompareRules
from soak.profile.diagnose import Diagnose, usual_drain
from soak.profile.fields import (
    Amount,
    Duration,
    Growth,
    Positive,
    Rate,
    Ratio,
    RequestHeaders,
    Shorthand,
    Strict,
    Term,
    Word,
)
from soak.profile.flows import AnyStep, BlockSpec, Flow, StepSpec, requests_in
from soak.profile.gate import GateSpec
from soak.profile.hosts import is_loopback
from soak.profile.load import Load
from soak.profile.notify import Notify
from soak.profile.request_limits import EndpointLimits
from soak.profile.requests import Auth, Endpoint, RequestSpec
from soak.profile.scenarios import ScenarioSpec
from soak.profile.start import Start
from soak.profile.tags import RequestGroup, Tag
from soak.profile.tls import TlsSettings
from soak.profile.trace import AnyTrace, TraceSettings
from soak.profile.yamltext import Document, Path

#: Valid names of profiles and baselines, which are used for directories and files.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def _name(value: object) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise ValueError(
            f"expected letters, digits, dots and dashes (it names the run directory), not {value!r}"
        )
    return value


class Target(Strict):
    """The service under test."""

    url: str = Field(description="Where the service listens, such as http://127.0.0.1:8080")
    allow: list[str] = Field(
        default=[],
        description="Hosts that may get load, in addition to loopback, such as *.staging.example.com",
    )
    tls: TlsSettings = Field(
        default=TlsSettings(), description="How to verify the target if its URL is https"
    )
    start: Start | None = Field(
        default=None, description="Start the target before the run and stop it afterwards"
    )
    grace: Duration = Field(
        default=30.0,
        description="If the target dies and does not come back within this time, the run ends",
    )


Drifting = Literal["p50", "p90", "p95", "p99", "p999", "errors", "rate", "cpu"]


class GcLimits(Strict):
    """Limits of the garbage collector; without them, exceeding 100/m, 100ms or 80% is only a warning."""

    cycles: Rate | None = Field(
        default=None, description="Largest rate of collections, such as 100/m"
    )
    pause: Positive | None = Field(default=None, description="Longest pause, such as 100ms")
    live: Ratio | None = Field(
        default=None,
        description="Largest live share of the memory taken from the system, such as 80%",
    )


class Survive(Strict):
    """How long a resource must last, and at which rate of requests: production's, if the test's is higher."""

    for_: Term = Field(default=30 * 86400.0, alias="for", description="How long, such as 30d")
    at: Rate | None = Field(
        default=None,
        description="Request rate in production, such as 20/s: growth with requests is judged at this rate",
    )


class Limits(EndpointLimits):
    """Limits of the run; growth has a default rule (`survive`), the others apply only if given."""

    growth: dict[str, Growth] = Field(
        default={},
        description="Largest growth of each series: its whole confidence interval must be at or below",
    )
    max: dict[str, Amount] = Field(
        default={},
        description="Largest value of each series, from the start of the load to its end",
    )
    drift: dict[Drifting, Ratio] = Field(
        default={}, description="Largest change for the worse over the steady phase, as a share"
    )
    gc: GcLimits = Field(default=GcLimits(), description="Limits of the garbage collector")
    survive: Annotated[Survive, Shorthand(("for",))] = Field(
        default=Survive(),
        description="How long each other resource must last at the measured growth; default: 30d",
    )
    vouch: Term | None = Field(
        default=None,
        description="How long a pass must vouch for; if it cannot, the run is inconclusive",
    )
    tags: dict[Tag, EndpointLimits] = Field(
        default={}, description="Limits for all requests with a tag together"
    )


class DataFile(Strict):
    """Rows of a file for templates: a CSV file with a header, or one JSON object per line."""

    csv: str | None = Field(
        default=None, description="A CSV file with a header line, relative to the profile"
    )
    jsonl: str | None = Field(
        default=None, description="A file with one JSON object per line, relative to the profile"
    )
    order: Literal["random", "sequential", "unique"] = Field(
        default="random",
        description="sequential: in order, starting again at the end; unique: in order, each row once, until none is left",
    )

    @model_validator(mode="after")
    def _one_file(self) -> DataFile:
        if (self.csv is None) == (self.jsonl is None):
            raise ValueError("give either csv or jsonl, and not both")
        return self

    @property
    def file(self) -> str:
        """The file, of either kind."""
        return self.csv or self.jsonl or ""


class Profile(Strict):
    """One run, as described by its YAML file."""

    name: Annotated[str, BeforeValidator(_name)] = Field(
        default="soak", description="Names the run and its directory; default: the file's name"
    )
    target: Target
    sources: list[dict[str, Any]] | None = Field(
        default=None,
        description="What to poll; default: the process behind the URL, and the metrics pages found at the URL",
    )
    sample: Positive | None = Field(
        default=None,
        description="Time between polls; default: 1s for runs up to 2h, 5s up to 24h, else 15s",
    )
    jitter: Ratio = Field(
        default=0.0,
        description="Delay each poll at random by up to this share of the time between polls",
    )
    load: Load
    endpoints: list[Endpoint] = Field(default=[], description="The requests to make")
    flows: list[Flow] = Field(default=[], description="Requests in order, with captures")
    scenarios: list[ScenarioSpec] = Field(
        default=[],
        description="Several kinds of user at once, each with its own requests and load",
    )
    headers: RequestHeaders = Field(
        default={},
        description="Headers sent with every request; a request's own header of the same name overrides",
    )
    setup: list[AnyStep] = Field(
        default=[], description="Steps that each user makes once, before all others"
    )
    teardown: list[AnyStep] = Field(
        default=[], description="Steps that each user makes once, at its end"
    )
    data: dict[Word, DataFile] = Field(
        default={}, description="Files whose rows templates use, by name"
    )
    auth: Auth | None = Field(
        default=None,
        description="Authentication of every request: by a token that soak renews, or by a password",
    )
    limits: Limits = Field(default=Limits(), description="What the run must stay within")
    abort: AbortRules = Field(
        default=(),
        description="Conditions that end the run at once, such as errors > 50% for 30s, which is the default for targets "
        "on other machines; off to disable it",
    )
    compare: CompareRules = Field(
        default={},
        description="Comparisons with a base: the tolerance of each metric, and which metrics must be decided",
    )
    gate: GateSpec | None = Field(
        default=None, description="Two targets that `soak gate` drives in turn and compares"
    )
    accept: list[Accepted] = Field(
        default=[], description="Known leaks that give only warnings until a date"
    )
    diagnose: Diagnose | None = Field(
        default=None,
        description="Profiles of the target to take; {} to use the profilers found at its URL",
    )
    trace: AnyTrace = Field(
        default=TraceSettings(), description="Trace ids that requests carry; off to send none"
    )
    notify: Notify | None = Field(
        default=None,
        description="A webhook to which the verdict is posted; does not affect the exit code",
    )
    stop_early: bool = Field(
        default=False,
        description="End at 1/8, 1/4 or 1/2 after a restart, for a certain, gross leak, or if every growth limit surely holds",
    )

    _document: Document | None = PrivateAttr(default=None)

    @property
    def document(self) -> Document:
        """The line of each key in the file, for messages."""
        assert self._document is not None
        return self._document

    @property
    def own_limits(self) -> dict[str, EndpointLimits]:
        """The limits of single endpoints and steps of flows, by their label."""
        return {
            label: request.limits
            for _, label, request in self.requests
            if request.limits is not None
        }

    @property
    def parts(self) -> list[tuple[Path, Profile | ScenarioSpec]]:
        """The scenarios, or the profile itself: what has its own requests and load; each with its path in the file."""
        own: list[tuple[Path, Profile | ScenarioSpec]] = [((), self)]
        return [
            (("scenarios", index), scenario) for index, scenario in enumerate(self.scenarios)
        ] or own

    @property
    def requests(self) -> list[tuple[Path, str, RequestSpec]]:
        """Every request, alone or in a flow: path in the file, label (`checkout / POST /cart`), and request."""
        requests: list[tuple[Path, str, RequestSpec]] = []
        for place, part in self.parts:
            before = label_of(part)
            requests += [
                ((*place, "endpoints", index), before + endpoint.label, endpoint)
                for index, endpoint in enumerate(part.endpoints)
            ]
            for where, name, steps in courses_of(place, part):
                requests += [
                    (there, f"{name} / {step.label}", step)
                    for there, step in requests_in(steps, where)
                ]
        return requests

    @property
    def groups(self) -> tuple[RequestGroup, ...]:
        """All scenarios and tags, each with the labels of its requests and its limits."""
        scenarios: dict[str, list[str]] = {scenario.name: [] for scenario in self.scenarios}
        tags: dict[str, list[str]] = {}
        for place, label, request in self.requests:
            part, below = (
                (self.scenarios[int(place[1])], place[2:])
                if place[0] == "scenarios"
                else (self, place)
            )
            if isinstance(part, ScenarioSpec):
                scenarios[part.name].append(label)
            shared = part.flows[int(below[1])].tags if below[0] == "flows" else []
            for tag in dict.fromkeys((*request.tags, *shared)):
                tags.setdefault(tag, []).append(label)
        own = {scenario.name: scenario.limits for scenario in self.scenarios}
        groups = [
            RequestGroup("scenario", name, tuple(labels), own[name])
            for name, labels in scenarios.items()
        ]
        groups += [
            RequestGroup("tag", tag, tuple(tags[tag]), self.limits.tags.get(tag))
            for tag in sorted(tags)
        ]
        return tuple(groups)

    @property
    def open(self) -> bool:
        """True if all of the load follows a schedule."""
        return all(part.load.open for _, part in self.parts)

    @property
    def abort_rules(self) -> tuple[AbortRule, ...]:
        """The abort rules in force: those given, and soak's own for a target on another machine."""
        host = urlsplit(self.target.url).hostname or ""
        return rules_in_force(self.abort, loopback=is_loopback(host))

    @property
    def interval(self) -> float:
        """Seconds between scrapes and between windows."""
        if self.sample is not None:
            return float(self.sample)
        if self.load.find:
            return 1.0
        total = self.load.ramp + self.load.duration
        return 1.0 if total <= 2 * 3600 else 5.0 if total <= 24 * 3600 else 15.0

    @property
    def drain(self) -> float:
        """Seconds of sampling after the load: none unless asked for, or for a diagnosis."""
        if self.load.drain is not None:
            return float(self.load.drain)
        return usual_drain(self.load.duration) if self.diagnose is not None else 0.0


def label_of(part: Profile | ScenarioSpec) -> str:
    """Return the prefix of the labels of a part's requests: a scenario's name, or nothing."""
    return f"{part.name} / " if isinstance(part, ScenarioSpec) else ""


def courses_of(
    place: Path, part: Profile | ScenarioSpec
) -> list[tuple[Path, str, list[StepSpec | BlockSpec]]]:
    """Return the sequences of steps of a part, in order: path in the file, name, and steps."""
    before = label_of(part)
    courses: list[tuple[Path, str, list[StepSpec | BlockSpec]]] = [
        ((*place, "setup"), f"{before}setup", part.setup)
    ]
    courses += [
        ((*place, "flows", index, "steps"), before + flow.name, flow.steps)
        for index, flow in enumerate(part.flows)
    ]
    return [*courses, ((*place, "teardown"), f"{before}teardown", part.teardown)]
