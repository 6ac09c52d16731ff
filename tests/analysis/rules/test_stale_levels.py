"""A level that only collections set, and that so few of them set that it may have grown unseen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.analysis.prepare.prepare import prepare
from soak.analysis.rules import stale_levels
from soak.analysis.rules.stale_levels import without_stale_level
from soak.analysis.statistics.growth_input import Subject
from soak.model import Finding, Line, RuleName, Series, Trend, Verdict
from soak.snapshots import SNAPSHOT_SOURCE
from tests.analysis.recordings import counter, recording

LIVE = "go_gc_heap_live_bytes"
TREND = Trend(0.0, -1.0, 1.0, 1.0, 30.0, 5e6, lines=(Line(5.0, 100.0, 1.0, 1.0, 1.0, 1.0),))


def seen(
    monkeypatch: pytest.MonkeyPatch,
    ran: float,
    *,
    name: str = LIVE,
    source: str = "app",
    verdict: Verdict = Verdict.PASS,
    trend: Trend | None = TREND,
    since: float = 10.0,
) -> tuple[Finding, Finding, list[float]]:
    """The finding before and after, and the stretch in which collections were counted."""
    stretch: list[float] = []

    def counted(_: Any, __: Any, start: float, end: float) -> float:
        stretch.extend((start, end))
        return ran

    monkeypatch.setattr(stale_levels, "collections_of", counted)
    series = Series(name, np.arange(100.0), np.full(100, 5e6), source=source)
    cycles = counter("go_gc_cycles_total_gc_cycles_total", np.zeros(100), "app")
    prepared = replace(prepare(recording(series, cycles, requests=[]), 0.0), judged_from=since)
    given = Finding(RuleName.GROWTH, name, verdict, "It is steady.", trend=trend)
    subject = Subject(series, "the live heap", "bytes")
    return given, without_stale_level(prepared, subject, given), stretch


@pytest.mark.parametrize(
    ("ran", "times"),
    [
        (0.0, "not once"),
        (0.5, "not once"),
        (1.0, "only once"),
        (1.5, "only once"),
        (2.0, "only 2 times"),
        (4.0, "only 4 times"),
        (5.0, None),
        (np.inf, None),
    ],
)
def test_five_collections_must_have_set_a_level_since_it_settled(
    monkeypatch: pytest.MonkeyPatch, ran: float, times: str | None
) -> None:
    given, finding, stretch = seen(monkeypatch, ran)
    assert stretch == [35.0, 300.0]
    if times is None:
        assert finding is given
    else:
        assert finding.verdict is Verdict.INCONCLUSIVE
        assert finding.reason.startswith(
            "The live heap may grow unseen: it is measured only at collections, and the garbage collector ran "
            f"{times} since it settled; "
        )


def test_how_much_longer_a_run_must_be_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    _, finding, _ = seen(monkeypatch, 2.0)
    # Three times as many are needed, so twice the 265 s more.
    assert "; 8.8 min more, or 3 times as many collections in that time, would tell; " in (
        finding.reason
    )


@pytest.mark.parametrize(
    ("trend", "since", "start"),
    [
        (TREND, 10.0, 35.0),
        (TREND, 40.0, 40.0),
        (replace(TREND, lines=()), 10.0, 10.0),
        (replace(TREND, lines=()), 0.0, 0.0),
        (replace(TREND, settled_after_seconds=None), 10.0, 10.0),
    ],
)
def test_collections_count_from_where_the_level_had_settled(
    monkeypatch: pytest.MonkeyPatch, trend: Trend, since: float, start: float
) -> None:
    assert seen(monkeypatch, 2.0, trend=trend, since=since)[2] == [start, 300.0]


@pytest.mark.parametrize(
    "more",
    [
        {"verdict": Verdict.FAIL},
        {"verdict": Verdict.INCONCLUSIVE},
        {"trend": None},
        {"source": SNAPSHOT_SOURCE},
        {"name": "process_resident_memory_bytes"},
    ],
)
def test_what_is_measured_otherwise_or_does_not_pass_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]
) -> None:
    given, finding, _ = seen(monkeypatch, 0.0, **more)
    assert finding is given
