"""What a run's context shows: series, languages, heaps that are flat, and rises."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import Any
from unittest import mock

import numpy as np
import pytest

from soak.catalog.process import RESIDENT
from soak.diagnosis.attribution.confirmation import Confirmation, ConfirmationOutcome
from soak.diagnosis.suspects import context as module
from soak.diagnosis.suspects.context import RunContext, rise, run_context
from soak.model import (
    Analysis,
    Finding,
    Phase,
    Recording,
    RuleName,
    RunInfo,
    Series,
    Trend,
    Verdict,
)
from soak.snapshots import Snapshot
from tests.diagnosis.profiles.test_formats import RAN
from tests.diagnosis.suspects.parts import context, gauge, own, rising, site, stack, windows
from tests.diagnosis.writing import profile

LIVE = "go_gc_heap_live_bytes"


def grown(series: str, low: float, high: float, verdict: Verdict = Verdict.FAIL) -> Finding:
    """A finding of growth between these bounds per hour."""
    trend = Trend((low + high) / 2, low, high, 1.0, 0.0, 1e6)
    return Finding(RuleName.GROWTH, series, verdict, "", unit="bytes/h", trend=trend)


def test_series_are_found_by_name_and_by_all_of_some_labels() -> None:
    a, b = gauge("x", [1.0] * 9, 0.0, type="a", state="s"), gauge("x", [1.0] * 9, 0.0, type="b")
    seen = context(a, b, gauge("y", [1.0] * 9), seconds=5.0)
    assert [each.labels for each in seen.series("x")] == [a.labels, b.labels]
    assert [each.labels for each in seen.series("x", type="a", state="s")] == [a.labels]
    assert [each.labels for each in seen.series("x", state="s")] == [a.labels]
    assert seen.series("x", state="other") == []
    assert [len(each.times) for each in seen.series("y")] == [6]
    assert [len(each.times) for each in seen.recorded("y")] == [9]
    assert seen.recorded("x") == [a, b]
    assert seen.recorded("z") == []


def test_a_run_is_profiled_where_places_hold_memory() -> None:
    assert not context().profiled
    assert context(places=[site(stack(own("main.f")))]).profiled


def test_findings_of_the_heap_are_those_of_its_growth_in_bytes() -> None:
    heap = grown(LIVE, 1.0, 2.0)
    others = (
        replace(heap, rule=RuleName.MAX),
        replace(heap, unit="objects/h"),
        replace(heap, series=RESIDENT),
        replace(heap, series="never_heard_of"),
    )
    assert context(findings=(*others, heap)).heap_findings == [heap]


@pytest.mark.parametrize(
    ("heap", "resident", "may_grow"),
    [
        ([(0.0, 50.0)], [(100.0, 120.0)], False),
        ([(0.0, 51.0)], [(100.0, 120.0)], True),
        ([(0.0, 50.0)], [(100.0, 120.0), (10.0, 12.0)], False),
        ([(0.0, 51.0), (0.0, 1.0)], [(100.0, 120.0)], True),
        ([(0.0, 1.0)], [], True),
        ([(-2.0, 0.0)], [], False),
        ([(-2.0, 0.5)], [], True),
        ([], [(100.0, 120.0)], False),
    ],
)
def test_a_heap_may_grow_unless_surely_by_less_than_half_of_resident_memory(
    heap: list[tuple[float, float]], resident: list[tuple[float, float]], may_grow: bool
) -> None:
    findings = [grown(LIVE, *each) for each in heap] + [grown(RESIDENT, *each) for each in resident]
    assert context(findings=findings).heap_may_grow is may_grow
    passed = [replace(each, verdict=Verdict.PASS) for each in findings]
    assert context(findings=passed).heap_may_grow is False
    unknown = Finding(RuleName.GROWTH, RESIDENT, Verdict.PASS, "", unit="bytes/h")
    assert context(findings=[*findings, unknown]).heap_may_grow is may_grow


def test_without_findings_of_the_heap_a_place_that_surely_grows_shows_it() -> None:
    sure, steady = site(stack(own("main.f"), gain=9)), site(stack(own("main.g"), gain=0))
    assert context(places=[steady, sure]).heap_may_grow
    assert not context(places=[steady]).heap_may_grow
    assert not context().heap_may_grow
    flat = replace(grown(LIVE, 0.0, 1.0), verdict=Verdict.PASS)
    assert not context(findings=[flat], places=[sure]).heap_may_grow
    undecided = replace(flat, verdict=Verdict.INCONCLUSIVE, trend=None)
    assert context(findings=[undecided]).heap_may_grow


def test_all_places_together_gained_their_slopes() -> None:
    places = [site(stack(own("main.f"), gain=60)), site(stack(own("main.g"), gain=-30))]
    assert context(places=places).gained() == pytest.approx(1.0)
    assert context().gained() == 0
    assert context(places=[rising("main.f", 5.0, 1.0, 9.0)]).gained() == 5.0


@pytest.mark.parametrize(
    ("verdict", "high", "flat"),
    [
        (Verdict.PASS, 99.0, True),
        (Verdict.FAIL, 50.0, True),
        (Verdict.FAIL, 51.0, False),
        (Verdict.FAIL, None, False),
        (Verdict.PASS, None, True),
    ],
)
def test_a_heap_is_flat_that_passes_or_grows_little(
    verdict: Verdict, high: float | None, flat: bool
) -> None:
    finding = grown(LIVE, 0.0, high or 0.0, verdict)
    finding = finding if high is not None else replace(finding, trend=None)
    assert module._flat(finding, 50.0) is flat


def test_a_rise_is_from_the_median_of_the_first_fifth_to_that_of_the_last() -> None:
    assert rise(gauge("x", [1, 2, 9, 9, 9, 9, 9, 9, 5, 8]), 0.0) == 5.0
    assert rise(gauge("x", [1, 2, 9, 9, 9, 9, 9, 5, 8]), 0.0) == 0.0
    fifteen = [1, 2, 30, *[9] * 9, 50, 7, 8]
    assert rise(gauge("x", fifteen), 0.0) == 6.0
    assert rise(gauge("x", [99, *fifteen]), 1.0) == 6.0
    assert rise(gauge("x", [99, *fifteen]), 1.5) != 6.0
    assert rise(gauge("x", [np.nan, *fifteen, np.inf]), 0.0) == 6.0
    assert rise(gauge("x", [9.0] * 10), 0.0) == 0.0
    assert rise(gauge("x", []), 0.0) == 0.0


HEAPS = ("inuse_objects", "inuse_space", "alloc_objects", "alloc_space")


def snapshot(time: float, kind: Any = "heap", size: int = 0, error: str | None = None) -> Snapshot:
    """A snapshot in which `main.f` holds so many bytes and made twice as many, or of so many goroutines."""
    if kind == "heap":
        data = profile([(["main.f"], [1, size, 1, 2 * size])], HEAPS)
    else:
        data = profile([(["runtime.gopark", "main.g"], [size])], (kind,))
    return Snapshot(time, 0.01, kind, "steady", error, partial(bytes, data))


def recorded(*snapshots: Snapshot, **more: Any) -> RunContext:
    recording = Recording(
        RunInfo("made", seconds=40.0, language=more.pop("language", "")),
        tuple(more.pop("series", ())),
        (windows("GET /a", [1] * 40),),
        phases=(Phase("steady", 0.0, 40.0),),
        snapshots=snapshots,
    )
    analysis = Analysis(recording.run, Verdict.PASS, "", more.pop("findings", ()))
    return run_context(recording, analysis, 10.0)


def test_snapshots_of_the_judged_stretch_and_a_second_before_are_read() -> None:
    times = (8.9, 9.0, 20.0, 30.0)
    seen = recorded(*(snapshot(at, size=int(1000 * at)) for at in times))
    assert [profiled.time for profiled in seen.heaps] == [9.0, 20.0, 30.0]
    [place] = seen.places
    assert place.place.function == "main.f"
    assert place.levels.tolist() == [9000.0, 20000.0, 30000.0]
    [made] = seen.allocated
    assert made.levels.tolist() == [18000.0, 40000.0, 60000.0]
    assert seen.language == "Go"


def test_goroutines_are_read_where_there_are_no_threads_and_those_that_are_leaked() -> None:
    waiting = [snapshot(10.0 * at, "goroutine", 10 * at) for at in (1, 2, 3)]
    [group] = recorded(*waiting).groups
    assert (group.place.function, group.noun, group.proven) == ("main.g", "goroutines", 0.0)
    assert group.site.levels.tolist() == [10.0, 20.0, 30.0]
    leaked = [snapshot(10.0 * at, "goroutineleak", 5 * at) for at in (1, 2, 3)]
    [group] = recorded(*waiting, *leaked).groups
    assert group.proven == 15.0
    assert recorded(*leaked).groups == []


def test_snapshots_that_cannot_be_read_are_told_by_kind() -> None:
    broken = [
        Snapshot(20.0, 0.01, kind, "steady", None, lambda: b"<html>")
        for kind in ("v8cpu", "heap", "goroutine")
    ]
    assert [words.partition(" snap")[0] for words in recorded(*broken).unread] == [
        "1 of 1 heap",
        "1 of 1 goroutine",
        "1 of 1 v8cpu",
    ]


def test_samples_of_the_processor_are_added_up_from_snapshot_to_snapshot() -> None:
    taken = [
        Snapshot(at, 0.01, "v8cpu", "steady", None, partial(bytes, json.dumps(RAN).encode()))
        for at in (10.0, 20.0, 30.0)
    ]
    [invoice] = [place for place in recorded(*taken).running if place.place.own]
    assert invoice.levels.tolist() == [11.0, 22.0, 33.0]


def text(*, at: float, creator: str = "main.start", error: str | None = None) -> Snapshot:
    said = (
        f"goroutine 1 [select]:\nlib.wait()\n\t/usr/lib/lib.go:5 +0x1\n"
        f"created by {creator} in goroutine 7\n\t/srv/main.go:9 +0x1\n"
    )
    return Snapshot(at, 0.01, "stacks", "steady", error, partial(bytes, said.encode()))


def test_who_created_goroutines_is_told_by_the_last_text_that_was_taken() -> None:
    def creators(*snapshots: Snapshot) -> list[str]:
        recording = Recording(RunInfo("made"), (), snapshots=snapshots)
        return [row.creator.function for row in module._created(recording)]

    assert creators(text(at=1.0, creator="main.old"), text(at=2.0)) == ["main.start"]
    failed = text(at=3.0, creator="main.new", error="refused")
    assert creators(text(at=2.0), failed) == ["main.start"]
    assert creators() == creators(failed) == []
    assert creators(snapshot(1.0)) == []

    def gone() -> bytes:
        raise FileNotFoundError

    assert creators(replace(text(at=1.0), read=gone)) == []


@pytest.mark.parametrize(
    ("kind", "language"),
    [
        ("heap", "Go"),
        ("goroutine", "Go"),
        ("classes", "Java"),
        ("v8heap", "JavaScript"),
        ("tracemalloc", "Python"),
    ],
)
def test_a_language_is_told_by_snapshots_then_series_then_the_process(
    kind: Any, language: str
) -> None:
    node = Series("nodejs_heap_size_used_bytes", np.arange(2.0), np.arange(2.0))
    taken = Snapshot(1.0, 0.1, kind, "steady")
    plain = Recording(RunInfo("made", language="Ruby"), ())
    assert module._language(replace(plain, series=(node,), snapshots=(taken,))) == language
    assert module._language(replace(plain, series=(node,))) == "JavaScript"
    assert module._language(plain) == "Ruby"


def test_a_context_has_what_the_run_and_its_analysis_have() -> None:
    finding = grown(LIVE, 1.0, 2.0)
    confirmed = (Confirmation("x", "bytes", ConfirmationOutcome.LEAK, 1, 1, 1, 1, 9, ""),)
    with mock.patch.object(module, "confirmations", return_value=confirmed):
        seen = recorded(findings=(finding,))
    assert seen.findings == (finding,)
    assert seen.confirmed == confirmed
    assert seen.prepared.judged_from == 10.0
    assert (seen.mix_varied, seen.running, seen.unread) == (False, [], ())
    ready = seen.prepared
    assert RunContext(ready, (), "Go").mix_varied is False
    quiet = Analysis(ready.recording.run, Verdict.PASS, "", ())
    assert run_context(ready.recording, quiet, 0.0, ready).prepared is ready
