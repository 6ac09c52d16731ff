"""What is said of what is not known, and of growth that comes without requests."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.catalog.metrics import ResourceKind
from soak.diagnosis.attribution.attribution import EVERY, Amount
from soak.diagnosis.attribution.signals import GROUP, PLACE, Signal
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects import unknowns
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import RunContext, run_context
from soak.diagnosis.suspects.evidence import collect_evidence
from soak.diagnosis.suspects.evidence_kinds import EvidenceKind
from soak.diagnosis.suspects.place_and_amount import signal_told
from soak.diagnosis.suspects.suspects import _suspect
from soak.diagnosis.suspects.unknowns import (
    class_not_known,
    collector_off,
    doubts,
    endpoint_not_known,
    growing_with_time,
    more_to_see,
    traced_in_part,
    tracing_cost,
    unplaced,
)
from soak.growth_views import HourlyRate
from soak.model import Event, EventKind, Phase, PhaseName, Place, Series
from soak.reporters import REPORTERS
from tests.diagnosis.suspects import parts
from tests.diagnosis.suspects.parts import gauge, own, signal, site, stack, windows
from tests.diagnosis.synthetic_runs import SECONDS, judged, run

EACH = Amount("GET /a", 2.0, 1.9, 2.1, 1.0)
STRANDED = Signal(
    ResourceKind.THREADS,
    "go_goroutines",
    "goroutines",
    EACH,
    (EACH,),
    "Goroutines keep growing.",
    per_hour=HourlyRate(25.0, 24.0, 26.0),
)


def context(gap: tuple[float, float] | None = None) -> RunContext:
    recording = run(snapshots=False)
    phases = (Phase(PhaseName.GAP, *gap),) if gap else ()
    recording = replace(
        recording,
        phases=(*recording.phases, *phases),
        events=(Event(0.0, EventKind.MIX, "the mix was varied"),),
    )
    return run_context(recording, judged(run(snapshots=False)), 0.0)


def test_growth_with_time_alone_is_told_beside_what_requests_add() -> None:
    case = Case("GET /a", (STRANDED,), (EACH,))
    assert doubts(case) == [
        "With time alone, without any request, go_goroutines grows by 25 goroutines/h (24 goroutines/h to 26 goroutines/h)."
    ]
    quiet = replace(STRANDED, per_hour=HourlyRate(1.0, -0.5, 2.5))
    assert doubts(Case("GET /a", (quiet,), (EACH,))) == []


def test_a_suspect_carries_its_hourly_rate_into_every_report() -> None:
    suspect = _suspect(
        Case("GET /a", (STRANDED,), (EACH,)),
        {EvidenceKind.PROVEN: "p", EvidenceKind.GOROUTINES_GROW: "g"},
        context(),
    )
    assert suspect is not None
    assert suspect.per_hour == HourlyRate(25.0, 24.0, 26.0)
    analysis = replace(judged(run(snapshots=False)), suspects=(suspect,))
    [told] = json.loads(REPORTERS["json"].render(analysis))["suspects"]
    assert (told["per_hour"], told["per_hour_low"], told["per_hour_high"]) == (25.0, 24.0, 26.0)
    for name in ("terminal", "html", "markdown", "junit"):
        assert "With time alone, without any request" in " ".join(
            REPORTERS[name].render(analysis).split()
        )


def test_no_endpoint_is_looked_for_where_it_grows_with_time() -> None:
    nobody = replace(STRANDED, contributors=())
    assert endpoint_not_known(Case("", (nobody,), (EACH,)), context()) == ""
    assert "the mix was varied" in endpoint_not_known(
        Case("", (replace(nobody, per_hour=HourlyRate()),), (EACH,)), context()
    )


def test_the_longer_run_that_would_tell_is_three_times_the_load_without_its_gap() -> None:
    case = Case("", (replace(STRANDED, contributors=(), per_hour=HourlyRate()),), (EACH,))
    assert f"a run of about {3 * SECONDS // 60} min" in endpoint_not_known(case, context())
    assert f"a run of about {3 * (SECONDS - 80) // 60} min" in endpoint_not_known(
        case, context((60.0, 140.0))
    )


def test_the_level_with_the_most_points_says_why_the_endpoint_is_not_known() -> None:
    few, many = "3 points are too few", "it cannot be told from so little"
    place = Signal(PLACE, "Offer", "bytes", EACH, (), "More is held.", refused=few, points=3)
    heap = Signal(ResourceKind.HEAP, "heap", "bytes", EACH, (), "It grows.", points=15)
    for signals in ((place, replace(heap, refused=many)), (replace(heap, refused=many), place)):
        words = endpoint_not_known(Case("", signals, (EACH, EACH)), context())
        assert f"the mix was varied: {many}; a run of about" in words
    told = endpoint_not_known(Case("", (place, heap), (EACH, EACH)), context())
    assert "the growth fits several endpoints about equally well" in told
    alone = endpoint_not_known(Case("", (place,), (EACH,)), context())
    assert few in alone
    assert "would tell more" in alone


@pytest.mark.parametrize(
    ("low", "told"), [(13.0, 40.0), (11.0, 10.0)], ids=["a part", "perhaps all"]
)
def test_the_heap_s_amount_is_told_where_the_place_explains_only_a_part(
    low: float, told: float
) -> None:
    amounts = (Amount("", 10.0, 9.0, 11.0), Amount("", 40.0, low, 80.0))
    place = Signal(PLACE, "Offer", "bytes", amounts[0], (), "More is held.")
    heap = Signal(ResourceKind.HEAP, "heap", "bytes", amounts[1], (), "It grows.")
    case = Case("", (place, heap), amounts)
    signal = signal_told(case, "bytes")
    assert signal is not None
    assert case.amount(signal).per_request == told


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("Python", "soak.hook"),
        ("Go", "net/http/pprof"),
        ("Ruby", "docs/diagnose.md"),
        ("", "docs/diagnose.md"),
    ],
)
def test_who_leaks_nobody_knows_what_is_told_how_the_targets_own_runtime_is_opened(
    language: str, told: str
) -> None:
    subject = replace(context(), places=(), groups=(), heaps=(), language=language)
    case = Case("", (STRANDED,))
    assert told in class_not_known(case, subject)[-1]


HEAP, MEMORY, THREADS = ResourceKind.HEAP, ResourceKind.MEMORY, ResourceKind.THREADS
GROWN = site(stack(own("main.f"), gain=9))


def case(*signals: Signal, endpoint: str = "") -> Case:
    return Case(endpoint, signals, tuple(each.each for each in signals))


def test_a_place_is_not_known_without_snapshots_or_from_too_few() -> None:
    assert unplaced(case(), parts.context()) == Place(
        unknown="no snapshots of the target were taken"
    )
    few: Any = [None, None]
    assert unplaced(case(), parts.context(heaps=few)) == Place(
        unknown="2 snapshots are too few to tell what grows: 3 are needed, by a longer run"
    )
    server = "the server made what is kept, and stacks tell who makes an object, not who keeps it"
    assert unplaced(case(), parts.context(heaps=few, places=[GROWN]), requests_kept=True) == Place(
        unknown=server
    )
    assert unplaced(case(), parts.context(heaps=few, places=[GROWN])) == Place(
        unknown="no snapshot shows the place"
    )
    groups: Any = [None]
    assert unplaced(case(), parts.context(groups=groups)) == Place(
        unknown="no snapshot shows the place"
    )


def test_a_place_is_not_known_where_only_the_runtime_s_frames_wait() -> None:
    waiting = signal(GROUP, site=site(stack(Frame("runtime.gopark"))), unit="goroutines")
    run = parts.context(places=[GROWN])
    assert unplaced(case(signal(GROUP), waiting), run) == Place(
        unknown="only the runtime's own frames are seen, at runtime.gopark"
    )
    assert unplaced(case(signal(GROUP)), run) == Place(unknown="no snapshot shows the place")
    assert unplaced(case(waiting), parts.context()).unknown == (
        "no snapshots of the target were taken"
    )


def too_few(
    each: float = 512.0,
    period: float = 2.0**19,
    requests: int = 4,
    language: str = "Go",
    seconds: float = 30.0,
    **more: Any,
) -> str:
    """What is said of so many bytes per request, where one allocation in so many bytes is sampled."""
    sampled = replace(GROWN, period=period)
    run = parts.context(
        places=[sampled],
        requests=[windows("GET /a", [requests] * 30)],
        language=language,
        seconds=seconds,
        **more,
    )
    counted = signal(THREADS, each=9e9, unit="threads")
    small = signal(MEMORY, each=each / 2)
    return unknowns._too_few_samples(case(counted, small, signal(HEAP, each=each)), run)


def test_how_long_a_sampling_profiler_needs_for_four_samples_is_told() -> None:
    """512 bytes a request and 4 requests a second are 2 KiB a second: four samples of 512 KiB take 1,024 s."""
    assert too_few() == (
        "one allocation in 512 KiB is sampled, which shows 512 B per request "
        "after about 17 min, or with GODEBUG=memprofilerate=65536 sooner"
    )
    assert too_few(language="Java") == (
        "one allocation in 512 KiB is sampled, which shows 512 B per request after about 17 min"
    )
    # Judged from 15 s on, half as many requests came in half as long.
    assert too_few(warmup=15.0) == too_few(seconds=1.0) == too_few()
    sampled = parts.context(places=[replace(GROWN, period=2.0**19)])
    assert unknowns._too_few_samples(case(signal(HEAP)), sampled) == ""


def test_a_run_that_was_long_enough_or_counted_everything_had_samples_enough() -> None:
    assert too_few(each=2.0**19 / 30) == ""  # four samples in 30 s
    assert too_few(each=2.0**19 / 30 - 1) != ""
    assert too_few(period=0.0) == ""
    assert too_few(each=0.0) == ""
    assert too_few(each=-9.0) == ""
    assert too_few(requests=0) == ""
    assert too_few(each=0.5) != ""
    assert too_few(period=0.5, each=1e-9) != ""
    run = parts.context(requests=[windows("GET /a", [4] * 30)])
    assert unknowns._too_few_samples(case(signal(HEAP)), run) == ""
    assert unknowns._too_few_samples(case(signal(HEAP, each=1e-9)), run) == ""
    sampled = replace(run, places=[replace(GROWN, period=2.0**19)])
    assert unknowns._too_few_samples(case(), sampled) == ""


def test_the_reason_for_an_unknown_place_is_told_as_the_place() -> None:
    sampled = replace(GROWN, period=2.0**19)
    run = parts.context(places=[sampled], requests=[windows("GET /a", [4] * 30)])
    assert unplaced(case(signal(HEAP, each=512.0)), run).unknown == too_few()


def varied(*signals: Signal, **more: Any) -> str:
    run = parts.context(requests=[windows("GET /a", [4] * 30)], mix_varied=True, **more)
    return endpoint_not_known(case(*signals), run)


def test_why_the_endpoint_is_not_known_is_told_with_what_would_tell() -> None:
    assert varied() == (
        "The endpoint is not known although the mix was varied: "
        "the growth fits several endpoints about equally well, or none for certain; "
        "a run of about 1.5 min would tell more."
    )
    same = parts.context()
    assert endpoint_not_known(case(), same) == (
        "The endpoint is not known: `--attribute` varies the mix of traffic, which tells endpoints apart."
    )
    assert endpoint_not_known(case(endpoint="GET /a"), same) == ""
    by_time = signal(HEAP, per_hour=HourlyRate(2.0, 1.0, 3.0))
    assert endpoint_not_known(case(by_time), same) == ""


def test_snapshots_are_proposed_where_only_memory_without_a_place_grows() -> None:
    hint = "; the heap after each collection would tell sooner: take snapshots; a run of"
    heap, threads = signal(HEAP), signal(THREADS, unit="threads")
    assert hint in varied(heap, signal(MEMORY))
    assert "take snapshots" not in varied(heap, signal(MEMORY), places=[GROWN])
    assert "take snapshots" not in varied(heap, threads)
    assert "take snapshots" not in varied(heap, signal(PLACE))
    assert "take snapshots" not in varied()


def refusal(*signals: Signal, endpoints: int = 1) -> str | None:
    made = [windows(f"GET /{number}", [4] * 30) for number in range(endpoints)]
    return unknowns._best_refusal(case(*signals), parts.context(requests=made))


def test_the_best_level_has_points_enough_is_not_resident_and_has_most_points() -> None:
    def level(what: ResourceKind, points: int) -> Signal:
        return signal(what, points=points, refused=f"{what.name} {points}".lower())

    assert refusal() is None
    assert refusal(level(HEAP, 7), level(MEMORY, 99)) == "heap 7"
    assert refusal(level(HEAP, 6), level(MEMORY, 99)) == "memory 99"
    assert refusal(level(HEAP, 7), level(MEMORY, 99), endpoints=2) == "memory 99"
    assert refusal(level(HEAP, 8), level(MEMORY, 99), endpoints=2) == "heap 8"
    assert refusal(level(HEAP, 8), level(HEAP, 9)) == "heap 9"
    assert refusal(level(HEAP, 3), level(MEMORY, 5)) == "heap 3"


def test_of_growth_of_no_known_class_its_words_and_what_to_do_are_told() -> None:
    first, second = signal(HEAP, words="The heap grows."), signal(MEMORY, words="Memory grows.")
    assert class_not_known(case(first, second), parts.context(places=[GROWN])) == [
        "The heap grows.",
        "Nothing tells what kind of memory it is: the snapshots hold no place that surely grows.",
    ]
    [words, advice] = class_not_known(case(first), parts.context(language="Ruby"))
    assert words == "The heap grows."
    assert advice == (
        "Nothing tells what kind of memory it is. To find out, open its runtime for snapshots as "
        "docs/diagnose.md says, and run again with `--diagnose`."
    )


def test_of_untraced_blocks_it_is_told_that_they_are_python_s() -> None:
    run = parts.context(*traced(0.0))
    blocks = signal(HEAP, unit="blocks", words="Blocks grow.")
    assert class_not_known(case(blocks), run) == [
        "Blocks grow.",
        "Python's own objects grow in number; which ones is not known: no allocation was traced.",
    ]
    assert class_not_known(case(signal(HEAP, words="It grows.")), run)[1] == (
        "Nothing tells what kind of memory it is: no allocation was traced."
    )


def traced(duty: float | None, share: float | None = 0.13) -> tuple[Series, ...]:
    """What the hook says of its tracing at the end; it traced all the time at first."""
    rows = {"python_tracing_duty_ratio": duty, "python_tracing_share_ratio": share}
    return tuple(
        gauge(name, np.array([1.0] * 29 + [value]))
        for name, value in rows.items()
        if value is not None
    )


def test_what_would_show_the_place_depends_on_what_was_traced() -> None:
    assert more_to_see(parts.context(*traced(0.0), places=[GROWN])) == (
        "Run it again at a lower rate, or where the machine has less other work: "
        "the hook then traces who allocates what is kept."
    )
    again = "Run it again for about 1.5 min: more snapshots show which place surely grows."
    for duty in (1.0, 0.5, None):
        assert more_to_see(parts.context(*traced(duty), places=[GROWN])) == again
    assert more_to_see(parts.context(*traced(1.0))) == ""


def test_where_nothing_was_traced_snapshots_prove_nothing() -> None:
    memory = case(signal(ResourceKind.MEMORY, words="Memory grows."))
    none, some = (parts.context(*traced(duty), places=[GROWN]) for duty in (0.0, 0.15))
    assert str(unplaced(memory, none)) == "unknown: the hook could not trace allocations"
    assert class_not_known(memory, none) == [
        "Memory grows.",
        "Nothing tells what kind of memory it is: no allocation was traced.",
    ]
    assert (none.profiled, some.profiled) == (False, True)
    flat = replace(GROWN, levels=np.full_like(GROWN.levels, GROWN.levels[0]))
    for duty, words in ((0.0, ""), (0.99, ""), (1.0, "The heap's snapshots hold hardly more")):
        seen = collect_evidence(memory, parts.context(*traced(duty), places=[flat]))
        assert seen.get(EvidenceKind.HEAP_FLAT, "").startswith(words)
        assert (EvidenceKind.HEAP_FLAT in seen) is bool(words)


def test_what_tracing_took_is_told_as_far_as_it_traced() -> None:
    def cost(duty: float | None, share: float | None) -> str:
        rows = {"python_tracing_duty_ratio": duty, "python_tracing_share_ratio": share}
        told = [gauge(name, [value] * 30) for name, value in rows.items() if value is not None]
        return " ".join(tracing_cost(parts.context(*told)))

    assert cost(1.0, 0.13) == "Tracing allocations took 13% of the target's processor time."
    assert cost(1.0, 0.0) == ""
    assert cost(1.0, 1.0) == "Tracing allocations took 100% of the target's processor time."
    assert cost(None, 0.13) == cost(1.0, None) == ""
    assert "the hook traced none" in cost(0.0, 0.13)
    assert "the hook traced 99% of it: 13% of its processor time" in cost(0.99, 0.13)


def test_how_much_was_traced_is_that_of_the_whole_run_and_not_of_its_end() -> None:
    shares = gauge("python_tracing_share_ratio", [0.0] * 15 + [0.15] * 15)

    def cost(*duties: float) -> str:
        duty = gauge("python_tracing_duty_ratio", np.repeat(duties, 30 // len(duties)))
        return " ".join(tracing_cost(parts.context(duty, shares)))

    assert "the hook traced 15% of it: 7.5% of its processor time" in cost(0.0, 0.3)
    assert "the hook gave it up after 15% of the run:" in cost(0.3, 0.0)


def test_allocations_were_traced_in_part_where_it_was_less_than_all_the_time() -> None:
    for duty, part in ((1.0, False), (0.99, True), (0.0, True), (None, False)):
        assert traced_in_part(parts.context(*traced(duty))) is part
    (first, *_), (second, *_) = traced(0.5), traced(1.0)
    assert traced_in_part(parts.context(first, second))
    assert not traced_in_part(parts.context(second, first))
    empty = Series("python_tracing_duty_ratio", np.zeros(0), np.zeros(0))
    assert not traced_in_part(parts.context(empty))
    assert traced_in_part(parts.context(first, empty))


def test_a_doubt_is_told_once_where_no_single_endpoint_is_known() -> None:
    doubtful = [signal(HEAP, doubt=doubt) for doubt in (None, "it may be time", "other")]
    for endpoint in (EVERY, ""):
        assert doubts(case(*doubtful, endpoint=endpoint)) == ["It may be time."]
    assert doubts(case(*doubtful, endpoint="GET /a")) == []
    assert doubts(case(signal(HEAP))) == []
    by_time = signal(HEAP, doubt="it may be time", per_hour=HourlyRate(2.0, 1.0, 3.0))
    faster = signal(MEMORY, name="y", per_hour=HourlyRate(2.0, 0.5, 3.0))
    assert doubts(case(by_time, faster)) == [
        "It may be time.",
        "With time alone, without any request, x grows by 2 B/h (1 B/h to 3 B/h).",
    ]


def test_growth_with_time_comes_counts_first_and_then_by_certainty() -> None:
    def hourly(what: ResourceKind, low: float, high: float) -> Signal:
        unit = "bytes" if what is HEAP else "threads"
        return signal(what, unit=unit, per_hour=HourlyRate((low + high) / 2, low, high))

    close, loose = hourly(HEAP, 10.0, 11.0), hourly(HEAP, 1.0, 9.0)
    count, unsure = hourly(THREADS, 0.1, 99.0), hourly(THREADS, 0.0, 9.0)
    assert growing_with_time(case(loose, unsure, close, count)) == [count, close, loose]
    assert growing_with_time(case(unsure, hourly(HEAP, -1.0, 9.0))) == []


def test_a_collector_that_is_switched_off_is_told() -> None:
    def told(*enabled: float) -> list[str]:
        values = np.array(enabled)
        series = Series("python_gc_enabled", np.arange(float(len(values))), values)
        plain = context()
        recording = replace(plain.prepared.recording, series=(series,))
        return collector_off(replace(plain, prepared=replace(plain.prepared, recording=recording)))

    assert told() == []
    assert told(1, 1) == []
    assert "gc.disable" in told(1, 0)[0]
