"""The profile's requests: endpoints, the steps of flows, what they expect and capture, and how a token is fetched."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, JsonValue, PrivateAttr, WithJsonSchema, model_validator

from soak.profile.fields import FormMap, Positive, Regex, RequestHeaders, Shorthand, Strict
from soak.profile.matches import AnyValue, BodyMatch, Statuses
from soak.profile.request_limits import EndpointLimits
from soak.profile.tags import Tag

_METHODS = "GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS"
#: A path has no blank except inside a template.
_REQUEST = re.compile(rf"({_METHODS}) (?=/|\{{\{{)((?:\{{\{{.*?\}}\}}|\{{%.*?%\}}|\S)++)")
_CONSTANT = re.compile(rf"({_METHODS}) (/\S*)")
_EXPRESSION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}")


def _request(value: object) -> str:
    if not isinstance(value, str) or not _REQUEST.fullmatch(value):
        raise ValueError(f"expected a method and a path, such as GET /user, not {value!r}")
    return value


def _constant_request(value: object) -> str:
    if not isinstance(value, str) or not _CONSTANT.fullmatch(value):
        raise ValueError(f"expected a method and a path, such as POST /token, not {value!r}")
    return value


def _ready(value: object) -> str:
    if not isinstance(value, str) or not _CONSTANT.fullmatch(value) or not value.startswith("GET "):
        raise ValueError(f"expected a GET request, such as GET /healthz, not {value!r}")
    return value


def _short(value: object) -> object:
    return {"request": value} if isinstance(value, str) else value


Request = Annotated[
    str,
    BeforeValidator(_request),
    WithJsonSchema({"type": "string", "pattern": rf"^({_METHODS}) (/|\{{\{{)"}),
]
ConstantRequest = Annotated[
    str,
    BeforeValidator(_constant_request),
    WithJsonSchema({"type": "string", "pattern": _CONSTANT.pattern}),
]
ReadyRequest = Annotated[
    str, BeforeValidator(_ready), WithJsonSchema({"type": "string", "pattern": r"GET (/\S*)"})
]


class Expect(Strict):
    """Conditions for an answer to count as a success; without `status`, any below 400 is accepted."""

    status: Statuses | None = Field(
        default=None,
        description="The status, 2xx, 200-299, {not: 500}, a template, or a list of them",
    )
    within: Positive | None = Field(
        default=None, description="Longest time until the whole answer has arrived"
    )
    body: BodyMatch | None = Field(
        default=None,
        description="Text the body must contain, or a match such as {regex: …} or {not: {contains: …}}",
    )
    headers: dict[str, AnyValue] = Field(
        default={},
        description="Headers that the answer must have, each with its value or a match such as {regex: …}",
    )
    json_: dict[str, AnyValue] = Field(
        default={},
        alias="json",
        description="JSONPath to value or match such as {gt: 3}: every value that the path finds must match",
    )
    schema_: dict[str, JsonValue] | str | None = Field(
        default=None,
        alias="schema",
        description="A JSON Schema that the body must follow, or the name of a file with one",
    )


class Capture(Strict):
    """Where to find a value in an answer, for later steps; short form: its JSONPath."""

    json_: str | None = Field(default=None, alias="json", description="JSONPath into the body")
    header: str | None = Field(default=None, description="The header whose value is taken")
    regex: Regex | None = Field(
        default=None,
        description="A regular expression on the body: takes its first group, or the whole match",
    )
    url: bool | Regex | None = Field(
        default=None,
        description="true: the URL of the answer, after redirects; or a regular expression on it",
    )
    cookie: str | None = Field(default=None, description="The cookie whose value is taken")
    take: Literal["first", "last", "random", "all"] = Field(
        default="first",
        description="Which of the values found by json or regex; all gives a list",
    )
    default: JsonValue = Field(
        default=None, description="The value if nothing is found, instead of a failure"
    )

    @model_validator(mode="after")
    def _one_place(self) -> Capture:
        if sum(getattr(self, name) is not None for name in _PLACES) != 1 or self.url is False:
            raise ValueError("give exactly one of json, header, regex, url and cookie")
        if self.take != "first" and self.json_ is None and self.regex is None:
            raise ValueError(
                "take goes with json or regex: there is only one header, URL or cookie"
            )
        return self


_PLACES = ("json_", "header", "regex", "url", "cookie")


class PartFile(Strict):
    """A file as a part of a multipart body."""

    file: str = Field(description="The file, relative to the profile")
    name: str = Field(default="", description="The file name to send; default: the file's own name")
    type: str = Field(
        default="",
        pattern=r"^([\w.+-]+/[\w.+-]+)?$",
        description="Its media type; default: guessed from its name",
    )


def _parts(value: object) -> object:
    if isinstance(value, dict):
        return {name: part if isinstance(part, list) else [part] for name, part in value.items()}
    return value


Parts = Annotated[
    dict[str, Annotated[list[str | PartFile], Field(min_length=1)]],
    BeforeValidator(_parts),
    WithJsonSchema({"type": "object"}),
]


class Sending(Strict):
    """What a request sends."""

    headers: RequestHeaders = Field(
        default={}, description="Headers to send; a list of values repeats the header"
    )
    json_: JsonValue | None = Field(default=None, alias="json", description="A JSON body")
    form: FormMap | None = Field(
        default=None, description="A form body; a list of values repeats the field"
    )
    body: str | None = Field(default=None, description="A text body")

    @model_validator(mode="after")
    def _one_body(self) -> Sending:
        kinds = {
            "json": self.json_,
            "form": self.form,
            "body": self.body,
            "file": getattr(self, "file", None),
        }
        kinds["multipart"] = getattr(self, "multipart", None)
        given = [key for key, value in kinds.items() if value is not None]
        if len(given) > 1:
            raise ValueError(f"only one of {' and '.join(given)} can be the body")
        return self


class TimeoutSpec(Strict):
    """How long requests may take; short form: the total."""

    connect: Positive | None = Field(
        default=None, description="Longest time to connect, including TLS; default: total"
    )
    read: Positive | None = Field(
        default=None, description="Longest silence within an answer; default: no limit"
    )
    total: Positive | None = Field(
        default=None, description="Longest wait for a whole answer; default: 10s"
    )


AnyTimeouts = Annotated[TimeoutSpec, Shorthand(("total",))]


class RequestSpec(Sending):
    """One kind of request, alone or as the step of a flow."""

    request: Request = Field(description="Method and path, such as GET /user")
    name: str = Field(
        default="",
        min_length=0,
        max_length=200,
        description="Name in reports; default: the request",
    )
    file: str | None = Field(
        default=None, description="A file with the body, relative to the profile"
    )
    multipart: Parts | None = Field(
        default=None,
        description="A multipart body: each field a text, {file: photo.png}, or a list of these",
    )
    timeout: AnyTimeouts = Field(
        default=TimeoutSpec(),
        description="Longest wait for the answer, or connect, read and total; default: load.timeout",
    )
    expect: Expect = Field(
        default=Expect(), description="Conditions for an answer to count as a success"
    )
    redirects: bool | None = Field(
        default=None, description="Follow redirects; default: load.redirects"
    )
    limits: EndpointLimits | None = Field(default=None, description="Limits of this endpoint alone")
    tags: list[Tag] = Field(
        default=[], description="Tags that group requests in reports and limits"
    )

    _written: str | None = PrivateAttr(default=None)

    def show_as(self, written: str | None) -> None:
        """Take the label from the request as written, with `${VAR}` unexpanded: a variable's value may be a secret."""
        self._written = written

    @property
    def label(self) -> str:
        """The name in reports and in the `endpoint` label; `{{ cart }}` is shown as `{cart}`."""
        return self.name or _EXPRESSION.sub(r"{\1}", self._written or self.request)


