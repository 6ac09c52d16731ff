"""The profile's `trace`: which trace ids requests carry, and where to find traces and logs."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from soak.profile.fields import Duration, Strict
from soak.profile.tls import TlsSettings

_SWITCH = {"on": True, "off": False}  # YAML 1.2 reads these as text
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")


def _trace(value: object) -> object:
    if not isinstance(value, bool | str):
        return value
    if value not in (*_SWITCH, True, False):
        raise ValueError(f"expected on, off, or keys such as header, not {value!r}")
    return {"traceparent": _SWITCH.get(str(value), value)}


def _header(value: object) -> str:
    if isinstance(value, bool):
        return "X-Trace-ID" if value else ""
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise ValueError(
            f"expected the name of a header such as X-Trace-ID, or true, not {value!r}"
        )
    return value


HeaderName = Annotated[
    str, BeforeValidator(_header), WithJsonSchema({"type": ["string", "boolean"]})
]


class TraceSettings(Strict):
    """Trace ids of requests, and where to find their traces and logs; short form: `off`."""

    traceparent: bool = Field(
        default=True, description="Send W3C's traceparent header with every request"
    )
    header: HeaderName = Field(
        default="",
        description="Also send the trace id alone in a header: true for X-Trace-ID, or a name",
    )
    link: str | None = Field(
        default=None,
        description="Reports link slow and failed requests to this URL, such as http://127.0.0.1:16686/trace/{trace_id}",
    )
    logs: str | None = Field(
        default=None,
        description="Reports also link to the logs at this URL, such as https://logs.example.com/search?q={trace_id}",
    )
    zipkin: str | None = Field(
        default=None,
        description="Zipkin from which soak fetches spans of slow and failed requests, such as http://127.0.0.1:9411",
    )
    jaeger: str | None = Field(
        default=None,
        description="Jaeger from which soak fetches these spans instead, such as http://127.0.0.1:16686",
    )
    wait: Duration = Field(
        default=6.0, description="How long to wait for spans to arrive there; default: 6s"
    )
    tls: TlsSettings | None = Field(
        default=None,
        description="How to verify Zipkin or Jaeger if its URL is https; default: target.tls if it is the same host",
    )

    @model_validator(mode="after")
    def _consistent(self) -> TraceSettings:
        if self.zipkin is not None and self.jaeger is not None:
            raise ValueError("give either zipkin or jaeger, and not both")
        useless = [
            key for key in ("link", "logs", "zipkin", "jaeger") if getattr(self, key) is not None
        ]
        if useless and not self.traceparent and not self.header:
            raise ValueError(
                f"{useless[0]} needs trace ids: leave traceparent on, or give a header"
            )
        return self


AnyTrace = Annotated[TraceSettings, BeforeValidator(_trace)]
