"""What of a recording is judged: from when to when, which series, and as what."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.analysis.prepare.asked_load import AskedLoad
from soak.analysis.prepare.prepare import (
    DYING,
    Prepared,
    _between,
    _overlap,
    _rate,
    died_at,
    prepare,
    prepare_until,
    request_series,
)
from soak.model import Event, EventKind, Floats, Kind, Phase, Recording, RunInfo, Series
from soak.snapshots import SNAPSHOT_SOURCE, Snapshot
from soak.windows import EndpointWindows
from tests.analysis.recordings import windows

RSS, FDS, CPU = "process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds_total"


def level(
    name: str = RSS, first: float = 0.0, last: float = 30.0, source: str = "process", **labels: str
) -> Series:
    """A gauge that shows its own time, once a second."""
    times = np.arange(first, last + 1)
    return Series(name, times, times.copy(), tuple(labels.items()), source=source)


def recorded(
    *series: Series, phases: tuple[Phase, ...] = (), seconds: float = 25.0, **more: Any
) -> Recording:
    return Recording(RunInfo("x", seconds=seconds), series, phases=phases, **more)


RAMP, STEADY, DRAIN = Phase("ramp", 2.0, 10.0), Phase("steady", 10.0, 20.0), Phase("drain", 20, 28)


@pytest.mark.parametrize(
    ("phases", "warmup", "start", "judged_from", "end"),
    [
        ((RAMP, STEADY, DRAIN), 0.0, 2.0, 10.0, 20.0),
        ((RAMP, STEADY, DRAIN), 8.0, 2.0, 10.0, 20.0),
        ((RAMP, STEADY, DRAIN), 9.0, 2.0, 11.0, 20.0),
        ((STEADY,), 3.0, 10.0, 13.0, 20.0),
        ((RAMP,), 3.0, 2.0, 5.0, 30.0),  # broke off in the ramp: judged from its beginning on
        ((), 3.0, 1.0, 4.0, 30.0),
    ],
)
def test_judging_begins_after_the_ramp_and_the_warm_up(
    phases: tuple[Phase, ...], warmup: float, start: float, judged_from: float, end: float
) -> None:
    prepared = prepare(recorded(level(first=3.0), level(FDS, 1.0, 9.0), phases=phases), warmup)
    assert (prepared.start, prepared.judged_from, prepared.end) == (start, judged_from, end)


def test_a_recording_without_samples_is_of_the_run_s_length() -> None:
    empty = Series(RSS, np.empty(0), np.empty(0))
    prepared = prepare(recorded(empty), 0.0)
    assert (prepared.start, prepared.judged_from, prepared.end) == (0.0, 0.0, 25.0)
    assert prepared.series == prepared.drawn == ()
    assert prepare(recorded(empty, level(last=9.0)), 0.0).end == 9.0


@pytest.mark.parametrize(
    ("times", "died", "end"),
    [([], math.inf, 20.0), ([15.0], 15.0, 13.0), ([18.0, 15.0], 15.0, 13.0), ([3.0], 3.0, 2.0)],
)
def test_nothing_is_judged_after_the_target_died_nor_just_before(
    times: list[float], died: float, end: float
) -> None:
    """The load began at 2 s, and lasts until 20 s."""
    events = tuple(
        [Event(time, EventKind.TARGET, "died") for time in times]
        + [Event(1.0, EventKind.WARNING, "x")]
    )
    run = recorded(level(), phases=(RAMP, STEADY), events=events)
    assert died_at(run) == died
    assert prepare(run, 0.0).end == end
    assert DYING == 2.0


def test_series_are_of_the_load_and_drawn_ones_of_all_that_came_after_it_too() -> None:
    after, before = level(FDS, first=21.0), level("x_bytes", last=1.0)
    prepared = prepare(recorded(level(), after, before, phases=(RAMP, STEADY, DRAIN)), 5.0)
    [judged] = prepared.series
    assert judged.times.tolist() == list(range(2, 21))
    assert [each.name for each in prepared.drawn] == [RSS, FDS, "x_bytes"]
    assert prepared.drawn[0].times.tolist() == list(range(2, 29))
    [own] = prepared.judged_series()
    assert own.times.tolist() == list(range(10, 21))


def test_without_phases_what_is_drawn_ends_with_what_is_judged() -> None:
    events = (Event(15.0, EventKind.TARGET, "died"),)
    [drawn] = prepare(recorded(level(), events=events), 0.0).drawn
    assert drawn.times[-1] == 13.0


def test_gaps_and_snapshots_are_masked_in_order_of_time_gaps_with_the_warm_up_after_them() -> None:
    gap, later_gap = Phase("gap", 6.0, 9.0), Phase("gap", 16.0, 17.0)
    taken = (Snapshot(12.0, 0.5, "heap", "steady"), Snapshot(3.0, 0.5, "heap", "start"))
    phases = (Phase("steady", 0.0, 24.0), gap, later_gap)
    kept = level(FDS, source=SNAPSHOT_SOURCE)
    prepared = prepare(recorded(level(), kept, phases=phases, snapshots=taken), 2.0)
    assert prepared.gaps == (gap, later_gap)
    assert prepared.gap_ends == (9.0, 17.0)
    assert prepared.masked == (
        Phase("snapshot", 3.0, 3.5),
        Phase("gap", 6.0, 11.0),
        Phase("snapshot", 12.0, 12.5),
        Phase("gap", 16.0, 19.0),
    )
    seen, own = prepared.series
    gone = [3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 16, 17, 18, 19, 20]
    assert np.flatnonzero(np.isnan(seen.values)).tolist() == gone
    assert np.isfinite(own.values).all()  # snapshots do not disturb what they told
    assert np.isfinite(prepared.drawn[0].values).all()
    assert prepared.loaded_seconds == 24.0 - 3.0 - 1.0
    assert prepared.judged_seconds == 22.0 - 5.0 - 3.0
    assert [prepared.load_time(moment) for moment in (0.0, 6.0, 8.0, 10.0, 24.0)] == [
        0.0,
        6.0,
        6.0,
        7.0,
        20.0,
    ]


def test_load_is_timed_from_its_start() -> None:
    gap = Phase("gap", 4.0, 5.0)
    prepared = prepare(recorded(level(), phases=(RAMP, gap, STEADY)), 0.0)
    assert [prepared.load_time(moment) for moment in (2.0, 3.0, 6.0)] == [0.0, 1.0, 3.0]
    assert prepared.loaded_seconds == 17.0
    assert prepared.judged_seconds == 10.0


def test_a_run_whose_load_was_all_gap_has_no_seconds() -> None:
    phases = (Phase("steady", 5.0, 6.0), Phase("gap", 5.0, 6.0), Phase("gap", 5.0, 6.0))
    assert prepare(recorded(level(), phases=phases), 0.0).loaded_seconds == 0.0


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [(0, 10, 3), (3, 10, 2), (2, 2.5, 0.5), (4, 6, 0), (5, 6, 0), (6.5, 10, 0.5), (0, 1, 0)],
)
def test_an_overlap_counts_what_lies_within_both(start: float, end: float, seconds: float) -> None:
    assert _overlap((Phase("gap", 2.0, 4.0), Phase("gap", 6.0, 7.0)), start, end) == seconds
    assert _overlap((), start, end) == 0


def test_of_two_sources_the_process_itself_or_else_the_first_named_is_taken() -> None:
    rows = [
        level(source="page"),
        level(source="process/1"),
        level(source="process/2"),
        level(FDS, source="page"),
        level(FDS, source="other"),
        level(FDS, source="other", instance="a"),
    ]
    taken = prepare(recorded(*rows), 0.0).series
    assert [(each.name, each.source, each.labels) for each in taken] == [
        (RSS, "process/1", ()),
        (FDS, "page", ()),
        (FDS, "other", (("instance", "a"),)),
    ]


def test_a_run_is_driven_where_soak_made_requests_users_or_phases() -> None:
    assert not prepare(recorded(level()), 0.0).driven
    assert prepare(recorded(level(), phases=(STEADY,)), 0.0).driven
    assert prepare(recorded(level(), windows=(windows(seconds=9),)), 0.0).driven
    assert prepare(recorded(level(), users=level("users")), 0.0).driven


def test_collections_and_restarts_are_of_what_is_judged() -> None:
    at = np.arange(31.0)
    ran = Series("go_gc_duration_seconds_count", at, at, kind=Kind.COUNTER)
    begun = np.where(at >= 15, 200.0, np.where(at >= 1, 100.0, 0.0))
    started = Series("process_start_time_seconds", at, begun)
    asked = AskedLoad(("GET /",))
    run = recorded(ran, started, phases=(RAMP, STEADY))
    prepared = prepare(run, 9.0, asked)
    assert prepared.collections == {"": 9.0}
    assert prepare(run, 0.0).collections == {"": 10.0}
    assert prepared.restarts == {"": (15.0,)}
    assert prepared.asked is asked
    assert prepared.recording is run


def test_a_live_heap_is_derived_before_what_is_judged_is_cut_out() -> None:
    goal = Series("go_memstats_next_gc_bytes", np.arange(31.0), np.full(31, 8.0))
    names = {each.name for each in prepare(recorded(goal), 0.0).series}
    assert names == {"go_memstats_next_gc_bytes", "go_gc_heap_live_bytes"}


def test_no_fit_crosses_a_replaced_process_nor_a_gap() -> None:
    at = np.arange(31.0)
    begun = np.where(at >= 15, 100.0, 0.0)
    started = Series("process_start_time_seconds", at, begun, (("instance", "a"),))
    own, other = level(instance="a"), level(instance="b")
    gap = Phase("gap", 6.0, 9.0)
    prepared = prepare(recorded(started, own, other, phases=(STEADY, gap)), 0.0)
    assert prepared.borders(own) == (15.0,)
    assert prepared.borders(other) is None
    assert prepared.cuts(own) == (9.0, 15.0)
    assert prepared.cuts(other) == (9.0,)
    only = replace(prepared, restarts={"": (3.0,), "b": (4.0,)})
    assert only.borders(own) == (3.0,)
    assert only.borders(other) == (4.0,)


def test_a_series_is_found_by_its_name_and_its_labels() -> None:
    own, other = level(instance="a"), level(instance="b")
    prepared = prepare(recorded(own, other, level(FDS, instance="c")), 0.0)
    assert [each.labels for each in prepared.named(RSS)] == [own.labels, other.labels]
    assert [each.labels for each in prepared.named(f'{RSS}{{instance="b"}}')] == [other.labels]
    beside = prepared.beside(RSS, other.labels)
    assert beside is not None
    assert (beside.name, beside.labels) == (RSS, other.labels)
    assert prepared.beside(RSS, (("instance", "c"),)) is None


def test_the_language_is_that_of_the_instance_s_series_else_of_the_run() -> None:
    rows = [level("go_goroutines", instance="a"), level("jvm_threads_live_threads", instance="b")]
    run = recorded(*rows)
    prepared = prepare(replace(run, run=replace(run.run, language="Ruby")), 0.0)
    assert [prepared.language(name) for name in ("a", "b", "c", "")] == [
        "Go",
        "Java",
        "Ruby",
        "Ruby",
    ]


def test_a_recording_may_be_judged_as_if_its_load_had_ended_earlier() -> None:
    asked = AskedLoad(("GET /",))
    later = Phase("confirm", 15.0, 30.0)
    prepared = prepare(recorded(level(), phases=(RAMP, STEADY, later, DRAIN)), 9.0, asked)
    cut = prepare_until(prepared, 15.0)
    assert (cut.start, cut.judged_from, cut.end) == (2.0, 11.0, 15.0)
    assert cut.recording.phases == (RAMP, replace(STEADY, end=15.0))
    assert cut.asked is asked
    assert prepare_until(prepared, 25.0).recording.phases[1:] == (
        STEADY,
        replace(later, end=25.0),
        replace(DRAIN, end=25.0),
    )


@pytest.mark.parametrize(
    ("start", "end", "times"),
    [
        (2.0, 4.0, [2, 3, 4]),
        (2.0 + 5e-7, 4.0 - 5e-7, [2, 3, 4]),  # a millionth of a second is no difference
        (2.0 + 2e-6, 4.0 - 2e-6, [3]),
        (2.5, 3.5, [3]),
        (6.0, 9.0, []),
        (-math.inf, math.inf, [0, 1, 2, 3, 4, 5]),
    ],
)
def test_samples_of_a_stretch_include_those_at_its_ends(
    start: float, end: float, times: list[int]
) -> None:
    given = Series(RSS, np.arange(6.0), np.arange(6.0) * 2, (("a", "b"),), Kind.COUNTER, "page")
    part = _between(given, start, end)
    assert part.times.tolist() == times
    assert part.values.tolist() == [2 * time for time in times]
    kept = (part.name, part.labels, part.kind, part.source)
    assert kept == (RSS, (("a", "b"),), Kind.COUNTER, "page")


NAN = math.nan


@pytest.mark.parametrize(
    ("times", "values", "at", "rates"),
    [
        ([0, 1, 3], [5, 7, 8], [1, 3], [2, 0.5]),
        ([0, 1, 3], [5, 2, 8], [1, 3], [2, 3]),  # a restart: it counts from 0
        ([0, 2, 4], [5, 0, 0], [2, 4], [0, 0]),
        ([0, 2, 4], [5, 5, 7], [2, 4], [0, 1]),
        ([0, 2, 4], [5, 4.5, 5], [2, 4], [2.25, 0.25]),
        ([0, 1, 3], [5, NAN, 8], [3], [1]),
        ([0, 1, 2, 3], [NAN, 5, 6, NAN], [2], [1]),
        ([0, 1, 1, 3], [5, 6, 7, 9], [1, 3], [1, 1]),  # two samples of one moment
        ([0], [5], [], []),
        ([], [], [], []),
    ],
)
def test_a_rate_is_what_was_counted_per_second_until_each_sample(
    times: list[float], values: list[float], at: list[float], rates: list[float]
) -> None:
    at_times: Floats = np.array(times, np.float64)
    counted: Floats = np.array(values, np.float64)
    rate = _rate(Series(CPU, at_times, counted, (("a", "b"),), Kind.COUNTER, "page"))
    assert rate.times.tolist() == at
    assert rate.values.tolist() == rates
    kept = (rate.name, rate.labels, rate.kind, rate.source)
    assert kept == (CPU, (("a", "b"),), Kind.GAUGE, "page")
    if len(values):
        assert np.array_equal(counted, np.array(values, np.float64), equal_nan=True)


def test_counters_are_rates_but_those_that_count_a_judged_resource() -> None:
    at = np.arange(4.0)
    rows = [
        Series(CPU, at, at * 3, kind=Kind.COUNTER),
        Series("unknown_total", at, at * 3, kind=Kind.COUNTER),
        Series(FDS, at, at * 3, kind=Kind.COUNTER),
        Series(RSS, at, at * 3),
    ]
    seen = {each.name: each for each in prepare(recorded(*rows), 0.0).series}
    assert {each.kind for each in seen.values()} == {Kind.GAUGE}
    assert seen[CPU].values.tolist() == seen["unknown_total"].values.tolist() == [3, 3, 3]
    assert seen[FDS].values.tolist() == seen[RSS].values.tolist() == [0, 3, 6, 9]


def few(endpoint: str, requests: list[int], failures: list[int], bucket: int) -> EndpointWindows:
    """Windows of two seconds, the successes of each at one latency."""
    done = np.array(requests) - np.array(failures)
    some = np.flatnonzero(done)
    return EndpointWindows(
        endpoint,
        np.arange(2.0, 2 * len(requests) + 1, 2),
        np.full(len(requests), 2.0),
        np.array(requests),
        np.array(failures),
        np.array(requests),
        np.concatenate(([0], np.cumsum(done > 0))),
        np.full(len(some), bucket),
        done[some],
    )


FIRST, SECOND = few("GET /a", [4, 0, 2], [1, 0, 2], 100), few("GET /b", [2, 2, 2], [2, 0, 0], 200)


def test_requests_are_shown_of_all_endpoints_and_of_each() -> None:
    made = list(request_series(recorded(windows=(FIRST, SECOND))))
    told = {(each.name, each.labels): each.values.tolist() for each in made}
    a, b = (("endpoint", "GET /a"),), (("endpoint", "GET /b"),)
    rate, ratio = "http_requests_per_second", "http_request_error_ratio"
    assert told[rate, ()] == [3, 1, 2]
    assert told[rate, a] == [2, 0, 1]
    assert told[rate, b] == [1, 1, 1]
    assert told[ratio, ()] == [0.5, 0, 0.5]
    assert told[ratio, b] == [1, 0, 0]
    assert told[ratio, a] == pytest.approx([0.25, NAN, 1], nan_ok=True)
    assert told["http_request_p50_seconds", a] == pytest.approx(
        FIRST.quantile_by_window(0.5).tolist(), nan_ok=True
    )
    assert len(made) == len(told) == 12
    assert {each.source for each in made} == {"load"}
    assert {tuple(each.times.tolist()) for each in made} == {(2.0, 4.0, 6.0)}
    assert list(request_series(recorded())) == []


def test_the_only_endpoint_s_requests_are_shown_once() -> None:
    failed = [few("GET /", [1, 0], [1, 0], 100)]
    [ratio] = [
        each.values.tolist()
        for each in request_series(recorded(windows=tuple(failed)))
        if each.name == "http_request_error_ratio"
    ]
    assert ratio == pytest.approx([1, NAN], nan_ok=True)
    users = level("users")
    made = list(request_series(recorded(windows=(FIRST,), users=users)))
    assert made[0] is users
    assert [each.labels for each in made[1:]] == [()] * 4
    assert list(request_series(recorded(users=users))) == [users]


def test_latencies_of_windows_are_shown_by_their_median_and_99th_percentile() -> None:
    spread = windows(requests=1000, spread=0.5, seconds=2)
    told = {each.name: each.values for each in request_series(recorded(windows=(spread,)))}
    assert told["http_request_p50_seconds"] == pytest.approx([0.01, 0.01], rel=0.05)
    # The normal distribution's 99th percentile is 2.33.
    assert told["http_request_p99_seconds"] == pytest.approx(
        [0.01 * math.exp(0.5 * 2.33)] * 2, rel=0.15
    )


def requests_of(prepared: Prepared) -> list[float] | None:
    return None if prepared.requests is None else prepared.requests.values.tolist()


def test_requests_are_counted_until_the_next_phase_after_the_load() -> None:
    phases = (Phase("steady", 0.0, 3.0), Phase("drain", 3.0, 4.0), Phase("confirm", 4.0, 6.0))
    run = recorded(level(), windows=(FIRST, SECOND), phases=phases)
    prepared = prepare(run, 0.0)
    assert requests_of(prepared) == [6]
    assert prepared.requests is not None
    assert (prepared.requests.name, prepared.requests.kind) == ("http_requests_total", Kind.COUNTER)
    assert requests_of(prepare(replace(run, phases=phases[:1]), 0.0)) == [6, 8, 12]
    later = (phases[0], Phase("confirm", 4.0, 6.0))
    assert requests_of(prepare(replace(run, phases=later), 0.0)) == [6, 8]


def test_a_file_s_own_counter_of_requests_is_taken_where_it_has_no_labels() -> None:
    at, name = np.arange(4.0), "http_requests_total"
    own = Series(name, at, at, kind=Kind.COUNTER)
    labelled = replace(own, labels=(("code", "200"),))
    assert prepare(recorded(labelled, level(), own), 0.0).requests is own
    assert prepare(recorded(labelled, level()), 0.0).requests is None


def test_windows_of_requests_are_cut_to_what_is_judged() -> None:
    prepared = prepare(
        recorded(level(), windows=(FIRST, SECOND), phases=(Phase("steady", 2.0, 4.0),)), 0.0
    )
    assert [each.requests.tolist() for each in prepared.windows()] == [[0], [2]]
    judged = prepared.judged_requests()
    assert judged is not None
    assert judged.requests.tolist() == [2]
    assert prepared.requests_of_all is not None
    assert prepared.requests_of_all.requests.tolist() == [6, 2, 4]
    without = prepare(recorded(level()), 0.0)
    assert (without.windows(), without.judged_requests()) == ((), None)
