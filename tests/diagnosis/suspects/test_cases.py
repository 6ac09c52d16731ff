"""Which signals are one leak: grouped by endpoint, by place, or by how they count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from soak.catalog.metrics import ResourceKind
from soak.diagnosis.attribution.allocation_sites import AllocationSite, Stack, to_own
from soak.diagnosis.attribution.attribution import EVERY, Amount
from soak.diagnosis.attribution.signals import GROUP, PLACE, Signal
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects import cases
from soak.diagnosis.suspects.cases import Case, frames_of, group_signals
from soak.model import Finding, RuleName, Verdict
from tests.diagnosis.suspects.parts import amount, library, own, signal, site, stack

A, B, ALL = amount("GET /a"), amount("POST /b"), amount(EVERY)
HEAP, MEMORY = ResourceKind.HEAP, ResourceKind.MEMORY
THREADS, DESCRIPTORS = ResourceKind.THREADS, ResourceKind.DESCRIPTORS


def case(*signals: Signal, endpoint: str = "GET /a") -> Case:
    return Case(endpoint, signals, tuple(each.each for each in signals))


def grouped(*signals: Signal, resident_names: bool = True) -> list[tuple[str, list[str]]]:
    """The cases of these signals: the endpoint and the names of the signals of each."""
    found = group_signals(signals, resident_names=resident_names)
    return [(each.endpoint, [one.name for one in each.signals]) for each in found]


def placed(name: str, *contributors: Amount, each: Amount | float = 10.0) -> Signal:
    """A place in the target's own code."""
    return signal(PLACE, *contributors, name=name, each=each, site=site(stack(own(f"main.{name}"))))


def test_what_a_case_has_of_signals_and_amounts() -> None:
    heap, descriptors = signal(HEAP), signal(DESCRIPTORS, unit="descriptors", each=2.0)
    both = case(heap, descriptors)
    assert both.of(HEAP, MEMORY) == [heap]
    assert both.of(DESCRIPTORS) == [descriptors]
    assert both.amount(descriptors).per_request == 2.0
    assert (both.sharing, both.endpoints) == ((), ("GET /a",))
    shared = replace(both, parts=(Case("GET /a"), Case("POST /b")))
    assert shared.sharing == shared.endpoints == ("GET /a", "POST /b")


def test_resident_memory_is_alone_where_nothing_else_grows() -> None:
    resident = signal(MEMORY)
    assert case(resident, resident).resident_alone
    assert not case(resident, signal(HEAP)).resident_alone
    assert not case().resident_alone


def test_a_case_is_of_memory_alone_where_nothing_is_counted() -> None:
    assert case(signal(MEMORY), signal(HEAP)).memory_alone
    assert case().memory_alone
    assert not case(signal(MEMORY), signal(THREADS, unit="threads")).memory_alone


def test_several_places_of_unknown_endpoints_share_the_heap_and_one_has_it_alone() -> None:
    heap = signal(HEAP, name="heap", each=30.0)
    first, second = placed("keep", each=20.0), placed("fill", each=9.0)
    both = group_signals([heap, first, second])
    assert [each.of(PLACE) for each in both] == [[first], [second]]
    assert [each.shares_heap for each in both] == [True, True]
    [alone] = group_signals([heap, first])
    assert not alone.shares_heap
    threads = signal(THREADS, unit="threads", each=1.0, name="threads")
    counted = group_signals([heap, threads, placed("keep", each=9e9)])
    assert [each.shares_heap for each in counted] == [False, False]


def test_the_frames_of_a_case_are_what_own_code_called_at_the_fastest_places_then_groups() -> None:
    called, main, handler = Frame("runtime.mapassign"), own("main.keep"), own("main.handle")
    waits, serves = Frame("runtime.gopark"), Frame("net/http.serve")
    place = signal(PLACE, site=site(stack(called, main, handler, gain=900)))
    group = signal(GROUP, site=site(stack(waits, serves, gain=9)))
    assert frames_of(case(group, place)) == [called, main, waits, serves]
    assert frames_of(case(signal(HEAP, site=site(stack(main))))) == []


