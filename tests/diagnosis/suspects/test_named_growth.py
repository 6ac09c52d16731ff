"""Growth that a series names by itself: labels that multiply, containers that gain entries, a JVM's native memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from soak.catalog.metrics import ResourceKind
from soak.catalog.node import KEPT_REQUESTS
from soak.diagnosis.attribution.allocation_sites import AllocationSite, Stack
from soak.diagnosis.attribution.attribution import Amount
from soak.diagnosis.attribution.signals import GROUP, PLACE, Signal
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects.cases import Case, frames_of, group_signals
from soak.diagnosis.suspects.context import RunContext, run_context
from soak.diagnosis.suspects.evidence import EVIDENCE
from soak.diagnosis.suspects.evidence_kinds import EvidenceKind
from soak.diagnosis.suspects.growing_containers import containers, growing_containers
from soak.diagnosis.suspects.headline import amount
from soak.diagnosis.suspects.labels import multiplying_label, multiplying_labels
from soak.diagnosis.suspects.native_memory import class_loaders_grow, fragmented, native_categories
from soak.diagnosis.suspects.place_and_amount import place_and_amount
from soak.diagnosis.suspects.remedies import remedy
from soak.diagnosis.suspects.resource_owner import counted_opener
from soak.diagnosis.suspects.unknowns import endpoint_not_known, tracing_cost, unplaced
from soak.model import Event, EventKind, Finding, Floats, RuleName, Series, Verdict, label_pairs
from tests.diagnosis.synthetic_runs import SECONDS, judged, leaked, run

TIMES: Floats = np.arange(10.0, SECONDS, 10.0)


def with_series(series: Sequence[Series], *, varied: bool = False) -> RunContext:
    """The context of a quiet run that also has these series."""
    recording = run(snapshots=False)
    events = (Event(1.0, EventKind.MIX, "the mix was varied"),) if varied else ()
    recording = replace(recording, series=(*recording.series, *series), events=events)
    return run_context(recording, judged(run(snapshots=False)), 0.0)


def gauge(name: str, values: Floats, **labels: str) -> Series:
    return Series(name, TIMES, values, label_pairs(labels))


def case_of(what: ResourceKind, unit: str, endpoint: str = "") -> Case:
    amount = Amount(endpoint, 10.0, 9.0, 11.0)
    return Case(endpoint, (Signal(what, "x", unit, amount, (), "It grows."),), (amount,))


MEMORY = case_of(ResourceKind.MEMORY, "bytes")


def test_a_label_that_gains_values_is_named_with_its_metric() -> None:
    born = [
        Series("visits_total", TIMES[i:], TIMES[i:] * 0, label_pairs({"path": f"/{i}"}))
        for i in range(len(TIMES))
    ]
    context = with_series(born)
    assert multiplying_label(context) == ("visits_total", "path", len(TIMES))
    words = multiplying_labels(case_of(ResourceKind.METRICS, "series"), context)
    assert words.startswith(f"Label path of visits_total gained {len(TIMES)} values")
    assert multiplying_labels(MEMORY, context) == ""
    assert multiplying_label(with_series(born[:1])) is None


def test_the_label_that_multiplies_is_the_place_whatever_the_page_holds_elsewhere() -> None:
    born = [
        Series("visits_total", TIMES[i:], TIMES[i:] * 0, label_pairs({"path": f"/{i}"}))
        for i in range(len(TIMES))
    ]
    known = place_and_amount(
        "unbounded-cache", case_of(ResourceKind.METRICS, "series", "GET /a"), with_series(born)
    )
    assert str(known.place) == "label path of visits_total"
    assert (known.amount.per_request, known.unit) == (10.0, "series")
    assert amount(1.0, "series") == "1 series"
    assert amount(1.0, "goroutines") == "1 goroutine"


def test_timers_name_the_endpoint_and_the_amount_of_what_a_request_leaves_on_the_heap() -> None:
    waiting = gauge("nodejs_active_resources", 2 * TIMES, type="Timeout")
    case = case_of(ResourceKind.TIMERS, "timers", "GET /a")
    assert case.memory_alone
    context = with_series([waiting])
    assert EVIDENCE[EvidenceKind.COUNT_GROWS](case, context) == ""
    assert "more timers wait than at first" in EVIDENCE[EvidenceKind.TIMERS_GROW](case, context)
    known = place_and_amount("request-context", case, context)
    assert (known.amount.endpoint, known.amount.per_request, known.unit) == (
        "GET /a",
        10.0,
        "timers",
    )


def test_requests_that_a_runtime_keeps_are_a_context_that_is_never_released() -> None:
    case = case_of(ResourceKind.REQUESTS, "requests", "GET /a")
    assert case.memory_alone
    kept = leaked({"GET /a": 1.0})[TIMES.astype(int) - 1]
    context = with_series([gauge(KEPT_REQUESTS, kept)])
    assert EVIDENCE[EvidenceKind.COUNT_GROWS](case, context) == ""
    assert "more requests than at first" in EVIDENCE[EvidenceKind.REQUESTS_KEPT](case, context)
    known = place_and_amount("request-context", case, context)
    assert (known.amount.endpoint, known.amount.per_request, known.unit) == (
        "GET /a",
        10.0,
        "requests",
    )
    elsewhere = case_of(ResourceKind.REQUESTS, "requests", "POST /b")
    assert EVIDENCE[EvidenceKind.REQUESTS_KEPT](elsewhere, context) == ""


def test_a_class_that_one_own_method_allocates_is_placed_there() -> None:
    """The live objects that were sampled were others: only what was ever allocated tells who makes this one."""
    made, listed = Frame("org.shop.App$Line"), Frame("java.util.ArrayList.grow")
    keeps, shows = (Frame(f"org.shop.App.{name}", "", 17, True) for name in ("keep", "show"))
    steps: Floats = np.arange(4.0)

    def site(*frames: Frame) -> AllocationSite:
        return AllocationSite(frames[-1], steps, steps, steps, (Stack(frames, 9e4 * steps),))

    held = Signal(
        PLACE, "x", "bytes", Amount("GET /a", 10, 9, 11), (), "It grows.", site=site(made)
    )
    case = Case("GET /a", (held,), (Amount("GET /a", 10, 9, 11),))

    def place(*allocated: AllocationSite) -> str:
        context = replace(with_series([]), language="Java", allocated=allocated)
        return str(place_and_amount("unbounded-cache", case, context).place)

    assert place() == "org.shop.App$Line"
    assert place(site(made, keeps), site(listed, shows)) == "org.shop.App.keep line 17"
    # Who makes garbage of the same class cannot be told from who keeps it.
    assert place(site(made, keeps), site(made, shows)) == "org.shop.App$Line"


def test_the_connection_that_every_request_came_through_is_no_goroutine_of_a_connection() -> None:
    reads = Frame("net/http.(*persistConn).readLoop", "transport.go", 1)
    grown = Amount("GET /a", 10.0, 9.0, 11.0)
    for what, frames, told in (
        (PLACE, (Frame("render", "/shop.js", 9, own=True), reads), ""),
        (PLACE, (reads,), ""),
        (GROUP, (reads,), "Ever more goroutines of connections"),
    ):
        stack = Stack(frames, np.array([0.0, 9e6, 18e6]))
        site = AllocationSite(frames[0], TIMES[:3], TIMES[:3], stack.levels, (stack,))
        case = Case(
            "GET /a", (Signal(what, "x", "bytes", grown, (), "It grows.", site=site),), (grown,)
        )
        words = EVIDENCE[EvidenceKind.CONNECTION_GOROUTINES](case, with_series([]))
        assert words.startswith(told)
        assert bool(words) is bool(told)


def test_what_runs_own_code_is_no_sign_of_what_it_keeps() -> None:
    """After an awaited timer the rest of a request runs inside the timers' list; a map that it fills is no timer."""
    own, timers = (
        Frame("load", "/srv/catalog.js", 18, own=True),
        Frame("listOnTimeout", "node:internal/timers", 5),
    )
    grown = Amount("GET /a", 10.0, 9.0, 11.0)
    for frames, told in (((own, timers), False), ((timers, own), True)):
        stack = Stack(frames, np.array([0.0, 9e6, 18e6]))
        site = AllocationSite(own, TIMES[:3], TIMES[:3], stack.levels, (stack,))
        case = Case(
            "GET /a", (Signal(PLACE, "x", "bytes", grown, (), "It grows.", site=site),), (grown,)
        )
        assert bool(EVIDENCE[EvidenceKind.CONTEXT_FRAMES](case, with_series([]))) is told


