"""Answers that are built whole, where nothing counts allocations: memory stands higher just after them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from soak.diagnosis.suspects.context import run_context
from soak.diagnosis.suspects.transient_memory import _stood_up, transient_cases
from soak.model import Finding, Floats, Kind, RuleName, Series, Verdict
from soak.windows import EndpointWindows
from tests.diagnosis.synthetic_runs import judged, leaked, run

SECONDS, SIZE, FLOOR = 240, 20 * 2**20, 40 * 2**20
TIMES = np.arange(1.0, SECONDS + 1)
NONE, NOTHING = np.zeros(SECONDS, dtype=np.int64), np.zeros(0, dtype=np.int64)
#: One answer in eight seconds, and none in every fourth minute.
SENT = ((TIMES % 8 == 0) & (TIMES % 120 < 90)).astype(np.int64)
WINDOWS = EndpointWindows(
    "GET /export",
    TIMES,
    np.ones(SECONDS),
    SENT,
    NONE,
    SIZE * SENT,
    np.zeros(SECONDS + 1, dtype=np.int64),
    NOTHING,
    NOTHING,
)


def stood_up(above: Floats) -> float:
    noise = np.random.default_rng(1).normal(0, 2**18, SECONDS)
    return _stood_up(
        Series("process_resident_memory_bytes", TIMES + 0.3, FLOOR + above + noise), WINDOWS, 0.0
    )


def test_memory_that_stands_higher_just_after_large_answers_held_them_whole() -> None:
    assert stood_up(1.0 * SIZE * SENT) == pytest.approx(SIZE, rel=0.1)


@pytest.mark.parametrize(
    "above",
    [
        np.zeros(SECONDS),
        0.2 * SIZE * SENT,
        np.linspace(0, 4 * SIZE, SECONDS),
        1.0 * SIZE * (TIMES % 30 < 4),
    ],
    ids=["streamed", "in pieces", "a leak", "somebody else"],
)
def test_memory_that_stands_higher_for_other_reasons_tells_nothing(above: Floats) -> None:
    assert stood_up(above) == 0.0


def test_garbage_of_a_runtime_that_counts_no_bytes_is_told_by_what_its_collections_take() -> None:
    recording = run()
    times = recording.series[0].times
    took = {
        "minor": 0.75 * leaked({"GET /c": 0.004}),
        "major": 0.25 * leaked({"GET /c": 0.004}) + 1e-4 * leaked({"GET /a": 1.0}),
    }
    gauges = [
        Series(
            "nodejs_gc_duration_seconds_sum", times, values, (("kind", kind),), kind=Kind.COUNTER
        )
        for kind, values in took.items()
    ]
    context = run_context(
        replace(recording, series=(*recording.series, *gauges)), judged(recording), 0.0
    )
    busy = Finding(
        RuleName.GC,
        "nodejs_gc_duration_seconds_count",
        Verdict.PASS,
        "It ran.",
        unit="collections/min",
        observed=150,
        limit=100,
    )
    [case] = transient_cases(replace(context, findings=(busy,)), [])
    assert case.cost is not None
    assert (case.endpoint, case.unit) == ("GET /c", "seconds")
    assert case.cost.per_request == pytest.approx(0.004, rel=0.1)
    assert transient_cases(replace(context, findings=(replace(busy, observed=90),)), []) == []
