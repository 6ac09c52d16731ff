"""Whether the target lived and was watched: each case that fails a run, leaves it open, or is only told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.analysis.prepare.prepare import Prepared, prepare
from soak.analysis.rules.rule import RuleInput
from soak.analysis.rules.run_validity import (
    _gone,
    _kills,
    _outage,
    _restarts,
    _scrapes,
    _silent_since,
    seen_events,
    validity_findings,
    validity_warnings,
)
from soak.model import (
    Event,
    EventKind,
    Finding,
    Kind,
    Phase,
    PhaseName,
    Recording,
    RuleName,
    Series,
    SourceHealth,
    Verdict,
)
from soak.profile import Limits
from tests.analysis.recordings import recording, windows

OOM = "container_oom_events_total"


def at(name: str, values: Any, times: Any = None, source: str = "app", **labels: str) -> Series:
    column = np.asarray(values, np.float64)
    moments = np.arange(float(len(column))) if times is None else np.asarray(times, np.float64)
    return Series(name, moments, column, tuple(labels.items()), Kind.GAUGE, source)


def ready(*series: Series, recorded: dict[str, Any] | None = None, **more: Any) -> Prepared:
    """A load from 0 to 100 s."""
    run = recording(*series, requests=[], seconds=100)
    return replace(prepare(replace(run, **(recorded or {})), 0.0), **more)


def polled(answers: Sequence[bool], source: str = "app", **more: Any) -> SourceHealth:
    """A source polled once a second."""
    answered = np.array(answers, np.bool_)
    times = np.arange(float(len(answered)))
    failed = int((~answered).sum())
    health = SourceHealth(source, len(answered), failed, 0.0, "refused", False, times, answered)
    return replace(health, **more)


def died(time: float, text: str = "the target ended by itself with code 1") -> Event:
    return Event(time, EventKind.TARGET, text)


def warnings_of(prepared: Prepared) -> list[str]:
    return list(validity_warnings(RuleInput(prepared, Limits()), ()))


def test_failed_scrapes_are_told_with_the_last_error() -> None:
    health = polled([True] * 15 + [False] * 5)
    assert warnings_of(ready(recorded={"sources": (health,)})) == [
        "app: 5 of 20 scrapes failed (25%); the last error: refused"
    ]
    assert warnings_of(ready(recorded={"sources": (polled([True] * 20),)})) == []


@pytest.mark.parametrize(("late", "told"), [(1.0, False), (1.5, True)])
def test_a_scrape_more_than_a_second_late_is_told(late: float, told: bool) -> None:
    health = polled([True] * 20, worst_late=late)
    said = ["app: a scrape was 1.5 s late"] if told else []
    assert warnings_of(ready(recorded={"sources": (health,)})) == said


@pytest.mark.parametrize(
    ("values", "most"), [([0, 1, 0], "1"), ([np.nan, 7, 3], "7"), ([0, 0], ""), ([np.nan], "")]
)
def test_what_a_source_left_out_is_told_by_its_most(values: list[float], most: str) -> None:
    left_out = at("scrape_samples_left_out", values)
    said = [
        f"app: up to {most} series per scrape exceeded what is kept of one page or metric, and were left out"
    ]
    assert warnings_of(ready(left_out)) == (said if most else [])


def test_what_the_run_itself_noted_is_told() -> None:
    events = [
        Event(1.0, EventKind.WARNING, "a warning"),
        Event(2.0, EventKind.LOAD, "the load began"),
        Event(3.0, EventKind.WORKER, "a worker left"),
        Event(4.0, EventKind.MIX, "the mix was varied"),
        Event(5.0, EventKind.MIX, "the mix was varied again"),
    ]
    assert warnings_of(ready(recorded={"events": tuple(events)})) == [
        "a warning",
        "a worker left",
        "the mix was varied",
    ]


def test_how_long_a_run_stood_still_is_told_with_the_load_before_it() -> None:
    gaps = (Phase(PhaseName.GAP, 20.0, 50.0), Phase(PhaseName.GAP, 60.0, 65.0))
    assert [
        text.partition(", and was")[0] for text in warnings_of(ready(start=4.0, gaps=gaps))
    ] == [
        "the run stood still for 30 s after 16 s of load",
        "the run stood still for 5 s after 26 s of load",
    ]


@pytest.mark.parametrize(
    ("events", "health", "counts"),
    [
        ((), polled([True] * 8 + [False] * 2), (10, 2)),
        ((died(8.0),), polled([True] * 5 + [False] * 5), (6, 1)),  # those before 6 s
        ((died(50.0),), polled([True] * 8 + [False] * 2), (10, 2)),
        ((died(8.0),), SourceHealth("app", 7, 3, 0.0), (7, 3)),  # only its counts are known
        ((died(1.0),), polled([False] * 5), (0, 0)),
    ],
)
def test_scrapes_count_while_the_target_lived(
    events: tuple[Event, ...], health: SourceHealth, counts: tuple[int, int]
) -> None:
    whole = recording(requests=[], seconds=100, events=events)
    assert _scrapes(prepare(whole, 0.0), health) == counts


def test_replaced_processes_kills_and_soaks_own_requests_are_events() -> None:
    prepared = ready(
        at(OOM, [0, 0, 2, 2, 3]),
        at("scrape_requests_total", [1, 20], url="http://a"),
        at("scrape_requests_total", [2, np.nan], url="http://b"),
        at("scrape_requests_total", [np.nan, np.nan], url="http://c"),
        restarts={"": (5.0,), "b": (7.0, 8.0), "c": ()},
    )
    assert list(seen_events(prepared)) == [
        Event(5.0, EventKind.RESTART, "the process was replaced"),
        Event(7.0, EventKind.RESTART, "the process of b was replaced"),
        Event(8.0, EventKind.RESTART, "the process of b was replaced"),
        Event(2.0, EventKind.OOM, f"{OOM} rose: killed for want of memory"),
        Event(4.0, EventKind.OOM, f"{OOM} rose: killed for want of memory"),
        Event(
            100.0,
            EventKind.SCRAPING,
            "soak itself sent 22 requests for metrics (20 to http://a, 2 to http://b)",
        ),
    ]


def test_a_recording_in_which_nothing_happened_has_no_events() -> None:
    assert list(seen_events(ready(at("scrape_requests_total", [np.nan])))) == []
    other = at("process_open_fds", [1, 2, 3])
    assert list(seen_events(ready(other))) == []


@pytest.mark.parametrize(
    ("values", "times", "killed"),
    [
        ([0, 2, 2, 3], [10, 11, 12, 13], ([11.0, 13.0], 3.0)),
        ([0, 2, np.nan, 3], [10, 11, 12, 13], ([11.0, 13.0], 3.0)),
        ([0, 2, 1.5, 3], [10, 11, 12, 13], ([11.0, 13.0], 3.5)),
        # A container that is replaced counts from 0 again.
        ([5, 0, 1], [10, 11, 12], ([12.0], 1.0)),
        ([0, 4, 4, 9], [9, 10, 20, 21], None),
        ([0, 4, 5, 9], [9, 10, 20, 21], ([20.0], 1.0)),
        ([0, 0], [10, 11], None),
        ([7], [10], None),
    ],
)
def test_kills_are_the_rises_of_their_counter_during_the_load(
    values: list[float], times: list[float], killed: tuple[list[float], float] | None
) -> None:
    prepared = ready(at(OOM, values, times), start=10.0, end=20.0)
    found = [(moments, total) for _, moments, total in _kills(prepared)]
    assert found == ([] if killed is None else [killed])


def replaced(*moments: float, instance: str = "", **more: Any) -> list[Finding]:
    return list(_restarts(ready(restarts={instance: moments}, start=10.0, **more)))


def test_a_process_that_was_replaced_did_not_survive_a_run() -> None:
    [finding] = replaced(15.0)
    assert finding == Finding(
        RuleName.RESTART,
        "process_start_time_seconds",
        Verdict.FAIL,
        "The target's process was replaced once (after 5 s): it did not survive this run.",
        observed=1.0,
        unit="restarts",
    )


@pytest.mark.parametrize(
    ("moments", "said"),
    [
        ((15.0, 20.0), "2 times (after 5 s, 10 s)"),
        ((15.0, 20.0, 30.0), "3 times (after 5 s, 10 s, 20 s)"),
        ((15.0, 20.0, 30.0, 40.0), "4 times (after 5 s, 10 s, 20 s …)"),
    ],
)
def test_the_first_three_restarts_are_told(moments: tuple[float, ...], said: str) -> None:
    [finding] = replaced(*moments, instance="b", driven=False)
    assert finding.reason == f"The process of b was replaced {said}; each life is judged by itself."
    assert finding.verdict is Verdict.PASS
    assert (finding.labels, finding.observed) == ((("instance", "b"),), float(len(moments)))


@pytest.mark.parametrize(
    ("moment", "counts"),
    [(19.9, True), (20.0, False), (25.0, False), (31.0, False), (31.1, True)],
)
def test_a_process_that_was_replaced_while_the_run_stood_still_did_not_fail(
    moment: float, counts: bool
) -> None:
    gaps = (Phase(PhaseName.GAP, 20.0, 30.0), Phase(PhaseName.GAP, 60.0, 70.0))
    found = replaced(moment, 65.0, gaps=gaps)
    assert [finding.observed for finding in found] == ([1.0] if counts else [])


def test_a_process_that_did_not_fail_does_not_hide_the_next() -> None:
    gaps = (Phase(PhaseName.GAP, 20.0, 30.0),)
    restarts = {"a": (25.0,), "b": (50.0,)}
    [finding] = _restarts(ready(restarts=restarts, gaps=gaps))
    assert finding.labels == (("instance", "b"),)


@pytest.mark.parametrize(
    ("rise", "driven", "verdict", "many"),
    [
        (1, True, Verdict.FAIL, "a process"),
        (2, True, Verdict.FAIL, "2 processes"),
        (2, False, Verdict.PASS, "2 processes"),
    ],
)
def test_processes_that_the_kernel_killed_fail_a_run(
    rise: int, driven: bool, verdict: Verdict, many: str
) -> None:
    killed = at(OOM, [3, 3 + rise], id="/a")
    [finding] = _restarts(ready(killed, driven=driven))
    assert finding == Finding(
        RuleName.RESTART,
        OOM,
        verdict,
        f"The kernel killed {many} in the container for want of memory.",
        (("id", "/a"),),
        observed=float(rise),
        unit="kills",
    )


def test_a_target_that_nobody_watched_is_left_open() -> None:
    [finding] = _gone(ready(recorded={"sources": ()}))
    assert (finding.rule, finding.verdict) == (RuleName.SAMPLING, Verdict.INCONCLUSIVE)
    assert list(_gone(ready())) == []


@pytest.mark.parametrize(
    ("time", "text", "said"),
    [
        (10.5, "the target ended", "The target ended as the load began."),
        (11.0, "the target ended", "The target ended after 1 s of load."),
        (30.0, "the target ended: code 1", "The target ended after 20 s of load: code 1."),
    ],
)
def test_when_and_why_the_target_ended_is_told(time: float, text: str, said: str) -> None:
    gone = polled([True], gone=True)
    events = (Event(1.0, EventKind.LOAD, "the load began"), died(time, text))
    prepared = ready(recorded={"events": events, "sources": (gone,)}, start=10.0)
    [finding] = _gone(prepared)
    assert finding == Finding(RuleName.RESTART, "process_start_time_seconds", Verdict.FAIL, said)


def test_a_source_whose_process_is_gone_tells_that_the_target_died() -> None:
    sources = (polled([True], "a"), polled([True], "b", gone=True, last_error="no such process"))
    [finding] = _gone(ready(recorded={"sources": sources}))
    assert finding == Finding(
        RuleName.RESTART,
        "process_start_time_seconds",
        Verdict.FAIL,
        "The target died: no such process.",
        (("source", "b"),),
    )


def outage(
    requests: Sequence[int],
    failures: Sequence[int],
    *sources: SourceHealth,
    errors_allowed: bool = False,
    events: Sequence[Event] = (),
    **more: Any,
) -> list[Finding]:
    """Windows of one second, with so many requests and failures in each."""
    seen = replace(
        windows(seconds=len(requests)), requests=np.array(requests), failures=np.array(failures)
    )
    whole: Recording = recording(
        requests=[seen], sources=sources, seconds=len(requests), events=events
    )
    return list(_outage(replace(prepare(whole, 0.0), **more), errors_allowed=errors_allowed))


#: Ten windows, of which the last three had no success; in the last of those before, some failed.
REQUESTS, FAILURES = [9] * 10, [0, 0, 0, 0, 0, 0, 8, 9, 9, 9]
ANSWERING = polled([True] * 10)
SILENT = polled([True] * 8 + [False] * 2)


def test_three_windows_without_a_success_are_an_outage() -> None:
    [finding] = outage(REQUESTS, FAILURES, ANSWERING)
    assert (finding.rule, finding.series) == (RuleName.COVERAGE, "http_requests")
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.reason == (
        "No request succeeded any more from 7 s of the load on, its last 3 s: "
        "what the target did then is not what was to be judged; find out why first."
    )
    assert len(outage(REQUESTS, FAILURES)) == 1
    assert outage(REQUESTS, [*FAILURES[:7], 8, 9, 9], ANSWERING) == []
    assert outage([*REQUESTS[:7], 9, 0, 9], [*FAILURES[:7], 9, 0, 9], ANSWERING) == []
    assert outage(REQUESTS, [9] * 10, ANSWERING) == []
    assert outage(REQUESTS, FAILURES, ANSWERING, errors_allowed=True) == []
    assert len(outage(REQUESTS, [0] * 6 + [9] * 4, ANSWERING)) == 1


def test_windows_before_and_after_the_load_are_no_outage() -> None:
    assert outage(REQUESTS, FAILURES, ANSWERING, end=9.0) == []
    [finding] = outage(REQUESTS, FAILURES, ANSWERING, start=2.0)
    assert "from 5 s of the load on, its last 3 s" in finding.reason
    assert outage(REQUESTS, [0, 0, 0, *([9] * 7)], ANSWERING, start=3.0) == []


@pytest.mark.parametrize("errors_allowed", [False, True])
def test_an_outage_in_which_no_source_answers_either_is_the_targets_end(
    errors_allowed: bool,
) -> None:
    other = replace(SILENT, last_error="timed out")
    [finding] = outage(REQUESTS, FAILURES, SILENT, other, errors_allowed=errors_allowed)
    assert (finding.rule, finding.verdict) == (RuleName.RESTART, Verdict.FAIL)
    assert finding.reason == (
        "No request succeeded any more from 7 s of the load on, nor did a scrape (refused): "
        "the target did not survive this run."
    )
    found = outage(REQUESTS, FAILURES, SILENT, ANSWERING, errors_allowed=errors_allowed)
    verdicts = [Verdict.INCONCLUSIVE] if not errors_allowed else []
    assert [finding.verdict for finding in found] == verdicts


def test_an_outage_that_was_reported_already_is_not_reported_again() -> None:
    gone = replace(SILENT, gone=True)
    assert outage(REQUESTS, FAILURES, ANSWERING, gone) == []
    assert outage(REQUESTS, FAILURES, ANSWERING, requests_of_all=None) == []
    ended = [Event(12.0, EventKind.LOAD, "the load ended"), died(12.0)]
    assert outage(REQUESTS, FAILURES, ANSWERING, events=ended) == []
    assert len(outage(REQUESTS, FAILURES, ANSWERING, events=ended[:1])) == 1


@pytest.mark.parametrize(
    ("answers", "moment", "silent"),
    [
        ([True] * 3 + [False] * 2, 2.0, True),
        ([True] * 3 + [True, False, False], 2.0, True),  # one scrape may have been in progress
        ([True] * 3 + [True, True, False], 2.0, False),
        ([True] * 3 + [False, True], 2.0, False),
        ([True] * 3 + [False], 2.0, True),
        ([True] * 3 + [False], 3.0, False),  # not polled after it
        ([False] * 3, 0.0, True),
        ([], 0.0, False),
    ],
)
def test_a_source_is_silent_if_it_was_polled_and_did_not_answer(
    answers: list[bool], moment: float, silent: bool
) -> None:
    assert _silent_since(polled(answers), moment) is silent


@pytest.mark.parametrize(("driven", "found"), [(True, 2), (False, 1)])
def test_only_of_a_run_that_soak_drove_it_is_asked_whether_it_was_watched(
    driven: bool, found: int
) -> None:
    prepared = ready(recorded={"sources": ()}, restarts={"": (5.0,)}, driven=driven)
    assert len(list(validity_findings(RuleInput(prepared, Limits())))) == found


@pytest.mark.parametrize(("limits", "found"), [({}, 1), ({"errors": "50%"}, 0)])
def test_a_limit_of_errors_is_what_judges_an_outage(limits: dict[str, Any], found: int) -> None:
    seen = replace(windows(seconds=10), requests=np.array(REQUESTS), failures=np.array(FAILURES))
    prepared = prepare(recording(requests=[seen], sources=[ANSWERING], seconds=10), 0.0)
    asked = RuleInput(prepared, Limits.model_validate(limits))
    assert len(list(validity_findings(asked))) == found
