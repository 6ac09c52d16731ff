"""Whether other programs took more and more of the machine's processors while the load lasted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.analysis import thresholds
from soak.analysis.prepare.prepare import Prepared
from soak.analysis.rules import drift as rule
from soak.analysis.rules.drift import drift_findings, drift_warnings
from soak.analysis.rules.other_programs import Crowding, crowding_of
from soak.analysis.rules.rule import RuleInput
from soak.catalog.process import CPU_SECONDS
from soak.model import Series, Trend, Verdict
from soak.profile import Limits
from tests.analysis.prepared import own_rows, prepared
from tests.boundaries import pins

COUNT = 30


def beside(first: float, last: float, *, target: Any = 0.4, processors: float = 4.0) -> Prepared:
    """A run on four processors: so many were busy in each third, the generator's tenth of one and the target's included."""
    used = np.repeat([first, (first + last) / 2, last], COUNT // 3)
    own = own_rows(10, 10, count=COUNT, busy=used, processors=processors)
    times = np.arange(1.0, COUNT + 1)
    cpu = Series(CPU_SECONDS, times, np.broadcast_to(np.asarray(target, float), (COUNT,)).copy())
    return prepared(series=(cpu,), generator=own, end=float(COUNT))


@pins(thresholds, "CROWDED_BUSY", "CROWDING_MORE")
def test_others_crowd_a_machine_that_is_busy_when_their_part_has_risen() -> None:
    crowding = crowding_of(beside(1.0, 2.8))
    assert crowding is not None
    assert (crowding.first, crowding.last) == pytest.approx((0.5, 2.3))
    assert crowding.processors == 4
    assert crowding_of(beside(1.0, 2.79)) is None  # less than 70% busy
    assert crowding_of(beside(2.8, 3.21)) is not None
    assert crowding_of(beside(2.8, 3.19)) is None  # a tenth of the processors more
    assert crowding_of(beside(3.6, 3.6)) is None


def test_what_the_target_uses_itself_is_no_others() -> None:
    slower = np.repeat([0.4, 1.3, 2.2], COUNT // 3)
    assert crowding_of(beside(1.0, 2.8, target=slower)) is None
    unknown = replace(beside(1.0, 3.9), series=())
    assert crowding_of(unknown) is None
    assert crowding_of(beside(np.nan, np.nan)) is None
    assert crowding_of(prepared()) is None


def test_what_others_took_is_said() -> None:
    said = "other programs' part of the machine's 4 processors rose from 0.5 to 2.3 meanwhile"
    assert Crowding(0.5, 2.3, 4).sentence == said


@pytest.fixture
def climbing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A p99 that surely climbs, to three times what it was."""
    trend = Trend(2.4, 2.2, 2.6, 1.0, None, 0.03, p_no_growth=0.01)
    monkeypatch.setattr(rule, "_trend", lambda *_: (trend, None))


@pytest.mark.usefixtures("climbing")
def test_a_p99_that_climbs_while_others_crowd_the_machine_is_only_a_warning() -> None:
    alone, crowded = beside(1.0, 2.0), beside(1.0, 2.9)
    [fail] = drift_findings(RuleInput(alone, Limits()))
    assert fail.verdict is Verdict.FAIL
    assert list(drift_warnings(RuleInput(alone, Limits()), [])) == []
    asked = RuleInput(crowded, Limits())
    assert list(drift_findings(asked)) == []
    [warning] = drift_warnings(asked, [])
    assert warning.startswith(
        "p99 latency rose by 200% (183% to 217%) over 30 s, but other programs' part"
    )
    assert warning.endswith("whether the target itself became slower cannot be told.")


@pytest.mark.usefixtures("climbing")
def test_a_limit_of_drift_is_undecided_while_others_crowd_the_machine() -> None:
    limits = Limits.model_validate({"drift": {"p99": "10%"}})
    [fail] = drift_findings(RuleInput(beside(1.0, 2.0), limits))
    assert fail.verdict is Verdict.FAIL
    [open_] = drift_findings(RuleInput(beside(1.0, 2.9), limits))
    assert open_.verdict is Verdict.INCONCLUSIVE
    assert (
        "but other programs' part of the machine's 4 processors rose from 0.5 to 2.4"
        in open_.reason
    )
    assert list(drift_warnings(RuleInput(beside(1.0, 2.9), limits), [])) == []
    cpu = Limits.model_validate({"drift": {"cpu": "10%"}})
    assert [each.verdict for each in drift_findings(RuleInput(beside(1.0, 2.9), cpu))] == [
        Verdict.FAIL
    ]
