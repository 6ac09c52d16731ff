"""What never moved vouches for what may have been about to come, and for no ten years."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.analysis.rules.growth import judge_growth
from soak.analysis.statistics.grain import written_grain
from soak.analysis.statistics.growth_input import LevelPoints
from soak.analysis.statistics.room import constant_trend, is_slight, room
from soak.analysis.statistics.trend import fit_trend
from soak.analysis.vouch import MOST, vouched
from soak.model import Finding, Floats, Line, Verdict
from tests.analysis.series import subject

MIB, GIB, DAY = 2.0**20, 2.0**30, 86400.0
THREE_MINUTES = np.arange(0.0, 181.0, 1.0)
#: The horizon of what never moved, in judged stretches: a hundred steps, of which three may have come.
OF_A_CONSTANT = 100 / 3


def judged(level: float, times: Floats = THREE_MINUTES, **known: Any) -> Finding:
    constant = replace(subject(np.full(len(times), level), times), **known)
    [finding] = vouched([constant], judge_growth([constant], 30 * DAY), float(np.ptp(times)))
    return finding


@pytest.mark.parametrize(
    "known",
    [{"integer": True}, {"unit": "bytes"}],
    ids=["12 threads", "bytes"],
)
@pytest.mark.parametrize("seconds", [180.0, 8 * 3600.0, 3 * DAY])
@pytest.mark.parametrize("level", [0.0, 12.0, 190.0])
def test_a_constant_vouches_for_33_times_what_was_judged(
    known: dict[str, Any], seconds: float, level: float
) -> None:
    level = level if known.get("integer") else level * 1e6 + 321 * (level > 0)
    finding = judged(level, np.linspace(0.0, seconds, 200), **known)
    assert finding.verdict is Verdict.PASS
    assert finding.vouched_seconds == pytest.approx(OF_A_CONSTANT * seconds)


def test_three_minutes_of_anything_never_vouch_for_years_nor_months_of_it_for_more_than_ten() -> (
    None
):
    for level in (0.0, 4096.0, 100 * MIB, 100.5 * MIB, 7 * GIB, 12345678901.0):
        assert (judged(level, unit="bytes").vouched_seconds or 0.0) < 2 * 3600
    assert judged(200e6 + 1, np.linspace(0, 200 * DAY, 500), unit="bytes").vouched_seconds == MOST


@pytest.mark.parametrize(
    ("level", "unit", "stretches"),
    [
        (12 * MIB, "bytes", 6.0),  # one whole MiB may hide; 6 more are half
        (300 * MIB, "bytes", OF_A_CONSTANT),  # a step is 1.5 MiB, more than the grain
        (12 * GIB, "bytes", 6.0),
        (12.0, "ratio", 6.0),
        (0.12, "ratio", 6.0),
        (1 / 3, "ratio", OF_A_CONSTANT),
    ],
)
def test_a_rounded_constant_may_have_moved_by_its_grain(
    level: float, unit: str, stretches: float
) -> None:
    finding = judged(level, unit=unit)
    assert finding.verdict is Verdict.PASS
    assert finding.vouched_seconds == pytest.approx(stretches * 180)


def test_a_constant_is_not_called_hollow_however_coarse_it_is() -> None:
    finding = judged(2 * GIB, unit="bytes")
    assert finding.verdict is Verdict.PASS
    assert finding.vouched_seconds == pytest.approx(180.0)


def test_half_of_nothing_in_no_unit_vouches_for_nothing() -> None:
    finding = judged(0.0, unit="")
    assert (finding.verdict, finding.vouched_seconds) == (Verdict.PASS, None)


def test_what_is_left_of_a_capacity_bounds_a_constant() -> None:
    near = judged(190e6 + 1, unit="bytes", capacity=200e6)
    assert near.vouched_seconds == pytest.approx(OF_A_CONSTANT * 180, rel=1e-3)


def test_the_sentence_says_that_it_did_not_move_and_what_may_hide() -> None:
    assert judged(200e6 + 1, unit="bytes").reason.endswith(
        "did not change at all: any growth is under 57.2 MiB/h, 40.2 GiB a month."
    )


def test_a_constant_over_several_lives_counts_all_of_their_time() -> None:
    times = np.arange(0.0, 181.0, 1.0)
    lives = replace(subject(np.full(181, 200e6 + 1), times), borders=(90.5,))
    assert fit_trend(lives).resolution_per_hour == pytest.approx(
        fit_trend(replace(lives, borders=())).resolution_per_hour, rel=0.02
    )


@pytest.mark.parametrize(
    ("value", "unit", "grain"),
    [
        (0.0, "bytes", 0.0),
        (12345677.0, "bytes", 0.0),
        (12.5 * MIB, "bytes", 0.1 * MIB),
        (512 * MIB, "bytes", MIB),
        (1.5 * GIB, "bytes", 0.1 * GIB),
        (3 * GIB, "bytes", GIB),
        (150e6, "bytes", 1e6),
        (-12 * MIB, "bytes", MIB),
        (12.0, "percent", 1.0),
        (0.25, "ratio", 0.01),
        (1 / 3, "ratio", 0.0),
    ],
)
def test_a_single_value_tells_what_it_may_be_rounded_to(
    value: float, unit: str, grain: float
) -> None:
    assert written_grain(value, unit) == pytest.approx(grain)


MUCH = 1000 * MIB


@pytest.mark.parametrize(
    ("known", "level", "added"),
    [
        # Half of the level, or what never matters of its kind.
        ({"unit": "ratio"}, 12.0, 6.0),
        ({"unit": "ratio"}, -12.0, 6.0),
        ({"unit": "ratio"}, 0.0, 0.0),
        ({"unit": "bytes"}, 0.0, MIB),
        ({"unit": "bytes"}, 2 * MIB + 2, MIB + 1),
        ({"unit": "bytes", "process_memory": 20 * MIB}, 0.0, MIB),
        ({"unit": "bytes", "process_memory": 40 * MIB}, 0.0, 2 * MIB),
        ({"unit": "threads", "integer": True}, 0.0, 100.0),
        ({"unit": "threads", "integer": True}, 202.0, 101.0),
        ({"unit": "requests", "integer": True}, 202.0, 1000.0),
        ({"unit": "timers", "integer": True}, 2002.0, 1001.0),
        ({"unit": "timers"}, 12.0, 6.0),
        ({"unit": "bytes", "integer": True}, 12.0, 100.0),
        # What is left of a capacity, where anything is.
        ({"unit": "ratio", "capacity": 15.0}, 12.0, 3.0),
        ({"unit": "ratio", "capacity": 12.5}, 12.0, 0.5),
        ({"unit": "ratio", "capacity": 12.0}, 12.0, 6.0),
        ({"unit": "ratio", "capacity": 11.0}, 12.0, 6.0),
        ({"unit": "ratio", "capacity": 30.0}, 12.0, 6.0),
    ],
)
def test_how_much_may_be_added(known: dict[str, Any], level: float, added: float) -> None:
    assert room(subject([1.0], **known), level) == added


def constant(seconds: float, value: float, begin: float = 100.0) -> LevelPoints:
    return LevelPoints(begin + seconds * np.linspace(0, 1, 3), np.full(3, value), begin)


@pytest.mark.parametrize(
    ("known", "level", "hidden"),
    [
        ({"unit": "threads", "integer": True}, 12.0, 3.0),
        ({"unit": "bytes"}, MUCH + 2, 0.03 * (MUCH / 2 + 1)),  # three steps of a hundredth
        ({"unit": "bytes"}, 12 * MIB, MIB),  # its grain
        ({"unit": ""}, 0.0, 0.0),
    ],
)
def test_the_resolution_of_a_constant_is_what_may_hide_in_its_time(
    known: dict[str, Any], level: float, hidden: float
) -> None:
    lives = [constant(100, 7.0), constant(500, level, 1000.0)]
    trend = constant_trend(lives, subject([1.0], **known))
    assert trend.resolution_per_hour == pytest.approx(3600 * hidden / 600)
    assert (trend.slope_per_hour, trend.slope_low, trend.slope_high) == (0, 0, 0)
    assert (trend.level, trend.settled_after_seconds, trend.doubt) == (level, 0.0, None)
    assert trend.lines == (
        Line(100.0, 200.0, 7.0, 7.0, 7.0, 7.0),
        Line(1000.0, 1500.0, level, level, level, level),
    )


def test_a_constant_of_one_sample_resolves_next_to_nothing() -> None:
    one = LevelPoints(np.array([100.0]), np.array([5.0]), 100.0)
    trend = constant_trend([one], subject([1.0], unit="threads", integer=True))
    assert trend.resolution_per_hour == pytest.approx(3600 * 3 / 1e-9)


@pytest.mark.parametrize(
    ("moved", "level", "process", "unit", "slight"),
    [
        (104_857.0, 280e3, 200 * MIB, "bytes", True),  # a hundredth of a twentieth of 200 MiB
        (104_858.0, 280e3, 200 * MIB, "bytes", False),
        (10_485.0, 280e3, 10 * MIB, "bytes", True),  # of a mebibyte
        (8192.0, 19.9 * MIB, 200 * MIB, "bytes", True),  # a part of under a tenth
        (8192.0, 20.1 * MIB, 200 * MIB, "bytes", False),
        (0.0, 280e3, 0.0, "bytes", False),  # whose process is not known
        (0.0, 2.0, 200 * MIB, "threads", False),
    ],
)
def test_a_slight_part_moved_by_less_than_a_step(
    moved: float, level: float, process: float, unit: str, slight: bool
) -> None:
    values = np.array([level - moved, level])
    assert is_slight(subject(values, unit=unit, process_memory=process), values) is slight
