"""What keeps a JVM's sampled objects, as the snapshot after the drain tells it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from soak.catalog.metrics import ResourceKind
from soak.diagnosis import thresholds
from soak.diagnosis.attribution.attribution import Amount
from soak.diagnosis.attribution.signals import PLACE
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import RunContext
from soak.diagnosis.suspects.object_keepers import ObjectKeeper, object_keeper
from soak.diagnosis.suspects.place_and_amount import place_and_amount
from soak.diagnosis.suspects.suspects import _kept_by, _variable
from soak.snapshots import Snapshot, SnapshotStage
from tests.boundaries import pins
from tests.diagnosis.suspects.parts import amount, context, own, signal, site, stack

Way = list[tuple[str, str, int]]
LIST = ("java.util.ArrayList", "elementData", 90)
KEPT: Way = [("shop.Main", "KEPT", 1), LIST]
OPEN: Way = [("shop.Registry", "INSTANCE", 2), ("shop.Registry", "open", 3), LIST]
JDK: Way = [("jdk.internal.loader.ClassLoaders", "LOADER", 4), LIST]


def run(
    *ways: Way,
    without: int = 0,
    stage: SnapshotStage = "drained",
    data: bytes | None = None,
    error: str | None = None,
    libraries: tuple[str, ...] = (),
    language: str = "Java",
) -> RunContext:
    """A run after whose drain objects on these ways were sampled, and some of which no way is known."""
    objects = [{"class": "[B", "frames": [], "way": way} for way in ways]
    objects += [{"class": "[B", "frames": []}] * without
    told = json.dumps({"objects": objects, "libraries": libraries}).encode()
    taken = Snapshot(40.0, 0.1, "classes", stage, error, lambda: told if data is None else data)
    made = context(language=language)
    recording = replace(made.prepared.recording, snapshots=(taken,))
    return replace(made, prepared=replace(made.prepared, recording=recording))


def case(endpoint: str = "", *through: str) -> Case:
    heap = signal(ResourceKind.HEAP, *(amount(each) for each in through))
    return Case(endpoint, (heap,), (heap.each,))


def keeper(*ways: Way, **more: Any) -> ObjectKeeper | None:
    return object_keeper(case(), run(*ways, **more))


def field(*ways: Way, **more: Any) -> str:
    known = keeper(*ways, **more)
    return known.field if known is not None else ""


def test_the_own_field_nearest_to_the_root_is_named_with_those_behind_it() -> None:
    assert field(*[KEPT] * 10) == "shop.Main.KEPT"
    assert field(*[OPEN] * 10) == "shop.Registry.INSTANCE.open"
    behind = [("java.lang.Thread", "target", 7), ("shop.Worker", "queue", 8), LIST]
    assert field(*[behind] * 10) == "shop.Worker.queue"
    of_items = [*KEPT, ("shop.Item", "page", 9)]
    assert field(*[of_items] * 10) == "shop.Main.KEPT"
    long = [("shop.A", name, index) for index, name in enumerate("abcde")]
    assert field(*[long] * 10) == "shop.A.a.b.c"


def test_an_object_is_named_without_a_field_that_the_jvm_does_not_know() -> None:
    way = [("shop.Sessions$1", "", 7), ("java.util.HashMap", "table", 8)]
    assert field(*[way] * 10) == "shop.Sessions$1"


def test_what_a_lambda_or_an_inner_class_captured_is_named_by_the_field_behind_it() -> None:
    captured = ("shop.Main$$Lambda$55+0x00007f4c10018a00", "arg$1", 7)
    feed: Way = [("shop.Shop", "feed", 8), ("shop.Feed", "listeners", 9), LIST]
    assert field(*[[captured, *feed]] * 10) == "shop.Shop.feed.listeners"
    inner = ("shop.Shop$1", "this$0", 7)
    assert field(*[[inner, captured, *feed]] * 10) == "shop.Shop.feed.listeners"
    # Of a captured list, only the class that the expression is written in is known.
    assert field(*[[captured, LIST]] * 10) == "shop.Main"
    assert field(*[[("shop.Shop$1", "val$kept", 7), LIST]] * 10) == "shop.Shop$1"
    # A field that was captured further on ends the name.
    assert field(*[[*feed[:2], captured, LIST]] * 10) == "shop.Shop.feed.listeners"


def test_objects_of_a_library_or_of_the_jdk_are_nobody_s_own() -> None:
    assert field(*[JDK] * 20) == ""
    assert field(*[KEPT] * 20, libraries=("shop",)) == ""
    assert field(*[[*JDK, *KEPT]] * 20) == "shop.Main.KEPT"


def test_items_that_each_keep_one_object_are_no_keeper() -> None:
    items = [[LIST, ("shop.Item", "page", index)] for index in range(20)]
    assert field(*items) == ""


@pins(thresholds, "LEAST_SAMPLED_OBJECTS")
def test_ten_sampled_objects_are_enough() -> None:
    assert field(*[KEPT] * 10) == "shop.Main.KEPT"
    assert field(*[KEPT] * 9) == ""


@pins(thresholds, "KEEPS_SHARE")
def test_half_of_the_sampled_objects_must_be_kept_by_one_field() -> None:
    assert field(*[KEPT] * 51, *[JDK] * 49) == "shop.Main.KEPT"
    assert field(*[KEPT] * 49, *[JDK] * 51) == ""
    assert field(*[KEPT] * 10, without=90) == "shop.Main.KEPT"


def test_what_it_keeps_is_told_in_a_sentence() -> None:
    words = "After the drain shop.Main.KEPT keeps 1,020 of 1,030 sampled objects alive."
    known = run(*[KEPT] * 1020, *[JDK] * 10)
    assert _kept_by("unbounded-cache", case(), known) == words
    assert _kept_by("goroutine-leak", case(), known) == ""
    assert _variable("request-context", case(), known) == "shop.Main.KEPT"
    assert _variable("unbounded-cache", case(), known) == ""
    assert _variable("request-context", case(), run()) == _kept_by("unbounded-cache", case(), run())


@pytest.mark.parametrize(
    "more",
    [
        {"stage": "end"},
        {"error": "no answer"},
        {"language": "JavaScript"},
        {"data": b""},
        {"data": b"[]"},
        {"data": b'{"objects": [{"way": [["a", "b"]]}]}'},
        {"data": b'{"objects": [{"way": 5}]}'},
        {"data": b'{"objects": [5]}'},
        {"data": b'{"objects": []}'},
    ],
)
def test_without_a_document_that_can_be_read_nothing_is_known(more: dict[str, Any]) -> None:
    assert keeper(*[KEPT] * 20, **more) is None


def test_where_the_heap_grows_through_other_endpoints_too_it_is_not_known_whose_it_keeps() -> None:
    known = run(*[KEPT] * 20)
    assert object_keeper(case("GET /a", "GET /a"), known) is not None
    assert object_keeper(case("GET /a", "GET /a", "POST /b"), known) is None
    shared = replace(case("both", "GET /a", "POST /b"), parts=(Case("GET /a"), Case("POST /b")))
    assert object_keeper(shared, known) is not None
    threads = signal(ResourceKind.THREADS)
    assert object_keeper(Case("", (threads,), (threads.each,)), known) is None


def place(share: float, *frames: Frame) -> str:
    """The place of a leak of 10 bytes a request, this share of which a stack allocates."""
    each = Amount("", 10 * share, 9 * share, 11 * share)
    made = signal(PLACE, each=each, name="place", site=site(stack(*frames, gain=9)))
    told = (signal(ResourceKind.HEAP, each=10.0), made)
    grown = Case("", told, tuple(each.each for each in told))
    return str(place_and_amount("unbounded-cache", grown, run(*[KEPT] * 20)).place)


@pins(thresholds, "HELPER_SHARE")
def test_own_code_is_the_place_from_half_of_the_growth_on() -> None:
    assert place(0.51, own("shop.Main.answer")) == "shop.Main.answer main.go:1"
    assert place(0.49, own("shop.Main.answer")) == "shop.Main.KEPT"


def test_code_that_is_not_own_is_no_place_where_a_field_is_known() -> None:
    assert place(0.9, Frame("sun.net.httpserver.Request.readLine")) == "shop.Main.KEPT"
