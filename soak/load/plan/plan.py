"""The plan for the load process: plain data, sent as one JSON line over its standard input."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from soak.load.plan.cluster_options import ClusterOptions
from soak.load.plan.credentials import Credentials
from soak.load.plan.expectations import ANY_SUCCESS, PlannedExpectations, PlannedExtractor
from soak.load.plan.feeds import PlannedFeeder
from soak.load.plan.schedule import ScheduleSegment
from soak.load.plan.tls_options import VERIFIED, TlsOptions

#: Headers by name; a header with several values is sent once per value.
Headers = Mapping[str, str | tuple[str, ...]]


@dataclass(frozen=True)
class PlannedPiece:
    """A piece of a body: constant (`body`, base64), or a template (`template` is its source)."""

    body: str = field(repr=False)
    template: str


@dataclass(frozen=True)
class PlannedRequest:
    """One request, with its constant parts rendered; `body` is base64. Without statuses, any below 400 is a success.

    `path` and the values of `headers` are template sources if they contain `{{` or `{%`. `template`
    is the source of a body template, escaped according to `template_kind`; `pieces`, if any, make up
    the body. The plan's values apply for `timeout`, `connect_timeout`, `read_timeout` (between two
    pieces of the response), `redirects` and `think` if they are None. A step is sent with the
    probability `chance`, and only if the expression `condition` holds or is empty.
    """

    endpoint: str
    method: str
    path: str
    weight: float
    headers: Headers = field(repr=False)
    body: str = field(default="", repr=False)
    template: str = field(default="", repr=False)
    template_kind: Literal["text", "form", "json"] = "text"
    timeout: float | None = None
    connect_timeout: float | None = None
    read_timeout: float | None = None
    expect: PlannedExpectations = ANY_SUCCESS
    extractors: tuple[PlannedExtractor, ...] = ()
    redirects: bool | None = None
    condition: str = ""
    chance: float = 1.0
    think: tuple[float, float] | None = None
    pieces: tuple[PlannedPiece, ...] = ()


@dataclass(frozen=True)
class PlannedBlock:
    """Steps that run together: `repeat` times, or while the expression `loop` holds if it is not empty.

    With `loop`, `repeat` is the maximum number of rounds. `condition` and `chance` are as in a request.
    """

    steps: tuple[PlannedStep, ...]
    repeat: int = 1
    loop: str = ""
    condition: str = ""
    chance: float = 1.0


PlannedStep = PlannedRequest | PlannedBlock


def requests_in(steps: tuple[PlannedStep, ...]) -> Iterator[PlannedRequest]:
    """Yield every request of some steps, including requests in blocks."""
    for step in steps:
        if isinstance(step, PlannedBlock):
            yield from requests_in(step.steps)
        else:
            yield step


@dataclass(frozen=True)
class PlannedFlow:
    """Requests in order. Only the flow's weight counts, with those of `Plan.requests`; weights of steps do not."""

    name: str
    weight: float
    steps: tuple[PlannedStep, ...]


@dataclass(frozen=True)
class PlannedAuth:
    """How a token is fetched; no part of `request` is a template. If `url` is None, the plan's is used."""

    request: PlannedRequest = field(repr=False)
    url: str | None
    token: str
    refresh: float | None
    header: str