def test_a_remedy_is_for_what_the_target_called_and_not_for_who_called_it() -> None:
    own, emit = Frame("reserve", "/srv/shop.js", 9, own=True), Frame("emit", "node:events", 5)
    advice = "Call removeListener"
    for frames, told in (
        ((own, emit), False),
        ((Frame("_addListener", "node:events", 3), own, emit), True),
    ):
        stack = Stack(frames, np.array([0.0, 9e6, 18e6]))
        site = AllocationSite(own, TIMES[:3], TIMES[:3], stack.levels, (stack,))
        grown = Amount("GET /a", 10.0, 9.0, 11.0)
        case = Case(
            "GET /a", (Signal(PLACE, "x", "bytes", grown, (), "It grows.", site=site),), (grown,)
        )
        assert (advice in remedy("unbounded-cache", "JavaScript", frames_of(case))) is told


def test_resident_memory_names_no_endpoint_beside_a_heap_that_may_grow_but_counted_buffers_do() -> (
    None
):
    grown = Amount("GET /a", 16_400.0, 16_000.0, 17_000.0, 1.0)
    for series, labels, endpoint in (
        ("process_resident_memory_bytes", (), ""),
        ("jvm_buffer_memory_used_bytes", (("id", "direct"),), "GET /a"),
    ):
        finding = Finding(RuleName.GROWTH, series, Verdict.FAIL, "It grows.", labels)
        signal = Signal(ResourceKind.MEMORY, series, "bytes", grown, (grown,), "It grows.", finding)
        [case] = group_signals([signal], resident_names=False)
        assert case.endpoint == endpoint
        assert case.resident_alone is not bool(endpoint)