@pytest.mark.parametrize(
    ("gains", "kept"),
    [
        ((100, 10), [0, 1]),
        ((100, 9.9), [0]),
        ((10, 100), [0, 1]),
        ((100, -100), [0]),
        ((0, 0), []),
        ((-5,), []),
        ((0, 7), [1]),
        ((0.5,), [0]),
    ],
)
def test_a_stack_is_fast_that_gains_a_tenth_of_the_fastest_one_s(
    gains: tuple[float, ...], kept: list[int]
) -> None:
    frames = [(own(f"main.f{number}"),) for number in range(len(gains))]
    stacks = [
        stack(*row, gain=gain, first=200.0, points=2)
        for row, gain in zip(frames, gains, strict=True)
    ]
    found = cases._fastest_stacks([signal(PLACE, site=site(*stacks)), signal(PLACE)])
    assert found == [frames[number] for number in kept]


def test_frames_end_at_the_innermost_own_one_and_go_all_the_way_without() -> None:
    inner, mine, outer = Frame("os.Open"), own("main.f"), own("main.g")
    assert list(to_own((inner, mine, outer))) == [inner, mine]
    assert list(to_own((mine, outer))) == [mine]
    assert list(to_own((inner, library("lib.f")))) == [inner, library("lib.f")]


def test_signals_of_one_endpoint_are_one_case_and_of_two_are_two() -> None:
    first = signal(HEAP, A, name="heap")
    goroutines = signal(THREADS, A, name="goroutines", unit="goroutines")
    descriptors = signal(DESCRIPTORS, B, name="descriptors", unit="descriptors")
    assert grouped(first, goroutines) == [("GET /a", ["heap", "goroutines"])]
    assert grouped(first, goroutines, descriptors) == [
        ("GET /a", ["heap", "goroutines"]),
        ("POST /b", ["descriptors"]),
    ]
    [found] = group_signals([replace(first, contributors=(amount("GET /a", 77.0),))])
    assert found.amounts == (amount("GET /a", 77.0),)


def test_without_endpoints_signals_are_grouped_by_their_counts_and_each_amount_is_any_kind_s() -> (
    None
):
    heap = signal(HEAP, name="heap", each=30.0)
    assert grouped(heap) == [("", ["heap"])]
    [found] = group_signals([heap])
    assert found.amounts == (heap.each,)
    assert group_signals([]) == []
    # Where nothing else is said, resident memory may name an endpoint.
    [found] = group_signals([signal(MEMORY, A)])
    assert found.endpoint == "GET /a"


def test_resident_memory_alone_belongs_to_what_every_endpoint_adds_to() -> None:
    every = signal(HEAP, ALL, name="heap")
    resident = signal(MEMORY, A, name="resident")
    assert grouped(every, resident) == [(EVERY, ["heap", "resident"])]
    counted = signal(THREADS, A, name="threads", unit="threads")
    assert grouped(every, resident, counted) == [
        (EVERY, ["heap"]),
        ("GET /a", ["resident", "threads"]),
    ]
    # With no other endpoint, it is resident memory that every endpoint adds to.
    both = signal(MEMORY, ALL, name="resident")
    assert grouped(both) == [(EVERY, ["resident"])]
    assert grouped(both, resident_names=False) == [("", ["resident"])]
    assert grouped(resident, resident_names=False) == [("", ["resident"])]
    assert grouped(resident) == [("GET /a", ["resident"])]


def test_resident_memory_of_two_endpoints_that_it_may_not_name_is_one_signal() -> None:
    resident = signal(MEMORY, A, B, name="resident")
    assert grouped(resident, resident_names=False) == [("", ["resident"])]
    other = signal(MEMORY, B, name="other")
    assert grouped(resident, other, resident_names=False) == [("", ["resident", "other"])]


