"""Either side of the thresholds of evidence, transient memory and drawing, in literal values."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

import numpy as np
import pytest

from soak.catalog.metrics import ResourceKind
from soak.catalog.process import DESCRIPTORS_BY_TYPE
from soak.catalog.python import CONTAINER_LENGTH
from soak.diagnosis import thresholds
from soak.diagnosis.attribution.allocation_sites import AllocationSite, Stack
from soak.diagnosis.attribution.attribution import Amount, Attribution
from soak.diagnosis.attribution.signals import GROUP, Signal
from soak.diagnosis.attribution.signals import PLACE as PLACE_GROWS
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects import (
    descriptor_kinds,
    evidence,
    growing_containers,
    resource_owner,
    retained_requests,
    suspects,
    transient_memory,
    unknowns,
)
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import RunContext
from soak.diagnosis.suspects.evidence_kinds import EvidenceKind
from soak.diagnosis.suspects.flamegraph import flame_of, table_of
from soak.model import Finding, Place, RuleName, Series, Verdict
from tests.analysis.recordings import gauge
from tests.boundaries import pins

MIB = 2.0**20
NOBODY = Amount("", 0.0, 0.0, 0.0)
PLACE = SimpleNamespace(place=None, amount=NOBODY, unit="", per_hour=None)


def context(*series: Series, **more: Any) -> RunContext:
    prepared = SimpleNamespace(judged_from=0.0, judged_seconds=600.0, requests=None)
    named = {
        "series": lambda name, **_: [row for row in series if row.name == name],
        "recorded": lambda name: [row for row in series if row.name == name],
    }
    known = {"language": "Go", "classes": None, **named, **more}
    return cast("RunContext", SimpleNamespace(prepared=prepared, **known))


def site(
    function: str = "main.f", growth: float = 1.0, *calls: str, frames: int = 0
) -> AllocationSite:
    """An own place that grows by so much a request, through a stack of these calls, or of so many frames in all."""
    own = Frame(function, "main.go", 1, True)
    stack = (
        *(Frame(call) for call in calls),
        own,
        *(Frame(f"main.g{i}", "main.go", i, True) for i in range(1, frames)),
    )
    steps = np.arange(4.0)
    return AllocationSite(own, steps, steps, growth * steps, (Stack(stack, growth * steps),))


def counted(growth: float) -> Series:
    return Series(
        CONTAINER_LENGTH,
        np.arange(5.0),
        growth * np.arange(5.0) / 4,
        (("holder", "service.KEPT"),),
    )


@pins(thresholds, "LEAST_ENTRIES")
def test_a_container_gains_twenty_entries() -> None:
    with mock.patch.object(
        growing_containers, "attribute_by_endpoint", return_value=Attribution("x", "entries", ())
    ):
        assert growing_containers.containers(context(counted(20.0)))
        assert not growing_containers.containers(context(counted(19.0)))


@pins(thresholds, "FULL_SHARE")
def test_a_container_that_gained_its_entries_early_is_full() -> None:
    """Ten snapshots, of which the last four span a third: of 1,000 entries these gain 50, or 49."""
    for late, grows in ((50.0, True), (49.0, False)):
        early = np.linspace(0, 1000 - late, 7)
        series = replace(
            counted(1.0),
            times=np.arange(10.0),
            values=np.concatenate((early, (1000 - late) + late * np.arange(1, 4) / 3)),
        )
        with mock.patch.object(
            growing_containers, "attribute_by_endpoint", return_value=Attribution("x", "e", ())
        ):
            assert bool(growing_containers.containers(context(series))) is grows


@pins(thresholds, "DROPPED_SHARE")
def test_a_container_that_drops_what_it_gained_is_bounded() -> None:
    """Of 1,000 entries at most, as many as 200 may be gone at the end."""
    for last, grows in ((800.0, True), (799.0, False)):
        lengths = np.append(np.linspace(0, 1000, 9), last)
        series = replace(counted(1.0), times=np.arange(10.0), values=lengths)
        with mock.patch.object(
            growing_containers, "attribute_by_endpoint", return_value=Attribution("x", "e", ())
        ):
            assert bool(growing_containers.containers(context(series))) is grows


@pins(thresholds, "AS_MANY")
def test_a_container_of_what_is_open_gains_about_as_many_entries() -> None:
    each = Amount("GET /a", 1.0, 1.0, 1.0)
    fds = Signal(ResourceKind.DESCRIPTORS, "x", "descriptors", each, (each,), "They grow.")
    case = Case("GET /a", (fds,), (each,))
    for gains, endpoint, held in (
        (1.149, "GET /a", True),
        (1.151, "GET /a", False),
        (0.851, "GET /a", True),
        (0.849, "GET /a", False),
        (1.0, "GET /b", False),
    ):
        through = (Amount(endpoint, gains, gains, gains),)
        clients = growing_containers.GrowingContainer(
            "app.CLIENTS", "dict", 1.0, through, Place("x")
        )
        with mock.patch.object(growing_containers, "containers", return_value=[clients]):
            found = growing_containers.containers_as_many(case, context())
        assert bool(found) is held


def rising(by: float, **labels: str) -> Series:
    return gauge(
        DESCRIPTORS_BY_TYPE,
        np.concatenate((np.full(150, 100.0), np.full(150, 100.0 + by))),
        **labels,
    )


@pins(thresholds, "LEAST_DESCRIPTORS")
def test_three_more_descriptors_of_a_type_or_in_close_wait_are_evidence() -> None:
    case = Case(
        "",
        (Signal(ResourceKind.DESCRIPTORS, "x", "descriptors", NOBODY, (), "It grows."),),
        (NOBODY,),
    )
    for more, seen in ((3.0, True), (2.9, False)):
        now = context(rising(more, type="socket", state="CLOSE_WAIT"))
        assert bool(descriptor_kinds.growing_descriptor_kind(now)[0]) is seen
        assert bool(descriptor_kinds.close_wait(case, now)) is seen


def opener(*places: AllocationSite, endpoint: str = "GET /a") -> str:
    frame = resource_owner.find_opener(
        context(allocated=places, places=(), running=places), ["files"], (endpoint,)
    )
    return frame.function if frame is not None else ""


def told(*shares: tuple[str, float]) -> tuple[Amount, ...]:
    """What endpoints explain of what a place's caller allocates."""
    return tuple(Amount(endpoint, 1.0, 0.9, 1.1, share) for endpoint, share in shares)


