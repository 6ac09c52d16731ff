"""Asking a backend for traces: when, for which, and what is said when it cannot be had."""

from __future__ import annotations

import json
import threading

import pytest

from soak.errors import TargetError
from soak.model import Exemplar
from soak.profile import Profile, parse_profile
from soak.sampling import trace_fetch
from soak.sampling.trace_fetch import MOST, ask_for_traces
from soak.traces import Trace
from tests.sampling.serving import answering, free_port, http, serving
from tests.sampling.test_spans import JAEGER

IDS = ["4bf92f3577b34da6a3ce929d0e0e4736", "ab" * 16]
EXEMPLARS = [
    Exemplar(1.0, "GET /", 2.0, "", 200, IDS[0]),
    Exemplar(4.0, "GET /", 0.5, "timeout", 0, IDS[1]),
]
TEXT = """
target: {{url: "http://127.0.0.1:8080"}}
load: {{rate: 1/s, duration: 1s}}
endpoints: [GET /]
trace: {{{trace}, wait: 3s}}
"""


class StillClock:
    """Remembers what was waited for; no time passes but a step at each look."""

    def __init__(self, step: float = 0.0) -> None:
        self.waited: list[float] = []
        self.time, self.step = 10.0, step

    def now(self) -> float:
        self.time += self.step
        return self.time

    def wait(self, until: float, stop: threading.Event) -> bool:
        self.waited.append(until)
        return stop.is_set()


def profile(trace: str) -> Profile:
    return parse_profile(TEXT.format(trace=trace), "p.yaml", environment={"WORD": "open:sesame"})[0]


def ask(
    trace: str, exemplars: list[Exemplar] = EXEMPLARS, step: float = 0.0
) -> tuple[list[Trace], list[float]]:
    clock = StillClock(step)
    return list(ask_for_traces(profile(trace), exemplars, clock, threading.Event())), clock.waited


def test_each_trace_is_asked_for_once_the_youngest_may_have_arrived() -> None:
    asked: list[str] = []
    span = {"id": "c0", "timestamp": 5, "duration": 7, "localEndpoint": {"serviceName": "a"}}
    with answering(
        {f"/zipkin/api/v2/trace/{IDS[0]}?key=1": http(json.dumps([span]))}, asked
    ) as url:
        address = url.replace("http://", "http://me:${WORD}@") + "/zipkin/?key=1"
        traces, waited = ask(
            f'zipkin: "{address}"', [*EXEMPLARS, Exemplar(0.1, "GET /", 1.0), EXEMPLARS[0]]
        )
    assert [(trace.id, len(trace.spans)) for trace in traces] == [(IDS[0], 1), (IDS[1], 0)]
    assert waited == [4.5 + 3.0]
    assert "Authorization: Basic bWU6b3BlbjpzZXNhbWU=" in asked[0]


def test_jaeger_is_asked_at_its_own_address() -> None:
    with answering({f"/api/traces/{IDS[0]}": http(json.dumps(JAEGER))}) as url:
        traces, _ = ask(f'jaeger: "{url}"')
    assert [len(trace.spans) for trace in traces] == [2, 0]


def test_without_a_backend_or_a_trace_id_nobody_waits() -> None:
    assert ask('link: "http://x/{trace_id}"') == ([], [])
    assert ask('zipkin: "http://127.0.0.1:9"', [Exemplar(1.0, "GET /", 2.0)]) == ([], [])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            http("<html>", content_type="text/html"),
            "its answer is not JSON; is this the address of its API",
        ),
        (http("", "503 Busy"), "it answered 503; is this the address of its API"),
        (http("", "401 No"), "it answered 401; give its user as USER:${PASSWORD}@ before the host"),
        (b"nonsense\r\n\r\n", "nonsense"),
    ],
)
def test_what_cannot_be_asked_is_one_error_without_the_address(answer: bytes, said: str) -> None:
    with serving(answer) as url, pytest.raises(TargetError) as caught:
        ask(f'zipkin: "{url}/${{WORD}}/"')
    assert said in str(caught.value)
    assert "sesame" not in str(caught.value)
    assert url not in str(caught.value)


def test_nobody_there() -> None:
    with pytest.raises(TargetError, match=r"^trace\.zipkin: connection refused$"):
        ask(f'zipkin: "http://127.0.0.1:{free_port()}"')


def test_count_and_time_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [Exemplar(0.0, "GET /", 1.0, "", 200, f"{n:032x}") for n in range(1, 2 * MOST)]
    with answering({}) as url:
        assert len(ask(f'zipkin: "{url}"', many)[0]) == MOST
        monkeypatch.setattr(trace_fetch, "PATIENCE", 5.0)
        with pytest.raises(TargetError, match=r"only 5 of 40 traces were to be had within 5 s"):
            ask(f'zipkin: "{url}"', many, step=1.0)
