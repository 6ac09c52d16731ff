"""Trace ids: valid as W3C has them, different for each request, and patched in without touching the rest of the head."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.load.http.response import Response
from soak.load.http.trace_context import TraceHeaders, next_trace, trace_id
from soak.load.measure.counting import Counting
from soak.load.plan.plan import Plan, PlannedRequest
from soak.load.plan.warnings import Warnings
from soak.load.workload.mix import TrafficMix
from soak.load.workload.request_builder import RequestBuilder
from soak.load.workload.sender import Sender, client_options

HEAD = b"GET /a?b=%41%s HTTP/1.1\r\nHost: x\r\nX-Note: 100%\r\n\r\n"
TRACEPARENT = re.compile(rb"\r\ntraceparent: 00-([0-9a-f]{32})-([0-9a-f]{16})-01\r\n")


def stamped(tracing: TraceHeaders, head: bytes = HEAD) -> tuple[bytes, int]:
    template, wanted = tracing.template(head)
    number = next_trace()
    return (template % ((number,) * wanted) if wanted else template), number


def test_the_header_is_what_w3c_says_and_the_rest_of_the_head_stays() -> None:
    head, number = stamped(TraceHeaders())
    match = TRACEPARENT.search(head)
    assert match is not None
    assert match[1].decode() == trace_id(number)
    assert int(match[2], 16) != 0
    assert head.replace(match[0][2:], b"") == HEAD


def test_ids_are_all_different_and_none_is_zero() -> None:
    ids = {trace_id(next_trace()) for _ in range(10_000)}
    assert len(ids) == 10_000
    assert all(len(number) == 32 and int(number[16:], 16) for number in ids)
    assert trace_id(0) == ""


def test_the_id_alone_under_a_name_of_ones_own() -> None:
    head, number = stamped(TraceHeaders(True, "X-Trace-ID"))
    assert f"\r\nX-Trace-ID: {trace_id(number)}\r\n\r\n".encode() in head
    assert TRACEPARENT.search(head)


def test_without_tracing_a_head_is_as_it_was() -> None:
    assert TraceHeaders(False).template(HEAD) == (HEAD, 0)


@pytest.mark.parametrize("name", ["Traceparent", "traceparent", "TRACEPARENT"])
def test_a_header_of_the_profile_itself_stays_alone(name: str) -> None:
    head = HEAD[:-2] + f"{name}: mine\r\n\r\n".encode()
    assert stamped(TraceHeaders(), head)[0] == head


@given(st.binary(max_size=60).map(lambda raw: raw.replace(b"\r", b"").replace(b"\n", b"")))
def test_any_head_comes_out_as_it_went_in(path: bytes) -> None:
    head = b"GET /" + path + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    made, _ = stamped(TraceHeaders(True, "X-Id"), head)
    lines = made.split(b"\r\n")
    assert b"\r\n".join(lines[:2]) + b"\r\n\r\n" == head
    assert [line.split(b":")[0] for line in lines[2:]] == [b"traceparent", b"X-Id", b"", b""]


@pytest.mark.parametrize(
    "path", ["/constant", "/{{ randint(1, 9) }}"], ids=["constant", "template"]
)
def test_constant_and_rendered_requests_carry_their_trace(path: str) -> None:
    asked = PlannedRequest("one", "GET", path, 1.0, {})
    plan = Plan(
        "http://127.0.0.1:9", (asked,), 1.0, 0.0, 1.0, 1.0, users=1, trace_header="X-Trace-ID"
    )
    counting = Counting(("one",))
    traffic, builder = TrafficMix(plan), RequestBuilder(counting, Warnings(lambda _: None))
    sender = Sender(client_options(plan), counting, builder)
    heads: list[bytes] = []

    def record(head: bytes, body: bytes = b"", keep: bool = False) -> Response:
        heads.append(head)
        return Response(200)

    sender._send = record  # type: ignore[assignment]
    (scenario,), virtual_user = traffic.scenarios, traffic.virtual_user(1)
    for _ in range(2):
        sender.send(
            scenario.first,
            None if scenario.first.head else builder.make(scenario.first, virtual_user),
            None,
            virtual_user,
        )
    ids = [dict(re.findall(rb"(traceparent|X-Trace-ID): (\S+)", head)) for head in heads]
    assert all(
        re.fullmatch(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-01", sent[b"traceparent"]) for sent in ids
    )
    assert all(sent[b"traceparent"].split(b"-")[1] == sent[b"X-Trace-ID"] for sent in ids)
    assert ids[0] != ids[1]
    assert all(head.endswith(b"\r\n\r\n") and head.count(b"\r\n\r\n") == 1 for head in heads)
