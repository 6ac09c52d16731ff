"""Each side of the thresholds that decide whether anybody is suspected, and of what."""

from __future__ import annotations

import math
from dataclasses import replace
from unittest import mock

import numpy as np
import pytest

from soak.catalog.metrics import ResourceKind
from soak.diagnosis.attribution.attribution import Amount
from soak.diagnosis.attribution.signals import Signal
from soak.diagnosis.suspects import suspects as module
from soak.diagnosis.suspects.cases import Case, group_signals
from soak.diagnosis.suspects.context import RunContext, run_context
from soak.diagnosis.suspects.evidence_kinds import EvidenceKind
from soak.diagnosis.suspects.leak_classes import CLASSES, UNKNOWN, class_probabilities
from soak.diagnosis.thresholds import (
    GREATEST_CONFIDENCE,
    LEAST_CONFIDENCE,
    LEAST_SECOND_SHARE,
    MOST_SUSPECTS,
    UNKNOWN_CONFIDENCE,
    UNPLACED_FACTOR,
)
from soak.model import Place
from tests.diagnosis.synthetic_runs import judged, run


@pytest.fixture(scope="module")
def context() -> RunContext:
    return run_context(run(snapshots=False), judged(run(snapshots=False)), 0.0)


def signal(what: ResourceKind, unit: str, *amounts: Amount, name: str = "x") -> Signal:
    return Signal(what, name, unit, Amount("", 10.0, 9.0, 11.0), amounts, f"{name} grows.")


def amount(endpoint: str, share: float = 1.0) -> Amount:
    return Amount(endpoint, 100.0, 90.0, 110.0, share)


HEAP = signal(ResourceKind.HEAP, "bytes", amount("GET /a"), name="heap")
RESIDENT = signal(ResourceKind.MEMORY, "bytes", amount("GET /a"), name="resident")


def test_the_values_that_reports_and_readers_rely_on() -> None:
    assert (LEAST_CONFIDENCE, GREATEST_CONFIDENCE, UNPLACED_FACTOR, MOST_SUSPECTS) == (
        0.4,
        0.99,
        0.9,
        5,
    )


@pytest.mark.parametrize(("weight", "named"), [(0.39, False), (0.41, True)])
def test_a_class_is_named_from_the_least_confidence_on(
    weight: float, named: bool, context: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "class_probabilities", lambda _: {"unbounded-cache": weight})
    case = Case("", (HEAP,), (HEAP.each,))
    suspect = module._suspect(case, {EvidenceKind.PLACE_GROWS: "It grows."}, context)
    assert (suspect is not None) is named


def test_a_suspect_without_a_place_is_less_sure_and_none_is_certain(
    context: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "class_probabilities", lambda _: {"unbounded-cache": 0.9999})
    suspect = module._suspect(
        Case("GET /a", (HEAP,), (amount("GET /a"),)), {EvidenceKind.PLACE_GROWS: "x"}, context
    )
    assert suspect is not None
    assert suspect.confidence == pytest.approx(GREATEST_CONFIDENCE * UNPLACED_FACTOR)


def test_memory_that_grows_is_evidence_for_no_class() -> None:
    for kinds in (
        (EvidenceKind.MEMORY_GROWS,),
        (EvidenceKind.MEMORY_GROWS, EvidenceKind.EVERY_ENDPOINT),
    ):
        assert class_probabilities(kinds) == {}
    assert "native-growth" not in class_probabilities(
        [EvidenceKind.MEMORY_GROWS, EvidenceKind.HEAP_GROWS]
    )
    assert (
        next(iter(class_probabilities([EvidenceKind.MEMORY_GROWS, EvidenceKind.HEAP_FLAT])))
        == "native-growth"
    )


