"""What keeps the objects that requests surely leave on a JVM's heap, as the dump after the drain tells it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.catalog.metrics import ResourceKind
from soak.diagnosis import thresholds
from soak.diagnosis.attribution.attribution import Amount
from soak.diagnosis.attribution.growing_classes import GrowingClasses
from soak.diagnosis.attribution.signals import PLACE, Signal
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.class_keepers import (
    ClassKeeper,
    amount_of_objects,
    class_keeper,
    field_remedy,
    kept_in_field,
    registered_in_field,
)
from soak.diagnosis.suspects.context import RunContext
from soak.diagnosis.suspects.place_and_amount import place_and_amount
from soak.diagnosis.suspects.suspects import _kept_by, _variable
from soak.snapshots import Snapshot
from tests.boundaries import pins
from tests.diagnosis.suspects.parts import amount, context, own, signal, site, stack, windows

ADDER, NODE = "java.util.concurrent.atomic.LongAdder", "java.util.HashMap$Node"
MAP = ("java.util.HashMap", "table", 0)
LOCAL = ("java.lang.ThreadLocal$ThreadLocalMap$Entry", "value", 0)
COUNTERS = [("shop.Shop", "counters", 1), MAP]
Row = dict[str, Any]


def row(name: str = ADDER, *ways: tuple[int, list[Any]], objects: int = 600) -> Row:
    found = [[many, way] for many, way in ways or ((100, COUNTERS),)]
    return {"class": name, "objects": objects, "sampled": 100, "ways": found}


def run(
    *rows: Row, each: tuple[str, ...] = (ADDER,), data: bytes | None = None, made: int = 500
) -> RunContext:
    """A run of so many requests, each of which left one object of these classes."""
    told = json.dumps({"kept": list(rows), "libraries": ["lib"]}).encode()
    taken = Snapshot(40.0, 0.1, "classes", "drained", None, lambda: told if data is None else data)
    of_run = context(language="Java", requests=(windows("GET /a", [made]), windows("GET /b", [9])))
    classes = GrowingClasses("GET /a", dict.fromkeys(each, 1.0), (), np.zeros(1), np.zeros(1))
    recording = replace(of_run.prepared.recording, snapshots=(taken,))
    return replace(of_run, prepared=replace(of_run.prepared, recording=recording), classes=classes)


def case(endpoint: str = "GET /a", *more: Any) -> Case:
    heap = signal(ResourceKind.HEAP, amount(endpoint))
    return Case(endpoint, (heap, *more), tuple(amount(endpoint) for _ in (heap, *more)))


def counted(each: float = 10.0, low: float = 9.0, high: float = 90.0) -> Signal:
    """What the classes that follow the requests of one endpoint take, per request."""
    told = Amount("GET /a", each, low, high, 1.0)
    return signal(ResourceKind.HEAP, told, name="jvm_growing_classes_bytes")


@pins(thresholds, "STANDARD_ERRORS", "HOLDS_OFF")
def test_an_object_is_worth_what_it_holds_alone() -> None:
    holds = row(ADDER) | {"holds": 1000.0, "error": 10.0}
    small = row(NODE) | {"holds": 5000.0, "error": 0.0}
    grown = counted()
    told = amount_of_objects(Case("GET /a", (grown,), grown.contributors), grown, run(holds, small))
    assert told is not None
    assert told.amount == Amount("GET /a", 1000.0, 950.0, 1050.0, 1.0)
    assert told.words == (
        "The amount is what an object of java.util.concurrent.atomic.LongAdder holds alone after the drain, 1,000 B, "
        "for each that a request leaves."
    )


def test_objects_that_hold_no_more_than_was_counted_change_nothing() -> None:
    holds = row(ADDER) | {"holds": 10.0, "error": 0.0}
    grown = counted()
    one = Case("GET /a", (grown,), grown.contributors)
    assert amount_of_objects(one, grown, run(holds)) is None
    assert amount_of_objects(one, grown, run(holds | {"holds": 11.0})) is not None
    assert amount_of_objects(one, grown, run(row())) is None
    assert amount_of_objects(one, grown, run(data=b"[]")) is None
    more = run(holds | {"holds": 99.0})
    assert amount_of_objects(one, grown, replace(more, classes=None)) is None
    assert amount_of_objects(Case("GET /b", (grown,), grown.contributors), grown, more) is None
    other = signal(ResourceKind.HEAP, name="jvm_live_classes_bytes")
    assert amount_of_objects(one, other, more) is None
    # The lower end is no less than what was counted exactly.
    high = counted(each=95.0, low=94.0)
    told = amount_of_objects(
        Case("GET /a", (high,), high.contributors), high, run(holds | {"holds": 96.0})
    )
    assert told is not None
    assert told.amount.low == 94.0


def field(*rows: Row, **more: Any) -> str:
    found = class_keeper(case(), run(*rows, **more))
    return found.field if found is not None else ""


def test_the_field_that_keeps_what_requests_leave_is_named() -> None:
    found = class_keeper(case(), run(row()))
    assert found == ClassKeeper("shop.Shop.counters", ADDER, 1.0, 600, local=False)
    assert found.words == (
        "After the drain shop.Shop.counters keeps about 600 of the 600 objects of "
        "java.util.concurrent.atomic.LongAdder alive."
    )
    assert found.place == Frame("shop.Shop.counters", own=True)
    assert kept_in_field(case(), run(row())) == found.words
    deep = [("shop.Shop", "registry", 1), ("shop.Registry", "open", 2), MAP]
    assert field(row(ADDER, (100, deep))) == "shop.Shop.registry.open"


def test_lambda_expressions_have_no_name_of_their_own() -> None:
    name = "shop.Quote$$Lambda$206.0x00007fca"
    written = ClassKeeper("shop.Feed.listeners", name, 1.0, 60, local=False)
    assert written.shown == "shop.Quote's lambda expressions"
    assert "60 objects of shop.Quote's lambda expressions alive" in written.words


@pins(thresholds, "KEEPS_SHARE")
def test_a_field_keeps_at_least_half_of_what_the_class_gained() -> None:
    jdk = [("java.util.Jdk", "CACHE", 4), MAP]
    assert field(row(ADDER, (50, COUNTERS), (50, jdk), objects=1000), made=1000)
    assert not field(row(ADDER, (49, COUNTERS), (51, jdk), objects=1000), made=1000)
    # Of a class of which there are many others, too.
    assert field(row(ADDER, (10, COUNTERS), (9, [("shop.Shop", "x", 1)]), objects=5000))
    assert not field(row(ADDER, (4, COUNTERS), objects=5000))


def test_a_class_that_only_few_make_tells_more_than_a_common_one() -> None:
    other = [("shop.Shop", "names", 1), MAP]
    rows = row(NODE, (100, other)), row(ADDER, (90, COUNTERS))
    assert field(*rows, each=(NODE, ADDER)) == "shop.Shop.counters"
    assert field(*rows, each=(NODE,)) == "shop.Shop.names"
    assert field(row("[B", (100, other)), each=("byte[]",)) == "shop.Shop.names"
    assert not field(*rows, each=("shop.Other",))


def test_nothing_is_named_without_a_class_that_the_requests_leave() -> None:
    there = run(row())
    assert class_keeper(case("GET /b"), there) is None
    assert class_keeper(case(), replace(there, classes=None)) is None
    threads = Case("GET /a", (signal(ResourceKind.THREADS, amount("GET /a")),), ())
    assert class_keeper(threads, there) is None
    assert kept_in_field(case("GET /b"), there) == ""


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"kept": [{"class": 3}]}', b'{"kept": 1}'])
def test_a_snapshot_of_another_shape_names_nothing(data: bytes) -> None:
    assert not field(data=data)


def test_libraries_and_what_was_not_sampled_name_nothing() -> None:
    assert not field(row(ADDER, (100, [("lib.Pool", "all", 1), MAP])))
    assert not field(row() | {"sampled": 0})


@pytest.mark.parametrize(
    ("way", "said"),
    [
        (COUNTERS, ""),
        ([("shop.Shop", "scratch", 1), LOCAL], "shop.Shop.scratch is a thread-local: what it holds stays"),
        ([("shop.Shop", "listeners", 1), MAP], "shop.Shop.listeners gains one of java.util.concurrent"),
        ([("shop.Bus", "onPriceSubscribers", 1), MAP], "shop.Bus.onPriceSubscribers gains one of"),
    ],
)  # fmt: skip
def test_thread_locals_and_listeners_are_registered(way: list[Any], said: str) -> None:
    told = registered_in_field(case(), run(row(ADDER, (100, way))))
    assert told.startswith(said)
    assert bool(told) == bool(said)


def test_the_field_is_the_place_unless_own_code_is_seen_to_allocate_the_objects() -> None:
    there = run(row())
    assert place_and_amount("unbounded-cache", case(), there).place is not None

    def placed(name: str) -> str:
        made = site(stack(Frame(name), own("shop.Shop.count")))
        at = signal(PLACE, amount("GET /a"), site=made)
        known = place_and_amount("unbounded-cache", case("GET /a", at), there).place
        assert known is not None
        return known.function

    assert placed(ADDER) == "shop.Shop.count"
    assert placed("byte[]") == "shop.Shop.counters"


def test_the_remedy_names_the_field_and_what_it_is() -> None:
    def told(way: list[Any], name: str = "request-context") -> str:
        return field_remedy(name, case(), run(row(ADDER, (100, way))))

    assert told([("shop.Shop", "scratch", 1), LOCAL]).startswith("Call shop.Shop.scratch.remove()")
    listeners = [("shop.Feed", "listeners", 1), MAP]
    assert told(listeners).startswith("Remove from shop.Feed.listeners what each request adds")
    assert told(COUNTERS) == ""
    assert told(listeners, "unbounded-cache") == ""


def test_what_keeps_them_is_said_once_and_named_in_the_remedy() -> None:
    there = run(row())
    assert _kept_by("unbounded-cache", case(), there) == ""
    assert _kept_by("request-context", case(), there).startswith(
        "After the drain shop.Shop.counters"
    )
    assert _variable("request-context", case(), there) == "shop.Shop.counters"
