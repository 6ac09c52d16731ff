"""What is said of a case as evidence, and when nothing is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import pytest

from soak.catalog.metrics import ResourceKind
from soak.catalog.process import DESCRIPTORS_BY_TYPE, OPEN_FILES, RESIDENT
from soak.diagnosis.attribution.attribution import EVERY
from soak.diagnosis.attribution.blocked_stacks import BlockedGroup
from soak.diagnosis.attribution.confirmation import Confirmation, ConfirmationOutcome
from soak.diagnosis.attribution.signals import GROUP, PLACE, Signal
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects import descriptor_kinds, evidence, late_growth
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import RunContext
from soak.diagnosis.suspects.descriptor_kinds import (
    descriptor_remedy,
    growing_descriptor_kind,
    growing_file,
)
from soak.diagnosis.suspects.evidence import (
    EVIDENCE,
    collect_evidence,
    matching,
    place_in,
)
from soak.diagnosis.suspects.evidence_kinds import EvidenceKind as E
from soak.model import Finding, RuleName, Series, Trend, Verdict
from tests.diagnosis.suspects.parts import (
    context,
    gauge,
    library,
    own,
    signal,
    site,
    stack,
    windows,
)

HEAP, MEMORY, POOL = ResourceKind.HEAP, ResourceKind.MEMORY, ResourceKind.POOL
THREADS, DESCRIPTORS = ResourceKind.THREADS, ResourceKind.DESCRIPTORS
OPEN, QUERY, F, G = Frame("os.Open"), Frame("database/sql.Query"), own("main.f"), own("main.g")


def case(*signals: Signal, endpoint: str = "GET /a") -> Case:
    return Case(endpoint, signals, tuple(each.each for each in signals))


def said(kind: E, subject: Case, run: RunContext | None = None) -> str:
    return EVIDENCE[kind](subject, context() if run is None else run)


def collected(kind: E, subject: Case) -> str:
    """What is said of this kind among all evidence."""
    return collect_evidence(subject, context()).get(kind, "")


def group_of(
    *frames: Frame,
    words: str = "wait",
    proven: float = 0.0,
    gain: float = 9.0,
    noun: str = "goroutines",
) -> Signal:
    place = site(stack(*frames, gain=gain))
    group = BlockedGroup("in a select", place.place, frames[-1], place, noun, proven)
    return signal(GROUP, name="main.wait", unit=noun, words=words, site=place, group=group)


def place_of_frames(*frames: Frame, gain: float = 9.0, name: str = "main.f") -> Signal:
    return signal(PLACE, name=name, site=site(stack(*frames, gain=gain)))


def test_a_signal_matches_that_grows_through_a_function_of_the_signatures() -> None:
    place, group = place_of_frames(OPEN, F), group_of(OPEN, G)
    other = place_of_frames(F)
    assert matching(case(other, place, group), "files") is place
    assert matching(case(other, group), "files") is group
    assert matching(case(place, group), "files", GROUP) is group
    assert matching(case(place), "files", GROUP) is None
    assert matching(case(place), "database") is None
    assert matching(case(place_of_frames(OPEN, F, gain=0.0)), "files") is None
    half = signal(PLACE, site=site(stack(OPEN, F, gain=1), stack(F, gain=99)))
    assert matching(case(half), "files") is half


@pytest.mark.parametrize(
    ("kind", "what", "unit"),
    [
        (E.POOL_GROWS, POOL, "connections"),
        (E.DESCRIPTORS_GROW, DESCRIPTORS, "descriptors"),
        (E.HEAP_GROWS, HEAP, "bytes"),
        (E.MEMORY_GROWS, MEMORY, "bytes"),
        (E.PLACE_GROWS, PLACE, "bytes"),
        (E.THREADS_GROW, THREADS, "threads"),
        (E.GOROUTINES_GROW, THREADS, "goroutines"),
        (E.TASKS_GROW, THREADS, "tasks"),
    ],
)
def test_a_series_speaks_for_itself_in_the_words_of_the_first_that_grows(
    kind: E, what: ResourceKind | str, unit: str
) -> None:
    first, second = (signal(what, unit=unit, words=words) for words in ("first", "second"))
    other = signal(ResourceKind.METRICS, unit="series")
    assert said(kind, case(other, first, second)) == "first"
    assert said(kind, case(other)) == ""
    if what is THREADS:
        assert said(kind, case(replace(first, unit="processes"))) == ""


def test_functions_are_named_that_pools_connections_and_native_memory_grow_through() -> None:
    opens = Frame("database/sql.OpenDB")
    assert said(E.MANY_POOLS, case(place_of_frames(opens, F))) == (
        "Pools are opened again and again: there is ever more of database/sql.OpenDB."
    )
    waits = Frame("net/http.(*persistConn).readLoop")
    assert said(E.CONNECTION_GOROUTINES, case(group_of(Frame("runtime.gopark"), waits, F))) == (
        "Ever more goroutines of connections wait at main.wait: what they belong to is not closed."
    )
    assert said(E.NATIVE_FRAMES, case(place_of_frames(Frame("syscall.Mmap"), F))) == (
        "At main.f, syscall.Mmap takes memory from the system."
    )
    assert said(E.CONTAINER_FRAMES, case(place_of_frames(Frame("runtime.growslice"), F))) == (
        "Part of what grows was made by runtime.growslice: a map or a list gains entries."
    )
    assert said(E.CONTAINER_FRAMES, case(place_of_frames(F))) == ""
    assert said(E.DATABASE_FRAMES, case(place_of_frames(QUERY, F))) == (
        "What grows at main.f came through the database's client."
    )
    assert said(E.DATABASE_FRAMES, case(place_of_frames(F))) == ""


def test_the_function_that_is_named_is_of_a_stack_that_grows() -> None:
    steady, grows = (
        stack(Frame("os.Create"), F, gain=0.0),
        stack(OPEN, F, gain=5.0),
    )
    signals = signal(PLACE, site=site(steady, grows))
    frames = list(evidence._frames(signals))
    assert frames == [OPEN, F]
    # It grows from the first snapshot to the last.
    passing = replace(steady, levels=np.array([0.0, 9.0, 9.0, 0.0]))
    late = replace(grows, levels=np.array([1.0, 9.5, 0.0, 9.0]))
    assert list(evidence._frames(signal(PLACE, site=site(passing, late)))) == [OPEN, F]


@pytest.mark.parametrize(
    ("function", "closure"),
    [
        ("main.keep.func1", True),
        ("shop.lambda$keep$0", True),
        ("shop$$Lambda/1", True),
        ("(anonymous)", True),
        ("<lambda>", True),
        ("keep.<locals>.inner", True),
        ("main.keep", False),
    ],
)
def test_a_function_within_a_function_is_a_closure(function: str, closure: bool) -> None:
    place = place_of_frames(own(function), name="main.keep")
    words = "The function at main.keep is a closure: it was created within another function and keeps its variables."
    assert said(E.CLOSURE, case(place)) == (words if closure else "")
    # The fastest place alone is looked at, and it must have been sampled.
    assert said(E.CLOSURE, case(place_of_frames(F), place)) == ""
    assert said(E.CLOSURE, case(signal(PLACE), place)) == ""


def test_what_every_endpoint_adds_is_told_with_its_amount() -> None:
    threads = signal(THREADS, each=2.0, unit="threads")
    assert said(E.EVERY_ENDPOINT, case(threads, signal(HEAP), endpoint=EVERY)) == (
        "Every endpoint adds the same, 2 threads per request."
    )
    assert said(E.EVERY_ENDPOINT, case(threads)) == ""


def test_own_groups_say_what_they_wait_for_three_at_most() -> None:
    four = [group_of(F, words=str(number)) for number in range(4)]
    assert said(E.BLOCKED, case(group_of(OPEN, words="foreign"), *four)) == "0 1 2"
    assert said(E.BLOCKED, case(signal(GROUP), group_of(OPEN))) == ""


def test_the_leak_profile_proves_what_nothing_can_wake() -> None:
    assert said(E.PROVEN, case(signal(GROUP), group_of(F), group_of(F, proven=12.0))) == (
        "Go's goroutineleak profile names 12 goroutines at main.wait: nothing can ever wake them."
    )
    assert said(E.PROVEN, case(group_of(F))) == ""
    assert said(E.PROVEN, case(group_of(F, proven=1.0))) != ""


def filling(
    levels: Sequence[float], endpoint: str = "GET /a", *, elsewhere: bool = False, asked: int = 1
) -> str:
    """What is said of a place with such a level every ten seconds, where each second had so many requests."""
    column = np.array(levels)
    base = site(stack(F, points=len(column)))
    place = replace(base, levels=column, requests=asked * base.times, stacks=())
    name = "POST /b" if elsewhere else "GET /a"
    made = [asked] * (10 * len(column))
    run = context(requests=[windows(name, made)], seconds=10.0 * len(column))
    signals = (signal(PLACE, name="main.f", site=place),)
    return said(E.SLOWS_DOWN, case(*signals, endpoint=endpoint), run)


#: Levels every ten seconds that gain 10 at first, and a half of it, or just seven tenths, from the middle on.
EARLY = [0.0, 10, 20, 30, 40, 50, 60]


def test_a_place_that_gains_less_and_less_fills_up() -> None:
    half = [*EARLY, *(60.0 + 5 * step for step in range(1, 6))]
    words = "Late in the run a request adds 50% as much at main.f as early in it: it fills up, or keys repeat."
    for endpoint in ("GET /a", "", "GET /never"):
        assert filling(half, endpoint) == words
    assert filling(half, "GET /a", elsewhere=True) == words
    steady = [10.0 * step for step in range(12)]
    assert filling(steady) == ""
    falls = [*EARLY, *(60.0 - 5 * step for step in range(1, 6))]
    assert filling(falls).startswith("Late in the run a request adds 0% as much")


def test_what_fills_up_is_measured_on_the_case_s_own_requests() -> None:
    """Half as much per second, since half as many requests come to the endpoint: it does not fill up."""
    levels = np.array(
        [0.0, *(10.0 * step for step in range(1, 7)), *(60.0 + 5 * s for s in range(1, 6))]
    )
    base = site(stack(F, points=12))
    requests = [2] * 60 + [1] * 60
    others = [1] * 60 + [2] * 60
    run = context(requests=[windows("POST /b", others), windows("GET /a", requests)], seconds=120.0)
    place = replace(base, levels=levels, requests=3 * base.times, stacks=())
    slow = signal(PLACE, name="main.f", site=place)
    assert said(E.SLOWS_DOWN, case(slow), run) == ""
    assert said(E.SLOWS_DOWN, case(slow, endpoint="POST /b"), run) != ""
    both = replace(case(slow), parts=(Case("GET /a"), Case("POST /b")))
    assert said(E.SLOWS_DOWN, both, run) != ""


@pytest.mark.parametrize(
    ("ratio", "errors", "fills"),
    [(0.7, 2.5, True), (0.71, 9.0, False), (0.1, 2.4, False), (0.7, 9.0, True), (0.1, 2.5, True)],
)
def test_a_place_fills_up_from_seven_tenths_and_two_and_a_half_errors_on(
    ratio: float, errors: float, fills: bool
) -> None:
    with mock.patch.object(late_growth, "slowing", return_value=(ratio, errors)):
        assert bool(filling(EARLY)) is fills


def test_only_the_fastest_place_is_looked_at_for_filling_up_and_after_its_first_snapshot() -> None:
    quick, slow = place_of_frames(F), place_of_frames(G, name="main.g")
    run = context(requests=[windows("GET /a", [1] * 40)])
    with mock.patch.object(late_growth, "slowing", side_effect=[(1.0, 0.0)]) as asked:
        assert said(E.SLOWS_DOWN, case(quick, slow), run) == ""
    clock, levels, period = asked.call_args.args
    assert clock.tolist() == [10.0, 20.0, 30.0]
    assert levels.tolist() == pytest.approx([3.0, 6.0, 9.0])
    assert period == 0.0


HEAP_STEADY = Finding(
    RuleName.GROWTH,
    "go_gc_heap_live_bytes",
    Verdict.PASS,
    "The heap is steady.",
    unit="bytes/h",
)
HEAP_GROWS = replace(
    HEAP_STEADY,
    verdict=Verdict.FAIL,
    reason="It grows.",
    trend=Trend(9.0, 8.0, 10.0, 1.0, 0.0, 1e6),
)


def test_a_steady_heap_has_no_part_in_resident_growth() -> None:
    resident = signal(MEMORY)
    steady = context(findings=(HEAP_STEADY,))
    assert said(E.HEAP_FLAT, case(resident), steady) == "The heap is steady."
    assert said(E.HEAP_FLAT, case(resident, signal(HEAP)), steady) == ""
    assert said(E.HEAP_FLAT, case(resident, signal(PLACE)), steady) == ""
    assert said(E.HEAP_FLAT, case(signal(DESCRIPTORS, unit="descriptors")), steady) == ""
    assert said(E.HEAP_FLAT, case(resident)) == ""
    both = context(findings=(HEAP_GROWS, HEAP_STEADY))
    assert said(E.HEAP_FLAT, case(resident), both) == ""
    # It may grow by half of what resident memory surely grows by.
    memory = Finding(
        RuleName.GROWTH,
        RESIDENT,
        Verdict.FAIL,
        "",
        trend=Trend(90.0, 20.0, 100.0, 1.0, 0.0, 1e6),
    )
    beside = context(findings=(memory, HEAP_GROWS, HEAP_STEADY))
    assert said(E.HEAP_FLAT, case(resident), beside) == "The heap is steady."


@pytest.mark.parametrize(("gain", "flat"), [(599.0, True), (600.0, False), (-9.0, True)])
def test_snapshots_that_hold_less_than_a_fifth_of_resident_growth_are_flat(
    gain: float, flat: bool
) -> None:
    """Resident memory grows by 100 bytes a request, and there are 30 requests."""
    run = context(places=[site(stack(F, gain=gain))])
    resident = signal(MEMORY, each=100.0), signal(MEMORY, each=1.0)
    words = said(E.HEAP_FLAT, case(*resident), run)
    assert words == (
        "The heap's snapshots hold hardly more at the end than at the beginning." if flat else ""
    )


def rising(by: float, **labels: str) -> Series:
    """Descriptors, 15 samples before a rise and 15 after it."""
    return gauge(DESCRIPTORS_BY_TYPE, [100.0] * 15 + [100.0 + by] * 15, 0.0, **labels)


def test_the_descriptors_of_the_type_that_grows_most_are_told() -> None:
    most = rising(9.0, type="socket", state="close_wait")
    run = context(rising(4.0, type="file"), most, rising(-50.0, type="pipe"))
    assert growing_descriptor_kind(run) == ("socket", "close_wait", 9.0)
    open_ones = case(signal(DESCRIPTORS, unit="descriptors"))
    assert said(E.DESCRIPTOR_TYPE, open_ones, run) == (
        "Of all descriptors it is those of type socket, CLOSE_WAIT that grow, by 9."
    )
    files = context(rising(1234.0, type="file"))
    assert said(E.DESCRIPTOR_TYPE, open_ones, files) == (
        "Of all descriptors it is those of type file that grow, by 1,234."
    )
    assert said(E.DESCRIPTOR_TYPE, case(signal(HEAP)), files) == ""
    assert growing_descriptor_kind(context()) == ("", "", 0.0)
    assert growing_descriptor_kind(context(rising(3.0))) == ("", "", 3.0)
    assert growing_descriptor_kind(context(rising(2.5, type="file"))) == ("", "", 0.0)
    assert growing_descriptor_kind(context(rising(3.0, type="file"))) == ("file", "", 3.0)
    late = context(rising(9.0, type="file"), warmup=15.0)
    assert growing_descriptor_kind(late) == ("", "", 0.0)


def opened(by: float, path: str) -> Series:
    return gauge(OPEN_FILES, [0.0] * 15 + [by] * 15, 0.0, path=path)


@pytest.mark.parametrize(
    ("files", "named", "remedied"),
    [
        ([opened(1000.0, "/data/*.txt")], " (of /data/*.txt)", ""),
        ([opened(600.0, "/data/a.db"), opened(600.0, "/data/a.db-wal")], " (of /data/a.db)", "Close each connection"),
        ([opened(600.0, "/a.txt"), opened(600.0, "/b.txt")], "", ""),
        ([opened(3.0, "/etc/hosts")], "", ""),
        ([], "", ""),
    ],
)  # fmt: skip
def test_the_files_that_are_never_closed_are_named(
    files: list[Series], named: str, remedied: str
) -> None:
    run = context(rising(1200.0, type="file"), *files)
    open_ones = case(signal(DESCRIPTORS, unit="descriptors"))
    assert said(E.DESCRIPTOR_TYPE, open_ones, run) == (
        f"Of all descriptors it is those of type file that grow, by 1,200{named}."
    )
    assert descriptor_remedy(run).startswith(remedied)
    assert bool(descriptor_remedy(run)) is bool(remedied)


def test_what_watches_files_is_told_how_to_close_and_a_socket_is_not() -> None:
    assert "file watcher" in descriptor_remedy(context(rising(9.0, type="inotify")))
    assert descriptor_remedy(context(rising(9.0, type="socket"))) == ""
    # The file that grows beside is not what grows most.
    assert growing_file(context(rising(9.0, type="socket"), opened(9.0, "/data/a.db"))) == ""


def test_sockets_in_close_wait_are_summed_and_told_beside_growing_descriptors() -> None:
    waiting = [rising(by, type="socket", state="close_wait", family=str(by)) for by in (1.0, 2.0)]
    open_ones = case(signal(DESCRIPTORS, unit="descriptors"))
    run = context(*waiting, rising(90.0, type="socket", state="ESTABLISHED"))
    assert said(E.CLOSE_WAIT, open_ones, run) == (
        "3 more sockets are in CLOSE_WAIT: the other side has hung up, this side has not."
    )
    assert said(E.CLOSE_WAIT, case(signal(HEAP)), run) == ""
    assert said(E.CLOSE_WAIT, open_ones, context(*waiting[1:])) == ""


KEPT = Finding(
    RuleName.VOUCH,
    "pool",
    Verdict.FAIL,
    "5 connections were not returned.",
    unit="connections",
)


def test_connections_that_are_kept_after_the_load_are_told_of_what_may_hold_them() -> None:
    run = context(findings=(KEPT, replace(KEPT, reason="other")))
    for about in (
        case(signal(POOL, unit="connections")),
        case(signal(DESCRIPTORS, unit="descriptors")),
        case(),
        case(place_of_frames(QUERY, F)),
    ):
        assert said(E.KEPT_AFTER_LOAD, about, run) == "5 connections were not returned."
    assert said(E.KEPT_AFTER_LOAD, case(signal(HEAP)), run) == ""
    for finding in (
        replace(KEPT, verdict=Verdict.PASS),
        replace(KEPT, unit="descriptors"),
        replace(KEPT, trend=Trend(9.0, 8.0, 10.0, 1.0, 0.0, 1e6)),
    ):
        assert said(E.KEPT_AFTER_LOAD, case(), context(findings=(finding,))) == ""


def test_what_is_counted_speaks_for_a_count() -> None:
    threads = signal(THREADS, unit="threads", words="Threads grow.")
    assert said(E.COUNT_GROWS, case(signal(HEAP), threads)) == "Threads grow."
    assert said(E.COUNT_GROWS, case(signal(HEAP))) == ""


def test_a_second_load_speaks_of_the_series_that_it_confirms() -> None:
    labels = (("id", "direct"),)
    grows = Finding(RuleName.GROWTH, "used", Verdict.FAIL, "It grows.", labels=labels)
    subject = case(signal(HEAP), signal(MEMORY, finding=grows))

    def confirmed(key: str, outcome: ConfirmationOutcome, reason: str) -> Confirmation:
        return Confirmation(key, "bytes", outcome, 1.0, 1.0, 1.0, 1.0, 99, reason)

    leak, high = ConfirmationOutcome.LEAK, ConfirmationOutcome.HIGH_WATER
    rows = (
        confirmed("used", leak, "another process"),
        confirmed('used{id="direct"}', high, "it stayed at its high-water mark"),
        confirmed('used{id="direct"}', leak, "it grew on"),
        confirmed('used{id="direct"}', leak, "again"),
    )
    run = context(confirmed=rows)
    assert said(E.LEAKS_AGAIN, subject, run) == "It grew on."
    assert said(E.HIGH_WATER, subject, run) == "It stayed at its high-water mark."
    assert said(E.LEAKS_AGAIN, subject, context(confirmed=rows[:2])) == ""
    assert said(E.LEAKS_AGAIN, case(signal(HEAP)), run) == ""


def test_timers_and_kept_requests_are_told_of_what_lies_on_the_heap() -> None:
    with (
        mock.patch.object(evidence, "timers_grow", return_value="timers"),
        mock.patch.object(evidence, "kept_requests", return_value="requests"),
    ):
        for kind, words, what in (
            (E.TIMERS_GROW, "timers", ResourceKind.TIMERS),
            (E.REQUESTS_KEPT, "requests", ResourceKind.REQUESTS),
        ):
            for about in (signal(HEAP), place_of_frames(F), signal(what)):
                assert collected(kind, case(about)) == words
            assert collected(kind, case(signal(MEMORY))) == ""


def test_a_context_is_seen_in_its_functions_or_else_its_package() -> None:
    timer = place_of_frames(Frame("time.AfterFunc"), F)
    assert collected(E.CONTEXT_FRAMES, case(timer)) == (
        "Part of what grows was made by time.AfterFunc: a context, timer, promise or thread-local that stays registered."
    )
    package = place_of_frames(own("github.com/gorilla/context.Set"), F)
    assert collected(E.CONTEXT_FRAMES, case(package)).startswith(
        "Part of what grows was made by github.com/gorilla/context.Set: something registered"
    )
    assert collected(E.CONTEXT_FRAMES, case(place_of_frames(F))) == ""


def test_all_evidence_is_collected_in_the_order_of_the_table_without_empty_words() -> None:
    threads = signal(THREADS, unit="threads", words="Threads grow.")
    seen = {E.ALLOCATION: "much", E.MUCH_GARBAGE: "garbage", E.IDLE_KEPT: ""}
    subject = replace(case(signal(HEAP), threads), seen=seen)
    assert list(collect_evidence(subject, context()).items()) == [
        (E.THREADS_GROW, "Threads grow."),
        (E.HEAP_GROWS, "It grows."),
        (E.COUNT_GROWS, "Threads grow."),
        (E.MUCH_GARBAGE, "garbage"),
        (E.ALLOCATION, "much"),
    ]


def placed(*signals: Signal, groups_first: bool = False, but: Sequence[str] = ()) -> str:
    frame = place_in(case(*signals), groups_first, but)
    return frame.function if frame is not None else ""


def test_a_place_is_an_own_frame_before_a_library_s_and_never_the_runtime_s() -> None:
    mine, theirs = place_of_frames(OPEN, F), place_of_frames(library("lib.f"))
    foreign = place_of_frames(Frame("os.Open", "/usr/lib/go/src/os/file.go", 9))
    assert placed(foreign, theirs, mine) == "main.f"
    assert placed(foreign, theirs) == "lib.f"
    assert placed(foreign) == ""
    assert placed(signal(HEAP), signal(PLACE)) == ""
    kept = place_of_frames(Frame("org.shop.Cart"))
    assert placed(kept) == "org.shop.Cart"


def test_places_come_before_groups_unless_groups_come_first() -> None:
    place, group = place_of_frames(F), group_of(G)
    assert placed(group, place) == "main.f"
    assert placed(place, group, groups_first=True) == "main.g"
    assert placed(place, groups_first=True) == "main.f"
    assert placed(group) == "main.g"


def test_a_place_is_not_one_that_grows_through_what_is_excluded() -> None:
    dials, other = place_of_frames(QUERY, F), place_of_frames(G)
    assert placed(dials, other) == "main.f"
    assert placed(dials, other, but=("database/sql.",)) == "main.g"
    assert placed(dials, but=("database/sql.",)) == ""
    assert placed(dials, but=("os.",)) == "main.f"


def test_descriptors_have_no_type_without_series(monkeypatch: Any) -> None:
    monkeypatch.setattr(descriptor_kinds, "LEAST_DESCRIPTORS", 0)
    assert growing_descriptor_kind(context()) == ("", "", 0.0)
    assert growing_descriptor_kind(context(rising(0.0, type="file"))) == ("file", "", 0.0)
