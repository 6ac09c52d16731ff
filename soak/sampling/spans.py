"""Parse the traces of Zipkin and Jaeger into spans: with bounds, and with every field checked.

Zipkin: https://zipkin.io/zipkin-api/ (`GET /api/v2/trace/{id}`, a list of spans). Jaeger: its query
service's JSON (`GET /api/traces/{id}`, `data[0]` with `spans` and `processes`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import isfinite
from typing import Any, cast, get_args

from soak.errors import TargetError
from soak.traces import Span, SpanKind, Trace

#: Most spans of a trace, and most characters of a text.
MOST_SPANS, MOST_LETTERS = 1000, 100
_MICROSECONDS = 1e-6
_CALLING, _ANSWERING = ("client", "producer"), ("server", "consumer")
#: Suffix of the id of a shared span's server half.
_HALF = "/server"
#: Tags in which clients name the service they call: OpenTelemetry's names, new and old, and
#: OpenTracing's.
_PEERS = (
    "peer.service",
    "server.address",
    "net.peer.name",
    "db.system",
    "db.system.name",
    "messaging.system",
    "peer.hostname",
    "peer.address",
    "network.peer.address",
    "net.sock.peer.addr",
)


def zipkin_trace(trace: str, body: bytes) -> Trace:
    """Parse Zipkin's answer; raise TargetError if it is something else."""
    document = _parsed(body)
    if not isinstance(document, list):
        raise TargetError(
            "its answer is not Zipkin's; give the API's address, such as http://127.0.0.1:9411"
        )
    return _trace(trace, document, _zipkin_span)


def jaeger_trace(trace: str, body: bytes) -> Trace:
    """Parse Jaeger's answer; raise TargetError if it is something else."""
    document = _parsed(body)
    data = document.get("data") if isinstance(document, dict) else None
    if (
        not isinstance(document, dict)
        or "data" not in document
        or not isinstance(data, list | None)
    ):
        raise TargetError(
            "its answer is not Jaeger's; give the query service's address, such as http://127.0.0.1:16686"
        )
    first = data[0] if data and isinstance(data[0], dict) else {}
    processes = _mapping(first.get("processes"))
    spans = first.get("spans")
    return _trace(
        trace, spans if isinstance(spans, list) else [], lambda span: _jaeger_span(span, processes)
    )


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise TargetError(
            "its answer is not JSON; is this the address of its API, and not of its pages?"
        ) from None


def _trace(trace: str, rows: list[Any], read: Callable[[dict[str, Any]], Span]) -> Trace:
    """Return a trace of the earliest MOST_SPANS spans, the closest to the request; starts count from the first span."""
    spans = sorted(
        (read(span) for span in rows if isinstance(span, dict)),
        key=lambda span: (span.start, -span.seconds),
    )
    first = spans[0].start if spans else 0.0
    kept = tuple(
        replace(span, start=span.start - first) for span in _told_apart(spans[:MOST_SPANS])
    )
    return Trace(trace, kept, len(spans) - len(kept))


def _told_apart(spans: list[Span]) -> Iterator[Span]:
    """Yield spans with unique ids: a shared span's server half becomes a child of its client half.

    The server's further spans go below that child. Duplicates, which reporters send on retries, count
    once.
    """
    calls = {span.id for span in spans if span.kind in _CALLING}
    answers = {
        span.id: span.service for span in spans if span.kind in _ANSWERING and span.id in calls
    }
    seen: set[tuple[str, bool]] = set()
    for span in spans:
        half = span.kind in _ANSWERING and span.id in answers
        if (span.id, half) in seen:
            continue
        seen.add((span.id, half))
        if half:
            yield replace(span, id=f"{span.id}{_HALF}", parent=span.id)
        elif answers.get(span.parent) == span.service:
            yield replace(span, parent=f"{span.parent}{_HALF}")
        else:
            yield span


def _zipkin_span(span: dict[str, Any]) -> Span:
    tags = _mapping(span.get("tags"))
    remote = _mapping(span.get("remoteEndpoint"))
    peer = remote.get("serviceName") or remote.get("ipv4") or remote.get("ipv6")
    return Span(
        _id(span.get("id")),
        _id(span.get("parentId")),
        _service(_mapping(span.get("localEndpoint")).get("serviceName")),
        _text(span.get("name")),
        _kind(span.get("kind")),
        _seconds(span.get("timestamp")),
        _seconds(span.get("duration")),
        _text(peer or _peer(tags)),
        "error" in tags and tags["error"] != "false",
    )


def _jaeger_span(span: dict[str, Any], processes: dict[str, Any]) -> Span:
    tags = {
        str(tag.get("key")): tag.get("value")
        for tag in (span["tags"] if isinstance(span.get("tags"), list) else [])
        if isinstance(tag, dict)
    }
    references = span["references"] if isinstance(span.get("references"), list) else []
    # A span may also refer to spans that it follows from, and to spans of other traces.
    own = [
        reference
        for reference in references
        if isinstance(reference, dict) and reference.get("traceID") in (None, span.get("traceID"))
    ]
    own.sort(key=lambda reference: reference.get("refType") != "CHILD_OF")
    parent = own[0].get("spanID") if own else span.get("parentSpanID")
    return Span(
        _id(span.get("spanID")),
        _id(parent),
        _service(_mapping(processes.get(str(span.get("processID")))).get("serviceName")),
        _text(span.get("operationName")),
        _kind(tags.get("span.kind")),
        _seconds(span.get("startTime")),
        _seconds(span.get("duration")),
        _text(_peer(tags)),
        tags.get("error") in (True, "true") or tags.get("otel.status_code") == "ERROR",
    )


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _peer(tags: dict[str, Any]) -> object:
    return next((tags[name] for name in _PEERS if tags.get(name)), "")


def _service(value: object) -> str:
    return _text(value) or "unnamed"


def _kind(value: object) -> SpanKind:
    kind = str(value or "").lower()
    return cast("SpanKind", kind) if kind in get_args(SpanKind) else ""


def _text(value: object) -> str:
    """Return a text on one line, of at most MOST_LETTERS characters; "" for other values."""
    return (
        " ".join(value[: 4 * MOST_LETTERS].split())[:MOST_LETTERS] if isinstance(value, str) else ""
    )


def _id(value: object) -> str:
    """Return a span's id without leading zeros, because not every backend writes them."""
    return _text(value).lower().lstrip("0")


def _seconds(microseconds: object) -> float:
    """Convert microseconds to seconds; return 0 for anything that is not a valid duration or time."""
    if isinstance(microseconds, bool) or not isinstance(microseconds, int | float):
        return 0.0
    try:
        seconds = float(microseconds) * _MICROSECONDS
    except OverflowError:
        return 0.0
    return seconds if isfinite(seconds) and seconds >= 0 else 0.0
