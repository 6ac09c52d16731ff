"""How much a request keeps where one class names the endpoint, and the whole heap grows by more than that class."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from soak.catalog.metrics import ResourceKind
from soak.diagnosis.attribution.allocation_sites import AllocationSite, Stack
from soak.diagnosis.attribution.attribution import EVERY, Amount
from soak.diagnosis.attribution.signals import GROUP, PLACE, Signal
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects.cases import Case, frames_of
from soak.diagnosis.suspects.growing_containers import GrowingContainer
from soak.diagnosis.suspects.heap_through_endpoint import (
    with_endpoint_of_containers,
    with_heap_through_endpoint,
)
from soak.diagnosis.suspects.measures import measured_by
from soak.diagnosis.suspects.place_and_amount import signal_told
from soak.diagnosis.thresholds import BEYOND_ONE_PLACE
from soak.model import Place
from soak.windows import EndpointWindows

SHIPPING = "GET /shipping"


def windows_of(endpoint: str, requests: int) -> EndpointWindows:
    """One window of an endpoint."""
    second, none = np.ones(1), np.zeros(1, dtype=np.int64)
    cells = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    made = np.array([requests])
    return EndpointWindows(
        endpoint, second, second, made, none, none, np.zeros(2, dtype=np.int64), *cells
    )


#: Two of ten requests are for what leaks.
WINDOWS = [windows_of(SHIPPING, 200), windows_of("GET /cart", 800)]
OFFER = Signal(PLACE, "shop.Offer", "bytes", Amount("", 51.0, 50.0, 52.0), (), "More is held.")
OWN = Amount(SHIPPING, 256.0, 255.0, 257.0, 1.0)


def case(heap: Amount, endpoint: str = SHIPPING, own: Amount = OWN) -> Case:
    live = Signal(ResourceKind.HEAP, "jvm_live", "bytes", Amount("", 320.0, 300.0, 340.0), (), "")
    return Case(endpoint, (OFFER, live), (own, heap))


def told(told_case: Case, windows: list[EndpointWindows] = WINDOWS) -> Amount:
    through = with_heap_through_endpoint(told_case, windows)
    signal = signal_told(through, "bytes")
    assert signal is not None
    return through.amount(signal)


def test_all_of_the_heaps_growth_goes_through_the_endpoint_of_the_class() -> None:
    amount = told(case(Amount("", 320.0, 300.0, 340.0)))
    assert amount == Amount(SHIPPING, 1600.0, 1500.0, 1700.0)


def test_it_is_said_that_this_is_taken_from_the_place() -> None:
    through = with_heap_through_endpoint(case(Amount("", 320.0, 300.0, 340.0)), WINDOWS)
    [said] = measured_by(through, signal_told(through, "bytes"))
    assert "all of it taken to go through GET /shipping as the place does" in said


def test_a_heap_hardly_above_the_class_leaves_the_classs_own_amount() -> None:
    share = 1000 / 200
    just = BEYOND_ONE_PLACE * 257.0 / share
    assert told(case(Amount("", just, just, just + 1))) == OWN
    more = just + 0.1
    assert told(case(Amount("", more, more, more + 1))).per_request == share * more


@pytest.mark.parametrize(
    "unchanged",
    [
        case(Amount("GET /cart", 320.0, 300.0, 340.0)),  # told apart itself
        case(Amount("", 320.0, 300.0, 340.0), EVERY, Amount(EVERY, 51.0, 50.0, 52.0)),
        case(Amount("", 320.0, 300.0, 340.0), own=Amount("GET /cart", 51.0, 50.0, 52.0)),
    ],
)
def test_otherwise_the_case_stays_as_it_is(unchanged: Case) -> None:
    assert with_heap_through_endpoint(unchanged, WINDOWS).amounts == unchanged.amounts


@pytest.mark.parametrize(("own", "per_request"), [(True, 256.0), (False, 1600.0)])
def test_a_second_place_of_ones_own_may_have_the_rest_of_the_heap(
    own: bool, per_request: float
) -> None:
    at, each = np.arange(3.0), Amount("", 260.0, 255.0, 265.0)
    second = Frame("shop.Carts.keep", "Carts.java", 7, own)
    site = AllocationSite(second, at, at, 260 * at, (Stack((second,), 260 * at),))
    signal = Signal(PLACE, "shop.Carts.keep", "bytes", each, (), "", site=site)
    small = case(Amount("", 320.0, 300.0, 340.0))
    both = Case(SHIPPING, (*small.signals, signal), (*small.amounts, each))
    assert told(both).per_request == per_request


def container(holder: str, *endpoints: str) -> GrowingContainer:
    amounts = tuple(Amount(endpoint, 1.0, 0.99, 1.01, 1.0) for endpoint in endpoints)
    return GrowingContainer(holder, "dict", 0.2, amounts, Place(holder))


BLOCKS = Signal(ResourceKind.HEAP, "python_blocks", "blocks", Amount("", 4.0, 3.0, 5.0), (), "")
UNKNOWN = Case("", (BLOCKS,), (BLOCKS.each,))


def test_the_endpoint_that_fills_the_only_container_is_the_leaks_own() -> None:
    grown = [container("shop.SEEN", SHIPPING), container("shop.BY_ID", SHIPPING)]
    through = with_endpoint_of_containers(UNKNOWN, grown, WINDOWS)
    assert through.endpoint == SHIPPING
    assert through.amounts == (Amount(SHIPPING, 20.0, 15.0, 25.0),)
    [said] = measured_by(through, BLOCKS)
    assert "all of it taken to go through GET /shipping as the container does" in said


COUNTED = Signal(ResourceKind.THREADS, "threads", "threads", BLOCKS.each, (), "")
ELSEWHERE = Case("GET /cart", (BLOCKS,), (Amount("GET /cart", 4.0, 3.0, 5.0),))


@pytest.mark.parametrize(
    ("known", "grown"),
    [
        (UNKNOWN, [container("a", SHIPPING), container("b", "GET /cart")]),
        (UNKNOWN, [container("a", SHIPPING), container("b")]),
        (UNKNOWN, [container("a", SHIPPING, "GET /cart")]),
        (UNKNOWN, [container("a", EVERY)]),
        (UNKNOWN, [container("a", "GET /never")]),
        (UNKNOWN, []),
        (Case("", (BLOCKS, COUNTED), (BLOCKS.each,) * 2), [container("a", SHIPPING)]),
        (ELSEWHERE, [container("a", SHIPPING)]),
    ],
)
def test_a_container_decides_nothing_that_is_known_or_in_doubt(
    known: Case, grown: list[GrowingContainer]
) -> None:
    assert with_endpoint_of_containers(known, grown, WINDOWS) is known


def test_a_stack_that_only_warms_up_names_no_thing_to_mend() -> None:
    grown, warm = (Frame("shop.Offers.keep"),), (Frame("java.lang.ClassLoader.defineClass"),)
    at = np.arange(3.0)
    stacks = (Stack(grown, 1000 * at), Stack(warm, 99 * at))
    site = AllocationSite(grown[0], at, at, 1099 * at, stacks)
    signal = Signal(PLACE, "x", "bytes", OWN, (OWN,), "", site=site)
    assert frames_of(Case(SHIPPING, (signal,), (OWN,))) == list(grown)
    fair = AllocationSite(grown[0], at, at, 1100 * at, (stacks[0], Stack(warm, 100 * at)))
    signal = Signal(PLACE, "x", "bytes", OWN, (OWN,), "", site=fair)
    assert frames_of(Case(SHIPPING, (signal,), (OWN,))) == [*grown, *warm]


def test_a_heap_is_scaled_by_the_requests_to_all_endpoints_that_share_the_leak() -> None:
    shared = "GET /cart and GET /shipping"
    small = case(Amount("", 320.0, 300.0, 340.0), shared, replace(OWN, endpoint=shared))
    both = replace(small, parts=(Case("GET /cart"), Case(SHIPPING)))
    more = [*WINDOWS, windows_of("GET /", 1000)]
    assert told(both, more) == Amount(shared, 640.0, 600.0, 680.0)
    partly = replace(small, parts=(Case("GET /never"), Case(SHIPPING)))
    assert told(partly).per_request == 1600.0
    once = [windows_of(SHIPPING, 1), windows_of("GET /cart", 9)]
    assert told(partly, once).per_request == 3200.0
    never = replace(small, parts=(Case("GET /never"),))
    assert with_heap_through_endpoint(never, WINDOWS) is never


def test_without_a_place_of_the_endpoint_or_requests_to_it_the_case_stays() -> None:
    heap = Signal(ResourceKind.HEAP, "live", "bytes", Amount("", 3.0, 2.0, 4.0), (), "")
    alone = Case(SHIPPING, (heap,), (heap.each,))
    assert with_heap_through_endpoint(alone, WINDOWS) is alone
    unasked = case(Amount("", 320.0, 300.0, 340.0))
    assert with_heap_through_endpoint(unasked, [windows_of(SHIPPING, 0), WINDOWS[1]]) is unasked
    assert with_heap_through_endpoint(unasked, []) is unasked


def test_only_the_heap_without_an_endpoint_is_scaled() -> None:
    loose = Amount("", 320.0, 300.0, 340.0)
    memory = Signal(ResourceKind.MEMORY, "resident", "bytes", loose, (), "")
    small = case(loose)
    more = Case(SHIPPING, (*small.signals, memory), (*small.amounts, loose))
    through = with_heap_through_endpoint(more, WINDOWS)
    assert [amount.per_request for amount in through.amounts] == [256.0, 1600.0, 320.0]


@pytest.mark.parametrize("seen", [True, False])
def test_the_place_that_is_own_is_one_on_the_heap(seen: bool) -> None:
    at = np.arange(3.0)
    frame = Frame("shop.Carts.keep", "Carts.java", 7, own=True)
    site = AllocationSite(frame, at, at, 260 * at, (Stack((frame,), 260 * at),))
    what = PLACE if seen else GROUP
    signal = Signal(what, "keep", "bytes", Amount("", 2.0, 1.0, 3.0), (), "", site=site)
    grown = [container("a", SHIPPING)]
    placed = Case("", (BLOCKS, signal), (BLOCKS.each, signal.each))
    assert (with_endpoint_of_containers(placed, grown, WINDOWS) is placed) is seen
    bare = replace(signal, site=None)
    unplaced = Case("", (BLOCKS, bare), (BLOCKS.each, bare.each))
    assert with_endpoint_of_containers(unplaced, grown, WINDOWS).endpoint == SHIPPING
    foreign = replace(signal, site=replace(site, place=Frame("java.util.HashMap")))
    library = Case("", (BLOCKS, foreign), (BLOCKS.each, foreign.each))
    assert with_endpoint_of_containers(library, grown, WINDOWS).endpoint == SHIPPING