def test_a_second_endpoint_counts_things_or_has_a_fifth_of_the_bytes() -> None:
    most, fifth, less = amount("GET /a", share=0.8), amount("POST /b", share=0.2), 0.19
    assert [name for name, _ in grouped(signal(HEAP, most, fifth))] == ["GET /a", "POST /b"]
    small = replace(fifth, share=less)
    assert [name for name, _ in grouped(signal(HEAP, most, small))] == ["GET /a"]
    assert [name for name, _ in grouped(signal(HEAP, small))] == ["POST /b"]
    assert [name for name, _ in grouped(signal(HEAP, replace(most, share=less), small))] == [
        "GET /a"
    ]
    counted = signal(THREADS, small, unit="threads")
    assert [name for name, _ in grouped(signal(HEAP, most), counted)] == ["GET /a", "POST /b"]


@pytest.mark.parametrize(
    ("place", "heap", "endpoints"),
    [
        ((A, 20.0, 24.0), 1.1 * 24.0, ["GET /a"]),
        ((A, 20.0, 24.0), 26.5, ["GET /a", EVERY]),
        ((ALL, 20.0, 24.0), 26.4, [EVERY]),
    ],
)
def test_a_heap_that_every_endpoint_adds_to_is_explained_by_places_up_to_a_tenth_more(
    place: tuple[Amount, float, float], heap: float, endpoints: list[str]
) -> None:
    contributor, each, high = place
    kept = placed("keep", contributor, each=Amount("", each, 0.0, high))
    whole = signal(HEAP, ALL, each=Amount("", 30.0, heap, 99.0), name="heap")
    explained = cases._less_explained(whole, [whole, kept])
    assert bool(explained.contributors) is (EVERY in endpoints)
    assert [name for name, _ in grouped(kept, whole)] == endpoints


def test_only_a_heap_that_every_endpoint_adds_to_is_explained_by_places() -> None:
    kept = placed("keep", A, each=1000.0)
    low = Amount("", 1.0, 0.5, 2.0)
    for other in (signal(HEAP, A, B, each=low), signal(MEMORY, ALL, each=low), signal(HEAP)):
        assert cases._less_explained(other, [kept]) is other
    whole = signal(HEAP, A, ALL, each=low)
    assert cases._less_explained(whole, [kept]).contributors == ()
    no_place = signal(MEMORY, A, each=1000.0)
    assert cases._less_explained(whole, [no_place]) is whole
    # Two places explain it together.
    half = [placed(name, A, each=Amount("", 5.0, 4.0, 6.0)) for name in ("f", "g")]
    twelve = signal(HEAP, ALL, each=Amount("", 13.0, 13.0, 14.0))
    assert cases._less_explained(twelve, half).contributors == ()
    assert cases._less_explained(twelve, half[:1]) is twelve


@pytest.mark.parametrize(
    ("place", "share", "period", "endpoints"),
    [
        (61.0, 0.7, 32768.0, ["GET /a"]),  # the heap leaves 60 to others
        (59.0, 0.7, 32768.0, ["GET /a", EVERY]),
        (61.0, 0.7, 0.0, ["GET /a", EVERY]),  # counted, not sampled
        (1.0, 1.1, 32768.0, ["GET /a"]),
    ],
)
def test_a_sampled_place_adds_no_more_to_every_endpoint_than_the_heap_leaves(
    place: float, share: float, period: float, endpoints: list[str]
) -> None:
    kept = placed("keep", ALL, each=Amount("", 2 * place, place, 3 * place))
    assert kept.site is not None
    sampled = replace(kept, site=replace(kept.site, period=period))
    heap = signal(HEAP, replace(A, share=share), each=Amount("", 100.0, 50.0, 200.0), name="heap")
    assert sorted(case for case, _ in grouped(heap, sampled)) == sorted(endpoints)
    spread = signal(HEAP, replace(A, share=share), ALL, name="heap")
    assert cases._within_heap(sampled, [spread, signal(HEAP), signal(MEMORY, A)]) is sampled