@pins(thresholds, "LEAST_OPENER_SHARE")
def test_the_opener_is_who_allocates_for_an_endpoint_by_half() -> None:
    both = site("main.f", 2.0, "os.Open"), site("main.g", 1.0, "os.Open")
    for share, named in ((0.51, "main.g"), (0.49, "")):
        callers = [(), told(("GET /a", share))]
        with mock.patch.object(resource_owner, "_callers", side_effect=callers):
            assert opener(*both) == named


def test_who_opens_for_other_endpoints_is_not_it_even_where_nobody_else_is_seen() -> None:
    """Allocations are sampled: whoever opens one small file per request may not have been."""
    for amounts, named in (
        (told(("GET /b", 0.51)), ""),
        (told(("GET /b", 0.49)), "main.f"),
        (told(("*", 0.9)), "main.f"),
        ((), "main.f"),
    ):
        with mock.patch.object(resource_owner, "_callers", return_value=amounts):
            assert opener(site("main.f", 2.0, "os.Open")) == named


@pins(thresholds, "LEAST_CPU_SAMPLES")
def test_an_opener_was_met_five_times() -> None:
    for gained, named in ((5.1, "main.f"), (4.9, "")):
        met = site("main.f", gained / 3, "os.Open")
        with mock.patch.object(resource_owner, "_allocating", return_value=()):
            assert opener(met) == named


@pins(thresholds, "MOST_OPENERS")
def test_six_openers_are_compared() -> None:
    with mock.patch.object(resource_owner, "_callers", return_value=()) as compared:
        opener(*(site(f"main.f{number}", 1.0, "os.Open") for number in range(9)))
    assert compared.call_count == 6
    nothing = Attribution("x", "bytes", ())
    with mock.patch.object(
        resource_owner, "attribute_by_endpoint", return_value=nothing
    ) as compared:
        resource_owner.find_wrapper(
            context(places=[site(f"main.f{number}") for number in range(9)]), ("GET /a",)
        )
    assert compared.call_count == 6


@pins(thresholds, "WHOLE_REQUEST_BYTES")
def test_objects_of_a_framework_are_whole_requests_from_256_bytes_each() -> None:
    for each, seen in ((257.0, True), (255.0, False)):
        kept = site("lib.f", each * 100 / 3)
        with (
            mock.patch.object(retained_requests, "_requests_to", return_value=100.0),
            mock.patch.object(
                retained_requests,
                "attribute_by_endpoint",
                return_value=Attribution("x", "bytes", ()),
            ),
        ):
            rows = retained_requests._growing(
                "express's objects", [(kept, kept.stacks[0])], Case("", (), ()), context()
            )
            assert bool(list(rows)) is seen


