"""Two sides to one comparison: what is worse, what cannot be told, and what is named because it cannot be compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from soak.charted import Chart, Curve, Line, Trend
from soak.compared import Change, GateVerdict
from soak.comparison.comparing import compare
from soak.growth_views import Place, Suspect
from soak.profile.compare import CompareRule
from tests.comparison.runs import measurement, run, runs

BASE = runs([100e6, 100.1e6, 99.9e6])
HEAVY = runs([150e6, 150.2e6, 149.9e6])
LEAK = Suspect(
    "goroutine-leak",
    0.9,
    Place("main.serve", "main.go", 72),
    "GET /user",
    1.0,
    0.9,
    1.1,
    "goroutines",
    (),
    "",
    "",
)


def test_half_more_is_worse_and_the_other_way_round_better() -> None:
    [worse] = compare(BASE, HEAVY, {}).differences
    [better] = compare(HEAVY, BASE, {}).differences
    assert (worse.verdict, better.verdict) == (Change.WORSE, Change.BETTER)
    assert worse.low is not None
    assert worse.high is not None
    assert worse.low < 0.5 < worse.high
    assert not worse.not_worse
    assert better.not_worse


def test_throughput_is_worse_where_it_falls() -> None:
    [fallen] = compare(
        runs([100.0] * 3, "throughput"), runs([50.0] * 3, "throughput"), {}
    ).differences
    [risen] = compare(
        runs([50.0] * 3, "throughput"), runs([100.0] * 3, "throughput"), {}
    ).differences
    assert (fallen.verdict, risen.verdict) == (Change.WORSE, Change.BETTER)


@pytest.mark.parametrize(
    ("tolerance", "verdict"), [("60%", Change.SAME), ("40%", Change.WORSE), ("60MB", Change.SAME)]
)
def test_a_tolerance_is_a_share_of_the_base_or_an_amount(tolerance: str, verdict: Change) -> None:
    rules = {"memory": CompareRule.model_validate({"tolerance": tolerance})}
    [difference] = compare(runs([100e6] * 6), runs([150e6] * 6), rules).differences
    assert difference.verdict is verdict if tolerance == "40%" else difference.not_worse


def test_what_single_runs_may_hide_is_not_called_the_same() -> None:
    comparison = compare(BASE[:1], BASE[1:2], {})
    [difference] = comparison.differences
    assert difference.verdict is Change.CANNOT_TELL
    assert comparison.verdict is GateVerdict.CANNOT_TELL
    assert "None of the metrics can be told" in comparison.reason
    assert comparison.untold == 1


def test_a_required_metric_that_cannot_be_told_or_was_not_measured_leaves_it_open() -> None:
    required = CompareRule(required=True)
    errors = [run(measurement(100e6), measurement(0.0, "errors", "GET /")) for _ in range(3)]
    told = compare(errors, errors, {"errors": required})
    assert told.verdict is GateVerdict.NOT_WORSE
    assert compare(errors, errors, {"p99": required}).verdict is GateVerdict.CANNOT_TELL
    assert "p99 is required" in compare(errors, errors, {"p99": required}).reason
    compared = compare(errors[:1], errors[:1], {"memory": required})
    assert compared.verdict is GateVerdict.CANNOT_TELL
    assert "required metric" in compared.reason


def test_other_endpoints_targets_profiles_and_lengths_are_named() -> None:
    base = [
        run(
            measurement(0.1, "p99", "GET /a"),
            measurement(0.0, "errors", "GET /a"),
            measurement(100e6),
        )
    ] * 3
    other = run(
        measurement(0.1, "p99", "GET /b"),
        measurement(0.0, "errors", "GET /b"),
        measurement(100e6),
        name="store",
        target="http://127.0.0.1:9090",
        seconds=1200.0,
    )
    comparison = compare(base, [other] * 3, {}, names=("main", "branch"))
    assert {difference.metric for difference in comparison.differences} == {"memory"}
    assert "p99 of GET /a: only main has it" in comparison.left_out
    assert "errors of GET /b: only branch has it" in comparison.left_out
    said = "\n".join(comparison.warnings)
    for part in (
        "profiles differ: shop against store",
        "targets differ",
        "endpoints differ",
        "not equally long",
    ):
        assert part in said
    assert not any(
        "targets" in text for text in compare(base, [other] * 3, {}, paired=True).warnings
    )


def test_another_unit_is_named_and_not_compared() -> None:
    other = replace(measurement(100e6), unit="requests")
    comparison = compare(BASE, [run(other)], {})
    assert comparison.differences == ()
    assert comparison.left_out == ("memory of process_resident_memory_bytes: in different units",)
    assert comparison.verdict is GateVerdict.CANNOT_TELL


def test_another_load_leaves_only_what_a_request_costs_and_is_no_pass() -> None:
    errors = measurement(0.0, "errors", "GET /")
    base = [run(measurement(100e6), errors) for _ in range(3)]
    doubled = [run(measurement(100e6), errors, load="120 requests/s") for _ in range(3)]
    comparison = compare(base, doubled, {})
    assert {difference.metric for difference in comparison.differences} == {"errors"}
    assert comparison.verdict is GateVerdict.CANNOT_TELL
    assert "The loads differ" in comparison.reason
    failing = [run(measurement(0.5, "errors", "GET /"), load="120 requests/s") for _ in range(3)]
    assert compare(base, failing, {}).verdict is GateVerdict.WORSE


def test_a_suspect_is_new_by_its_function_and_endpoint_once_it_is_sure() -> None:
    with_leak = [run(measurement(100e6), suspects=(LEAK,))]
    assert compare(BASE, with_leak, {}).new_suspects == (LEAK,)
    moved = replace(LEAK, place=replace(LEAK.place, line=99), leak_class="request-context")
    assert compare(with_leak, [run(measurement(100e6), suspects=(moved,))], {}).new_suspects == ()
    elsewhere = replace(LEAK, endpoint="GET /cart")
    assert compare(
        with_leak, [run(measurement(100e6), suspects=(elsewhere,))], {}
    ).new_suspects == (elsewhere,)
    for confidence, new in ((0.5, 1), (0.49, 0)):
        doubtful = run(measurement(100e6), suspects=(replace(LEAK, confidence=confidence),))
        assert len(compare(BASE, [doubtful, doubtful], {}).new_suspects) == new


def test_a_base_that_does_not_say_what_it_suspected_makes_none_new() -> None:
    comparison = compare(
        [run(measurement(100e6), suspects=None)], [run(measurement(100e6), suspects=(LEAK,))], {}
    )
    assert comparison.new_suspects == ()
    assert any(text.startswith("suspects: base does not say") for text in comparison.left_out)


def test_equals_are_called_worse_in_hardly_any_of_hundreds_of_comparisons() -> None:
    rng = np.random.default_rng(20261128)
    worse = 0
    for _ in range(150):
        sides = [
            [
                run(
                    *(
                        measurement(0.02 * np.exp(0.05 * rng.normal()), "p99", f"GET /{index}")
                        for index in range(8)
                    )
                )
                for _ in range(3)
            ]
            for _ in range(2)
        ]
        worse += compare(sides[0], sides[1], {}).verdict is GateVerdict.WORSE
    assert worse <= 3  # 2%: twice the risk that is promised


def test_neighbours_cancel_what_both_have() -> None:
    levels = np.array([1.0, 1.3, 0.8, 1.2, 0.9, 1.1])
    base, candidate = runs((levels * 100e6).tolist()), runs((levels * 115e6).tolist())
    [paired] = compare(base, candidate, {}, paired=True).differences
    [apart] = compare(base, candidate, {}).differences
    assert paired.verdict is Change.WORSE
    assert apart.verdict is Change.CANNOT_TELL


@pytest.mark.parametrize(
    ("relative", "unit", "change", "text"),
    [
        (True, "seconds", 5e-6, "0%"),
        (True, "seconds", -5e-6, "0%"),
        (True, "seconds", 0.0002, "+0.02%"),
        (True, "seconds", -0.57, "-57%"),
        (False, "bytes/h", -1e-9, "0 B/h"),
        (False, "descriptors", 8.1, "+8.1 descriptors"),
    ],
)
def test_a_change_that_rounds_to_nothing_has_no_sign(
    relative: bool, unit: str, change: float, text: str
) -> None:
    [difference] = compare(BASE, HEAVY, {}).differences
    assert replace(difference, relative=relative, unit=unit).signed(change) == text


def test_curves_of_a_comparison_begin_with_the_load_and_end_with_it() -> None:
    times = np.arange(10.0)
    trend = Trend(1.0, 0.5, 1.5, 1.0, 3.0, 9.0, lines=(Line(4.0, 8.0, 0.0, 1.0, 0.5, 1.5),))
    curve = Curve("a", times, times * 2, times, times * 3, trend).during(3.0, 7.0)
    assert curve.times.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert curve.values.tolist() == [6.0, 8.0, 10.0, 12.0, 14.0]
    assert curve.trend is not None
    assert (curve.trend.lines[0].start, curve.trend.lines[0].end) == (1.0, 5.0)


def test_the_charts_of_what_is_worse_come_first() -> None:
    times = np.arange(3.0)
    charts = tuple(
        Chart(title, "bytes", (Curve(title, times, times, times, times, series=series),))
        for title, series in (
            ("Descriptors", "process_open_fds"),
            ("Resident memory", "process_resident_memory_bytes"),
        )
    )
    base, heavy = ([replace(run, charts=charts) for run in side] for side in (BASE, HEAVY))
    assert [chart.title for chart in compare(base, heavy, {}).charts] == [
        "Resident memory",
        "Descriptors",
    ]
