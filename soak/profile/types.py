"""The profile's types: every key, with its unit, its default, and one sentence for the editor."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, JsonValue, PrivateAttr, WithJsonSchema, model_validator

from soak.profile.fields import Amount, Count, Duration, Growth, Later, Positive, Rate, Ratio, Strict
from soak.profile.yamltext import Document

_REQUEST = re.compile(r"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (/\S*)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def _request(value: object) -> str:
    if not isinstance(value, str) or not _REQUEST.fullmatch(value):
        raise ValueError(f"expected a method and a path, such as GET /user, not {value!r}")
    return value


def _ready(value: object) -> str:
    if not _request(value).startswith("GET "):
        raise ValueError(f"expected a GET request, such as GET /healthz, not {value!r}")
    return str(value)


def _statuses(value: object) -> Any:
    found = value if isinstance(value, list) else [value]
    if not found or not all(isinstance(status, int) and 100 <= status <= 599 for status in found):
        raise ValueError(f"expected an HTTP status such as 201, or a list of them, not {value!r}")
    return found


def _name(value: object) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError(f"expected letters, digits, dots and dashes (it names the run directory), not {value!r}")
    return value


def _text_values(value: object) -> object:
    """Header values and form fields may be written as numbers."""
    if isinstance(value, dict):
        return {key: str(item) if isinstance(item, int | float) else item for key, item in value.items()}
    return value


Request = Annotated[str, BeforeValidator(_request), WithJsonSchema({"type": "string", "pattern": _REQUEST.pattern})]
ReadyRequest = Annotated[str, BeforeValidator(_ready), WithJsonSchema({"type": "string", "pattern": r"GET (/\S*)"})]
Statuses = Annotated[list[int], BeforeValidator(_statuses), WithJsonSchema({"type": ["integer", "array"]})]
TextMap = Annotated[dict[str, str], BeforeValidator(_text_values)]


class Start(Strict):
    """How soak itself starts the target, and stops it afterwards."""

    command: list[str] = Field(min_length=1, description="The program and its arguments; no shell")
    ready: ReadyRequest = Field(default="GET /", description="Asked until it answers below 500")
    timeout: Positive = Field(default=30.0, description="How long it may take to be ready")


class Tls(Strict):
    """How a target of https is verified, and what it may verify; files are PEM, relative to the profile."""

    ca: str | None = Field(default=None, description="File of the authorities to trust instead of the system's")
    certificate: str | None = Field(default=None, description="File of the certificate to show to the target")
    key: str | None = Field(default=None, description="File of that certificate's key, unless it holds both")
    insecure: bool = Field(default=False, description="Verify nothing")


class Target(Strict):
    """The service under test."""

    url: str = Field(description="Where the service listens, such as http://127.0.0.1:8080")
    allow: list[str] = Field(
        default=[], description="Hosts besides loopback that load may go to, such as *.staging.example.com"
    )
    tls: Tls = Field(default=Tls(), description="How the target is verified when its URL is https")
    start: Start | None = Field(default=None, description="Start the target before the run and stop it after")


Drifting = Literal["p50", "p90", "p95", "p99", "p999", "errors", "rate", "cpu"]


class EndpointLimits(Strict):
    """What requests must stay within, of one endpoint or of all together."""

    errors: Ratio | None = Field(default=None, description="Largest share of failed requests")
    p50: Positive | None = Field(default=None, description="Largest median latency")
    p90: Positive | None = Field(default=None, description="Largest 90th percentile of latency")
    p95: Positive | None = Field(default=None, description="Largest 95th percentile of latency")
    p99: Positive | None = Field(default=None, description="Largest 99th percentile of latency")
    p999: Positive | None = Field(default=None, description="Largest 99.9th percentile of latency")
    rate: Rate | None = Field(default=None, description="Least achieved rate of requests")


class GcLimits(Strict):
    """What the garbage collector must stay within; without them, 100/m, 100ms and 80% are only advised."""

    cycles: Rate | None = Field(default=None, description="Most collections, such as 100/m")
    pause: Positive | None = Field(default=None, description="Longest pause, such as 100ms")
    live: Ratio | None = Field(default=None, description="Largest share of the memory taken that is alive, such as 80%")


class Limits(EndpointLimits):
    """What the run must stay within; growth has a default rule, the others hold only when given."""

    growth: dict[str, Growth] = Field(
        default={}, description="Largest growth of a series, an equivalence test on its interval"
    )
    max: dict[str, Amount] = Field(default={}, description="Largest value of a series")
    drift: dict[Drifting, Ratio] = Field(
        default={}, description="Largest change for the worse over the steady phase, as a share"
    )
    gc: GcLimits = Field(default=GcLimits(), description="What the garbage collector must stay within")
    survive: Positive = Field(
        default=30 * 86400.0, description="How long a resource must last at the growth found; 30d unless given"
    )


class Expect(Strict):
    """What an answer must be to count as a success; without it, any status below 400."""

    status: Statuses | None = Field(default=None, description="The status, or a list of them")
    within: Annotated[Positive | None, Later()] = Field(default=None, description="Longest time to the whole answer")
    body: Annotated[str | None, Later()] = Field(default=None, description="Text the body must contain")
    headers: Annotated[dict[str, str] | None, Later()] = Field(default=None, description="Headers it must carry")
    json_: Annotated[dict[str, JsonValue] | None, Later()] = Field(
        default=None, alias="json", description="JSONPath to value the body must hold"
    )


def _endpoint(value: object) -> object:
    return {"request": value} if isinstance(value, str) else value


class EndpointSpec(Strict):
    """One kind of request; short form: just `GET /path`."""

    request: Request = Field(description="Method and path, such as GET /user")
    name: str = Field(
        default="", min_length=0, max_length=200, description="How reports call it; the request unless given"
    )
    weight: float = Field(
        default=1.0, gt=0, allow_inf_nan=False, description="Share of the traffic, relative to the others"
    )
    headers: TextMap = Field(default={}, description="Headers to send")
    json_: JsonValue | None = Field(default=None, alias="json", description="A JSON body")
    form: TextMap | None = Field(default=None, description="A form body")
    body: str | None = Field(default=None, description="A text body")
    file: str | None = Field(default=None, description="A file that holds the body, relative to the profile")
    expect: Expect = Field(default=Expect(), description="What counts as a success")
    limits: EndpointLimits | None = Field(default=None, description="Limits of this endpoint alone")

    @model_validator(mode="after")
    def _one_body(self) -> EndpointSpec:
        given = [
            key
            for key in ("json", "form", "body", "file")
            if getattr(self, "json_" if key == "json" else key) is not None
        ]
        if len(given) > 1:
            raise ValueError(f"only one of {' and '.join(given)} can be the body")
        return self

    @property
    def label(self) -> str:
        """The name in reports and in the `endpoint` label."""
        return self.name or self.request


Endpoint = Annotated[EndpointSpec, BeforeValidator(_endpoint)]


class Workers(Strict):
    """Remote load workers."""

    expect: Count = Field(description="How many workers must join")
    bind: str = Field(default="127.0.0.1:5557", description="Where the master listens")


class Load(Strict):
    """How much traffic, for how long."""

    rate: Rate | None = Field(default=None, description="Open model: arrivals on schedule")
    arrivals: Literal["constant", "poisson"] = Field(
        default="constant", description="Open model: evenly spaced, or at random as independent callers come"
    )
    users: Count | None = Field(default=None, description="Closed model: users that each wait for their answer")
    ramp: Duration = Field(default=0.0, description="Time from nothing to the full load")
    duration: Positive = Field(description="Time at full load, after the ramp")
    warmup: Duration = Field(default=0.0, description="At least this much from the start is left out of judging")
    stages: Annotated[list[JsonValue] | None, Later()] = Field(default=None, description="Steps of load instead of one")
    processes: Annotated[Count | None, Later()] = Field(default=None, description="Local Locust processes")
    workers: Annotated[Workers | None, Later()] = Field(default=None, description="Remote load workers")
    timeout: Positive = Field(default=10.0, description="Longest wait for an answer")
    cookies: bool = Field(default=True, description="Each user keeps the cookies it is given")
    redirects: bool = Field(
        default=False, description="Follow redirects, up to 10, to loopback and the hosts of target.allow"
    )
    locustfile: str | None = Field(
        default=None, description="Own Locust users instead of endpoints, relative to the profile"
    )

    @model_validator(mode="after")
    def _one_model(self) -> Load:
        if (self.rate is None) == (self.users is None):
            raise ValueError("give either rate (open model) or users (closed model), and not both")
        if self.locustfile and self.rate is not None:
            raise ValueError("a locustfile brings its own users: give users, not rate")
        return self


class Diagnose(Strict):
    """Profiles of the target to take during the run."""

    pprof: str | None = None
    every: Positive | None = None
    attribute: bool = False
    confirm: bool = False


class Profile(Strict):
    """One run, as its YAML file describes it."""

    name: Annotated[str, BeforeValidator(_name)] = Field(default="soak", description="Names the run and its directory")
    target: Target
    sources: list[dict[str, Any]] | None = Field(
        default=None, description="What to poll; left out: whatever the URL is seen to offer"
    )
    sample: Positive | None = Field(
        default=None, description="Time between polls; 1s up to 2h, 5s up to 24h, 15s beyond unless given"
    )
    jitter: Ratio = Field(
        default=0.0, description="Put each poll off at random by up to this share of the time between polls"
    )
    load: Load
    endpoints: list[Endpoint] = Field(default=[], description="The requests to make")
    flows: Annotated[list[JsonValue] | None, Later()] = Field(
        default=None, description="Requests in order, with captures"
    )
    data: Annotated[dict[str, JsonValue] | None, Later()] = Field(default=None, description="Rows for templates")
    auth: Annotated[dict[str, JsonValue] | None, Later()] = Field(default=None, description="A token, kept fresh")
    limits: Limits = Field(default=Limits(), description="What the run must stay within")
    abort: Annotated[list[str] | None, Later()] = Field(default=None, description="Conditions that end the run at once")
    diagnose: Annotated[Diagnose | None, Later()] = Field(default=None, description="Profiles of the target to take")
    trace: Annotated[dict[str, JsonValue] | None, Later()] = Field(
        default=None, description="Links from requests to traces"
    )
    stop_early: bool = Field(
        default=False,
        description="End after 1/8, 1/4 or 1/2 of the duration, where a gross leak or every limit is certain",
    )

    _document: Document | None = PrivateAttr(default=None)

    @property
    def document(self) -> Document:
        """Where each key stands in the file, for messages."""
        assert self._document is not None
        return self._document

    @property
    def interval(self) -> float:
        """Seconds between scrapes and between windows."""
        if self.sample is not None:
            return float(self.sample)
        total = self.load.ramp + self.load.duration
        return 1.0 if total <= 2 * 3600 else 5.0 if total <= 24 * 3600 else 15.0