def built_whole(size: float, allocated: float, piece: float | None = None) -> bool:
    """Whether an answer of so many bytes, whose request allocates so many, in such pieces where they are counted, is whole."""
    windows = cast(
        "Any", SimpleNamespace(endpoint="a", requests=np.array([10]), bytes=np.array([10 * size]))
    )
    with (
        mock.patch.object(
            transient_memory, "allocation_sites", return_value=[] if piece is None else [site()]
        ),
        mock.patch.object(transient_memory, "_allocator", return_value=(None, piece or 0.0)),
        mock.patch.object(transient_memory, "rises_with_answers", return_value=None),
    ):
        amounts = {"a": Amount("a", allocated, allocated, allocated)}
        return bool(list(transient_memory._whole(context(heaps=()), windows, amounts)))


@pins(thresholds, "LARGE_ANSWER", "WHOLE_ANSWER", "PIECE_OF_ANSWER")
def test_an_answer_of_4_mib_is_built_whole_by_four_fifths_of_it_in_pieces_of_a_sixteenth() -> None:
    assert built_whole(4.01 * MIB, 9 * MIB)
    assert not built_whole(3.99 * MIB, 9 * MIB)
    assert built_whole(10 * MIB, 8.1 * MIB)
    assert not built_whole(10 * MIB, 7.9 * MIB)
    assert built_whole(16 * MIB, 16 * MIB, piece=1.01 * MIB)
    assert not built_whole(16 * MIB, 16 * MIB, piece=0.99 * MIB)


def garbage(bytes_each: float | None, seconds_each: float = 0.0, share: float = 1.0) -> list[Case]:
    """The cases of a collector that runs too often, where a request costs so much and has such a share of all garbage."""
    busy = Finding(
        RuleName.GC,
        "go_gc",
        Verdict.PASS,
        "It ran.",
        unit="collections/min",
        observed=150.0,
        limit=100.0,
    )
    amounts = {} if bytes_each is None else {"a": Amount("a", bytes_each, 0.0, 0.0, share)}
    took = [Amount("a", seconds_each, 0.0, 0.0, share)]
    with (
        mock.patch.object(transient_memory, "_collecting", return_value=took),
        mock.patch.object(transient_memory, "_most_allocating", return_value=None),
    ):
        return list(transient_memory._garbage(context(findings=(busy,)), amounts))


@pins(thresholds, "WASTEFUL_BYTES", "WASTEFUL_SECONDS", "MOST_OF_GARBAGE")
def test_a_request_is_wasteful_from_512_kib_or_a_millisecond_of_collections_on() -> None:
    assert garbage(2.0**19 + 1)
    assert not garbage(2.0**19 - 1)
    assert garbage(None, 1.01e-3)
    assert not garbage(None, 0.99e-3)
    assert garbage(2 * MIB, share=0.51)
    assert not garbage(2 * MIB, share=0.49)


@pins(thresholds, "BY_FAR")
def test_a_place_builds_by_far_the_most_with_twice_the_next_one_s() -> None:
    for second, named in ((9.9, True), (10.1, False)):
        met = [
            SimpleNamespace(
                place=Frame("main.f", "main.go", 1, True), gained=lambda _, gained=gained: gained
            )
            for gained in (20.0, second)
        ]
        assert (transient_memory._building(context(running=met)) is not None) is named


@pins(thresholds, "LEAST_RUNNER_UP", "GREATEST_CONFIDENCE", "UNPLACED_FACTOR")
def test_a_runner_up_has_a_hundredth_and_nothing_is_surer_than_99_or_89_of_100_without_a_place() -> (
    None
):
    case = Case("", (), ())
    for second, place, confidence, runner_up in (
        (0.011, Frame("main.f"), 0.99, "closure-retention"),
        (0.009, None, 0.891, ""),
    ):
        likely = {"unbounded-cache": 0.999, "closure-retention": second}
        known = SimpleNamespace(place=place, amount=NOBODY, unit="", per_hour=None)
        with (
            mock.patch.object(suspects, "class_probabilities", return_value=likely),
            mock.patch.object(suspects, "place_and_amount", return_value=known),
            mock.patch.object(suspects, "unplaced", return_value=None),
        ):
            suspect = suspects._suspect(case, {EvidenceKind.HEAP_GROWS: "h"}, context())
        assert suspect is not None
        assert suspect.runner_up == runner_up
        assert suspect.confidence == pytest.approx(confidence)


