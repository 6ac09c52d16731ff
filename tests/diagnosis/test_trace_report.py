"""Where the time went and who reports no span, from traces whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soak.diagnosis import trace_report as module
from soak.diagnosis.trace_report import Path, _covered, _sum, report, with_traces
from soak.model import Analysis, Exemplar, RunInfo, Verdict
from soak.profile.trace import TraceSettings as Settings
from soak.traces import Coverage, ServiceTime, Span, SpanKind, Trace, TraceReport

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


def ids(spans: list[Span]) -> list[str]:
    return [each.id for each in spans]


def test_spans_are_a_tree_below_those_that_soak_started() -> None:
    short = ID[:16] + "00" + SOAK[2:]  # Zipkin leaves the zeros at the beginning of an id out
    tree = Path(
        short,
        (
            span("1", SOAK[2:], "front", 0.0, 0.9),
            span("2", "1", "stock", 0.1, 0.1),
            span("3", "1", "db", 0.2, 0.1),
            span("4", "", "other", 0.0, 0.9),
            span("5", "88", "lost", 0.0, 0.9),
            span("6", "6", "loop", 0.0, 0.9),
        ),
    )
    assert ids(tree.entries) == ["1", "4"]
    assert ids(tree.lost) == ["5", "6"]
    assert ids(tree.children["1"]) == ["2", "3"]
    assert ids(tree.children["6"]) == []


def test_a_span_with_the_id_that_soak_sent_is_an_entry() -> None:
    tree = Path(ID, (span(SOAK, "99", "joined", 0.0, 0.9), span("5", "88", "lost", 0.0, 0.9)))
    assert (ids(tree.entries), ids(tree.lost)) == ([SOAK], ["5"])
    assert ids(tree.roots) == [SOAK]
    assert ids(Path(ID, tree.spans[1:]).roots) == ["5"]


@pytest.mark.parametrize(
    ("kind", "service", "answered"),
    [
        ("server", "front", True),
        ("consumer", "front", True),
        ("", "stock", True),
        ("client", "stock", True),
        ("", "front", False),
        ("client", "front", False),
        ("producer", "front", False),
    ],
)
def test_a_call_is_answered_by_a_server_or_by_another_service(
    kind: SpanKind, service: str, answered: bool
) -> None:
    tree = Path(ID, (CALL, span("3", "2", service, 0.2, 0.1, kind)))
    assert tree.answered(CALL) is answered
    assert not Path(ID, (CALL,)).answered(CALL)


@pytest.mark.parametrize(
    ("stretches", "seconds"),
    [
        ([], 0.0),
        ([(1.0, 3.0)], 2.0),
        ([(5.0, 6.0), (1.0, 3.0)], 3.0),
        ([(1.0, 3.0), (3.0, 4.0)], 3.0),
        ([(1.0, 3.0), (2.0, 6.0)], 5.0),
        ([(1.0, 9.0), (2.0, 3.0), (8.0, 10.0)], 9.0),
        ([(-4.0, -1.0), (-2.0, 0.5)], 4.5),
    ],
)
def test_what_several_stretches_cover_is_counted_once(
    stretches: list[tuple[float, float]], seconds: float
) -> None:
    assert _covered(stretches) == seconds


def test_the_times_of_each_service_are_added_up_the_longest_first() -> None:
    taken = [
        ServiceTime("b", 1.0),
        ServiceTime("a", 1.0),
        ServiceTime("c", 0.5),
        ServiceTime("c", 2.0),
        ServiceTime("c", 0.25, reports=False),
        ServiceTime("none", 0.0),
        ServiceTime("short", 1e-9),
    ]
    assert _sum(taken) == (
        ServiceTime("c", 2.5),
        ServiceTime("a", 1.0),
        ServiceTime("b", 1.0),
        ServiceTime("c", 0.25, reports=False),
        ServiceTime("short", 1e-9),
    )
    many = [ServiceTime(f"{number:02}", 30.0 - number) for number in range(25)]
    assert _sum(many) == tuple(many[:20])


def test_a_request_s_time_outside_of_its_spans_is_never_negative() -> None:
    assert times(told(FRONT, seconds=0.9)) == {"front": 0.9}
    assert times(told(FRONT, seconds=0.5)) == {"front": 0.9}
    both = span("9", SOAK, "front", 1.0, 0.5)
    assert times(told(FRONT, both, seconds=2.0)) == {"front": 1.4, "": 0.6}


@pytest.mark.parametrize(
    ("start", "seconds", "moved"),
    [
        (2.0, 3.0, False),
        (1.0, 8.0, False),
        (6.0, 3.000001, False),
        (6.0, 3.00001, True),
        (0.5, 4.0, True),
        (7.0, 4.0, True),
        (20.0, 4.0, True),
        (-20.0, 4.0, True),
        (0.0, 12.0, True),
    ],
)
def test_a_call_outside_of_its_caller_is_moved_to_its_middle(
    start: float, seconds: float, moved: bool
) -> None:
    """The caller runs from 1 to 9; a call of its own covers 2 to 4 of that, so that it shows where the other lies."""
    first, last = start, min(start + seconds, 9.0)
    if moved:
        half = min(seconds, 8.0) / 2
        first, last = 5.0 - half, 5.0 + half
    together = max(0.0, min(last, 4.0) - max(first, 2.0))
    answer = told(
        span("1", SOAK, "front", 1.0, 8.0),
        span("2", "1", "own", 2.0, 2.0),
        span("3", "1", "stock", start, seconds),
        seconds=8.0,
    )
    assert times(answer) == pytest.approx(
        {
            "own": 2.0,
            "stock": round(last - first, 6),
            "front": round(8.0 - 2.0 - (last - first) + together, 6),
        }
        if round(6.0 - (last - first) + together, 6)
        else {"own": 2.0, "stock": 8.0},
        abs=1e-9,
    )


def test_a_call_s_own_calls_move_with_it() -> None:
    answer = told(
        span("1", SOAK, "front", 1.0, 8.0),
        span("2", "1", "stock", 101.0, 4.0),
        span("3", "2", "db", 101.5, 1.0),
        span("4", "2", "cache", 104.5, 0.5),
        seconds=8.0,
    )
    assert times(answer) == {"front": 4.0, "stock": 2.5, "db": 1.0, "cache": 0.5}


def test_a_late_span_of_the_same_service_is_cut_to_its_parent_and_not_moved() -> None:
    late = span("2", "1", "front", 8.0, 4.0, "client", "db")
    early = span("3", "1", "front", -1.0, 3.0, "client", "cache")
    answer = told(span("1", SOAK, "front", 1.0, 8.0), late, early, seconds=8.0)
    assert times(answer) == {"front": 6.0, "db": 1.0, "cache": 1.0}


def test_a_span_that_ended_before_its_parent_began_takes_no_time() -> None:
    before = span("2", "1", "front", -5.0, 3.0, "client", "db")
    assert times(told(span("1", SOAK, "front", 1.0, 8.0), before, seconds=8.0)) == {"front": 8.0}


@pytest.mark.parametrize(
    ("kind", "peer", "below", "service", "reports"),
    [
        ("client", "db", "", "db", False),
        ("client", "", "", "front", True),
        ("server", "db", "", "front", True),
        ("producer", "db", "", "front", True),
        ("client", "db", "db", "front", True),
    ],
)
def test_the_time_of_a_silent_call_is_whom_it_calls(
    kind: SpanKind, peer: str, below: str, service: str, reports: bool
) -> None:
    call = span("2", "1", "front", 1.0, 2.0, kind, peer)
    answer = [span("3", "2", below, 1.0, 0.5)] if below else []
    told_times = told(span("1", SOAK, "front", 0.0, 2.0 + 1.0), call, *answer).each[0].times
    silent = [time for time in told_times if not time.reports]
    assert bool(silent) is not reports
    assert {time.service for time in told_times} == {"front", service, *([below] if below else [])}


@pytest.mark.parametrize(("deepest", "services"), [(0, "a"), (1, "ab"), (2, "abc"), (9, "abcd")])
def test_deeper_calls_are_their_caller_s_time(deepest: int, services: str) -> None:
    chain = [
        span(str(depth), str(depth - 1) if depth else SOAK, name, float(depth), 8.0 - 2 * depth)
        for depth, name in enumerate("abcd")
    ]
    with mock.patch.object(module, "DEEPEST", deepest):
        answer = times(told(*chain, seconds=8.0))
    assert "".join(sorted(answer)) == services
    assert sum(answer.values()) == 8.0


def failing(plain: Span, peer: str = "") -> Span:
    return replace(plain, failed=True, peer=peer or plain.peer)


def test_the_first_failure_without_one_below_it_is_named() -> None:
    first, second = span("2", "1", "a", 0.1, 0.1), span("3", "1", "b", 0.3, 0.1)
    below = span("4", "2", "c", 0.1, 0.05)
    named = [
        ((failing(FRONT), failing(first), failing(second)), "a"),
        ((failing(FRONT), first, failing(second)), "b"),
        ((failing(FRONT), first, second, failing(below)), "c"),
        ((failing(FRONT), failing(first), second, below), "a"),
        ((failing(FRONT), first, second, below), "front"),
        ((failing(second), failing(FRONT)), "b"),
        ((first, second), ""),
        # Spans that name each other as parents have no innermost.
        ((failing(span("5", "6", "x", 0, 1)), failing(span("6", "5", "y", 0, 1))), ""),
    ]
    assert [told(*spans).each[0].failed_in for spans, _ in named] == [name for _, name in named]


def test_a_failed_call_is_named_with_whom_it_called_if_nobody_answered() -> None:
    call = failing(CALL)
    assert told(FRONT, call).each[0].failed_in == "front, in its call of stock"
    assert told(FRONT, call, span("3", "2", "stock", 0.2, 0.1)).each[0].failed_in == "front"
    assert told(FRONT, replace(call, peer="")).each[0].failed_in == "front"


def test_services_are_ranked_by_the_share_of_calls_that_they_report() -> None:
    def calls(first: int, service: str, asked: int, answered: int) -> list[Span]:
        made = [
            span(f"{first + i}", "1", "front", 0.1, 0.1, "client", service) for i in range(asked)
        ]
        return made + [
            span(f"{first + 50 + i}", f"{first + i}", service, 0.1, 0.05) for i in range(answered)
        ]

    rows = told(
        FRONT,
        *calls(100, "all", 2, 2),
        *calls(200, "half", 2, 1),
        *calls(300, "none", 1, 0),
        *calls(400, "never", 3, 0),
        *calls(500, "nowhere", 3, 0),
        *calls(600, "few", 3, 1),
    ).coverage
    assert [(row.service, row.calls, row.reported) for row in rows] == [
        ("never", 3, 0),
        ("nowhere", 3, 0),
        ("none", 1, 0),
        ("few", 3, 1),
        ("half", 2, 1),
        ("all", 2, 2),
        ("front", 1, 1),
    ]
    many = [span(f"{100 + i}", "1", "front", 0.1, 0.1, "client", f"s{i:02}") for i in range(25)]
    assert [row.service for row in told(FRONT, *many).coverage] == [f"s{i:02}" for i in range(20)]


def hops(*spans: Span) -> dict[str, Coverage]:
    return {row.service: row for row in told(*spans).coverage}


def test_calls_within_a_service_are_hops_only_from_client_to_server() -> None:
    def below(kind: SpanKind, of: SpanKind) -> int:
        one = span("2", "1", "front", 0.1, 0.5, kind, "front")
        return hops(FRONT, one, span("3", "2", "front", 0.2, 0.1, of))["front"].calls

    assert below("client", "server") == 2
    assert below("", "server") == 1
    assert below("client", "client") == 2  # nobody answers the first
    assert below("producer", "consumer") == 1
    assert below("", "") == 1


def test_unanswered_calls_and_messages_are_hops_without_a_report() -> None:
    for kind, called in (("client", True), ("producer", True), ("server", False), ("", False)):
        rows = hops(FRONT, span("2", "1", "front", 0.1, 0.5, kind, "stock"))  # type: ignore[arg-type]
        assert ("stock" in rows) is called
        if called:
            assert rows["stock"] == Coverage("stock", 1, 0, ("front",))


def test_several_spans_below_one_that_is_missing_are_one_hop() -> None:
    rows = hops(
        FRONT,
        span("3", "77", "stock", 0.2, 0.1),
        span("4", "77", "stock", 0.4, 0.1, "consumer"),
        span("5", "88", "db", 0.4, 0.1, ""),
    )
    assert rows[""] == Coverage("", 1, 0, (), ("stock",))
    assert rows["stock"] == Coverage("stock", 1, 1, ())
    # A span of its own is the caller's: the one of db that took the call in is missing.
    assert rows["db"] == Coverage("db", 1, 0, ())


def test_a_target_of_which_only_calls_were_reported_was_called_by_soak() -> None:
    rows = hops(span("5", "88", "front", 0.4, 0.1, "", ""))
    assert rows["front"] == Coverage("front", 1, 0, ("soak",))
    rows = hops(FRONT)
    assert rows["front"] == Coverage("front", 1, 1, ("soak",))


def test_a_request_without_spans_went_to_the_commonest_entry() -> None:
    ids_of = [f"{number:032x}" for number in range(1, 6)]
    traces = [
        Trace(ids_of[0], (span("1", "", "a", 0.0, 0.1),)),
        Trace(ids_of[1], (span("1", "", "b", 0.0, 0.1),)),
        Trace(ids_of[2], (span("1", "", "b", 0.0, 0.1),)),
        Trace(ids_of[3]),
        Trace(ids_of[4], (span("2", "99", "c", 0.0, 0.1),)),
    ]
    exemplars = [Exemplar(0.0, "GET /", 1.0, "", 200, trace) for trace in ids_of]
    answer = report(traces, exemplars)
    assert coverage(answer) == {"": (1, 0), "b": (3, 2), "a": (1, 1), "c": (1, 1)}
    assert (answer.asked, answer.found, answer.slow_traces) == (5, 4, 4)
    only = report(traces[3:4], exemplars)
    assert (coverage(only), only.asked, only.found) == ({}, 1, 0)


def test_traces_of_no_exemplar_are_ignored() -> None:
    answer = report([Trace(ID, (FRONT,)), Trace("ef" * 16, (FRONT,))], [])
    assert (answer.asked, answer.found, answer.each) == (0, 0, ())
    assert with_traces(replace(BARE, exemplars=()), [Trace(ID)], SETTINGS).warnings == ()


def test_warnings_are_added_to_those_there_are_and_say_how_many_traces_were_cut() -> None:
    warned = replace(BARE, warnings=("before",))
    traces = [Trace(ID, (FRONT,), 1), Trace("ef" * 16, (FRONT,), 7), Trace("ab" * 16, (FRONT,), 0)]
    assert with_traces(warned, traces, SETTINGS).warnings == (
        "before",
        "2 of 3 traces had too many spans: only the earliest of each were kept",
    )
    assert with_traces(warned, traces[2:], SETTINGS).warnings == ("before",)
    assert with_traces(warned, [], SETTINGS).warnings == ("before",)


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
