"""What counts as a request that outlives its answer, where a profiler samples."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from soak.catalog.metrics import ResourceKind
from soak.diagnosis.attribution.allocation_sites import SERVER_READS, AllocationSite, Stack
from soak.diagnosis.attribution.attribution import Amount, Attribution
from soak.diagnosis.attribution.signals import Signal
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects import retained_requests
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import RunContext
from soak.diagnosis.suspects.evidence_kinds import EvidenceKind as Evidence
from soak.diagnosis.suspects.leak_classes import class_probabilities

SAMPLE = 2.0**19
HEAP = Signal(ResourceKind.HEAP, "x", "bytes", Amount("", 10.0, 9.0, 11.0), (), "It grows.")


def read_request(*frames: Frame) -> RunContext:
    """A run in which one sampled object of a request came at the third of ten snapshots, and stayed."""
    requests = np.arange(10.0) * 1000
    levels = np.where(requests >= 2000, SAMPLE, 0.0)
    place = AllocationSite(frames[0], requests, requests, levels, (Stack(frames, levels),), SAMPLE)
    nothing = SimpleNamespace(places=[place], prepared=None, series=lambda _: ())
    return cast("RunContext", nothing)


@pytest.mark.parametrize(
    ("frames", "kept"),
    [
        (("net/http.readRequest", SERVER_READS[0]), True),
        (("parserOnHeadersComplete",), False),
    ],
)
def test_one_sample_that_stays_is_a_kept_request_in_go_alone(
    monkeypatch: pytest.MonkeyPatch, frames: tuple[str, ...], kept: bool
) -> None:
    monkeypatch.setattr(
        retained_requests, "attribute_by_endpoint", lambda *_: Attribution("x", "bytes", ())
    )
    case = Case("", (HEAP,), (Amount("", 10.0, 9.0, 11.0),))
    run = read_request(*(Frame(name, "/usr/lib/x", 1, False) for name in frames))
    assert bool(retained_requests.kept_requests(case, run)) is kept


def test_a_connection_that_is_never_closed_keeps_its_request_and_is_the_leak_itself() -> None:
    """An answer whose body nobody closes: its connection keeps the request, the request its context."""
    kept = [Evidence.CONTEXT_FRAMES, Evidence.REQUESTS_KEPT, Evidence.PLACE_GROWS]
    counted = [Evidence.DESCRIPTORS_GROW, Evidence.GOROUTINES_GROW, Evidence.COUNT_GROWS]
    assert next(iter(class_probabilities(kept))) == "request-context"
    for beside in ([], [Evidence.CONNECTION_GOROUTINES]):
        name, probability = next(iter(class_probabilities([*kept, *counted, *beside]).items()))
        assert name == "descriptor-leak", beside
        assert probability > 0.5