@pins(thresholds, "UNKNOWN_CONFIDENCE")
def test_growth_of_no_known_class_is_told_with_a_confidence_of_a_half() -> None:
    heap = Signal(
        ResourceKind.HEAP, "x", "bytes", NOBODY, (Amount("a", 1.0, 0.9, 1.1, 1.0),), "It grows."
    )
    with mock.patch.object(suspects, "unplaced", return_value=None):
        case = Case("a", (heap,), heap.contributors)
        suspect = suspects._of_unknown_class(case, {}, context(profiled=True, tracing_duty=None))
    assert suspect is not None
    assert suspect.confidence == 0.5


@pins(thresholds, "MOST_SUSPECTS")
def test_five_suspects_are_named_the_surest_first() -> None:
    cases = [
        SimpleNamespace(
            signals=(), resident_alone=False, number=number, of=lambda *_: [ResourceKind.HEAP]
        )
        for number in range(8)
    ]
    with (
        mock.patch.object(suspects, "group_signals", return_value=cases),
        mock.patch.object(suspects, "transient_cases", return_value=[]),
        mock.patch.object(suspects, "risk_cases", return_value=[]),
        mock.patch.object(suspects, "collect_evidence", return_value={}),
        mock.patch.object(
            suspects,
            "_suspect",
            side_effect=lambda case, *_: SimpleNamespace(
                confidence=case.number, place=Place(unknown="x"), leak_class="", endpoint=""
            ),
        ),
    ):
        named = suspects.suspects(context(heap_may_grow=False), [])
    assert [suspect.confidence for suspect in named] == [7, 6, 5, 4, 3]


@pins(thresholds, "LONGER_RUN")
def test_a_run_of_three_times_the_length_is_proposed_where_no_endpoint_is_sure() -> None:
    words = unknowns.endpoint_not_known(Case("", (), ()), context(mix_varied=True))
    assert "a run of about 30 min would tell more" in words


@pins(thresholds, "MOST_NAMED")
def test_three_blocked_places_are_named() -> None:
    waiting = Signal(
        GROUP, "x", "goroutines", NOBODY, (), "waits", group=cast("Any", SimpleNamespace(own=True))
    )
    assert evidence._blocked(Case("", (waiting,) * 6, (NOBODY,)), context()) == "waits waits waits"


@pins(thresholds, "MOST_FLAME_STACKS", "DEEPEST_FLAME", "NARROWEST_BOX")
def test_a_flame_graph_has_40_stacks_of_48_calls_and_no_box_below_a_half_percent() -> None:
    many = flame_of([site(f"main.f{number}") for number in range(90)])
    deep = flame_of([site(frames=90)])
    assert many is not None
    assert deep is not None
    assert many.stacks == 40
    assert max(box.depth for box in deep.boxes) == 48
    for growth, stacks in ((5.1, 2), (4.9, 1)):
        flame = flame_of([site("main.f", 1000.0), site("main.g", growth)])
        assert flame is not None
        assert flame.stacks == stacks
    narrow = flame_of(
        [*(site(f"main.f{number}", 1000.0) for number in range(3)), site("main.g", 6.0)]
    )
    assert narrow is not None
    assert (narrow.stacks, len(narrow.boxes)) == (4, 4)


@pins(thresholds, "MOST_TABLE_ROWS")
def test_a_table_has_twelve_rows() -> None:
    row = Signal(
        ResourceKind.HEAP, "x", "bytes", NOBODY, (Amount("a", 1.0, 0.9, 1.1, 1.0),), "It grows."
    )
    table = table_of([row] * 20, ["a"])
    assert table is not None
    assert len(table.rows) == 12


def test_growth_through_a_database_client_names_where_it_grows() -> None:
    place = site("main.query", 1.0, "database/sql.(*DB).Query")
    signal = Signal(PLACE_GROWS, "main.query", "bytes", NOBODY, (), "It grows.", site=place)
    case = Case("", (signal,), (NOBODY,))
    assert (
        evidence._database_frames(case, context())
        == "What grows at main.query came through the database's client."
    )