def test_resident_memory_names_an_endpoint_from_half_of_the_estimate_on() -> None:
    close = Amount("GET /a", 100.0, 50.0, 150.0)
    loose = Amount("POST /b", 100.0, 49.0, 150.0)
    resident = signal(MEMORY, loose, close, replace(loose, endpoint=EVERY))
    kept = cases._only_close(resident)
    assert [each.endpoint for each in kept.contributors] == ["GET /a", EVERY]
    assert kept.refused == (
        "resident memory moves in arenas, so all it shows for POST /b is that a request may add 49 B to 150 B"
    )
    two = signal(MEMORY, loose, Amount("GET /c", 100.0, 1.0, 900.0))
    assert cases._only_close(two).refused == kept.refused
    for untouched in (signal(MEMORY, close), signal(HEAP, loose), signal(MEMORY)):
        assert cases._only_close(untouched) is untouched


def test_cases_of_the_same_places_are_one_leak_of_several_endpoints() -> None:
    shared = placed("keep", A, B)
    assert grouped(shared) == [("GET /a and POST /b", ["keep"])]
    one, other = placed("keep", A), placed("audit", B)
    assert grouped(one, other) == [("GET /a", ["keep"]), ("POST /b", ["audit"])]
    waiting = [signal(GROUP, each, name="wait", unit="goroutines") for each in (A, B)]
    assert grouped(*waiting) == [("GET /a and POST /b", ["wait", "wait"])]


def test_memory_without_a_place_is_shared_where_places_have_no_endpoint() -> None:
    heap, unknown = signal(HEAP, A, B, name="heap"), placed("keep")
    assert grouped(heap, unknown) == [("GET /a and POST /b", ["heap", "keep"])]
    assert grouped(heap) == [("GET /a", ["heap"]), ("POST /b", ["heap"])]
    # A case that counts something is a leak of its own, and so is what every endpoint adds to.
    counted = signal(THREADS, B, name="threads", unit="threads")
    assert [name for name, _ in grouped(heap, counted, unknown)] == ["GET /a", "POST /b"]
    every = signal(HEAP, A, ALL, name="heap", each=5000.0)
    assert [name for name, _ in grouped(every, unknown)] == ["GET /a", EVERY]
    # A group of goroutines without an endpoint is no place on the heap.
    group = signal(GROUP, name="wait", unit="goroutines")
    assert [name for name, _ in grouped(heap, group)] == ["GET /a", "POST /b"]


def test_a_shared_signal_has_the_amount_of_a_request_to_any_of_its_endpoints() -> None:
    """A request to /a adds 30 and has 0.6 of the growth, one to /b adds 10 and has 0.4: two of six requests are for /a."""
    first = Amount("GET /a", 30.0, 27.0, 36.0, 0.6)
    second = Amount("POST /b", 10.0, 6.0, 12.0, 0.4)
    [found] = group_signals([placed("keep", first, second), signal(HEAP, second, name="heap")])
    assert found.endpoint == "GET /a and POST /b"
    assert [each.name for each in found.signals] == ["keep", "heap"]
    of_any, only = found.amounts
    assert of_any.endpoint == "GET /a and POST /b"
    assert [of_any.per_request, of_any.low, of_any.high, of_any.share] == pytest.approx(
        [(30 * 2 + 10 * 4) / 6, (27 * 2 + 6 * 4) / 6, (36 * 2 + 12 * 4) / 6, 1.0]
    )
    assert only == second
    assert [part.endpoint for part in found.parts] == ["GET /a", "POST /b"]
    # The endpoints come in the order of their names.
    [found] = group_signals([placed("keep", second, first)])
    assert found.sharing == ("GET /a", "POST /b")