def test_a_place_that_slows_down_names_no_class() -> None:
    filling = [EvidenceKind.PLACE_GROWS, EvidenceKind.HEAP_GROWS, EvidenceKind.MEMORY_GROWS]
    assert class_probabilities(filling)["unbounded-cache"] >= LEAST_CONFIDENCE
    assert (
        max(class_probabilities([*filling, EvidenceKind.SLOWS_DOWN]).values())
        < LEAST_CONFIDENCE + 0.2
    )


def test_every_class_but_unknown_needs_evidence_of_its_own() -> None:
    for name, row in CLASSES.items():
        assert bool(row.needs) is (name != UNKNOWN)
        for needed in row.needs:
            assert all(row.weights[kind] > 0 for kind in needed)


def test_growth_of_a_known_endpoint_and_amount_and_of_no_known_class_is_told_as_that(
    context: RunContext,
) -> None:
    case = Case("GET /a", (RESIDENT,), (amount("GET /a"),))
    suspect = module._suspect(case, {EvidenceKind.MEMORY_GROWS: "Resident memory grows."}, context)
    assert suspect is not None
    assert (suspect.leak_class, suspect.endpoint, suspect.per_request) == (UNKNOWN, "GET /a", 100.0)
    assert suspect.confidence == UNKNOWN_CONFIDENCE
    assert any("pprof" in line for line in suspect.evidence)
    assert (
        module._suspect(replace(case, endpoint=""), {EvidenceKind.MEMORY_GROWS: "x"}, context)
        is None
    )
    assert module._suspect(case, {EvidenceKind.SLOWS_DOWN: "x"}, context) is None
    counted = Case("GET /a", (replace(RESIDENT, unit="blocks"),), (amount("GET /a"),))
    blocks = module._suspect(counted, {EvidenceKind.MEMORY_GROWS: "x"}, context)
    assert blocks is not None
    assert blocks.unit == "blocks"


@pytest.mark.parametrize(
    ("duty", "profiled", "said"),
    [
        (0.0, True, "or where the machine has less other work: the hook then traces"),
        (1.0, True, "more snapshots show which place surely grows"),
        (1.0, False, "Serve net/http/pprof"),
    ],
)
def test_where_snapshots_were_taken_they_are_not_advised_again(
    context: RunContext, duty: float, profiled: bool, said: str
) -> None:
    case = Case("GET /a", (RESIDENT,), (amount("GET /a"),))
    with (
        mock.patch.object(RunContext, "profiled", profiled),
        mock.patch.object(RunContext, "tracing_duty", duty),
        mock.patch.object(module, "unplaced", return_value=Place()),
    ):
        fresh = replace(context)  # without what it has worked out already
        suspect = module._suspect(case, {EvidenceKind.MEMORY_GROWS: "x"}, fresh)
    assert suspect is not None
    assert said in suspect.remedy


def test_resident_memory_names_no_endpoint_beside_a_heap_that_may_grow() -> None:
    elsewhere = signal(ResourceKind.MEMORY, "bytes", amount("POST /b"), name="resident")
    named = {case.endpoint for case in group_signals([elsewhere], resident_names=True)}
    assert named == {"POST /b"}
    assert {case.endpoint for case in group_signals([elsewhere], resident_names=False)} == {""}
    both = group_signals([HEAP, elsewhere], resident_names=False)
    assert [case.endpoint for case in both] == ["GET /a"]


def test_a_second_case_of_memory_alone_needs_a_fair_share() -> None:
    def with_share(share: float) -> list[str]:
        second = signal(ResourceKind.HEAP, "bytes", amount("GET /a", 0.9), amount("POST /b", share))
        return [case.endpoint for case in group_signals([second])]

    assert with_share(LEAST_SECOND_SHARE - 0.01) == ["GET /a"]
    assert with_share(LEAST_SECOND_SHARE + 0.01) == ["GET /a", "POST /b"]


def test_probabilities_of_all_classes_leave_room_for_none() -> None:
    total = sum(class_probabilities(list(EvidenceKind)).values())
    assert 0 < total <= 1
    assert math.isclose(total, float(np.clip(total, 0, 1)))
