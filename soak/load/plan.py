"""What the load's process is told: plain data that travels as one JSON line over its standard input."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from soak import __version__
from soak.profile import EndpointSpec, Profile
from soak.profile.parsing import beside


@dataclass(frozen=True)
class PlannedRequest:
    """One endpoint with everything constant about it rendered; `body` is base64. No statuses: any below 400 succeeds."""

    endpoint: str
    method: str
    path: str
    weight: float
    headers: dict[str, str]
    body: str = ""
    statuses: tuple[int, ...] = ()


@dataclass(frozen=True)
class Plan:
    """One run of traffic; times in seconds, `rate` per second, exactly one of `rate` and `users`.

    `tls` holds the fields of `TlsOptions`; redirects may lead to loopback and to hosts that match a pattern of `allow`.
    `trace_header`, unless empty, names a header for the trace id alone.
    """

    url: str
    requests: tuple[PlannedRequest, ...]
    duration: float
    ramp: float
    interval: float
    timeout: float
    rate: float | None = None
    users: int | None = None
    locustfile: str | None = None
    arrivals: str = "constant"
    tls: dict[str, Any] = field(default_factory=dict)
    cookies: bool = True
    redirects: bool = False
    allow: tuple[str, ...] = ()
    traceparent: bool = True
    trace_header: str = ""

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Plan:
        """The inverse of `to_json`."""
        fields = json.loads(line)
        requests = tuple(
            PlannedRequest(**(request | {"statuses": tuple(request["statuses"])})) for request in fields.pop("requests")
        )
        return cls(requests=requests, **(fields | {"allow": tuple(fields["allow"])}))


def plan_of(profile: Profile) -> Plan:
    """The plan of a checked profile."""
    load, file = profile.load, profile.document.file
    return Plan(
        url=profile.target.url.rstrip("/"),
        requests=tuple(planned(endpoint, file) for endpoint in profile.endpoints),
        duration=load.duration,
        ramp=load.ramp,
        interval=profile.interval,
        timeout=load.timeout,
        rate=load.rate,
        users=load.users,
        locustfile=str(beside(file, load.locustfile).resolve()) if load.locustfile else None,
        arrivals=load.arrivals,
        tls={
            key: str(beside(file, value).resolve()) if isinstance(value, str) else value
            for key, value in profile.target.tls.model_dump().items()
        },
        cookies=load.cookies,
        redirects=load.redirects,
        allow=tuple(profile.target.allow),
        traceparent=profile.trace.traceparent,
        trace_header=profile.trace.header,
    )


def planned(endpoint: EndpointSpec, file: str) -> PlannedRequest:
    """Body and headers of one endpoint, ready to send."""
    method, _, path = endpoint.request.partition(" ")
    headers = {"User-Agent": f"soak/{__version__}", "Accept": "*/*"}
    body = b""
    if endpoint.json_ is not None:
        body, headers["Content-Type"] = json.dumps(endpoint.json_).encode(), "application/json"
    elif endpoint.form is not None:
        body, headers["Content-Type"] = urlencode(endpoint.form).encode(), "application/x-www-form-urlencoded"
    elif endpoint.body is not None:
        body, headers["Content-Type"] = endpoint.body.encode(), "text/plain; charset=utf-8"
    elif endpoint.file is not None:
        body, headers["Content-Type"] = Path(beside(file, endpoint.file)).read_bytes(), "application/octet-stream"
    replaced = {name.lower() for name in endpoint.headers}
    headers = {name: value for name, value in headers.items() if name.lower() not in replaced} | endpoint.headers
    statuses = tuple(endpoint.expect.status or ())
    return PlannedRequest(
        endpoint.label, method, path, endpoint.weight, headers, base64.b64encode(body).decode("ascii"), statuses
    )
