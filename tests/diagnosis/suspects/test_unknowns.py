"""What is said of what is not known, and of growth that comes without requests."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from soak.catalog.metrics import ResourceKind
from soak.diagnosis.attribution.attribution import Amount
from soak.diagnosis.attribution.signals import PLACE, Signal
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import RunContext, run_context
from soak.diagnosis.suspects.evidence_kinds import EvidenceKind
from soak.diagnosis.suspects.place_and_amount import signal_told
from soak.diagnosis.suspects.suspects import _suspect
from soak.diagnosis.suspects.unknowns import class_not_known, doubts, endpoint_not_known
from soak.growth_views import HourlyRate
from soak.model import Event, EventKind, Phase, PhaseName
from soak.reporters import REPORTERS
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
