"""A run that was resumed: its gap without load counts as nothing, wherever a rule asks how long the load was judged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from soak.analysis.prepare.prepare import Prepared, prepare
from soak.analysis.rules.drift import _longer
from soak.analysis.rules.gc_pressure import SHORT, _advice_applies
from soak.analysis.rules.pools import pool_warnings
from soak.analysis.rules.resident_memory import _alone_above_steady_heap
from soak.analysis.rules.rule import RuleInput
from soak.analysis.rules.warmup import within_warmup
from soak.analysis.statistics.growth_input import Subject
from soak.analysis.thresholds import WARMUP_SECONDS
from soak.model import Finding, Phase, PhaseName, RuleName, Series, Trend, Verdict
from soak.profile import Limits
from tests.analysis.recordings import gauge, recording


def run(
    seconds: int, gap: tuple[float, float] | None, *series: Series, warmup: float = 0.0
) -> Prepared:
    made = recording(*series, seconds=seconds)
    phases = (Phase(PhaseName.GAP, *gap),) if gap else ()
    return prepare(replace(made, phases=(*made.phases, *phases)), warmup)


def test_a_gap_and_the_warm_up_after_it_are_not_judged_and_only_the_gap_is_no_load() -> None:
    prepared = run(300, (100.0, 160.0), warmup=20.0)
    assert prepared.judged_seconds == 300 - 20 - (60 + 20)
    assert prepared.loaded_seconds == 300 - 60
    assert prepared.gap_ends == (160.0,)


def test_drift_asks_for_as_much_more_load_as_without_the_gap() -> None:
    with_gap, without = run(3600, (1200.0, 2400.0)), run(2400, None)
    assert _longer(with_gap, -0.1, 0.2, 0.5, 0.1) == _longer(without, -0.1, 0.2, 0.5, 0.1)


@pytest.mark.parametrize(("load", "advised"), [(SHORT - 1, False), (SHORT, True)])
def test_advice_on_the_collector_needs_a_minute_of_load_beside_the_gap(
    load: float, advised: bool
) -> None:
    assert _advice_applies(run(int(load), None)) is advised
    assert _advice_applies(run(int(load) + 100, (10.0, 110.0))) is advised


def alone(prepared: Prepared, hourly: float) -> Verdict:
    """What becomes of a failing rise of resident memory of 100 MB, so much an hour, above a steady heap."""
    trend = Trend(hourly, 0.9 * hourly, 1.1 * hourly, 1.0, 0.0, 1e8, p_no_growth=0.01)
    finding = Finding(
        RuleName.GROWTH, "process_resident_memory_bytes", Verdict.FAIL, "It grows.", trend=trend
    )
    return _alone_above_steady_heap(prepared, finding).verdict


def test_resident_memory_did_not_rise_in_the_gap() -> None:
    # Of half an hour's load a rise of 0.2 of the level may be settling; of an hour's, 0.4 is not.
    assert alone(run(3600, (900.0, 2700.0)), 0.4e8) is Verdict.INCONCLUSIVE
    assert alone(run(1800, None), 0.4e8) is Verdict.INCONCLUSIVE
    assert alone(run(3600, None), 0.4e8) is Verdict.FAIL


@pytest.mark.parametrize(
    ("seconds", "gap", "told"),
    [
        (1900, None, True),
        (1900, (100.0, 400.0), False),
        (2300, (100.0, 400.0), True),
        (2300, (1200.0, 1450.0), False),
    ],
)
def test_idle_connections_are_advised_on_after_half_an_hour_of_load_and_a_quarter_seen(
    seconds: int, gap: tuple[float, float] | None, told: bool
) -> None:
    used = gauge("go_sql_in_use_connections", np.full(seconds, 2.0))
    idle = gauge("go_sql_idle_connections", np.full(seconds, 30.0))
    said = list(
        pool_warnings(RuleInput(run(seconds, gap, used, idle), Limits(), {}, False, None), ())
    )
    assert any("idle" in text for text in said) is told


def test_a_service_is_as_young_as_its_load_is_long() -> None:
    gap = (100.0, 100.0 + WARMUP_SECONDS)
    values = np.linspace(1e8, 1.05e8, 800)
    finding = Finding(
        RuleName.GROWTH, "process_resident_memory_bytes", Verdict.FAIL, "It grows.", unit="bytes/h"
    )
    for seconds, where, verdict in (
        (200, None, Verdict.INCONCLUSIVE),
        (800, gap, Verdict.INCONCLUSIVE),
        (800, None, Verdict.FAIL),
    ):
        series = gauge(
            "process_resident_memory_bytes", values[:seconds] if where is None else values
        )
        subject = Subject(series, "resident memory", "bytes")
        assert within_warmup(run(seconds, where, series), subject, finding).verdict is verdict
