"""What Zipkin and Jaeger answer, read as spans; what they should never answer, refused or bounded."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soak.errors import TargetError
from soak.sampling.spans import MOST_LETTERS, MOST_SPANS, jaeger_trace, zipkin_trace
from soak.traces import Span, Trace

ID = "4bf92f3577b34da6a3ce929d0e0e4736"
READERS = pytest.mark.parametrize("read", [zipkin_trace, jaeger_trace])
Reader = Callable[[str, bytes], Trace]


def zipkin(*spans: dict[str, Any]) -> Trace:
    return zipkin_trace(ID, json.dumps(spans).encode())


def test_zipkins_shared_spans_are_told_apart_and_children_go_to_their_own_service() -> None:
    shared = {"traceId": ID, "id": "00000000000000b0", "parentId": "00000000000000a0"}
    client = {
        **shared,
        "kind": "CLIENT",
        "timestamp": 1_000_100,
        "duration": 900,
        "localEndpoint": {"serviceName": "a"},
    }
    server = {
        **shared,
        "kind": "SERVER",
        "timestamp": 1_000_200,
        "duration": 700,
        "localEndpoint": {"serviceName": "b"},
    }
    below = {
        "id": "c0",
        "parentId": "b0",
        "timestamp": 1_000_300,
        "duration": 100,
        "localEndpoint": {"serviceName": "b"},
    }
    called = {"remoteEndpoint": {"serviceName": "b"}, "tags": {"error": "true"}}
    spans_read = zipkin(
        below, server | {"shared": True}, server | {"shared": True}, client | called
    )
    assert [(span.id, span.parent, span.service, span.kind) for span in spans_read.spans] == [
        ("b0", "a0", "a", "client"),
        ("b0/server", "b0", "b", "server"),
        ("c0", "b0/server", "b", ""),
    ]
    assert [span.start for span in spans_read.spans] == pytest.approx([0, 0.0001, 0.0002])
    assert [span.seconds for span in spans_read.spans] == pytest.approx([0.0009, 0.0007, 0.0001])
    assert [(span.peer, span.failed) for span in spans_read.spans] == [
        ("b", True),
        ("", False),
        ("", False),
    ]


#: As https://www.jaegertracing.io/docs/ and the query service's model/json have it; no server was at hand to be asked.
JAEGER = {
    "data": [
        {
            "traceID": ID,
            "spans": [
                {
                    "traceID": ID,
                    "spanID": "00f067aa0ba902b7",
                    "operationName": "GET /orders",
                    "references": [
                        {"refType": "CHILD_OF", "traceID": ID, "spanID": "a3ce929d0e0e4736"}
                    ],
                    "startTime": 1729181197748657,
                    "duration": 1503,
                    "tags": [
                        {"key": "span.kind", "type": "string", "value": "server"},
                        {"key": "error", "type": "bool", "value": True},
                    ],
                    "logs": [],
                    "processID": "p1",
                    "warnings": None,
                },
                {
                    "traceID": ID,
                    "spanID": "9b321d76f92134d2",
                    "operationName": "SELECT",
                    "references": [
                        {"refType": "CHILD_OF", "traceID": ID[::-1], "spanID": "5"},
                        {"refType": "FOLLOWS_FROM", "traceID": ID, "spanID": "6"},
                        {"refType": "CHILD_OF", "traceID": ID, "spanID": "00f067aa0ba902b7"},
                    ],
                    "startTime": 1729181197748857,
                    "duration": 1000,
                    "tags": [
                        {"key": "span.kind", "type": "string", "value": "client"},
                        {"key": "db.system", "type": "string", "value": "postgresql"},
                    ],
                    "processID": "p1",
                },
            ],
            "processes": {"p1": {"serviceName": "orders", "tags": []}},
            "warnings": None,
        }
    ],
    "total": 0,
    "limit": 0,
    "offset": 0,
    "errors": None,
}


def test_jaegers_answer() -> None:
    whole, query = jaeger_trace(ID, json.dumps(JAEGER).encode()).spans
    assert whole == Span(
        "f067aa0ba902b7",
        "a3ce929d0e0e4736",
        "orders",
        "GET /orders",
        "server",
        0.0,
        0.001503,
        "",
        True,
    )
    assert (query.parent, query.kind, query.peer, query.failed) == (
        "f067aa0ba902b7",
        "client",
        "postgresql",
        False,
    )
    assert query.start == pytest.approx(0.0002, abs=1e-6)
    assert (
        jaeger_trace(
            ID, b'{"data": null, "errors": [{"code": 404, "msg": "trace not found"}]}'
        ).spans
        == ()
    )


@READERS
@pytest.mark.parametrize(
    "body", [b"<!doctype html>", b"", b"\xff", b"[" * 100_000, b'"x"', b"7", b'{"a": 1}']
)
def test_an_answer_that_is_none_is_refused_with_what_to_do(read: Reader, body: bytes) -> None:
    with pytest.raises(TargetError, match=r"its answer is not"):
        read(ID, body)


def test_too_many_spans_and_letters_are_cut() -> None:
    spans = [
        {"id": f"{n + 1:x}", "timestamp": n + 1, "name": "x" * 9999} for n in range(MOST_SPANS + 7)
    ]
    spans_read = zipkin(*spans)
    assert (len(spans_read.spans), spans_read.cut) == (MOST_SPANS, 7)
    assert spans_read.spans[-1].start == pytest.approx((MOST_SPANS - 1) * 1e-6)
    assert {len(span.name) for span in spans_read.spans} == {MOST_LETTERS}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)
_KEYS = (
    "id",
    "parentId",
    "kind",
    "name",
    "timestamp",
    "duration",
    "localEndpoint",
    "remoteEndpoint",
    "tags",
    "spanID",
)
_MORE = ("references", "processID", "startTime", "operationName")
_SPAN = st.dictionaries(
    st.sampled_from([*_KEYS, *_MORE]), _JSON | st.sampled_from(["a", "CLIENT", "SERVER", 5, 1e308])
)


@settings(deadline=None)
@given(st.lists(_SPAN | _JSON, max_size=6), _JSON)
def test_any_spans_are_read_each_id_once_and_in_the_order_of_time(
    spans: list[Any], processes: Any
) -> None:
    jaeger = {"data": [{"spans": spans, "processes": processes}]}
    for spans_read in (zipkin(*spans), jaeger_trace(ID, json.dumps(jaeger).encode())):
        ids = [span.id for span in spans_read.spans]
        assert len(ids) == len(set(ids))
        starts = [span.start for span in spans_read.spans]
        assert starts == sorted(starts)
        assert all(0 <= span.seconds < float("inf") and span.service for span in spans_read.spans)