@dataclass(frozen=True)
class Plan:
    """One run of traffic. Times are in seconds; either `rate` (per second) or `users` is set, to the maximum.

    `pieces` are the shape of the load over `ramp + duration`. `think` is the shortest and longest
    pause. The files of `tls` have absolute paths. Redirects may lead to loopback and to hosts that
    match a pattern of `allow`. `trace_header`, unless empty, names a header that carries only the
    trace id. `before` is how many requests an earlier load of the same run made: this plan continues
    after them, with new rows, numbers and random values. With `attribute`, shares vary by a code.
    `locust_ui` is the address of Locust's web UI (`HOST:PORT`), None without a UI.

    With `scenarios`, the scenarios make the load. Each is a plan with its own requests (`scenario` is
    its name), and `rate` and `users` are totals over all of them (both may be set). A scenario's
    `ramp` then is the time at which it has reached its full load.
    """

    url: str
    requests: tuple[PlannedRequest, ...]
    duration: float
    ramp: float
    interval: float
    timeout: float
    rate: float | None = None
    users: int | None = None
    locustfiles: tuple[str, ...] = ()
    flows: tuple[PlannedFlow, ...] = ()
    setup: tuple[PlannedStep, ...] = ()
    teardown: tuple[PlannedStep, ...] = ()
    pieces: tuple[ScheduleSegment, ...] = ()
    arrivals: str = "constant"
    seed: int = 0
    think: tuple[float, float] | None = None
    pace: float | None = None
    tls: TlsOptions = VERIFIED
    cookies: bool = True
    #: Whether arrivals of single requests keep the cookies of earlier ones: they are visitors who return.
    returning: bool = False
    redirects: bool = False
    allow: tuple[str, ...] = ()
    traceparent: bool = True
    trace_header: str = ""
    rows: tuple[PlannedFeeder, ...] = ()
    auth: PlannedAuth | None = None
    digest: Credentials | None = None
    distributed: ClusterOptions | None = None
    connect_timeout: float | None = None
    read_timeout: float | None = None
    before: int = 0
    attribute: bool = False
    staged: bool = False
    timeout_given: bool = False
    arguments: tuple[str, ...] = field(default=(), repr=False)
    user_classes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    exclude_tags: tuple[str, ...] = ()
    locust_ui: str | None = None
    scenario: str = ""
    scenarios: tuple[Plan, ...] = ()

    @property
    def parts(self) -> tuple[Plan, ...]:
        """The plans with requests and a load of their own: the scenarios, or the plan itself."""
        return self.scenarios or (self,)

    @property
    def planned_requests(self) -> tuple[PlannedRequest, ...]:
        """Every request, whether alone or a step."""
        steps = (
            those
            for part in self.parts
            for those in (
                part.requests,
                part.setup,
                *(flow.steps for flow in part.flows),
                part.teardown,
            )
        )
        return tuple(request for those in steps for request in requests_in(those))

    @property
    def labels(self) -> tuple[str, ...]:
        """The label of every request that may be counted."""
        return tuple(request.endpoint for request in self.planned_requests)

    def to_json(self) -> str:
        """Return the plan as one line of JSON, without a line end."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Plan:
        """Parse a line from `to_json`."""
        return cls._of(json.loads(line))

    @classmethod
    def _of(cls, fields: dict[str, Any]) -> Plan:
        auth, think, distributed = fields["auth"], fields["think"], fields["distributed"]
        fields |= {
            "requests": tuple(map(_request, fields["requests"])),
            "flows": tuple(
                PlannedFlow(**flow | {"steps": tuple(map(_step, flow["steps"]))})
                for flow in fields["flows"]
            ),
            "setup": tuple(map(_step, fields["setup"])),
            "teardown": tuple(map(_step, fields["teardown"])),
            "pieces": tuple(ScheduleSegment(**piece) for piece in fields["pieces"]),
            "rows": tuple(PlannedFeeder(**rows) for rows in fields["rows"]),
            "auth": PlannedAuth(**auth | {"request": _request(auth["request"])}) if auth else None,
            **{
                key: tuple(fields[key])
                for key in (
                    "allow",
                    "arguments",
                    "locustfiles",
                    "user_classes",
                    "tags",
                    "exclude_tags",
                )
            },
            "digest": Credentials(**fields["digest"]) if fields["digest"] else None,
            "tls": TlsOptions(**fields["tls"]),
            "think": tuple(think) if think else None,
            "distributed": ClusterOptions(**distributed) if distributed else None,
            "scenarios": tuple(map(cls._of, fields["scenarios"])),
        }
        return cls(**fields)


def _request(fields: dict[str, Any]) -> PlannedRequest:
    extractors = tuple(PlannedExtractor(**extractor) for extractor in fields["extractors"])
    expect, think = PlannedExpectations.of(fields["expect"]), fields["think"]
    headers = {
        name: value if isinstance(value, str) else tuple(value)
        for name, value in fields["headers"].items()
    }
    pieces = tuple(PlannedPiece(**piece) for piece in fields["pieces"])
    read: dict[str, Any] = {"headers": headers, "pieces": pieces}
    read |= {"expect": expect, "extractors": extractors, "think": tuple(think) if think else None}
    return PlannedRequest(**fields | read)


def _step(fields: dict[str, Any]) -> PlannedStep:
    if "steps" not in fields:
        return _request(fields)
    return PlannedBlock(**fields | {"steps": tuple(map(_step, fields["steps"]))})
