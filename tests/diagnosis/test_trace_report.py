"""Where the time went and who reports no span, from traces whose truth is known."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soak.diagnosis.trace_report import report, with_traces
from soak.model import Analysis, Exemplar, RunInfo, Verdict
from soak.profile.trace import TraceSettings as Settings
from soak.traces import Coverage, Span, SpanKind, Trace, TraceReport

ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SOAK = ID[16:]


def span(
    name: str,
    parent: str,
    service: str,
    start: float,
    seconds: float,
    kind: SpanKind = "server",
    peer: str = "",
) -> Span:
    return Span(name, parent, service, "", kind, start, seconds, peer)


def told(*spans: Span, seconds: float = 1.0, failure: str = "") -> TraceReport:
    return report([Trace(ID, spans)], [Exemplar(0.0, "GET /", seconds, failure, 200, ID)])


def times(told_times: TraceReport) -> dict[str, float]:
    return {time.service: round(time.seconds, 6) for time in told_times.each[0].times}


def coverage(told_calls: TraceReport) -> dict[str, tuple[int, int]]:
    return {row.service: (row.calls, row.reported) for row in told_calls.coverage}


FRONT = span("1", SOAK, "front", 0.0, 0.9)
CALL = span("2", "1", "front", 0.1, 0.5, "client", "stock")


def test_time_goes_to_who_took_it_and_what_no_span_covers_is_said() -> None:
    answer = told(
        FRONT, CALL, span("3", "2", "stock", 0.2, 0.3), span("4", "3", "stock", 0.25, 0.2, "")
    )
    assert times(answer) == {"front": 0.6, "stock": 0.3, "": 0.1}
    assert coverage(answer) == {"front": (1, 1), "stock": (1, 1)}
    assert [service.service for service in answer.slow] == ["front", "stock", ""]
    assert (answer.asked, answer.found, answer.slow_traces) == (1, 1, 1)


def test_a_call_that_nobody_answers_is_the_time_of_whom_it_calls() -> None:
    answer = told(FRONT, CALL, span("5", "1", "front", 0.6, 0.2, "client"))
    assert times(answer) == {"stock": 0.5, "front": 0.4, "": 0.1}
    assert (answer.slow[0].service, answer.slow[0].reports) == ("stock", False)
    assert coverage(answer) == {"stock": (1, 0), "": (1, 0), "front": (1, 1)}
    assert answer.coverage[1] == Coverage("stock", 1, 0, ("front",))


def test_concurrent_calls_cover_their_caller_once_and_late_children_count_only_within_it() -> None:
    both = (span("2", "1", "a", 0.1, 0.4), span("3", "1", "b", 0.3, 0.4))
    late = span("4", "1", "front", 0.8, 5.0, "")
    assert times(told(FRONT, *both, late)) == {"a": 0.4, "b": 0.4, "front": 0.3, "": 0.1}


@pytest.mark.parametrize("ahead", [-3600.0, -0.3, 0.4, 86400.0])
def test_clocks_that_differ_between_hosts_change_nothing(ahead: float) -> None:
    below = (
        span("3", "2", "stock", 0.2 + ahead, 0.3),
        span("4", "3", "stock", 0.3 + ahead, 0.1, "client", "db"),
    )
    assert times(told(FRONT, CALL, *below)) == {"front": 0.6, "stock": 0.2, "db": 0.1, "": 0.1}


def test_a_missing_hop_is_named_by_what_is_known_of_it() -> None:
    orphan = span("3", "77", "stock", 0.2, 0.3)
    assert coverage(told(FRONT, orphan)) == {"": (1, 0), "front": (1, 1), "stock": (1, 1)}
    assert told(FRONT, orphan).coverage[0] == Coverage("", 1, 0, (), ("stock",))
    # Only its own client span is there: the service's span that took the request in is missing, and
    # so is that of whom it called.
    assert coverage(told(CALL)) == {"front": (1, 0), "stock": (1, 0)}
    assert told(orphan).coverage[0] == Coverage("", 1, 0, ("soak",), ("stock",))


def test_a_target_that_reports_some_of_its_requests() -> None:
    ids = [ID, "ab" * 16, "cd" * 16, "ef" * 16]
    exemplars = [
        Exemplar(0.0, "GET /", 1.0, "", status, trace)
        for trace, status in zip(ids, (200, 200, 0, 500), strict=True)
    ]
    answer = report([Trace(ID, (FRONT,)), *(Trace(trace) for trace in ids[1:])], exemplars)
    assert coverage(answer) == {
        "front": (3, 1)
    }  # nobody knows whether the one without a status ever arrived
    assert (answer.asked, answer.found) == (4, 1)


def test_a_joined_span_and_one_of_a_tracer_that_keeps_only_the_id_are_the_targets_own() -> None:
    for entry in (span(SOAK, "", "front", 0.0, 0.9), span("1", "", "front", 0.0, 0.9)):
        assert coverage(told(entry)) == {"front": (1, 1)}


def test_the_innermost_failure_is_named() -> None:
    def failing(plain: Span) -> Span:
        return Span(
            plain.id,
            plain.parent,
            plain.service,
            plain.name,
            plain.kind,
            plain.start,
            plain.seconds,
            plain.peer,
            failed=True,
        )

    stock = span("3", "2", "stock", 0.2, 0.3)
    assert told(failing(FRONT), CALL, failing(stock)).each[0].failed_in == "stock"
    assert told(failing(FRONT), failing(CALL)).each[0].failed_in == "front, in its call of stock"
    assert told(FRONT, CALL, stock).each[0].failed_in == ""


def test_failed_requests_are_not_among_the_slow() -> None:
    answer = told(FRONT, failure="status 500")
    assert (answer.slow, len(answer.each)) == ((), 1)


SETTINGS = Settings(
    link="http://x/{trace_id}", logs="${LOGS}/{trace_id}", zipkin="http://127.0.0.1:9411"
)
BARE = Analysis(
    RunInfo("n"), Verdict.PASS, "fine", (), exemplars=(Exemplar(0.0, "GET /", 1.0, "", 200, ID),)
)


def test_an_analysis_gets_links_that_lead_somewhere_and_warnings_that_say_what_to_do() -> None:
    assert with_traces(BARE, (), SETTINGS).links == (("trace", "http://x/{trace_id}"),)
    assert with_traces(BARE, (), SETTINGS).traces is None
    [none] = with_traces(BARE, [Trace(ID)], SETTINGS).warnings
    assert none.startswith(
        "none of the traces asked for (1) was there 6 s after the load: does the target report"
    )
    [cut] = with_traces(BARE, [Trace(ID, (FRONT,), 9)], SETTINGS).warnings
    assert cut == "1 of 1 traces had too many spans: only the earliest of each were kept"


_SPANS = st.lists(
    st.builds(
        Span,
        st.sampled_from("1234"),
        st.sampled_from(["", "1", "2", "3", "4", "9", SOAK]),
        st.sampled_from("ab"),
        st.just(""),
        st.sampled_from(["server", "client", "producer", ""]),
        st.floats(0, 2),
        st.floats(0, 2),
        st.sampled_from(["", "b", "c"]),
        st.booleans(),
    ),
    max_size=8,
)


@settings(deadline=None)
@given(_SPANS)
def test_any_spans_give_times_of_their_own_length_at_most_and_no_more_reports_than_calls(
    spans: list[Span],
) -> None:
    answer = told(*spans)
    whole = sum(span.seconds for span in spans) + 1.0
    assert all(
        0 < time.seconds <= whole + 1e-9 for exemplar in answer.each for time in exemplar.times
    )
    assert all(0 <= row.reported <= row.calls for row in answer.coverage)
