"""A recorded capacity search judged: what is decided anew, which verdict it comes to, and what every report says of it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from soak.analysis.capacity_search import (
    WindowRow,
    _at,
    _broken,
    _figures,
    _mean_of,
    _not_judged,
    _pools,
    _windows_at,
    capacity_of,
    judge_search,
    window_rows,
)
from soak.analysis.prepare.asked_load import AskedLoad
from soak.analysis.prepare.prepare import Prepared, prepare
from soak.baseline import Baseline, capacity_in, decode, encode
from soak.capacity.settings import SearchSettings, StepLimit
from soak.capacity.step_test import WindowCounts
from soak.capacity.steps import (
    Bracket,
    Capacity,
    Conclusion,
    Decision,
    DrivenStep,
    Step,
    StepFigures,
    StepKind,
    StepOutcome,
)
from soak.cli.delivery import code_of
from soak.comparison.measuring import measure
from soak.errors import ExitCode
from soak.latency import bucket_of
from soak.model import Analysis, Ending, Event, EventKind, Recording, RuleName, Series, Verdict
from soak.pipeline import judge
from soak.profile import Profile, parse_profile
from soak.reporters import REPORTERS, terminal
from soak.reporters import json as json_report
from soak.reporters.knee import knee
from soak.windows import Arrivals, Exemplar, GeneratorWindows
from tests.analysis.recordings import counter, gauge, recording, windows
from tests.capacity.recorded import Recorded, record
from tests.capacity.simulated import QueueTarget

TEXT = """
name: cap
target: {url: "http://127.0.0.1:8080"}
load: {find: {limits: {p99: 250ms}, from: 50/s, to: 1000/s}}
endpoints: [GET /]
"""


def profile(more: str = "") -> Profile:
    return parse_profile(TEXT + more, "p.yaml", environment={})[0]


def searched(target: QueueTarget, most: int = 1000) -> Recorded:
    find = profile().load.find
    assert find is not None
    return record(target, find.settings(0.0), most)


@pytest.fixture(scope="module")
def search() -> Recorded:
    return searched(QueueTarget(300.0, 1, poisson=True))


def judged(recording: Recording, more: str = "") -> Analysis:
    return judge(recording, profile(more))


def test_each_step_is_decided_anew_as_it_was_while_it_was_driven(search: Recorded) -> None:
    analysis = judged(search.recording())
    assert analysis.capacity is not None
    assert [step.outcome for step in analysis.capacity.steps] == search.outcomes


def test_a_capacity_passes_with_its_interval_and_what_the_target_used(search: Recorded) -> None:
    analysis = judged(search.recording())
    assert (analysis.verdict, code_of(analysis)) == (Verdict.PASS, ExitCode.PASS)
    capacity = analysis.capacity
    assert capacity is not None
    assert capacity.at is not None
    rate = capacity.bracket.held
    assert rate is not None
    assert 250 < rate < 310
    assert math.isclose(capacity.at.cpu or 0.0, rate / 1000, rel_tol=0.01)
    assert dict(capacity.at.pools)["orders"] == pytest.approx(rate / 100)
    assert f"Capacity is {rate:g} requests/s (95% interval" in analysis.reason
    assert [finding.rule for finding in analysis.findings] == [RuleName.CAPACITY]


def test_nothing_but_the_capacity_is_judged_and_a_warning_says_so(search: Recorded) -> None:
    analysis = judged(search.recording(), "limits: {growth: {process_open_fds: 0/h}, p99: 1ms}\n")
    assert analysis.verdict is Verdict.PASS
    assert any(
        "limits.growth, limits.p99 are not judged" in warning for warning in analysis.warnings
    )


@pytest.mark.parametrize(
    ("target", "verdict", "code", "said"),
    [
        (QueueTarget(30.0), Verdict.FAIL, ExitCode.FAIL, "Capacity is below 50 requests/s"),
        (
            QueueTarget(30_000.0),
            Verdict.PASS,
            ExitCode.PASS,
            "Capacity is at least 1,000 requests/s",
        ),
        (
            QueueTarget(30_000.0, generated=300.0),
            Verdict.INCONCLUSIVE,
            ExitCode.INCONCLUSIVE,
            "The load generator was the limit, and not the target",
        ),
        (
            QueueTarget(30_000.0, generated=30.0),
            Verdict.INCONCLUSIVE,
            ExitCode.BROKEN,
            "could not make the lowest rate",
        ),
    ],
    ids=["below", "at least", "generator", "generator at once"],
)
def test_what_is_no_capacity_is_said(
    target: QueueTarget, verdict: Verdict, code: ExitCode, said: str
) -> None:
    analysis = judged(searched(target).recording())
    assert (analysis.verdict, code_of(analysis)) == (verdict, code)
    assert said in analysis.reason


def test_a_search_that_was_cut_short_is_inconclusive_and_tells_what_it_knows() -> None:
    analysis = judged(searched(QueueTarget(300.0), most=2).recording(Ending.INTERRUPTED))
    assert analysis.verdict is Verdict.INCONCLUSIVE
    assert "interrupted before it was done: capacity is at least 100 requests/s" in analysis.reason


def test_a_target_that_died_fails_whatever_was_found(search: Recorded) -> None:
    recording = search.recording(Ending.EARLY)
    died = Recording(
        **{name: getattr(recording, name) for name in recording.__slots__}
        | {"events": (Event(9.0, EventKind.TARGET, "it ended with code 2"),)}
    )
    analysis = judged(died)
    assert analysis.verdict is Verdict.FAIL
    assert "It ended with code 2" in analysis.reason


def test_a_run_under_way_is_judged_so_far() -> None:
    analysis = judged(searched(QueueTarget(300.0), most=1).recording(Ending.RUNNING))
    assert "still under way" in analysis.reason


def test_every_format_has_the_capacity(search: Recorded) -> None:
    analysis = judged(search.recording())
    assert analysis.capacity is not None
    rate = f"{analysis.capacity.bracket.held:g}"
    for name, reporter in REPORTERS.items():
        text = reporter.render(analysis)
        assert name in ("sarif", "github") or rate in (
            text if isinstance(text, str) else text.decode()
        )
    assert f"{rate}/s" in terminal.render(analysis, 120)
    tree = json.loads(json_report.render(analysis))["capacity"]
    assert tree["conclusion"] == "found"
    assert tree["low"] <= tree["rate"] < tree["high"]
    junit = ET.fromstring(str(REPORTERS["junit"].render(analysis)))
    properties = {node.get("name"): node.get("value") for node in junit.iter("property")}
    assert properties["capacity"] == rate
    assert "<svg" in str(REPORTERS["html"].render(analysis))


def test_the_knee_has_a_point_for_each_step_in_each_panel(search: Recorded) -> None:
    analysis = judged(search.recording())
    assert analysis.capacity is not None
    drawn = ET.fromstring(str(knee(analysis.capacity)))
    steps = sum(outcome.step.judged for outcome in search.outcomes)
    assert (
        sum(node.tag == "circle" for node in drawn.iter()) == 4 * steps
    )  # p99, errors, CPU, a pool


def test_a_baseline_carries_the_capacity(search: Recorded) -> None:
    run = measure("cap", search.recording(), judged(search.recording()), profile())
    assert [measurement.metric for measurement in run.measurements] == ["capacity"]
    kept = decode(encode(Baseline("cap", "2026-11-28", (run,))), "cap.json")
    assert capacity_in(kept) == run.measurements[0].value


def test_a_search_without_a_capacity_gives_a_baseline_none() -> None:
    recording = searched(QueueTarget(30_000.0)).recording()
    assert measure("cap", recording, judged(recording), profile()).measurements == ()


@pytest.mark.parametrize(
    ("moment", "place"),
    [
        (2.0, 1),
        (1.9995, 1),
        (1.5, None),
        (2.5, None),
        (0.9995, 0),
        (4.0, None),
        (2.0000005, 1),
        (2.00001, None),
        (3.0, 2),
    ],
)
def test_a_window_is_a_steps_last_where_it_ends_with_it(moment: float, place: int | None) -> None:
    assert _at(np.array([1.0, 2.0, 3.0]), moment) == place


def test_a_window_a_millisecond_off_is_another() -> None:
    assert _at(np.array([0.0]), -1e-3) is None
    assert _at(np.array([0.0]), -0.999e-3) == 0
    assert _at(np.array([]), 0.0) is None


# Parts of it, on recordings made by hand.

SECONDS = 12
#: Window i + 1 ends at i + 1 s and has 10 * (i + 1) requests, of which i failed.
LOAD = replace(
    windows(seconds=SECONDS),
    requests=10 * np.arange(1, SECONDS + 1),
    failures=np.arange(SECONDS),
)
SETTINGS = SearchSettings((StepLimit("p99", 0.99, 0.25),), 50.0, 1000.0)


def prepared(*series: Series, **more: Any) -> Prepared:
    made = replace(recording(*series, requests=[LOAD], seconds=SECONDS), **more)
    return prepare(made, 0.0)


def step(rate: float = 50.0, kind: StepKind = StepKind.STEP) -> Step:
    return Step(kind, rate, 0.0, 10.0, 30.0)


def outcome(
    seconds: float = 2.0,
    decision: Decision = Decision.HELD,
    rate: float = 50.0,
    kind: StepKind = StepKind.STEP,
) -> StepOutcome:
    held = decision is Decision.HELD
    return StepOutcome(step(rate, kind), decision, seconds, "it is told", held)


def driven(start: float, end: float) -> DrivenStep:
    return DrivenStep(step(), start, end)


def rows_of(made: Prepared) -> list[WindowRow]:
    assert made.requests_of_all is not None
    return list(window_rows(made.recording, made.requests_of_all))


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        (1.0, 4.0, 3.0),
        (0.999, 4.0, 4.0),
        (1.0, 3.9995, 3.0),
        (1.0, 3.999, 3.0),
        (1.0, 3.998, 2.0),
        (1.0, 4.9, 3.0),
        (7.0, 7.5, 0.0),
    ],
)
def test_the_windows_of_a_step_end_after_its_start_and_until_its_end(
    start: float, end: float, seconds: float
) -> None:
    made = prepared(steps=(driven(start, end),))
    capacity = capacity_of(made, SETTINGS, flows=False)
    [figures] = capacity.steps
    assert figures.outcome.seconds == seconds
    assert figures.outcome.decision is Decision.UNDECIDED
    assert (figures.start, figures.end) == (start, end)
    assert capacity.conclusion is Conclusion.UNFINISHED


@pytest.mark.parametrize(
    ("limits", "latency", "errors"),
    [
        ((StepLimit("p99", 0.99, 0.25),), 0.25, None),
        ((StepLimit("p95", 0.95, 0.25),), None, None),
        ((StepLimit("errors", None, 0.01),), None, 0.01),
        ((StepLimit("errors", None, 0.01), StepLimit("p99", 0.99, 0.5)), 0.5, 0.01),
    ],
)
def test_a_capacity_has_the_limits_of_its_search(
    limits: tuple[StepLimit, ...], latency: float | None, errors: float | None
) -> None:
    settings = replace(SETTINGS, limits=limits)
    capacity = capacity_of(prepared=prepared(), settings=settings, flows=False)
    assert (capacity.p99_limit, capacity.errors_limit) == (latency, errors)


def test_without_requests_a_step_has_no_figures() -> None:
    made = prepare(recording(requests=[], seconds=SECONDS), 0.0)
    made = replace(made, recording=replace(made.recording, steps=(driven(1.0, 4.0),)))
    [figures] = capacity_of(made, SETTINGS, flows=False).steps
    assert (figures.achieved, figures.p50, figures.p99, figures.errors) == (0.0, None, None, 0.0)
    assert (figures.cpu, figures.pools) == (None, ())


@pytest.mark.parametrize(
    ("start", "end", "seconds", "achieved", "errors"),
    [
        (1.0, 4.0, 2.0, 35.0, 5 / 70),  # windows 3 and 4
        (1.0, 4.5, 2.0, 35.0, 5 / 70),  # the middle of window 3 is where it begins
        (1.0, 4.6, 2.0, 40.0, 3 / 40),
        (1.0, 4.0, 100.0, 30.0, 6 / 90),  # no earlier than it was driven
        (3.5, 4.0, 100.0, 40.0, 3 / 40),
        (1.0, 4.0, 0.0, 0.0, 0.0),
    ],
)
def test_a_step_is_measured_once_it_had_settled(
    start: float, end: float, seconds: float, achieved: float, errors: float
) -> None:
    made = prepared()
    inside = [row for row in rows_of(made) if start < row.end <= end]
    figures = _figures(made, made.requests_of_all, driven(start, end), outcome(seconds), inside)
    assert figures.achieved == pytest.approx(achieved)
    assert figures.errors == pytest.approx(errors)


def test_a_step_has_the_quantiles_the_cpu_and_the_pools_of_its_time() -> None:
    latency = np.where(np.arange(SECONDS) < 5, 0.01, 1.0)
    used = gauge("db_pool_connections_in_use", np.arange(float(SECONDS)), pool="orders")
    cpu = counter("process_cpu_seconds_total", np.cumsum(np.arange(float(SECONDS))))
    load = windows(seconds=SECONDS, latency=latency)
    made = prepare(recording(used, cpu, requests=[load], seconds=SECONDS), 0.0)
    figures = _figures(made, made.requests_of_all, driven(1.0, 5.0), outcome(3.0), [])
    assert figures.p50 == figures.p99 == pytest.approx(0.01, rel=0.02)
    assert figures.cpu == pytest.approx(4.0)  # at 3, 4 and 5
    assert figures.pools == (("orders", 4.0),)
    later = _figures(made, made.requests_of_all, driven(1.0, 6.0), outcome(2.0), [])
    assert later.p50 == pytest.approx(0.01, rel=0.02)
    assert later.p99 == pytest.approx(1.0, rel=0.02)
    mostly = _figures(made, made.requests_of_all, driven(1.0, 7.0), outcome(3.0), [])
    assert mostly.p50 == pytest.approx(1.0, rel=0.02)


def test_a_window_is_read_with_what_the_generator_said_at_its_end() -> None:
    times, ones = np.arange(1.0, SECONDS + 1), np.ones(SECONDS)
    cpu, lag, made_in = ones[1:] * 0.25, ones[1:] * 0.125, ones[1:] * 8
    unknown = np.full(SECONDS - 1, np.nan)
    rest = [unknown] * 6
    own = GeneratorWindows(times[1:], ones[1:], cpu, unknown, lag, unknown, unknown, made_in, *rest)
    nothing = np.zeros(SECONDS, np.int64)
    arrivals = Arrivals(
        nothing, nothing + 7, np.zeros(SECONDS + 1, np.int64), nothing[:0], nothing[:0]
    )
    users = Series("load_users", times[:3], np.array([5.0, 6.0, 7.0]))
    made = prepare(
        replace(
            recording(requests=[replace(LOAD, arrivals=arrivals)], seconds=SECONDS),
            generator=own,
            users=users,
        ),
        0.0,
    )
    first, second, *_, last = rows_of(made)
    latency = {bucket_of(0.01): 50}
    assert first == WindowRow(1.0, WindowCounts(1.0, latency, 10, 0, 7, 5))
    assert second == WindowRow(
        2.0,
        WindowCounts(1.0, latency, 20, 1, 7, 6, None, 8.0, 0.25, 0.125),
    )
    assert (last.counts.in_flight, last.counts.made) == (0, 8.0)
    [bare, *_] = rows_of(prepared())
    assert bare == WindowRow(1.0, WindowCounts(1.0, latency, 10, 0, 0, 0))


def test_cpu_is_the_sum_of_the_means_of_all_processes_that_have_a_value_there() -> None:
    first = Series("cpu", np.array([1.0, 2.0, 3.0, 4.0]), np.array([100.0, 1.0, 2.0, 50.0]))
    second = Series("cpu", np.array([1.0, 2.0, 3.0]), np.array([9.0, np.nan, 4.0]))
    gone = Series("cpu", np.array([1.0, 2.0]), np.array([9.0, np.nan]))
    assert _mean_of([first], 1.0, 3.0) == 1.5
    assert _mean_of([first, second, gone], 1.0, 3.0) == 5.5
    assert _mean_of([gone], 1.0, 3.0) is None
    assert _mean_of([], 1.0, 3.0) is None


def test_pools_have_the_name_that_tells_them_apart() -> None:
    values = np.arange(float(SECONDS))
    made = prepared(
        gauge("go_sql_in_use_connections", values),
        gauge("hikaricp_connections_active", 2 * values, pool="a", app="shop"),
        gauge("hikaricp_connections_active", np.full(SECONDS, np.nan), pool="b"),
    )
    assert list(_pools(made, 2.0, 4.0)) == [
        ("go_sql_in_use_connections", 3.5),
        ("a, shop", 7.0),
    ]


def capacity(
    conclusion: Conclusion = Conclusion.FOUND,
    held: float | None = None,
    steps: Sequence[StepFigures] = (),
) -> Capacity:
    return Capacity(conclusion, Bracket(held, None, None, None), tuple(steps), None, None)


def figures(made: StepOutcome, start: float = 0.0, end: float = 10.0) -> StepFigures:
    return StepFigures(made, start, end, 1.0, None, None, 0.0)


STARVED = [
    figures(replace(outcome(decision=Decision.BROKE), reason="it broke")),
    figures(outcome(decision=Decision.GENERATOR)),
]


@pytest.mark.parametrize(
    ("requests", "run", "found", "said"),
    [
        (1, {}, capacity(), None),
        (1, {"failure": "no server."}, capacity(), "The run broke: no server."),
        (0, {"ended": Ending.RUNNING}, capacity(), None),
        (0, {"ended": Ending.RUNNING, "failure": "x"}, capacity(), "The run broke: x."),
        (0, {}, capacity(), "The run broke: No request was made: see load.log for why."),
        (
            1,
            {},
            capacity(Conclusion.GENERATOR, None, STARVED),
            "The run broke: the load generator could not make the lowest rate: it is told.",
        ),
        (1, {}, capacity(Conclusion.GENERATOR, 50.0, STARVED), None),
        (1, {}, capacity(Conclusion.UNFINISHED, None, STARVED), None),
        (1, {"failure": "x"}, capacity(Conclusion.GENERATOR, None, STARVED), "The run broke: x."),
    ],
)
def test_a_search_broke_where_it_proves_nothing(
    requests: int, run: dict[str, Any], found: Capacity, said: str | None
) -> None:
    load = windows(requests=requests, seconds=SECONDS)
    made = recording(requests=[load], seconds=SECONDS)
    made = replace(made, run=replace(made.run, **run))
    assert _broken(prepare(made, 0.0), found) == said


def test_endpoints_are_summed_up_at_the_capacity_or_over_the_whole_search() -> None:
    made = prepared()
    assert list(_windows_at(made, capacity())) == [LOAD]
    at = [figures(outcome(3.0), 1.0, 5.0), figures(outcome(3.0, rate=70.0), 5.0, 9.0)]
    [own] = _windows_at(made, capacity(held=50.0, steps=at))
    assert own.times.tolist() == [3.0, 4.0, 5.0]


def test_limits_of_a_soak_are_not_judged_by_a_search() -> None:
    assert list(_not_judged(profile())) == []
    [one] = _not_judged(profile("limits: {p99: 1ms}\n"))
    assert one.startswith("limits.p99 is not judged: a capacity search judges load.find.limits")
    own = TEXT.replace("[GET /]", "[{request: GET /, limits: {p99: 1ms}}]")
    both = parse_profile(own + "limits: {p99: 1ms}\n", "p.yaml", environment={})[0]
    [said] = _not_judged(both)
    assert said.startswith("limits.p99, the limits of GET / are not judged:")


def searched_by_hand(ended: Ending = Ending.COMPLETED, **more: Any) -> Analysis:
    """A search of one step that ended undecided."""
    made = replace(
        recording(gauge("process_open_fds", np.full(SECONDS, 9.0)), requests=[LOAD], ended=ended),
        steps=(driven(1.0, 4.0),),
        **more,
    )
    return judge_search(made, profile(), AskedLoad())


def test_whether_the_target_survived_comes_before_the_capacity() -> None:
    only = searched_by_hand()
    assert only.verdict is Verdict.INCONCLUSIVE
    assert only.reason == only.findings[0].reason
    died = searched_by_hand(events=(Event(9.0, EventKind.TARGET, "it ended"),))
    assert died.verdict is Verdict.FAIL
    assert [finding.rule for finding in died.findings] == [RuleName.RESTART, RuleName.CAPACITY]
    assert died.reason == f"{died.findings[0].reason} {died.findings[1].reason}"


def test_a_search_that_broke_is_inconclusive_unless_the_target_failed() -> None:
    run = replace(recording().run, failure="the load ended")
    broke = searched_by_hand(run=run)
    assert (broke.verdict, broke.reason) == (
        Verdict.INCONCLUSIVE,
        "The run broke: the load ended.",
    )
    assert broke.broken == broke.reason
    died = searched_by_hand(run=run, events=(Event(9.0, EventKind.TARGET, "it ended"),))
    assert died.verdict is Verdict.FAIL
    assert died.reason.startswith("It ended")
    assert died.broken == broke.broken


def test_the_slowest_requests_of_a_search_are_shown_from_its_first_second_on() -> None:
    early = Exemplar(0.5, "GET /", 0.25)
    assert searched_by_hand(exemplars=(early,)).exemplars == (early,)


def test_what_fails_beyond_capacity_is_no_finding_of_a_search() -> None:
    """That no source was watched, or that requests failed, is expected or does not matter."""
    made = searched_by_hand(sources=())
    assert [finding.rule for finding in made.findings] == [RuleName.CAPACITY]
