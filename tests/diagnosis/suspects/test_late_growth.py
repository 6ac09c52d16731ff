"""Whether an endpoint still adds late in the run to what grows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from soak.catalog.metrics import ResourceKind
from soak.diagnosis.attribution.attribution import EVERY
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.late_growth import adds_late
from soak.model import Finding, Floats, RuleName, Verdict
from tests.diagnosis.suspects.parts import amount, context, gauge, signal, windows

RSS = "process_resident_memory_bytes"
#: Two endpoints whose shares of the load vary in opposite ways, in slots of ten seconds.
MANY = np.where(np.arange(240) // 10 % 2, 30, 10)
A, B = windows("GET /a", MANY.tolist()), windows("GET /b", (40 - MANY).tolist())
KEPT_BY_A = 5_000.0 * np.cumsum(MANY)
SCATTER = np.random.default_rng(3).normal(0, 2e4, 240)


def late(values: Floats, endpoint: str = "GET /a", series: str = RSS) -> bool:
    found = Finding(RuleName.GROWTH, series, Verdict.FAIL, "It grows.")
    memory = replace(signal(ResourceKind.MEMORY, amount(endpoint), name=series), finding=found)
    run = context(gauge(RSS, 50e6 + values + SCATTER), requests=[A, B], seconds=240.0)
    return adds_late(Case(endpoint, (memory,), (memory.each,)), run)


@pytest.mark.parametrize(
    ("values", "endpoint", "adds"),
    [
        (KEPT_BY_A, "GET /a", True),
        (KEPT_BY_A, "GET /b", False),
        (np.minimum(KEPT_BY_A, KEPT_BY_A[100]), "GET /a", False),  # full before the half
        (np.maximum(KEPT_BY_A, KEPT_BY_A[100]), "GET /a", True),  # begun shortly before it
    ],
)
def test_only_what_an_endpoint_adds_in_the_later_half_counts(
    values: Floats, endpoint: str, adds: bool
) -> None:
    assert late(values, endpoint) is adds


def test_without_a_series_or_a_finding_nothing_is_sure() -> None:
    assert not late(KEPT_BY_A, series="process_virtual_memory_bytes")
    bare = signal(ResourceKind.MEMORY, amount("GET /a"), name=RSS)
    run = context(gauge(RSS, KEPT_BY_A), requests=[A, B], seconds=240.0)
    assert not adds_late(Case("GET /a", (bare,), (bare.each,)), run)
    assert adds_late(Case(EVERY, (bare,), (bare.each,)), run)
