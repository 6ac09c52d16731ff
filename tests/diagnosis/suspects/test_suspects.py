"""Who is suspected: on recordings of real services that really leaked, and on runs made to be confusing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import pytest

from soak.analysis import analyze
from soak.catalog.metrics import ResourceKind
from soak.diagnosis.attribution.allocation_sites import AllocationSite, Stack, place_of
from soak.diagnosis.attribution.attribution import Amount
from soak.diagnosis.attribution.blocked_stacks import BlockedGroup
from soak.diagnosis.attribution.request_clock import on_request_clock
from soak.diagnosis.attribution.signals import PLACE, Signal
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects import suspects as module
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import run_context
from soak.diagnosis.suspects.evidence import EVIDENCE
from soak.diagnosis.suspects.evidence_kinds import EvidenceKind
from soak.diagnosis.suspects.leak_classes import CLASSES, UNKNOWN, class_probabilities
from soak.diagnosis.suspects.measures import measured_by
from soak.diagnosis.suspects.place_and_amount import Known
from soak.diagnosis.suspects.remedies import REMEDIES, remedy
from soak.diagnosis.suspects.resource_owner import find_borrower, find_opener, find_starter
from soak.diagnosis.suspects.suspects import each_once, with_suspects
from soak.model import Analysis, Floats, Place, Recording, RunInfo, Suspect, Verdict
from soak.profile import Limits
from soak.reporters.json import suspect_fields
from soak.snapshots import Snapshot
from tests.diagnosis.kept import kept
from tests.diagnosis.suspects import parts
from tests.diagnosis.suspects.parts import signal
from tests.diagnosis.synthetic_runs import ENDPOINTS, judged, leaked, run
from tests.targets.diagnosis import checked
from tests.targets.known import leak_of

CACHE = ("main.remember", "main.(*shop).search", "net/http.serve")
Heap = dict[tuple[str, ...], Mapping[str, float]]
BLOCKED = ("runtime.gopark", "runtime.chansend", "runtime.chansend1", "main.count")
CONTEXT = (
    "context.withCancel",
    "context.WithCancel",
    "main.watch",
    "main.(*shop).orders",
    "net/http.serve",
)


def diagnosis(recording: Recording) -> Analysis:
    return with_suspects(recording, judged(recording))


def only(recording: Recording) -> Suspect:
    suspects = diagnosis(recording).suspects
    assert len(suspects) == 1, suspects
    return suspects[0]


HEAP_ALONE, MEMORY_ALONE = (
    signal(what, parts.amount("GET /a"), name=what.name)
    for what in (ResourceKind.HEAP, ResourceKind.MEMORY)
)


def suspected(
    *cases: Case, seen: Sequence[Mapping[EvidenceKind, str]] = (), confidence: Sequence[float] = ()
) -> list[str]:
    """The endpoints of the suspects where these are the cases, each with its evidence and confidence."""

    def made(case: Case, *_: Any) -> Suspect | None:
        sure = dict(zip([each.endpoint for each in cases], confidence, strict=False))
        level = sure.get(case.endpoint, 0.5)
        if level == 0:
            return None
        place = Place(case.endpoint)
        return Suspect("x", level, place, case.endpoint, 1.0, 1.0, 1.0, "bytes", (), "", "")

    told = list(seen) or [{}] * len(cases)
    with (
        mock.patch.object(module, "group_signals", return_value=list(cases)),
        mock.patch.object(module, "with_endpoint_of_containers", side_effect=lambda case, *_: case),
        mock.patch.object(module, "with_heap_through_endpoint", side_effect=lambda case, _: case),
        mock.patch.object(module, "collect_evidence", side_effect=told),
        mock.patch.object(module, "_suspect", side_effect=made),
    ):
        return [suspect.endpoint for suspect in module.suspects(parts.context(), [])]


def resident(endpoint: str) -> Case:
    return Case(endpoint, (MEMORY_ALONE,), (MEMORY_ALONE.each,))


def growing(endpoint: str) -> Case:
    return Case(endpoint, (HEAP_ALONE, MEMORY_ALONE), (parts.amount(endpoint),) * 2)


def test_resident_memory_alone_is_no_suspect_beside_what_explains_it() -> None:
    assert suspected(growing("a"), resident("b")) == ["a"]
    assert suspected(resident("b"), resident("c")) == ["b", "c"]
    assert suspected(Case("a"), resident("b")) == ["a", "b"]
    for kind in (
        EvidenceKind.OFF_HEAP,
        EvidenceKind.NATIVE_FRAMES,
        EvidenceKind.CLASS_LOADERS,
        EvidenceKind.NATIVE_CATEGORY,
    ):
        assert suspected(growing("a"), resident("b"), seen=[{}, {kind: "x"}]) == ["a", "b"]
    other = {EvidenceKind.HEAP_FLAT: "x", EvidenceKind.MEMORY_GROWS: "x"}
    assert suspected(growing("a"), resident("b"), seen=[{}, other]) == ["a"]


def test_places_alone_are_no_suspects_where_only_counts_fail() -> None:
    """A cache that fills beside labels that multiply: no memory fails."""
    place = parts.signal(PLACE, name="load")
    series = parts.signal(ResourceKind.METRICS, unit="series")

    def cases(*signals: tuple[Signal, ...]) -> list[str]:
        made = [
            Case(name, each, tuple(one.each for one in each))
            for name, each in zip("ab", signals, strict=False)
        ]
        return [case.endpoint for case in module._of_what_failed(made)]

    assert cases((series,), (place,)) == ["a"]
    assert cases((series, place), (place,)) == ["a"]
    assert cases((HEAP_ALONE,), (place,)) == ["a", "b"]
    assert cases((MEMORY_ALONE,), (place,)) == ["a", "b"]
    assert cases((place,)) == []


def test_what_grows_beside_a_known_leak_only_early_is_no_second_one() -> None:
    def named(classes: str, late: str) -> str:
        """Of these cases, the classes of which are known (k) or not (u), those that are suspects."""
        cases = [growing(name) for name in "ab"[: len(classes)]]

        def made(case: Case, *_: Any) -> Suspect:
            name = UNKNOWN if classes["ab".index(case.endpoint)] == "u" else "unbounded-cache"
            place = Place(case.endpoint)
            return Suspect(name, 0.5, place, case.endpoint, 1.0, 1.0, 1.0, "bytes", (), "", "")

        with (
            mock.patch.object(
                module, "adds_late", side_effect=lambda case, _: case.endpoint in late
            ),
            mock.patch.object(module, "group_signals", return_value=cases),
            mock.patch.object(
                module, "with_endpoint_of_containers", side_effect=lambda case, *_: case
            ),
            mock.patch.object(
                module, "with_heap_through_endpoint", side_effect=lambda case, _: case
            ),
            mock.patch.object(module, "_suspect", side_effect=made),
        ):
            return "".join(each.endpoint for each in module.suspects(parts.context(), []))

    assert named("ku", "") == "a"
    assert named("ku", "b") == "ab"
    assert named("uu", "") == "ab"
    assert named("kk", "") == "ab"
    assert named("u", "") == "a"


def test_suspects_come_likeliest_first_and_cases_without_one_are_left_out() -> None:
    cases = [growing(name) for name in "abcd"]
    assert suspected(*cases, confidence=[0.4, 0.0, 0.9, 0.6]) == ["c", "d", "a"]
    assert suspected() == []


def test_only_a_single_case_gets_the_heap_and_the_containers_endpoint() -> None:
    def asked(*cases: Case) -> int:
        with (
            mock.patch.object(module, "group_signals", return_value=list(cases)) as grouped,
            mock.patch.object(
                module, "with_endpoint_of_containers", side_effect=lambda case, *_: case
            ),
            mock.patch.object(
                module, "with_heap_through_endpoint", side_effect=lambda case, _: case
            ) as through,
        ):
            module.suspects(parts.context(), [HEAP_ALONE])
        assert grouped.call_args.kwargs == {"resident_names": True}
        return through.call_count

    assert asked(growing("a")) == 1
    assert asked(growing("a"), growing("b")) == 0
    assert asked() == 0
    sure = parts.context(places=[parts.site(parts.stack(parts.own("main.f"), gain=9))])
    with mock.patch.object(module, "group_signals", return_value=[]) as grouped:
        module.suspects(sure, [])
    assert grouped.call_args.kwargs == {"resident_names": False}


def told(
    case: Case, likely: Mapping[str, float], place: Place | None = None, **evidence: str
) -> Suspect | None:
    """The suspect of a case whose classes have these probabilities."""
    signals = case.of(ResourceKind.HEAP)
    told_by = signals[0] if signals else None
    known = Known(place, parts.amount("GET /a", 7.0), "bytes", signal=told_by)
    with (
        mock.patch.object(module, "class_probabilities", return_value=likely),
        mock.patch.object(module, "place_and_amount", return_value=known),
    ):
        kinds = {EvidenceKind[name]: words for name, words in evidence.items()}
        return module._suspect(case, kinds, parts.context())


def test_a_suspect_has_its_class_confidence_place_amount_and_words() -> None:
    here = Place("main.f")
    suspect = told(
        growing("GET /a"),
        {"unbounded-cache": 0.7, "closure-retention": 0.01, "gc-pressure": 0.001},
        here,
        HEAP_GROWS="The heap grows.",
        CLOSURE="A closure.",
    )
    assert suspect is not None
    assert (suspect.leak_class, suspect.confidence, suspect.place) == ("unbounded-cache", 0.7, here)
    assert (suspect.per_request, suspect.low, suspect.high, suspect.unit) == (
        7.0,
        6.0,
        8.0,
        "bytes",
    )
    assert suspect.runner_up == "closure-retention"
    assert suspect.evidence[0] == "The heap grows."
    assert suspect.evidence[1].startswith("The amount is the growth of the live heap (HEAP)")
    assert "A closure." not in suspect.evidence
    assert all(suspect.evidence)
    assert suspect.endpoints == ()


def test_a_suspect_is_less_sure_without_a_place_and_never_certain() -> None:
    for probability, place, confidence in (
        (0.5, Place("main.f"), 0.5),
        (0.5, None, 0.45),
        (1.0, Place("main.f"), 0.99),
        (0.4, Place("main.f"), 0.4),
    ):
        suspect = told(growing("GET /a"), {"unbounded-cache": probability}, place)
        assert suspect is not None
        assert suspect.confidence == pytest.approx(confidence)
        assert suspect.runner_up == ""
        assert bool(suspect.place.unknown) is (place is None)


def test_the_runner_up_has_a_hundredth_at_least() -> None:
    for second, named in ((0.01, "gc-pressure"), (0.009, "")):
        likely = {"unbounded-cache": 0.9, "gc-pressure": second}
        suspect = told(growing("GET /a"), likely)
        assert suspect is not None
        assert suspect.runner_up == named


def test_a_case_without_signals_has_the_words_of_its_evidence_alone() -> None:
    suspect = told(Case("GET /a"), {"gc-pressure": 0.9}, MUCH_GARBAGE="It ran often.")
    assert suspect is not None
    assert suspect.evidence == ("It ran often.",)


def test_growth_of_no_likely_class_is_unknown_where_its_endpoint_is_known() -> None:
    for likely in ({}, {"unbounded-cache": 0.39}):
        suspect = told(growing("GET /a"), likely)
        assert suspect is not None
        assert (suspect.leak_class, suspect.confidence) == ("unknown", 0.5)
    suspect = told(growing("GET /a"), {})
    assert suspect is not None
    assert (suspect.endpoint, suspect.per_request, suspect.low, suspect.high) == (
        "GET /a",
        10.0,
        9.0,
        11.0,
    )
    assert suspect.unit == "bytes"
    assert suspect.runner_up == ""
    assert suspect.evidence[0] == "It grows."
    assert suspect.remedy == REMEDIES["unknown"]["Go"]
    assert suspect.place.unknown == "no snapshots of the target were taken"


def test_a_heap_that_fails_has_at_least_its_amount_as_a_suspect() -> None:
    """Where no place, class or endpoint is seen: a red run that says nothing of a suspect helps nobody."""
    nowhere, resident_alone = growing(""), resident("")
    for cases, told_of in (([nowhere], [""]), ([nowhere, nowhere], [""]), ([resident_alone], [])):
        with (
            mock.patch.object(module, "group_signals", return_value=cases),
            mock.patch.object(module, "class_probabilities", return_value={}),
        ):
            found = module.suspects(parts.context(), [])
        assert [suspect.endpoint for suspect in found] == told_of
        for suspect in found:
            assert (suspect.leak_class, suspect.per_request) == ("unknown", 10.0)
            assert any("The endpoint is not known" in words for words in suspect.evidence)


def test_growth_of_no_known_class_is_no_suspect_without_endpoint_amount_or_with_doubts() -> None:
    assert told(growing(""), {}) is None
    assert told(Case("GET /a"), {}) is None
    elsewhere = replace(growing("GET /b"), endpoint="GET /b")
    counted = signal(ResourceKind.THREADS, unit="threads")
    assert told(Case("GET /a", (counted,), (counted.each,)), {}) is None
    assert told(replace(elsewhere, amounts=(parts.amount("GET /c"),) * 2), {}) is None
    for kind in ("SLOWS_DOWN", "HIGH_WATER", "COUNT_GROWS"):
        assert told(growing("GET /a"), {}, None, **{kind: "x"}) is None
    assert told(growing("GET /a"), {}, HEAP_GROWS="x") is not None


def test_the_reason_names_a_leak_only_and_only_where_the_run_failed() -> None:
    def reason(leak_class: str, verdict: Verdict) -> str:
        suspect = Suspect(
            leak_class, 0.9, Place("main.f"), "GET /a", 9.0, 8.0, 10.0, "bytes", (), "", ""
        )
        recording = parts.context().prepared.recording
        garbage = replace(suspect, leak_class="gc-pressure")
        last = replace(garbage, leak_class=leak_class, endpoint="GET /last")
        with (
            mock.patch.object(module, "suspects", return_value=(garbage, suspect, last)) as asked,
            mock.patch.object(module, "flame_of", return_value="flame"),
        ):
            before = Analysis(RunInfo("made"), verdict, "It grows.", ())
            after = with_suspects(recording, before)
        assert asked.call_args.args[0].prepared.judged_from == 0.0
        assert after.suspects == (garbage, suspect, last)
        assert (after.flame is not None) is (leak_class == "unbounded-cache")
        return after.reason

    assert reason("unbounded-cache", Verdict.FAIL) == (
        "GET /a leaks 9 B per request in main.f: an unbounded cache. It grows."
    )
    assert reason("unbounded-cache", Verdict.INCONCLUSIVE) == "It grows."
    for no_leak in ("gc-pressure", "buffered-response"):
        assert reason(no_leak, Verdict.FAIL) == "It grows."


def test_a_leak_that_is_seen_at_two_of_its_places_is_one_suspect() -> None:
    def suspect(place: Place, endpoint: str = "") -> Suspect:
        return Suspect("unbounded-cache", 0.9, place, endpoint, 1.0, 1.0, 1.0, "bytes", (), "", "")

    keep, other, unknown = Place("keep"), Place("other"), Place(unknown="too few samples")
    assert each_once([suspect(keep), suspect(keep)]) == [suspect(keep)]
    different = [suspect(keep), suspect(other), suspect(keep, "GET /"), *[suspect(unknown)] * 2]
    assert each_once(different) == different


REAL = [
    *("go/map", "go/middleware", "go/channel", "go/body", "go/buffered", "go/context"),
    *("java/threadlocal", "node/timers"),
]
#: The one fast test; the others take five to ten seconds each.
CHEAPEST = {"go/channel"}


@pytest.mark.parametrize(
    "cell",
    [pytest.param(cell, marks=() if cell in CHEAPEST else pytest.mark.thorough) for cell in REAL],
)
def test_a_real_leak_is_named_with_class_place_endpoint_and_amount(cell: str) -> None:
    recording = kept(cell.replace("/", "-"))
    suspects = with_suspects(
        recording, analyze(recording, Limits(), request_clock=on_request_clock)
    ).suspects
    told = [
        {
            "class": suspect.leak_class,
            **{
                name: getattr(suspect, name)
                for name in ("where", "endpoint", "per_request", "unit")
            },
        }
        for suspect in suspects
    ]
    assert all(checked(leak_of(cell), told).values()), (checked(leak_of(cell), told), told)


@pytest.mark.thorough
def test_growth_that_follows_a_mix_varied_on_purpose_is_judged_on_that_endpoints_clock() -> None:
    recording = kept("go-context")
    assert analyze(recording, Limits()).verdict is Verdict.INCONCLUSIVE
    analysis = analyze(recording, Limits(), request_clock=on_request_clock)
    trend = next(
        finding.trend for finding in analysis.findings if finding.series == "go_goroutines"
    )
    windows = next(
        window for window in recording.windows if window.endpoint == "GET /stock/7"
    ).between(5.0, 184.0)
    assert trend is not None
    assert trend.slope_per_hour == pytest.approx(3600 * windows.requests.sum() / 179, rel=0.02)
    assert trend.clock is not None
    assert trend.clock.endpoints == ("GET /stock/7",)
    assert trend.clock.requests[-1] - trend.clock.requests[0] == pytest.approx(
        windows.requests.sum(), rel=0.02
    )


@pytest.mark.parametrize("name", ["", pytest.param("go-none", marks=pytest.mark.thorough)])
def test_nobody_is_suspected_where_nothing_fails(name: str) -> None:
    recording = kept(name) if name else run()
    analysis = with_suspects(recording, analyze(recording, Limits()))
    assert analysis.verdict is not Verdict.FAIL
    assert analysis.suspects == ()
    assert analysis.flame is None


def test_two_leaks_at_once_are_both_named() -> None:
    suspects = diagnosis(run({CACHE: {"GET /a": 4096}}, {BLOCKED: {"POST /b": 1}})).suspects
    named = {
        (suspect.leak_class, suspect.where.partition(" ")[0], suspect.endpoint)
        for suspect in suspects
    }
    assert named == {
        ("unbounded-cache", "main.remember", "GET /a"),
        ("goroutine-leak", "main.count", "POST /b"),
    }


def test_two_places_that_leak_through_two_endpoints_are_both_named() -> None:
    suspects = diagnosis(run({CACHE: {"GET /a": 4096}, ("main.audit",): {"GET /c": 8192}})).suspects
    named = {suspect.endpoint: suspect for suspect in suspects}
    assert {endpoint: suspect.where.partition(" ")[0] for endpoint, suspect in named.items()} == {
        "GET /a": "main.remember",
        "GET /c": "main.audit",
    }
    assert named["GET /a"].per_request == pytest.approx(4096, rel=0.1)
    assert named["GET /c"].per_request == pytest.approx(8192, rel=0.1)


def test_one_place_that_two_endpoints_share_is_one_leak_with_the_amount_of_both() -> None:
    analysis = diagnosis(run({CACHE: {"GET /a": 8192, "GET /c": 2048}}))
    [suspect] = analysis.suspects
    assert (suspect.endpoint, suspect.endpoints) == ("GET /a and GET /c", ("GET /a", "GET /c"))
    requests = {row.name: row.requests for row in analysis.endpoints}
    truth = np.average([8192, 2048], weights=[requests[name] for name in suspect.endpoints])
    assert suspect.per_request == pytest.approx(truth, rel=0.02)
    assert suspect.low <= suspect.per_request <= suspect.high
    assert "per request, GET /a 7.99 KiB and GET /c 2.01 KiB" in suspect.evidence[-1]
    assert analysis.reason.startswith("GET /a and GET /c leak 4.8 KiB per request in main.remember")
    assert suspect_fields(suspect)["endpoints"] == ["GET /a", "GET /c"]


def test_a_place_that_too_few_snapshots_tell_apart_belongs_to_the_endpoints_of_the_heap() -> None:
    recording = run({CACHE: {"GET /a": 4096, "GET /c": 4096}})
    few = replace(recording, snapshots=recording.snapshots[::8])
    suspect = only(few)
    assert (suspect.endpoint, suspect.place.function) == ("GET /a and GET /c", "main.remember")
    assert suspect.per_request == pytest.approx(4096, rel=0.02)
    assert "goes with which" not in suspect.evidence[-1]
    two = run({CACHE: {"GET /a": 4096}, ("main.audit",): {"GET /c": 4096}})
    suspect = only(replace(two, snapshots=two.snapshots[::8]))
    assert suspect.endpoint == "GET /a and GET /c"
    assert suspect.evidence[-1].endswith(
        "Which of the places goes with which of them is not known."
    )


def test_goroutines_that_two_endpoints_share_are_counted_per_request_to_both() -> None:
    analysis = diagnosis(run(goroutines={BLOCKED: {"GET /a": 1, "GET /c": 1}}))
    assert analysis.reason.startswith(
        "GET /a and GET /c leak 1 goroutine per request in main.count (main.go:1021): goroutines that"
    )


def test_what_known_places_add_up_to_is_not_suspected_of_every_endpoint_again() -> None:
    both: Heap = {CACHE: {"GET /a": 4096, "GET /c": 4096}, ("main.audit",): {"POST /b": 8192}}
    assert {suspect.endpoint for suspect in diagnosis(run(both)).suspects} == {
        "GET /a and GET /c",
        "POST /b",
    }
    recording = run(both)
    unplaced = leaked(
        dict.fromkeys(ENDPOINTS, 4096)
    )  # what no place explains stays every endpoint's
    heap = replace(recording.series[0], values=recording.series[0].values + unplaced)
    more = diagnosis(replace(recording, series=(heap, *recording.series[1:])))
    assert "*" in {suspect.endpoint for suspect in more.suspects}


def test_one_leak_that_shows_in_several_series_is_one_suspect() -> None:
    suspect = only(
        run({("main.(*shop).stock",): {"POST /b": 700}}, {BLOCKED: {"POST /b": 1}}, {"POST /b": 1})
    )
    assert suspect.leak_class in ("goroutine-leak", "descriptor-leak")
    assert suspect.endpoint == "POST /b"
    assert suspect.per_request == pytest.approx(1, abs=0.05)


def test_the_same_bytes_on_every_endpoint_are_a_closures() -> None:
    analysis = diagnosis(
        run({("main.audited.func1",): {"GET /a": 4096, "POST /b": 4096, "GET /c": 4096}})
    )
    assert [(suspect.leak_class, suspect.endpoint) for suspect in analysis.suspects] == [
        ("closure-retention", "*")
    ]
    assert analysis.reason.startswith("Every endpoint leaks 4")


def test_contexts_that_grow_beside_a_page_are_a_requests_context() -> None:
    heap = {
        ("main.watch", "main.(*shop).orders", "net/http.serve"): {"GET /c": 4096},
        CONTEXT: {"GET /c": 300},
    }
    assert only(run(heap)).leak_class == "request-context"


PAGE: Heap = {("main.keep", "main.orders"): {"GET /c": 16384}}
READ_REQUEST = ("net/http.readRequest", "net/http.(*conn).readRequest", "net/http.(*conn).serve")


@pytest.mark.parametrize(
    "stack",
    [
        pytest.param(("com.shop.RequestState",), marks=pytest.mark.thorough),
        pytest.param(
            ("EventEmitter.init", "IncomingMessage", "parserOnMessage"), marks=pytest.mark.thorough
        ),
        READ_REQUEST,
    ],
    ids=["class", "constructor", "go"],
)
def test_requests_that_outlive_their_answer_are_a_requests_context(stack: tuple[str, ...]) -> None:
    suspect = only(run({**PAGE, stack: {"GET /c": 4096}}))
    assert (suspect.leak_class, suspect.where.partition(" ")[0]) == ("request-context", "main.keep")


def test_requests_that_end_with_their_answer_or_are_another_endpoints_are_no_context() -> None:
    assert only(run({**PAGE, READ_REQUEST: {}})).leak_class == "unbounded-cache"
    two = run({**PAGE, CACHE: {"GET /a": 16384}, READ_REQUEST: {"GET /c": 4096}})
    classes = {suspect.endpoint: suspect.leak_class for suspect in diagnosis(two).suspects}
    assert classes == {"GET /a": "unbounded-cache", "GET /c": "request-context"}


def test_the_keys_of_a_cache_may_come_from_a_request_and_are_none() -> None:
    line = (
        "net/textproto.(*Reader).ReadLine",
        "net/http.readRequest",
        "net/http.(*conn).readRequest",
    )
    heap: Heap = {("main.keep", "main.orders"): {"GET /c": 4096}, line: {"GET /c": 300}}
    assert only(run(heap)).leak_class == "unbounded-cache"


@pytest.mark.parametrize(
    ("stack", "leak_class"),
    [
        (("github.com/gorilla/context.Set", "main.keep", "main.orders"), "request-context"),
        (
            ("main.keep", "main.orders", "github.com/gorilla/context.ClearHandler.func1"),
            "unbounded-cache",
        ),
    ],
)
def test_what_a_package_named_context_holds_is_a_requests_context(
    stack: tuple[str, ...], leak_class: str
) -> None:
    assert only(run({stack: {"GET /c": 4096}})).leak_class == leak_class


def test_goroutines_that_a_library_started_are_placed_at_the_own_function_that_called_it() -> None:
    library = "/go/pkg/mod/example.com/tick@v1.2.0/tick.go"
    waits, creator = (
        Frame("tick.(*Ticker).run", library, 9, True),
        Frame("tick.New", library, 4, True),
    )
    retry, handler = (
        Frame("main.retry", "main.go", 20, True),
        Frame("main.handle", "main.go", 30, True),
    )
    steps = np.arange(4.0)

    def site(place: Frame, frames: tuple[Frame, ...], levels: Floats) -> AllocationSite:
        return AllocationSite(place, steps, steps, levels, (Stack(frames, levels),))

    group = BlockedGroup("in a select", waits, waits, site(waits, (waits, creator), steps))
    quiet = run_context(run(), judged(run()), 0.0)
    made = site(retry, (creator, retry, handler), steps)
    other = site(handler, (Frame("tick.Parse", library, 50, True), handler), 9 * steps)
    assert find_starter(replace(quiet, places=[other, made]), group) == retry
    assert find_starter(replace(quiet, places=[other], allocated=[made]), group) == retry
    assert find_starter(replace(quiet, places=[other]), group) is None


def test_what_grows_at_several_places_and_is_in_no_series_costs_all_of_it() -> None:
    recording = run(
        {(f"main.{name}", "main.orders"): {"GET /c": 8192} for name in ("check", "wrap", "copy")}
    )
    unseen = [series for series in recording.series if series.name != "go_gc_heap_live_bytes"]
    suspect = only(replace(recording, series=tuple(unseen)))
    assert suspect.per_request == pytest.approx(3 * 8192, rel=0.05)


def _holding(*calls: tuple[str, str]) -> AllocationSite:
    frames = tuple(
        Frame(function, file, 1, not file.startswith("node:")) for function, file in calls
    )
    levels = np.array([0.0, 1.0, 2.0])
    return AllocationSite(place_of(frames), levels, levels, levels, (Stack(frames, levels),))


def test_who_takes_connections_by_itself_is_the_only_one_that_can_keep_them() -> None:
    client, taken = (
        ("newClient", "/srv/node_modules/pg-pool/index.js"),
        ("connect", "/srv/node_modules/pg-pool/index.js"),
    )
    asked = ("query", "/srv/node_modules/pg-pool/index.js")
    own = _holding(client, taken, ("tariff", "/srv/shop.js"))
    lends = _holding(client, taken, asked, ("product", "/srv/shop.js"))
    other = _holding(client, taken, ("stock", "/srv/shop.js"))
    context = replace(run_context(run(), judged(run()), 0.0), language="JavaScript")
    borrowers = [
        find_borrower(replace(context, places=places))
        for places in ((own, lends), (own, other), (lends,))
    ]
    assert [place.function if place else "" for place in borrowers] == ["tariff", "", ""]


def test_who_alone_is_met_at_opening_often_enough_opens() -> None:
    opening = _holding(("openSync", "node:fs"), ("invoice", "/srv/shop.js"))
    often = replace(opening, stacks=(replace(opening.stacks[0], levels=np.array([0.0, 9.0])),))
    context = replace(
        run_context(run(), judged(run()), 0.0), language="JavaScript", places=(), allocated=()
    )
    other = _holding(("openSync", "node:fs"), ("log", "/srv/log.js"))
    library = _holding(
        ("openSync", "node:fs"),
        ("read", "/srv/node_modules/prom-client/index.js"),
        ("metrics", "/srv/shop.js"),
    )
    openers = [
        find_opener(replace(context, running=running), ("files",), ("GET /a",))
        for running in ((often, library), (opening,), (often, other))
    ]
    assert [place.function if place else "" for place in openers] == ["invoice", "", ""]


def test_without_snapshots_the_series_still_name_a_class_and_say_what_is_missing() -> None:
    suspect = only(run(goroutines={BLOCKED: {"POST /b": 1}}, snapshots=False))
    assert (suspect.leak_class, suspect.endpoint) == ("goroutine-leak", "POST /b")
    assert suspect.where == "unknown: no snapshots of the target were taken"


def test_resident_memory_alone_over_a_steady_heap_accuses_nobody_within_minutes() -> None:
    leaky = run({CACHE: {"GET /a": 4096}})
    resident = [series for series in leaky.series if series.name == "process_resident_memory_bytes"]
    calm = run()
    series = tuple(
        resident[0] if series.name == resident[0].name else series for series in calm.series
    )
    analysis = diagnosis(replace(calm, series=series))
    assert (analysis.verdict, analysis.suspects) == (Verdict.INCONCLUSIVE, ())


def test_no_diagnosis_changes_a_verdict_or_a_finding() -> None:
    for recording in (run(), run({CACHE: {"GET /a": 4096}})):
        _unchanged_but_for_its_sentence(recording)


def _unchanged_but_for_its_sentence(recording: Recording) -> str:
    before = analyze(recording, Limits())
    after = with_suspects(recording, before)
    assert (after.verdict, after.findings, after.broken) == (
        before.verdict,
        before.findings,
        before.broken,
    )
    return after.reason


@pytest.mark.thorough
def test_the_first_sentence_says_who_leaks_what_where_and_for_how_long() -> None:
    reason = _unchanged_but_for_its_sentence(kept("go-map"))
    assert reason.startswith("GET /search?q=lamp leaks 16.")
    assert (
        " KiB per request in main.rememberSearch (leaks.go:41): an unbounded cache; at 60" in reason
    )


def test_a_suspects_amount_comes_first_and_other_measures_are_said_to_be_what_they_are() -> None:
    suspect = only(run({CACHE: {"GET /a": 4096}}))
    [said] = [line for line in suspect.evidence if line.startswith("The amount is the growth of")]
    assert re.search(
        r"the growth of .* per request to GET /a \(per request of any kind: 1\.\d+ KiB\)\.", said
    )
    assert re.search(
        r"Other measures .* do not add up: .*resident memory \(process_resident_memory_bytes\) [34][.\d]* KiB",
        said,
    )
    assert said.count("per request to GET /a") >= 2


def test_one_measure_alone_needs_no_explanation() -> None:
    signal = Signal("place", "main.keep", "bytes", Amount("", 10.0, 9.0, 11.0), (), "")
    assert measured_by(Case("", (signal,), (signal.each,)), signal) == []
    assert measured_by(Case(""), None) == []


def test_snapshots_that_cannot_be_read_are_one_warning_and_the_rest_goes_on() -> None:
    leaky = run(goroutines={BLOCKED: {"POST /b": 1}})
    broken = tuple(
        _as_a_page(snapshot) if snapshot.kind == "heap" else snapshot
        for snapshot in leaky.snapshots
    )
    analysis = diagnosis(replace(leaky, snapshots=broken))
    assert [suspect.leak_class for suspect in analysis.suspects] == ["goroutine-leak"]
    assert sum("heap snapshots cannot be read" in warning for warning in analysis.warnings) == 1


def _as_a_page(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, read=lambda: b"<html>404</html>")


def test_every_weight_is_of_evidence_that_exists_and_every_class_has_its_remedies() -> None:
    weighed = {name for row in CLASSES.values() for name in row.weights}
    assert weighed == set(EVIDENCE)
    assert CLASSES.keys() == REMEDIES.keys()
    for leak_class in CLASSES:
        for language in ("Go", "Java", "JavaScript", "Python"):
            assert remedy(leak_class, language) != remedy(leak_class, ""), (leak_class, language)


def test_no_evidence_makes_no_class_likely_and_evidence_against_none() -> None:
    assert class_probabilities([]) == {}
    assert all(
        0 < chance < 1 for chance in class_probabilities([EvidenceKind.PLACE_GROWS]).values()
    )
    assert (
        next(iter(class_probabilities([EvidenceKind.PLACE_GROWS, EvidenceKind.CONTEXT_FRAMES])))
        == "request-context"
    )
    assert sum(class_probabilities(EVIDENCE).values()) <= 1
