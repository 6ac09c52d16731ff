"""Where a leak of a known class is, and which of its signals tells how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pytest

from soak.catalog.metrics import ResourceKind
from soak.diagnosis.attribution.attribution import Amount
from soak.diagnosis.attribution.blocked_stacks import BlockedGroup
from soak.diagnosis.attribution.growing_classes import GrowingClasses
from soak.diagnosis.attribution.signals import GROUP, PLACE, Signal
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects import place_and_amount as module
from soak.diagnosis.suspects import retained_requests
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import RunContext
from soak.diagnosis.suspects.growing_containers import GrowingContainer
from soak.diagnosis.suspects.place_and_amount import (
    Known,
    place_and_amount,
    signal_told,
    surely_with_time,
)
from soak.growth_views import NO_RATE, HourlyRate
from soak.model import Finding, Place, RuleName, Verdict
from tests.diagnosis.suspects.parts import (
    NOBODY,
    amount,
    context,
    gauge,
    library,
    own,
    signal,
    site,
    stack,
)

HEAP, MEMORY, POOL = ResourceKind.HEAP, ResourceKind.MEMORY, ResourceKind.POOL
THREADS, DESCRIPTORS = ResourceKind.THREADS, ResourceKind.DESCRIPTORS
A, B = amount("GET /a"), amount("POST /b")
F, G, LIB = own("main.f"), own("main.g"), library("lib.f")
OPEN, GOPARK = Frame("os.Open"), Frame("runtime.gopark", "proc.go", 9)
OPENS_POOL = Frame("database/sql.OpenDB", "sql.go", 3)


def case(*pairs: tuple[Signal, Amount], endpoint: str = "GET /a", **more: Any) -> Case:
    return Case(endpoint, tuple(each for each, _ in pairs), tuple(of for _, of in pairs), **more)


def place(*frames: Frame, each: Amount | float = 10.0) -> Signal:
    return signal(PLACE, each=each, name="place", site=site(stack(*frames, gain=9)))


def group(*frames: Frame, name: str = "group") -> Signal:
    held = site(stack(*frames, gain=9))
    waiting = BlockedGroup("in a select", held.place, frames[-1], held)
    return signal(GROUP, name=name, unit="goroutines", site=held, group=waiting)


def where(known: Known) -> str:
    return str(known.place) if known.place is not None else ""


def test_a_case_that_is_no_growth_has_the_place_and_the_cost_that_it_came_with() -> None:
    cost = amount("GET /a", 0.004)
    bare = Case("GET /a", place=F, cost=cost, unit="seconds")
    assert place_and_amount("gc-pressure", bare, context()) == Known(
        Place("main.f", "main.go", 1), cost, "seconds"
    )
    assert place_and_amount("gc-pressure", Case(""), context()) == Known(None, NOBODY, "")


def test_a_case_of_growth_has_the_amount_of_the_signal_that_tells_it() -> None:
    rate = HourlyRate(5.0, 1.0, 9.0)
    threads = signal(THREADS, unit="threads", per_hour=rate)
    known = place_and_amount("goroutine-leak", case((threads, A)), context())
    assert known == Known(None, A, "threads", rate, signal=threads)
    pool = signal(POOL, unit="connections in use")
    known = place_and_amount("pool-misuse", case((pool, A)), context())
    assert (known.amount, known.unit, known.per_hour) == (A, "connections", NO_RATE)
    heap = signal(HEAP)
    known = place_and_amount("goroutine-leak", case((heap, A)), context())
    assert known == Known(None, NOBODY, "goroutines")


def test_an_amount_is_in_bytes_rather_than_in_blocks() -> None:
    blocks, resident = signal(HEAP, unit="blocks"), signal(ResourceKind.MEMORY)
    narrow, wide = amount("GET /a", 6.0, near=0.1), amount("GET /a", 16e3, near=1e3)
    known = place_and_amount("unbounded-cache", case((blocks, narrow), (resident, wide)), context())
    assert (known.amount, known.unit) == (wide, "bytes")
    known = place_and_amount("unbounded-cache", case((blocks, narrow)), context())
    assert (known.amount, known.unit) == (narrow, "blocks")
    other = amount("POST /b", 16e3, near=1e3)
    known = place_and_amount(
        "unbounded-cache", case((blocks, narrow), (resident, other)), context()
    )
    assert known.unit == "blocks"


def test_growth_with_time_is_sure_above_nothing() -> None:
    for low, sure in ((0.1, True), (0.0, False), (-1.0, False)):
        rate = HourlyRate(5.0, low, 9.0)
        assert surely_with_time(signal(HEAP, per_hour=rate)) == (rate if sure else NO_RATE)


CONTAINER = GrowingContainer("shop.SEEN", "dict", 1.0, (), Place("shop.SEEN"))


def test_a_container_that_holds_requests_is_the_place_of_kept_requests() -> None:
    held = replace(CONTAINER, entries=("flask.wrappers.Request",))
    seen = replace(CONTAINER, place=Place("shop.WORDS"))
    heap = case((signal(HEAP), A))
    for name, containers, at in (
        ("request-context", [seen, held], "shop.SEEN"),
        ("request-context", [seen], ""),
        ("unbounded-cache", [seen, held], "shop.WORDS"),
        ("closure-retention", [seen, held], ""),
    ):
        with (
            mock.patch.object(module, "containers_of", return_value=containers),
            mock.patch.object(retained_requests, "containers_of", return_value=containers),
        ):
            assert where(place_and_amount(name, heap, context())) == at


def looked(name: str, *, traced: float | None = None, label: bool = False) -> str:
    """Where a case is that has a place on the heap, a container that grows, and perhaps a label that multiplies."""
    signals = [(place(F), A)]
    if label:
        signals.append((signal(ResourceKind.METRICS, unit="series"), A))
    series = [] if traced is None else [gauge("python_tracing_duty_ratio", [traced] * 30)]
    with (
        mock.patch.object(module, "containers_of", return_value=[CONTAINER, None]),
        mock.patch.object(module, "multiplying_label", return_value=("visits", "path", 9)),
    ):
        return where(place_and_amount(name, case(*signals), context(*series)))


def test_a_container_s_line_comes_before_a_stack_where_only_a_part_was_traced() -> None:
    assert looked("unbounded-cache") == "main.f main.go:1"
    assert looked("unbounded-cache", traced=1.0) == "main.f main.go:1"
    assert looked("unbounded-cache", traced=0.5) == "shop.SEEN"
    assert looked("request-context", traced=0.5) == "main.f main.go:1"
    assert looked("descriptor-leak", traced=0.5) == "main.f main.go:1"
    for traced in (None, 0.5):
        assert looked("unbounded-cache", traced=traced, label=True) == "label path of visits"
    assert looked("request-context", label=True) == "main.f main.go:1"


def test_without_a_label_or_container_there_is_no_such_place() -> None:
    metrics = case((signal(ResourceKind.METRICS, unit="series"), A))
    assert module._multiplying_label("unbounded-cache", metrics, context()) is None
    assert module._container("unbounded-cache", metrics, context()) is None


def frame(name: str, subject: Case, run: RunContext | None = None) -> str:
    found = module._frame(name, subject, context() if run is None else run)
    return found.function if found is not None else ""


def test_memory_is_where_it_is_held_and_goroutines_are_where_they_wait() -> None:
    both = case((place(F), A), (group(G), A))
    assert frame("unbounded-cache", both) == "main.f"
    assert frame("goroutine-leak", both) == "main.g"
    assert frame("descriptor-leak", both) == "main.g"
    assert frame("closure-retention", case((place(LIB), A))) == "lib.f"
    assert frame("unbounded-cache", case((place(GOPARK), A))) == ""


def test_what_opens_is_the_place_of_what_was_opened() -> None:
    opens = site(stack(OPEN, F, gain=9))
    run = context(allocated=[opens])
    held = case((place(G), A), endpoint="")
    assert frame("descriptor-leak", held, run) == "main.f"
    assert frame("unbounded-cache", held, run) == "main.g"
    counted = "counted_opener"
    with mock.patch.object(module, counted, return_value=own("main.counted")) as asked:
        assert frame("descriptor-leak", held, run) == "main.counted"
        assert asked.call_args.args[1:] == ("", ("",))
        with mock.patch.object(module, "growing_descriptor_kind", return_value=("file", "x", 9.0)):
            assert frame("descriptor-leak", held, run) == "main.counted"
        assert asked.call_args.args[1:] == ("file", ("",))
        assert frame("native-growth", held, run) == ""
        assert asked.call_count == 2
    sockets = context(places=[site(stack(Frame("java.net.Socket"), gain=9))], language="Java")
    assert frame("descriptor-leak", case(endpoint=""), sockets) == "java.net.Socket"
    mapped = context(places=[site(stack(Frame("java.nio.DirectByteBuffer"), gain=9))])
    assert frame("native-growth", case(endpoint=""), mapped) == "java.nio.DirectByteBuffer"


def test_a_descriptor_of_java_without_an_opener_has_no_place() -> None:
    held = case((place(F), A))
    assert frame("descriptor-leak", held, context(language="Java")) == ""
    assert frame("descriptor-leak", held, context(language="Go")) == "main.f"
    assert frame("unbounded-cache", held, context(language="Java")) == "main.f"


def test_a_pool_s_place_is_who_borrows_and_native_memory_s_who_wraps() -> None:
    held = case((place(F), A))
    with mock.patch.object(module, "find_borrower", return_value=own("main.borrows")):
        assert frame("pool-misuse", held) == "main.borrows"
        assert frame("descriptor-leak", held) == "main.f"
    with mock.patch.object(module, "find_wrapper", return_value=own("main.wraps")) as asked:
        assert frame("native-growth", held) == "main.wraps"
        assert asked.call_args.args[1] == ("GET /a",)
        assert frame("unbounded-cache", held) == "main.f"
    assert frame("native-growth", held) == ""


def test_places_that_dial_do_not_show_who_keeps_a_connection() -> None:
    dials = Frame("database/sql.(*DB).conn", "sql.go", 9)
    held = case((place(dials, F), A), (place(G), A))
    assert frame("pool-misuse", held) == "main.g"
    assert frame("descriptor-leak", held) == "main.f"


def test_places_of_other_endpoints_do_not_show_who_opened() -> None:
    held = case((place(F), B), (place(G), A))
    assert frame("descriptor-leak", held) == "main.g"
    assert frame("pool-misuse", held) == "main.g"
    assert frame("unbounded-cache", held) == "main.f"
    kept = module._of_the_endpoint(case((place(F), B), (group(G), B), (place(G), A)))
    assert [each.name for each in kept.signals] == ["group", "place"]
    assert kept.amounts == (B, A)


def test_a_class_of_objects_does_not_show_who_opened() -> None:
    held = case((place(Frame("org.shop.Socket")), A))
    for name in ("descriptor-leak", "pool-misuse"):
        assert frame(name, held) == ""
    assert frame("unbounded-cache", held) == "org.shop.Socket"


def test_goroutines_that_a_library_starts_are_placed_at_who_called_it() -> None:
    waiting = case((group(GOPARK, LIB), A))
    with mock.patch.object(module, "find_starter", return_value=own("main.starts")) as asked:
        assert frame("goroutine-leak", waiting) == "main.starts"
        assert asked.call_args.args[1] is waiting.signals[0].group
        assert frame("goroutine-leak", case((group(F), A))) == "main.f"
        assert frame("goroutine-leak", case((group(GOPARK), A))) == "main.starts"
        # What another function holds meanwhile says nothing of who started it.
        assert (
            frame("goroutine-leak", case((group(GOPARK, LIB), A), (place(F), A))) == "main.starts"
        )
        assert frame("unbounded-cache", case((place(LIB), A))) == "lib.f"
        assert frame("goroutine-leak", case((place(LIB), A))) == "lib.f"
    assert frame("goroutine-leak", waiting) == "lib.f"
    assert frame("goroutine-leak", case((signal(GROUP), A))) == ""


def virtual(made: float, *held: str) -> RunContext:
    """A run of a JVM in which each request leaves so many virtual threads, and objects of other classes."""
    each = {"java.lang.VirtualThread": made, **dict.fromkeys(held, 1.0)}
    classes = GrowingClasses("GET /a", each, held, np.zeros(1), np.zeros(1))
    return replace(context(), classes=classes)


def test_virtual_threads_are_counted_by_their_class_and_placed_where_they_wait() -> None:
    chunk, mail = Frame("jdk.internal.vm.StackChunk"), Frame("shop.Mail")
    waits, makes = own("shop.Mailer.send", "", 36), own("shop.Mail.<init>", "", 17)
    held = case((place(mail, makes), A), (place(chunk, waits), A), (signal(HEAP), A))
    known = place_and_amount("goroutine-leak", held, virtual(0.99, "shop.Mail"))
    assert (where(known), known.unit) == ("shop.Mailer.send line 36", "threads")
    assert known.amount == Amount("GET /a", 1.0, 1.0, 1.0)
    # Otherwise the class that grows is placed where it is made.
    known = place_and_amount("unbounded-cache", held, virtual(0.99, "shop.Mail"))
    assert where(known) == "shop.Mail.<init> line 17"


ENDLESS = Frame("database/sql.(*Tx).awaitDone", "sql.go", 2212)
BEGINS = Frame("database/sql.(*DB).beginDC", "sql.go", 1900)


def test_transactions_that_are_never_ended_are_placed_at_who_began_them() -> None:
    """Whatever else the service does with its database, in memory that it holds or ever allocated."""
    waiting = case(
        (named(DESCRIPTORS, "descriptors", "descriptors"), A), (group(ENDLESS, BEGINS), A)
    )
    began = site(stack(BEGINS, Frame("database/sql.(*DB).BeginTx"), F, gain=1))
    other = site(stack(Frame("database/sql.(*DB).exec"), G, gain=9))
    run = context(places=[began], allocated=[began, other])
    assert frame("pool-misuse", waiting, run) == "main.f"
    assert frame("goroutine-leak", waiting, run) == "main.f"


def test_a_transaction_counts_once_whatever_files_its_connection_opened() -> None:
    files = named(DESCRIPTORS, "descriptors", "descriptors")
    ended = replace(group(ENDLESS, BEGINS, name="awaits"), unit="goroutines")
    assert told("connections", (files, A), (ended, A)) == "awaits"


def test_an_own_class_is_placed_at_who_alone_makes_it() -> None:
    made = Frame("org.shop.Cart")
    held = case((place(made), A))
    run = context(allocated=[site(stack(made, F))], language="Java")
    assert frame("unbounded-cache", held, run) == "main.f"
    assert frame("unbounded-cache", held) == "org.shop.Cart"
    other = context(allocated=[site(stack(F, G))], language="Java")
    assert frame("unbounded-cache", case((place(F), A)), other) == "main.f"


@pytest.mark.parametrize(
    ("name", "kind", "frames", "signatures"),
    [
        ("descriptor-leak", "", (F,), ("connections", "files")),
        ("descriptor-leak", "file", (F,), ("files",)),
        ("descriptor-leak", "socket", (F,), ("connections",)),
        ("descriptor-leak", "pipe", (F,), ("connections", "files")),
        ("pool-misuse", "file", (F,), ("database",)),
        ("pool-misuse", "", (OPENS_POOL, F), ("pools",)),
        ("descriptor-leak", "", (OPENS_POOL, F), ("connections", "files")),
        ("native-growth", "socket", (F,), ("native",)),
    ],
)
def test_what_is_looked_for_is_as_narrow_as_the_evidence(
    name: str, kind: str, frames: Sequence[Frame], signatures: tuple[str, ...]
) -> None:
    with mock.patch.object(module, "growing_descriptor_kind", return_value=(kind, "", 9.0)):
        assert module._opening(name, case((place(*frames), A)), context()) == signatures


def told(unit: str, *pairs: tuple[Signal, Amount], endpoint: str = "GET /a") -> str:
    found = signal_told(case(*pairs, endpoint=endpoint), unit)
    return found.name if found is not None else ""


def named(what: ResourceKind | str, name: str, unit: str = "bytes", **more: Any) -> Signal:
    return signal(what, name=name, unit=unit, **more)


def test_a_count_is_told_by_the_series_of_its_unit_and_endpoint() -> None:
    threads = named(THREADS, "threads", "threads")
    waits = named(GROUP, "waits", "goroutines")
    assert told("goroutines", (threads, A), (waits, A)) == "threads"
    assert told("goroutines", (threads, B), (waits, A)) == "waits"
    assert told("goroutines", (threads, B), (waits, B)) == ""
    handles = named(DESCRIPTORS, "handles", "handles")
    descriptors = named(DESCRIPTORS, "descriptors", "descriptors")
    assert told("descriptors", (handles, A), (descriptors, A)) == "descriptors"
    assert told("descriptors", (handles, A), (descriptors, B)) == "handles"
    assert told("descriptors", (handles, B)) == ""


def test_pools_that_are_opened_again_are_counted_by_the_goroutine_that_is_never_closed() -> None:
    opener = replace(group(OPENS_POOL, name="opener"), unit="goroutines")
    descriptors = named(DESCRIPTORS, "descriptors", "descriptors")
    pool = named(POOL, "pool", "connections")
    other = group(F, name="other")
    assert told("connections", (descriptors, A), (other, A), (opener, A)) == "opener"
    assert told("connections", (descriptors, A), (other, A)) == "descriptors"
    assert told("connections", (descriptors, A), (opener, A), (pool, A)) == "pool"
    assert told("descriptors", (descriptors, A), (opener, A)) == "descriptors"
    assert told("connections", (named(GROUP, "bare"), A)) == ""


def test_bytes_are_told_by_the_narrowest_interval_of_the_heap_and_its_places() -> None:
    wide, narrow = amount("GET /a", near=5.0), amount("GET /a", near=1.0)
    heap, kept, resident = (
        named(HEAP, "heap"),
        named(PLACE, "place"),
        named(MEMORY, "resident"),
    )
    assert told("bytes", (heap, wide), (kept, narrow), (resident, narrow)) == "place"
    assert told("bytes", (heap, narrow), (kept, narrow)) == "heap"
    # A place is sampled, which counts as a quarter more of width.
    assert told("bytes", (heap, amount("GET /a", near=2.2)), (kept, narrow)) == "heap"
    assert told("bytes", (heap, amount("GET /a", near=2.3)), (kept, narrow)) == "place"
    assert told("bytes", (resident, narrow)) == "resident"
    assert told("bytes", (heap, amount("POST /b")), (resident, wide)) == "resident"
    assert told("bytes", (heap, B)) == ""


def test_of_several_places_that_share_the_heap_each_is_told_by_itself() -> None:
    heap, resident = (named(HEAP, "heap"), A), (named(MEMORY, "resident"), A)
    kept = (named(PLACE, "place"), amount("GET /a", 4.0, near=3.0))

    def shared(*pairs: tuple[Signal, Amount]) -> str:
        found = signal_told(case(*pairs, shares_heap=True), "bytes")
        return found.name if found is not None else ""

    assert told("bytes", heap, resident, kept) == "heap"
    assert shared(heap, resident, kept) == "place"
    assert shared(heap, resident) == "heap"


def test_kept_requests_are_counted_rather_than_what_sampled_places_hold_of_them() -> None:
    requests = (named(ResourceKind.REQUESTS, "requests", "requests"), A)
    kept, heap, resident = (
        (named(what, name), A)
        for what, name in ((PLACE, "place"), (HEAP, "heap"), (MEMORY, "resident"))
    )
    assert told("bytes", kept, requests) == "requests"
    assert told("bytes", kept) == "place"
    assert told("bytes", kept, heap, requests) == "heap"
    assert told("bytes", kept, resident, requests) == "requests"
    assert told("bytes", resident, requests) == "resident"


def test_a_place_of_an_unknown_endpoint_does_not_show_what_keeps_this_one_s_requests() -> None:
    keeper = SimpleNamespace(place=own("FlushService.units", "flush.js", 6))
    through = replace(place(LIB), contributors=(A,))

    def kept(*places: Signal) -> str:
        with mock.patch.object(module, "keeper_of", return_value=keeper):
            found = module._keeper(
                "request-context", case(*((each, A) for each in places)), context()
            )
        return found.function if found is not None else ""

    assert kept(through, place(F)) == "FlushService.units"
    assert kept(place(F)) == ""
    assert (
        kept(place(F), named(ResourceKind.REQUESTS, "requests", "requests")) == "FlushService.units"
    )
    assert kept(through, replace(place(F), contributors=(A,))) == ""


def test_what_lies_on_the_heap_is_counted_where_no_bytes_are_known() -> None:
    timers = named(ResourceKind.TIMERS, "timers", "timers")
    requests = named(ResourceKind.REQUESTS, "requests", "requests")
    page = named(ResourceKind.METRICS, "page", "series")
    for only in (timers, requests, page):
        assert told("bytes", (only, B)) == only.name
    assert told("bytes", (timers, A), (named(MEMORY, "resident"), A)) == "resident"


def test_memory_outside_of_the_heap_is_told_where_it_is_most_of_it() -> None:
    finding = Finding(
        RuleName.GROWTH,
        "jvm_buffer_memory_used_bytes",
        Verdict.FAIL,
        "",
        labels=(("id", "direct"),),
    )
    outside = named(MEMORY, "outside", each=400.0, finding=finding)
    assert told("bytes", (named(HEAP, "heap"), A), (outside, A)) == "outside"
    assert told("bytes", (named(HEAP, "heap", each=300.0), A), (outside, A)) == "heap"


@pytest.mark.parametrize(
    ("what", "low", "high", "apart"),
    [
        # The place's amount is 9 to 11.
        (HEAP, 11.1, 90.0, True),
        (HEAP, 11.0, 90.0, False),
        (MEMORY, 11.1, 90.0, False),
        (PLACE, 11.1, 90.0, False),
        # A sampler counts what was given back in part.
        (HEAP, 1.0, 8.9, True),
        (HEAP, 1.0, 9.0, False),
        (MEMORY, 1.0, 8.9, False),
    ],
)
def test_the_heap_tells_the_amount_where_a_place_tells_another(
    what: ResourceKind | str, low: float, high: float, apart: bool
) -> None:
    kept = named(PLACE, "place")
    other = named(what, "other")
    pairs = (
        (kept, Amount("GET /a", 10.0, 9.0, 11.0)),
        (other, Amount("GET /a", (low + high) / 2, low, high)),
    )
    subject = case(*pairs)
    assert module._contradicts_the_heap(subject, kept, subject.signals) is apart
    assert not module._contradicts_the_heap(subject, other, (kept,))
    assert told("bytes", *pairs) == ("other" if apart else "place")


def test_connections_that_nothing_counts_are_told_by_their_memory() -> None:
    heap = case((named(HEAP, "heap"), A))
    known = place_and_amount("pool-misuse", heap, context())
    assert (known.unit, known.amount) == ("bytes", A)
    bare = place_and_amount("pool-misuse", case((group(F), A)), context())
    assert (bare.unit, bare.amount.per_request) == ("bytes", 0.0)


def test_an_interval_is_as_wide_as_it_is_to_its_estimate() -> None:
    heap, kept = named(HEAP, "heap"), named(PLACE, "place")
    assert module._width(Amount("", 8.0, 7.0, 11.0), heap) == 0.5
    assert module._width(Amount("", 8.0, 7.0, 11.0), kept) == 0.75
    assert module._width(Amount("", 1.0, 0.0, 0.12345678), heap) == 0.123457
    assert module._width(Amount("", 0.5, 0.25, 0.75), heap) == 1.0
    for nothing in (0.0, -1.0):
        assert module._width(Amount("", nothing, -2.0, 3.0), kept) == float("inf")


def test_a_suspect_whose_signal_is_another_endpoint_s_has_no_amount() -> None:
    known = place_and_amount(
        "descriptor-leak", case((named(DESCRIPTORS, "x", "descriptors"), B)), context()
    )
    assert (known.amount, known.unit) == (NOBODY, "descriptors")
