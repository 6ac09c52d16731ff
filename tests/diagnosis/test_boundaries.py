"""Either side of the thresholds of the diagnosis, in literal values; and that each of these tests notices a moved threshold."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

import numpy as np
import pytest

from soak.catalog.metrics import ResourceKind
from soak.catalog.node import ACTIVE_RESOURCES, KEPT_REQUESTS
from soak.diagnosis import thresholds
from soak.diagnosis.attribution import signals as signals_module
from soak.diagnosis.attribution.allocation_sites import AllocationSite, Stack, only_gaining
from soak.diagnosis.attribution.attribution import Amount, Attribution, _thinned
from soak.diagnosis.attribution.growing_classes import GrowingClasses, places_of
from soak.diagnosis.attribution.levels import contributors
from soak.diagnosis.attribution.signals import PLACE, Signal
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects import (
    evidence,
    labels,
    late_growth,
    native_memory,
    pool_risks,
    resource_owner,
    retained_requests,
    suspects,
)
from soak.diagnosis.suspects.cases import Case, _together, _whole, group_signals
from soak.diagnosis.suspects.context import RunContext, _flat, run_context
from soak.diagnosis.suspects.evidence_kinds import EvidenceKind
from soak.diagnosis.suspects.leak_classes import UNKNOWN
from soak.diagnosis.suspects.place_and_amount import _width, signal_told
from soak.model import Finding, RuleName, Series, Trend, Verdict
from tests.analysis.recordings import gauge
from tests.boundaries import BOUNDARY_TESTS, notices, nudged, pins, thresholds_of
from tests.diagnosis.attribution import (
    test_attribution_boundaries,
    test_following_places,
    test_growing_entries,
)
from tests.diagnosis.suspects import (
    test_class_keepers,
    test_entry_amounts,
    test_evidence_boundaries,
    test_exhausted_pools,
    test_growing_containers,
    test_memory_peaks,
    test_object_keepers,
    test_request_keepers,
    test_resource_owner,
)
from tests.diagnosis.synthetic_runs import judged, run

#: Those of attribution, evidence and keepers stand beside their parts.
REGISTERED = (
    test_attribution_boundaries,
    test_following_places,
    test_growing_entries,
    test_growing_containers,
    test_entry_amounts,
    test_evidence_boundaries,
    test_exhausted_pools,
    test_memory_peaks,
    test_class_keepers,
    test_object_keepers,
    test_request_keepers,
    test_resource_owner,
)
MIB = 2.0**20
NOBODY = Amount("", 0.0, 0.0, 0.0)


def signal(
    what: ResourceKind | str, unit: str, each: float = 10.0, *amounts: Amount, **more: Any
) -> Signal:
    return Signal(
        what, "x", unit, Amount("", each, 0.9 * each, 1.1 * each), amounts, "It grows.", **more
    )


MEMORY = Case("", (signal(ResourceKind.MEMORY, "bytes"),), (NOBODY,))


def site(slope: float, sure: bool = True, levels: tuple[float, ...] = (0.0, 100.0)) -> Any:
    return SimpleNamespace(
        slope=(slope, 0.9 * slope, 1.1 * slope), sure=sure, levels=np.array(levels)
    )


def context(*series: Series, **more: Any) -> RunContext:
    """As much of a context as one look needs: series, judged from the start."""

    def named(name: str, **wanted: str) -> list[Series]:
        return [
            each
            for each in series
            if each.name == name and wanted.items() <= dict(each.labels).items()
        ]

    prepared = SimpleNamespace(
        judged_from=0.0, recording=SimpleNamespace(series=series), windows=lambda: ()
    )
    return cast(
        "RunContext",
        SimpleNamespace(
            series=named, recorded=named, prepared=prepared, **{"classes": None, **more}
        ),
    )


def rising(name: str, by: float, **labels_of: str) -> Series:
    """A gauge whose last fifth lies so much above its first."""
    return gauge(name, np.concatenate((np.full(150, 100.0), np.full(150, 100.0 + by))), **labels_of)


@pins(thresholds, "LEAST_PLACE_SHARE")
def test_a_place_has_a_tenth_of_all_growth() -> None:
    assert len(signals_module.growing([site(89.5), site(10.5)])) == 2
    assert len(signals_module.growing([site(90.5), site(9.5)])) == 1


@pins(thresholds, "MOST_PLACES")
def test_four_places_are_attributed() -> None:
    assert len(signals_module.growing([site(10.0)] * 6)) == 4


def gaining(*samples: float) -> list[AllocationSite]:
    """Own places at which so many sampled objects came and stayed."""
    steps = np.arange(6.0)
    return [
        AllocationSite(
            Frame(f"main.f{i}", "main.go", 1, True),
            steps,
            steps,
            np.where(steps > 1, many, 0.0),
            (),
            period=1.0,
        )
        for i, many in enumerate(samples)
    ]


@pins(thresholds, "LEAST_LASTING")
def test_the_only_gaining_place_gained_a_sampled_object() -> None:
    assert only_gaining(gaining(1.0)) is not None
    assert only_gaining(gaining(0.8)) is None


@pins(thresholds, "LASTING_ALONE")
def test_the_only_gaining_place_has_three_quarters_of_what_stayed() -> None:
    assert only_gaining(gaining(8.0, 2.0)) is not None
    assert only_gaining(gaining(7.0, 3.0)) is None


@pins(thresholds, "LEAST_HEAP_SHARE")
def test_the_heap_has_a_part_in_resident_growth_from_a_fifth_on() -> None:
    memory = [signal(ResourceKind.MEMORY, "bytes", 100.0)]
    assert signals_module._matters([site(21.0)], memory)
    assert not signals_module._matters([site(19.0)], memory)


@pins(thresholds, "LEAST_GROUP_RISE")
def test_a_group_gains_eight_at_least() -> None:
    for gained, grows in ((8.0, True), (7.0, False)):
        group = SimpleNamespace(site=site(1.0, levels=(3.0, 3.0 + gained)))
        assert bool(signals_module._growing_groups([cast("Any", group)])) is grows


def told(*amounts: Amount) -> Attribution:
    return Attribution("x", "bytes", amounts)


@pins(thresholds, "ALIKE_SHARE")
def test_endpoints_are_alike_where_the_cheapest_adds_half_of_the_dearest() -> None:
    def named(cheapest: float) -> set[str]:
        each = (
            Amount("a", 100, 90, 110, 0.4),
            Amount("b", 100, 90, 110, 0.4),
            Amount("c", cheapest, 1, 99, 0.2),
        )
        return {amount.endpoint for amount in contributors(told(*each))}

    assert named(51) == {"*"}
    assert named(49) == {"a", "b", "c"}


@pins(thresholds, "LEAST_CONTRIBUTION")
def test_an_endpoint_contributes_a_twentieth_at_least() -> None:
    assert told(Amount("a", 1, 0.9, 1.1, 0.051)).contributors
    assert not told(Amount("a", 1, 0.9, 1.1, 0.049)).contributors


@pins(thresholds, "LEAST_CONFIDENCE")
def test_a_class_is_named_from_two_fifths_on() -> None:
    case = Case("GET /a", (signal(ResourceKind.HEAP, "bytes"),), (Amount("GET /a", 1.0, 0.9, 1.1),))
    for chance, name in ((0.41, "unbounded-cache"), (0.39, UNKNOWN)):
        with (
            mock.patch.object(
                suspects, "class_probabilities", return_value={"unbounded-cache": chance}
            ),
            mock.patch.object(
                suspects,
                "place_and_amount",
                return_value=SimpleNamespace(
                    place=None, amount=NOBODY, unit="", per_hour=None, words="", signal=None
                ),
            ),
            mock.patch.object(suspects, "unplaced", return_value=None),
            mock.patch.object(suspects, "class_not_known", return_value=[]),
        ):
            suspect = suspects._suspect(
                case,
                {EvidenceKind.HEAP_GROWS: "h"},
                context(language="Go", profiled=False, tracing_duty=None),
            )
            assert suspect is not None
            assert suspect.leak_class == name


@pins(thresholds, "LEAST_SECOND_SHARE")
def test_a_second_case_of_memory_alone_has_a_fifth_of_the_growth() -> None:
    for share, named in ((0.19, ["a"]), (0.21, ["a", "b"])):
        both = (Amount("a", 1, 0.9, 1.1, 0.8), Amount("b", 1, 0.9, 1.1, share))
        assert [
            case.endpoint
            for case in group_signals([signal(ResourceKind.HEAP, "bytes", 10.0, *both)])
        ] == named


@pins(thresholds, "RESIDENT_CLOSENESS")
def test_resident_memory_names_an_endpoint_whose_amount_it_tells_within_half() -> None:
    for low, named in ((49.0, ""), (51.0, "a")):
        loose = Amount("a", 100.0, low, 130.0, 1.0)
        [case] = group_signals([signal(ResourceKind.MEMORY, "bytes", 100.0, loose)])
        assert case.endpoint == named
        if not named:
            assert case.signals[0].refused == (
                "resident memory moves in arenas, so all it shows for a is that a request may add 49 B to 130 B"
            )
        [exact] = group_signals([signal(ResourceKind.HEAP, "bytes", 100.0, loose)])
        assert exact.endpoint == "a"


@pins(thresholds, "SAMPLED_CLOSENESS")
def test_a_sampled_place_names_an_endpoint_whose_least_amount_is_a_quarter() -> None:
    for low, named in ((24.0, ""), (26.0, "a")):
        loose = Amount("a", 100.0, low, 130.0, 1.0)
        for period, endpoint in ((512.0, named), (0.0, "a")):  # counted exactly
            [case] = group_signals(
                [
                    signal(
                        PLACE, "bytes", 100.0, loose, site=SimpleNamespace(period=period, stacks=())
                    )
                ]
            )
            assert case.endpoint == endpoint
            if not endpoint:
                assert case.signals[0].refused == (
                    "allocations are sampled, so all it shows for a is that a request may add 24 B to 130 B"
                )


@pins(thresholds, "RATIO_TOLERANCE", "MOST_RATIO")
def test_counts_go_together_in_whole_ratios_up_to_four() -> None:
    assert _whole(1.0, 2.14)
    assert not _whole(1.0, 2.16)
    assert _whole(4.0, 1.0)
    assert not _whole(5.0, 1.0)


@pins(thresholds, "BYTES_PER_COUNT")
def test_one_goroutine_explains_32_kib() -> None:
    goroutines = signal(ResourceKind.THREADS, "goroutines", 1.0)
    assert _together(goroutines, signal(ResourceKind.MEMORY, "bytes", 32000.0))
    assert not _together(goroutines, signal(ResourceKind.MEMORY, "bytes", 33000.0))


@pins(thresholds, "FLAT_HEAP_SHARE")
def test_a_heap_is_flat_below_half_of_resident_growth() -> None:
    resident = Finding(
        RuleName.GROWTH,
        "process_resident_memory_bytes",
        Verdict.FAIL,
        "",
        trend=_trend(100.0, 110.0),
    )
    for most, may_grow in ((49.0, False), (51.0, True)):
        heap = Finding(
            RuleName.GROWTH,
            "go_gc_heap_live_bytes",
            Verdict.FAIL,
            "",
            unit="bytes/h",
            trend=_trend(0.0, most),
        )
        seen = SimpleNamespace(
            findings=(resident, heap), heap_findings=[heap], profiled=False, places=()
        )
        assert vars(RunContext)["heap_may_grow"].func(seen) is may_grow
        assert _flat(heap, 50.0) is not may_grow


def _trend(low: float, high: float) -> Trend:
    return Trend((low + high) / 2, low, high, 1.0, 0.0, 1e6)


@pins(thresholds, "FILLING_RATIO", "FILLING_ERRORS")
def test_a_place_fills_up_that_gains_seven_tenths_as_much_and_surely_so() -> None:
    place = SimpleNamespace(times=np.zeros(3), requests=np.zeros(3), levels=np.zeros(3), period=1.0)
    case = Case("", (signal("place", "bytes", site=cast("Any", place)),), (NOBODY,))
    nothing = context()
    for ratio, errors, fills in (
        (0.69, 9.0, True),
        (0.71, 9.0, False),
        (0.1, 2.6, True),
        (0.1, 2.4, False),
    ):
        with (
            mock.patch.object(late_growth, "slowing", return_value=(ratio, errors)),
            mock.patch.object(late_growth, "mix_at", return_value=SimpleNamespace(names=())),
        ):
            nothing.prepared.recording.__dict__["windows"] = ()
            assert bool(late_growth.slows_down(case, nothing)) is fills


def test_what_a_young_service_keeps_until_the_second_snapshot_is_no_filling() -> None:
    """Levels of a JVM that kept a listener per request: 1,733 bytes of each early request, and then 740 of any."""
    clock = np.array([0.0, 371, 749, 908, 1017, 1187, 1586, 1955, 2273, 2464])
    levels = np.array([0.0, 642e3, 941e3, 1068e3, 1111e3, 1232e3, 1516e3, 1780e3, 1942e3, 2093e3])
    place = SimpleNamespace(times=clock, requests=clock, levels=levels, period=0.0)
    case = Case("", (signal("place", "bytes", site=cast("Any", place)),), (NOBODY,))
    nothing = context()
    nothing.prepared.recording.__dict__["windows"] = ()
    with mock.patch.object(late_growth, "mix_at", return_value=SimpleNamespace(names=())):
        assert late_growth.slows_down(case, nothing) == ""


@pins(thresholds, "SAMPLED_WIDTH")
def test_a_place_s_interval_counts_as_a_quarter_wider() -> None:
    amount = Amount("", 10.0, 9.0, 11.0)
    assert _width(amount, signal("place", "bytes")) == pytest.approx(0.45)
    assert _width(amount, signal(ResourceKind.HEAP, "bytes")) == pytest.approx(0.2)


@pins(thresholds, "MOST_POINTS")
def test_a_regression_has_240_points_and_more_are_averaged() -> None:
    def points(count: int) -> int:
        column = np.arange(float(count))
        return len(_thinned(column, column, column[:, None], np.zeros(count, dtype=np.int64))[0])

    assert (points(240), points(241)) == (240, 121)


@pins(thresholds, "LEAST_REQUESTS")
def test_twenty_more_requests_on_the_heap_are_evidence() -> None:
    for more, seen in ((19.0, False), (20.0, True), (21.0, True)):
        kept = rising(KEPT_REQUESTS, more)
        recording = replace(run(snapshots=False), series=(kept,), windows=())
        said = retained_requests.kept_requests(
            Case(""), run_context(recording, judged(recording), 0.0)
        )
        assert said == (
            f"{more:.0f} more requests than at first are still on the heap after a collection: "
            "something keeps them beyond their answer."
            if seen
            else ""
        )


@pins(thresholds, "LEAST_TIMERS")
def test_ten_more_timers_are_evidence() -> None:
    for more, seen in ((9.6, False), (10.0, True), (11.0, True)):
        assert (
            bool(
                retained_requests.timers_grow(
                    context(rising(ACTIVE_RESOURCES, more, type="Timeout"))
                )
            )
            is seen
        )
    assert not retained_requests.timers_grow(context(rising(ACTIVE_RESOURCES, 9.0, type="Timeout")))


@pins(thresholds, "TIMERS_SHARE")
def test_timers_of_requests_under_way_are_no_evidence() -> None:
    """Of 10,000 requests 50 timers are."""
    run_with = context(rising(ACTIVE_RESOURCES, 50.0, type="Timeout"))
    for made, seen in ((9_900, True), (10_100, False)):
        windows = (SimpleNamespace(requests=np.array([made])),)
        with mock.patch.object(run_with.prepared, "windows", lambda made=windows: made):
            assert bool(retained_requests.timers_grow(run_with)) is seen


@pins(thresholds, "PROMISES")
def test_promises_are_evidence_where_they_have_a_fifth_of_what_grows() -> None:
    for share, seen in ((0.21, True), (0.19, False)):
        stacks = tuple(
            Stack((Frame(name), Frame("load", "own.js", 3, own=True)), np.array([0.0, gained]))
            for name, gained in (("Promise", share), ("load", 1 - share))
        )
        place = SimpleNamespace(stacks=stacks)
        kept = Case("", (signal(PLACE, "bytes", site=cast("Any", place)),), (NOBODY,))
        with mock.patch.object(evidence, "matching", return_value=kept.signals[0]):
            found = evidence.EVIDENCE[EvidenceKind.CONTEXT_FRAMES](kept, context())
        assert ("Promise" in found) is seen


@pins(thresholds, "LEAST_OFF_HEAP")
def test_a_mebibyte_more_outside_of_the_heap_is_evidence() -> None:
    for more, seen in ((1.05, True), (0.95, False)):
        assert (
            bool(
                native_memory.off_heap(
                    MEMORY, context(rising(native_memory.PUBLISHED[0], more * MIB))
                )
            )
            is seen
        )


@pins(thresholds, "OFF_HEAP_TIMES")
def test_what_lies_outside_of_the_heap_is_three_times_what_may_lie_on_it() -> None:
    def kept(low: float, name: str = "jvm_buffer_memory_used_bytes") -> Case:
        finding = Finding(RuleName.GROWTH, name, Verdict.FAIL, "It grows.", unit="bytes/h")
        buffers, wrappers = Amount("GET /a", low + 5, low, low + 9), Amount("GET /a", 90, 80, 100)
        outside = Signal(ResourceKind.MEMORY, name, "bytes", buffers, (), "It grows.", finding)
        live = Signal(ResourceKind.HEAP, "live", "bytes", wrappers, (), "It grows.")
        return Case("GET /a", (outside, live), (buffers, wrappers))

    for low, outside in ((301.0, True), (299.0, False)):
        assert bool(native_memory.off_heap_alone(kept(low), context())) is outside
        told = signal_told(kept(low), "bytes")
        assert told is not None
        assert (told.name == "jvm_buffer_memory_used_bytes") is outside
    assert not native_memory.off_heap_alone(kept(900.0, "process_resident_memory_bytes"), context())


@pins(thresholds, "LEAST_OBJECT_BYTES")
def test_a_class_holds_what_is_never_closed_if_it_has_eight_bytes_for_each() -> None:
    steps = 10.0 * np.arange(4.0)
    for each, named in ((8.1, True), (7.9, False)):
        files = Frame("java.io.RandomAccessFile")
        grows = AllocationSite(files, steps, steps, each * steps, (Stack((files,), each * steps),))
        found = resource_owner.growing_opened_class(context(places=[grows]), ("files",), 1.0)
        assert (found == files) is named


@pins(thresholds, "LEAST_CLASS_SHARE")
def test_a_place_makes_what_grows_if_a_quarter_of_its_samples_are_of_it() -> None:
    classes = GrowingClasses(
        "GET /a", {"shop.Order": 1.0}, ("shop.Order",), np.zeros(1), np.zeros(1)
    )
    steps = np.arange(4.0)
    made = Frame("shop.Orders.add", "", 7, True)
    for share, kept in ((0.26, True), (0.24, False)):
        stacks = tuple(
            Stack((Frame(name), made), part * steps)
            for name, part in (("shop.Order", share), ("byte[]", 1 - share))
        )
        place = AllocationSite(made, steps, steps, steps, stacks)
        assert bool(places_of([place], classes)) is kept


@pins(thresholds, "LEAST_CLASS_LOADERS")
def test_five_more_class_loaders_are_evidence() -> None:
    for more, seen in ((5.0, True), (4.9, False)):
        assert (
            bool(
                native_memory.class_loaders_grow(
                    MEMORY, context(rising(native_memory.LOADERS, more))
                )
            )
            is seen
        )
    assert not native_memory.class_loaders_grow(MEMORY, context(rising(native_memory.LOADERS, 4.0)))


@pins(thresholds, "TRIMMED_SHARE")
def test_memory_is_fragmented_where_half_of_the_growth_is_given_back() -> None:
    for back, seen in ((52.0, True), (48.0, False)):
        rows = (rising("process_resident_memory_bytes", 100.0), gauge(native_memory.TRIMMED, back))
        assert bool(native_memory.fragmented(MEMORY, context(*rows))) is seen


@pins(thresholds, "LEAST_LABEL_VALUES")
def test_a_label_multiplies_from_ten_new_values_on() -> None:
    for new, seen in ((10, True), (9, False)):
        rows = [
            Series("visits", np.array([5.0]), np.array([1.0]), (("path", f"/{i}"),))
            for i in range(new)
        ]
        assert (labels.multiplying_label(context(*rows)) is not None) is seen


def risks(used: float, maximum: float, idle: float, samples: int = 300) -> set[EvidenceKind]:
    rows = (
        gauge("go_sql_in_use_connections", np.full(samples, used)),
        gauge("go_sql_max_open_connections", np.full(samples, maximum)),
        gauge("go_sql_idle_connections", np.full(samples, idle)),
    )
    return {kind for kind, _, _ in pool_risks._risks(context(*rows))}


@pins(thresholds, "LARGE_POOL", "HARDLY_USED")
def test_a_pool_is_too_large_from_a_hundred_on_of_which_a_tenth_is_used() -> None:
    assert EvidenceKind.POOL_TOO_LARGE in risks(2, 100, 0)
    assert EvidenceKind.POOL_TOO_LARGE not in risks(2, 99, 0)
    assert EvidenceKind.POOL_TOO_LARGE in risks(19, 200, 0)
    assert EvidenceKind.POOL_TOO_LARGE not in risks(21, 200, 0)


@pins(thresholds, "LEAST_IDLE", "MOSTLY_IDLE")
def test_connections_are_idle_for_nothing_from_twenty_on_where_they_are_four_fifths_of_all() -> (
    None
):
    assert EvidenceKind.IDLE_KEPT in risks(1, 50, 20)
    assert EvidenceKind.IDLE_KEPT not in risks(1, 50, 19)
    assert EvidenceKind.IDLE_KEPT in risks(18, 500, 82)
    assert EvidenceKind.IDLE_KEPT not in risks(22, 500, 78)


@pins(thresholds, "LEAST_POOL_SAMPLES")
def test_thirty_samples_tell_of_a_pool() -> None:
    assert risks(2, 100, 0, samples=30)
    assert not risks(2, 100, 0, samples=29)


def test_every_threshold_has_a_boundary_test() -> None:
    pinned = {name for module, name in BOUNDARY_TESTS if module == thresholds.__name__}
    assert pinned == thresholds_of(thresholds).keys()


@pytest.mark.parametrize(
    "name", sorted(name for module, name in BOUNDARY_TESTS if module == thresholds.__name__)
)
def test_a_threshold_moved_by_a_quarter_is_noticed(name: str) -> None:
    for value in nudged(thresholds_of(thresholds)[name]):
        assert notices(thresholds, name, value), (
            f"{name} may be {value} and no boundary test notices"
        )