def test_what_has_no_endpoint_goes_to_the_only_case_or_to_the_first_that_fits() -> None:
    heap = signal(HEAP, A, name="heap")
    threads = signal(THREADS, B, name="threads", unit="threads")
    loose_bytes = signal(MEMORY, name="resident")
    loose_count = signal(DESCRIPTORS, name="descriptors", unit="descriptors")
    assert grouped(heap, loose_count) == [("GET /a", ["heap", "descriptors"])]
    assert grouped(heap, threads, loose_bytes, loose_count) == [
        ("GET /a", ["heap", "resident"]),
        ("POST /b", ["threads", "descriptors"]),
    ]
    assert grouped(threads, heap, loose_bytes) == [
        ("POST /b", ["threads"]),
        ("GET /a", ["heap", "resident"]),
    ]
    # Nothing of two cases fits: it is left out.
    more = signal(DESCRIPTORS, A, name="more", unit="descriptors")
    assert grouped(more, threads, loose_bytes) == [("GET /a", ["more"]), ("POST /b", ["threads"])]
    [found] = group_signals([heap, loose_count])
    assert found.amounts == (A, loose_count.each)


def test_a_place_without_an_endpoint_goes_to_a_case_without_a_place() -> None:
    kept, heap = placed("keep", A), signal(HEAP, B, name="heap")
    threads = signal(THREADS, B, name="threads", unit="threads")
    unknown = placed("audit")
    assert grouped(kept, heap, threads, unknown) == [
        ("GET /a", ["keep"]),
        ("POST /b", ["heap", "threads", "audit"]),
    ]
    resident = signal(MEMORY, name="resident")
    assert grouped(kept, heap, threads, resident) == [
        ("GET /a", ["keep", "resident"]),
        ("POST /b", ["heap", "threads"]),
    ]
    both = placed("keep", A), placed("log", B)
    assert grouped(*both, unknown) == [("GET /a", ["keep", "audit"]), ("POST /b", ["log"])]


def test_a_signal_fits_a_case_of_its_own_sort_and_one_of_every_endpoint() -> None:
    heap, threads = signal(HEAP), signal(THREADS, unit="threads")
    assert cases._fits(case(heap), signal(MEMORY))
    assert cases._fits(case(heap, threads), threads)
    assert not cases._fits(case(heap), threads)
    assert not cases._fits(case(threads), heap)
    assert cases._fits(case(threads, endpoint=EVERY), heap)


def by_count(*signals: Signal) -> list[list[str]]:
    return [[each.name for each in group] for group in cases._by_count(signals)]


def counted(name: str, each: float) -> Signal:
    return signal(THREADS, name=name, each=each, unit="threads")


def test_counts_in_whole_ratios_are_one_leak_and_series_of_bytes_join_each() -> None:
    heap = signal(HEAP, name="heap")
    one, two, odd = counted("one", 1.0), counted("two", 2.0), counted("odd", 1.5)
    assert by_count(heap) == [["heap"]]
    assert by_count() == []
    assert by_count(one, two, odd) == [["one", "two"], ["odd"]]
    assert by_count(one, two, counted("three", 3.0)) == [["one", "two", "three"]]
    assert by_count(heap, one, odd) == [["one", "heap"], ["odd", "heap"]]


def test_places_follow_counts_and_join_the_group_that_explains_them() -> None:
    few, many = placed("few", each=30000.0), placed("many", each=40000.0)
    one = counted("one", 1.0)
    assert by_count(few, many, one) == [["one", "few"], ["many"]]
    assert by_count(few, many) == [["few"], ["many"]]
    heap = signal(HEAP, name="heap")
    assert by_count(heap, few, many) == [["few", "heap"], ["many", "heap"]]
    handler = own("main.handle")
    first, second, other = (
        signal(PLACE, name=name, site=site(stack(own(f"main.{name}"), caller)))
        for name, caller in (("f", handler), ("g", handler), ("h", own("main.other")))
    )
    assert by_count(first, second, other) == [["f", "g"], ["h"]]


