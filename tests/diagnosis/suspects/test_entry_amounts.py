"""Amounts by the entries of a container: what one of them holds, times how many a request adds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from soak.catalog.metrics import ResourceKind
from soak.catalog.node import GROWING_ENTRIES as NODE_ENTRIES
from soak.diagnosis import thresholds
from soak.diagnosis.attribution.attribution import EVERY, Amount
from soak.diagnosis.attribution.signals import PLACE, Signal
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.entry_amounts import EntryAmount, amount_at_places, amount_of_entries
from soak.diagnosis.suspects.growing_containers import GrowingContainer
from soak.model import Finding, Place, RuleName, Verdict
from tests.boundaries import pins
from tests.diagnosis.suspects.parts import amount, signal

BLOCKS = signal(ResourceKind.HEAP, unit="blocks", each=17.0)
MEMORY = replace(
    signal(ResourceKind.MEMORY, name="process_resident_memory_bytes", each=800.0),
)
#: A request of any kind adds a quarter of an entry of 4,000 bytes, as one in four is to GET /a.
KEPT = GrowingContainer(
    "shop.KEPT",
    "dict",
    0.25,
    (Amount("GET /a", 1.0, 0.9, 1.1, 1.0),),
    Place("shop.KEPT"),
    (),
    4000.0,
)


def told(
    container: GrowingContainer | None = KEPT,
    endpoint: str = "GET /a",
    by: Signal = BLOCKS,
    memory: float = 1000.0,
) -> Amount | None:
    grown = replace(MEMORY, each=amount("", memory))
    case = Case(endpoint, (by, grown), (amount(endpoint), amount(endpoint)))
    found = amount_of_entries(case, by, container)
    return found.amount if found is not None else None


def test_a_request_keeps_what_its_entries_hold() -> None:
    found_amount = told()
    assert found_amount is not None
    assert (found_amount.per_request, found_amount.low) == (4000.0, 3600.0)
    assert found_amount.high == pytest.approx(5500.0)
    assert told(endpoint="") == Amount("", 1000.0, 1000.0, 1250.0)
    found = amount_of_entries(Case("GET /a", (BLOCKS,), (amount("GET /a"),)), BLOCKS, KEPT)
    assert found is not None
    assert found.words == (
        "The amount is 1 entry of shop.KEPT per request, of 3.91 KiB each: the objects that nothing else refers to."
    )


@pins(thresholds, "LEAST_BLOCK")
def test_entries_are_no_amount_where_ever_more_blocks_need_more_memory() -> None:
    """A request of any kind adds a quarter of an entry, and 17 blocks of at least 16 bytes."""
    for each, fits in ((4 * 17 * 16, True), (4 * 17 * 16 - 1, False)):
        found = told(replace(KEPT, entry_bytes=float(each)), memory=0.25 * each)
        assert (found is not None) is fits


@pins(thresholds, "UNSEEN_OF_ENTRIES")
def test_an_entry_may_hold_a_quarter_more_than_what_only_it_leads_to() -> None:
    found = told()
    assert found is not None
    assert found.high == pytest.approx(1.25 * 1.1 * 4000.0)


def test_bytes_that_are_known_better_are_kept_and_unknown_sizes_say_nothing() -> None:
    assert told(by=signal(PLACE)) is None
    assert told(by=signal(ResourceKind.HEAP)) is None
    assert told(by=signal(ResourceKind.MEMORY, name="process_resident_memory_bytes")) is not None
    assert told(None) is None
    assert told(replace(KEPT, entry_bytes=0.0)) is None
    assert told(endpoint="GET /b") is None
    assert told(endpoint=EVERY) is None
    everywhere = replace(KEPT, endpoints=(Amount(EVERY, 0.25, 0.2, 0.3, 1.0),))
    assert told(everywhere, EVERY) == Amount(EVERY, 1000.0, 800.0, 1500.0, 1.0)


@pins(thresholds, "ENTRIES_EXPLAIN", "ENTRIES_EXPLAIN_MOST")
def test_entries_explain_between_a_quarter_and_half_more_than_resident_memory_s_growth() -> None:
    for memory, fits in ((4000.0, True), (4001.0, False), (667.0, True), (666.0, False)):
        assert (told(memory=memory) is not None) is fits


def through(each: float, off: float, endpoint: str = "GET /a") -> Amount:
    return Amount(endpoint, each, each - off, each + off, 1.0)


def test_entries_of_node_hold_what_samples_show_at_the_places_that_grow_with_them() -> None:
    finding = Finding(RuleName.GROWTH, NODE_ENTRIES, Verdict.FAIL, "It grows.")
    entries = replace(signal(ResourceKind.HEAP, unit="bytes"), finding=finding)
    whole = signal(ResourceKind.HEAP, unit="bytes")
    first, second, other = (signal(PLACE, name=name, unit="bytes") for name in "abc")
    pairs = [
        (entries, through(900.0, 100.0)),
        (first, through(300.0, 30.0)),
        (second, through(100.0, 40.0)),
        (other, through(5000.0, 1.0, "GET /b")),
    ]

    def told_by(*pairs: tuple[Signal, Amount], endpoint: str = "GET /a") -> EntryAmount | None:
        signals, amounts = zip(*pairs, strict=True)
        return amount_at_places(Case(endpoint, signals, amounts))

    found = told_by(*pairs)
    assert found is not None
    # The whole heap gains more with each entry, and bounds what it may hold.
    assert found.amount == Amount("GET /a", 400.0, 350.0, 900.0, 1.0)
    assert found.words == (
        "The amount is what V8's samples show of 2 places that grow with these entries; the whole heap grows by 900 B for each."
    )
    alone = told_by(pairs[0], pairs[1])
    assert alone is not None
    assert "of the place that grows with these entries" in alone.words
    assert told_by(pairs[0]) is None
    assert told_by(pairs[0], pairs[3]) is None
    assert told_by((whole, through(900.0, 1.0)), pairs[1]) is None
    assert told_by(*pairs, (whole, through(600.0, 1.0))) is None, "it fails by itself"
    assert told_by(*pairs, endpoint="") is None