class EndpointSpec(RequestSpec):
    """One kind of request; short form: `GET /path`."""

    weight: float = Field(
        default=1.0,
        gt=0,
        allow_inf_nan=False,
        description="Share of the traffic, relative to the other endpoints and flows",
    )


Endpoint = Annotated[EndpointSpec, BeforeValidator(_short)]


class Login(Strict):
    """A user and a password."""

    user: str = Field(pattern=r"^[^:\x00-\x1f\x7f]*$", description="The user's name; no colon")
    password: str = Field(
        pattern=r"^[^\x00-\x1f\x7f]*$", description="The password, such as ${PASSWORD}"
    )


class Auth(Sending):
    """Authentication by a token, which is fetched and renewed outside the measurement, or by a password. No templates."""

    basic: Login | None = Field(
        default=None, description="Send Basic authentication (RFC 7617) with every request"
    )
    digest: Login | None = Field(
        default=None, description="Send Digest authentication (RFC 7616) with every request"
    )
    request: ConstantRequest | None = Field(
        default=None, description="The request that answers with the token, such as POST /token"
    )
    url: str | None = Field(
        default=None, description="Base URL of the token request; default: the target"
    )
    token: str = Field(default="$.access_token", description="JSONPath to the token in the answer")
    refresh: Positive | None = Field(
        default=None,
        description="How often to fetch a new token; default: after 80% of the answer's expires_in",
    )
    header: str = Field(
        default="Authorization: Bearer",
        pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[ \x21-\x7e]*$",
        description="The header that carries the token, with the text before the token",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Auth:
        given = [key for key in ("request", "basic", "digest") if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of request (for a token), basic and digest")
        useless = sorted(self.model_fields_set - set(given)) if self.request is None else []
        if useless:
            raise ValueError(
                f"{useless[0].rstrip('_')} goes with a request for a token, and not with {given[0]}"
            )
        return self