@pytest.mark.parametrize(
    ("leader", "other", "together"),
    [
        (counted("x", 1.0), counted("y", 3.0), True),
        (counted("x", 1.0), counted("y", 2.5), False),
        (counted("x", 2.0), placed("f", each=2.0 * 2**15), True),
        (counted("x", 2.0), placed("f", each=2.0 * 2**15 + 1), False),
        (placed("f"), placed("f"), True),
        (placed("f"), placed("g"), False),
        # What no own code made may belong to anything.
        (placed("f"), signal(PLACE, site=site(stack(Frame("runtime.x")))), True),
        (placed("f"), signal(HEAP), False),
        (signal(HEAP), placed("f"), False),
    ],
)
def test_what_goes_together(leader: Signal, other: Signal, together: bool) -> None:
    assert cases._together(leader, other) is together


@pytest.mark.parametrize(
    ("first", "other", "whole"),
    [
        (1.0, 1.0, True),
        (1.0, 1.125, True),
        (1.0, 1.25, False),
        (1.0, 1.75, False),
        (1.0, 1.875, True),
        (4.0, 1.0, True),
        (1.0, 4.125, True),
        (1.0, 4.25, False),
        (1.0, 4.9, False),
        (1.0, 5.0, False),
        (0.0, 7.3, True),
        (7.3, 0.0, True),
        (-1.0, 2.5, True),
        (2.0, 5.0, False),
        (0.5, 0.75, False),
    ],
)
def test_a_count_is_about_a_whole_number_of_times_another(
    first: float, other: float, whole: bool
) -> None:
    assert cases._whole(first, other) is whole


def test_counts_in_a_ratio_of_four_and_a_half_do_not_belong_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cases, "RATIO_TOLERANCE", 0.5)
    assert cases._whole(2.0, 5.0)
    assert cases._whole(1.0, 4.4)
    assert not cases._whole(2.0, 9.0)
    assert not cases._whole(1.0, 4.6)


def test_places_share_a_caller_in_own_code() -> None:
    serve, main = Frame("net/http.serve"), own("main.handle")
    both = [
        signal(PLACE, site=site(stack(own(name), main, serve))) for name in ("main.f", "main.g")
    ]
    assert cases._shares_a_caller(*both)
    apart = [signal(PLACE, site=site(stack(own(name), serve))) for name in ("main.f", "main.g")]
    assert not cases._shares_a_caller(*apart)
    assert not cases._shares_a_caller(both[0], signal(PLACE))
    assert cases._owned(both[0])
    assert not cases._owned(signal(PLACE, site=site(stack(serve))))
    assert not cases._owned(signal(PLACE))


def test_a_series_that_a_runtime_counts_exactly_is_no_resident_memory() -> None:
    exact = Finding(
        RuleName.GROWTH,
        "jvm_buffer_memory_used_bytes",
        Verdict.FAIL,
        "It grows.",
        labels=(("id", "direct"),),
    )
    buffers = signal(MEMORY, A, name="buffers", finding=exact)
    loose = replace(buffers, contributors=(Amount("GET /a", 100.0, 1.0, 150.0),))
    assert cases._only_close(loose) is loose
    assert grouped(buffers, resident_names=False) == [("GET /a", ["buffers"])]


def test_the_gain_of_a_stack_is_from_the_first_snapshot_to_the_last() -> None:
    f, g = own("main.f"), own("main.g")
    early, late = (
        Stack((frame,), np.array(row)) for frame, row in ((f, [0.0, 90, 5]), (g, [0.0, 1, 80]))
    )
    steps = np.arange(3.0)
    both = AllocationSite(f, steps, steps, early.levels + late.levels, (early, late))
    assert cases._fastest_stacks([signal(PLACE, site=both)]) == [(g,)]


def test_a_place_whose_level_only_fell_has_no_fast_stacks() -> None:
    steps = np.arange(2.0)
    fell = AllocationSite(own("main.f"), steps, steps, -steps, (stack(own("main.f"), gain=-1.0),))
    assert cases._fastest_stacks([signal(PLACE, site=fell)]) == []