def test_a_container_that_gains_entries_is_named_with_its_endpoint() -> None:
    rows = np.array([leaked({"GET /a": 1.0})[int(at) - 1] for at in TIMES])
    sessions = gauge("python_container_length", 30 + rows, holder="shop.SESSIONS", kind="dict")
    steady = gauge(
        "python_container_length", np.full(len(TIMES), 400.0), holder="shop.PRODUCTS", kind="dict"
    )
    context = with_series([steady, sessions])
    [growing] = containers(context)
    assert growing.holder == "shop.SESSIONS"
    assert [amount.endpoint for amount in growing.endpoints] == ["GET /a"]
    assert "shop.SESSIONS (dict) gains" in growing_containers(
        case_of(ResourceKind.MEMORY, "bytes", "GET /a"), context
    )
    assert growing_containers(case_of(ResourceKind.MEMORY, "bytes", "POST /b"), context) == ""


def test_the_line_that_opens_ever_more_for_the_endpoint_is_the_place_where_it_is_the_only_one() -> (
    None
):
    def opens(function: str, endpoint: str, kind: str = "file") -> Series:
        rows = np.array([leaked({endpoint: 1.0})[int(at) - 1] for at in TIMES])
        labels = {"type": kind, "file": "/srv/shop.py", "line": "7", "function": function}
        return gauge("python_openings", rows, **labels)

    stock, ledger = opens("stock", "GET /a"), opens("ledger", "POST /b")
    frame = counted_opener(with_series([stock, ledger]), "file", ("GET /a",))
    assert (frame.function, frame.line, frame.own) == ("stock", 7, True) if frame else False
    for others in (
        [ledger],
        [stock, opens("audit", "GET /a")],
        [opens("stock", "GET /a", "socket")],
    ):
        assert counted_opener(with_series(others), "file", ("GET /a",)) is None
    case = case_of(ResourceKind.DESCRIPTORS, "descriptors", "GET /a")
    known = place_and_amount("descriptor-leak", case, with_series([stock, ledger]))
    assert known.place is not None
    assert str(known.place) == "stock shop.py:7"


def test_a_jvms_native_memory_is_told_by_category_and_class_loaders_are_counted() -> None:
    rising = np.linspace(8e6, 64e6, len(TIMES))
    context = with_series(
        [
            gauge("jvm_native_memory_committed_bytes", rising, category="Metaspace"),
            gauge("jvm_native_memory_committed_bytes", 2 * rising, category="Java Heap"),
            gauge("jvm_class_loaders", np.linspace(4, 90, len(TIMES))),
        ]
    )
    assert "metadata of classes" in native_categories(MEMORY, context)
    assert "Heap" not in native_categories(MEMORY, context)
    assert "more class loaders live" in class_loaders_grow(MEMORY, context)
    quiet = with_series([gauge("jvm_class_loaders", np.linspace(4, 6, len(TIMES)))])
    assert class_loaders_grow(MEMORY, quiet) == ""


def test_what_malloc_trim_gives_back_is_fragmentation() -> None:
    resident = gauge("process_resident_memory_bytes", np.linspace(100e6, 200e6, len(TIMES)))
    for given_back, told in ((70e6, True), (5e6, False)):
        trimmed = Series("python_malloc_trimmed_bytes", TIMES[-1:], np.array([given_back]))
        recording = run(snapshots=False)
        recording = replace(recording, series=(resident, trimmed))
        context = run_context(recording, judged(run(snapshots=False)), 0.0)
        assert bool(fragmented(MEMORY, context)) is told


def test_why_the_endpoint_is_not_known_depends_on_whether_the_mix_was_varied() -> None:
    assert "`--attribute`" in endpoint_not_known(MEMORY, with_series([]))
    words = endpoint_not_known(MEMORY, with_series([], varied=True))
    assert "although the mix was varied" in words
    assert "a run of about" in words
    assert "`--attribute`" not in words


def test_a_place_that_nobody_saw_says_why() -> None:
    assert (
        str(unplaced(MEMORY, with_series([]))) == "unknown: no snapshots of the target were taken"
    )


def test_what_tracing_took_is_said() -> None:
    ratios = [("python_tracing_share_ratio", 0.13), ("python_tracing_duty_ratio", 0.06)]
    context = with_series([gauge(name, np.full(len(TIMES), value)) for name, value in ratios])
    [words] = tracing_cost(context)
    assert "traced 6% of it" in words
    assert "13% of its processor time" in words
    assert tracing_cost(with_series([])) == []
