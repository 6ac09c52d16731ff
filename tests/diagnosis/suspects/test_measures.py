"""Which growth an amount is said to measure, and which other measures of the same leak are told."""

from __future__ import annotations

from typing import Any

import pytest

from soak.catalog.metrics import ResourceKind
from soak.diagnosis.attribution.attribution import EVERY, Amount
from soak.diagnosis.attribution.signals import GROUP, PLACE, Signal
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.measures import measured_by, shared_by
from tests.diagnosis.suspects.parts import NOBODY, amount, signal

HEAP, MEMORY = ResourceKind.HEAP, ResourceKind.MEMORY
A, B, UNKNOWN = amount("GET /a"), amount("POST /b", 20.0), amount("", 30.0)
NOT_KNOWN = " Which of the places goes with which of them is not known."


def case(*pairs: tuple[Signal, Amount], **more: Any) -> Case:
    return Case("GET /a", tuple(each for each, _ in pairs), tuple(of for _, of in pairs), **more)


def heap(*contributors: Amount, each: Amount | float = NOBODY) -> Signal:
    return signal(HEAP, *contributors, name="live", each=each)


def test_an_amount_that_is_the_only_measure_needs_no_words() -> None:
    told = heap()
    assert measured_by(case((told, A)), told) == []
    assert measured_by(case((told, A)), None) == []
    for other in (
        (signal(ResourceKind.THREADS, unit="threads"), A),
        (signal(ResourceKind.METRICS), A),
        (signal(MEMORY), NOBODY),
        (signal(MEMORY), amount("GET /a", -1.0)),
    ):
        assert measured_by(case((told, A), other), told) == []


def test_a_measure_of_less_than_one_is_told() -> None:
    told, other = heap(), signal(MEMORY, name="resident")
    [said] = measured_by(case((told, A), (other, amount("", 0.5))), told)
    assert said.endswith("do not add up: resident memory (resident) 0.5 B per request of any kind.")


def test_the_heap_that_several_places_share_is_no_measure_of_one_of_them() -> None:
    told, live = signal(PLACE, name="keep"), (heap(), amount("", 30.0))
    [said] = measured_by(case((told, A), live), told)
    assert "the live heap" in said
    [own] = measured_by(case((told, A), live, shares_heap=True), told)
    assert "the live heap" not in own


@pytest.mark.parametrize(
    ("own", "each", "words"),
    [
        (A, 5.0, " per request to GET /a (per request of any kind: 5 B)."),
        (A, 0.5, " per request to GET /a (per request of any kind: 0.5 B)."),
        (UNKNOWN, 5.0, ""),
        (amount(EVERY), 5.0, ""),
        (A, 0.0, ""),
        (A, -1.0, ""),
    ],
)
def test_what_a_request_of_any_kind_adds_is_told_beside_what_one_endpoint_does(
    own: Amount, each: float, words: str
) -> None:
    told = heap(A, each=each)
    said = [f"The amount is the growth of the live heap (live){words}"] if words else []
    assert measured_by(case((told, own)), told) == said


def test_other_measures_are_told_largest_first_and_three_at_most() -> None:
    told = heap()
    others = [
        (signal(MEMORY, name="resident"), amount("", 2.0)),
        (signal(PLACE, name="main.f"), amount("GET /a", 9.0)),
        (signal(GROUP, name="main.g"), amount(EVERY, 5.0)),
        (signal(HEAP, name="other"), amount("POST /b", 1.0)),
    ]
    assert measured_by(case(*others[:2], (told, A), *others[2:]), told) == [
        (
            "The amount is the growth of the live heap (live) per request to GET /a. "
            "Other measures of the same growth, which overlap and do not add up: "
            "the snapshots' heap at main.f 9 B per request to GET /a, "
            "those that wait at main.g 5 B per request to every endpoint, "
            "resident memory (resident) 2 B per request of any kind."
        )
    ]


def test_an_amount_in_another_unit_names_its_series_alone() -> None:
    threads = signal(ResourceKind.THREADS, name="threads", unit="threads", each=2.0)
    tasks = signal(ResourceKind.THREADS, name="tasks", unit="threads")
    assert measured_by(case((threads, A), (tasks, amount("GET /a", 3.0))), threads) == [
        (
            "The amount is the growth of threads per request to GET /a "
            "(per request of any kind: 2 threads). "
            "Other measures of the same growth, which overlap and do not add up: "
            "tasks 3 threads per request to GET /a."
        )
    ]


@pytest.mark.parametrize(
    ("what", "contributors", "own", "place", "words"),
    [
        (HEAP, (), A, A, ", all of it taken to go through GET /a as the place does"),
        (MEMORY, (), A, A, ", all of it taken to go through GET /a as the place does"),
        (HEAP, (), A, B, ", all of it taken to go through GET /a as the container does"),
        (HEAP, (), A, None, ", all of it taken to go through GET /a as the container does"),
        (HEAP, (A,), A, A, ""),
        (PLACE, (), A, A, ""),
        (HEAP, (), UNKNOWN, A, ""),
    ],
)
def test_a_heap_that_was_not_attributed_itself_is_said_to_go_through_what_was(
    what: ResourceKind | str,
    contributors: tuple[Amount, ...],
    own: Amount,
    place: Amount | None,
    words: str,
) -> None:
    told = signal(what, *contributors, each=5.0)
    beside = [] if place is None else [(signal(PLACE, each=0.0), place)]
    [said] = measured_by(case((told, own), (signal(MEMORY), B), *beside), told)
    first = said.partition(". ")[0]
    assert first.endswith(f" 5 B){words}" if own is A else " per request of any kind")


def shared(*signals: Signal, without: bool = False) -> Case:
    """A leak that two endpoints share: each has its own amounts of these signals."""
    parts = [
        Case("GET /a", signals, tuple(A for _ in signals)),
        Case("POST /b", () if without else signals, tuple(B for _ in signals)),
    ]
    return Case("GET /a and POST /b", signals, tuple(A for _ in signals), parts=tuple(parts))


def test_what_each_endpoint_of_a_shared_leak_adds_is_told() -> None:
    told = heap()
    assert shared_by(shared(told), told) == (
        "Several endpoints share it; per request, GET /a 10 B and POST /b 20 B."
    )
    assert shared_by(shared(told), None) == ""
    assert shared_by(shared(told, without=True), told) == ""
    assert shared_by(case((told, A)), told) == ""


def test_which_place_goes_with_which_endpoint_is_open_where_two_have_none() -> None:
    told, place = heap(), signal(PLACE)
    assert not shared_by(shared(told, place), told).endswith(NOT_KNOWN)
    assert shared_by(shared(told, place, signal(PLACE)), told).endswith(NOT_KNOWN)
    assert not shared_by(shared(told, place, signal(PLACE, A)), told).endswith(NOT_KNOWN)
