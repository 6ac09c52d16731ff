"""A recorded capacity search judged: what is decided anew, which verdict it comes to, and what every report says of it."""

from __future__ import annotations

import json
import math
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from soak.analysis.capacity_search import _at
from soak.baseline import Baseline, capacity_in, decode, encode
from soak.cli.delivery import code_of
from soak.comparison.measuring import measure
from soak.errors import ExitCode
from soak.model import Analysis, Ending, Event, EventKind, Recording, RuleName, Verdict
from soak.pipeline import judge
from soak.profile import Profile, parse_profile
from soak.reporters import REPORTERS, terminal
from soak.reporters import json as json_report
from soak.reporters.knee import knee
from tests.capacity.recorded import Recorded, record
from tests.capacity.simulated import QueueTarget

TEXT = """
name: cap
target: {url: "http://127.0.0.1:8080"}
load: {find: {limits: {p99: 250ms}, from: 50/s, to: 1000/s}}
endpoints: [GET /]
"""


def profile(more: str = "") -> Profile:
    return parse_profile(TEXT + more, "p.yaml", environment={})[0]


def searched(target: QueueTarget, most: int = 1000) -> Recorded:
    find = profile().load.find
    assert find is not None
    return record(target, find.settings(0.0), most)


@pytest.fixture(scope="module")
def search() -> Recorded:
    return searched(QueueTarget(300.0, 1, poisson=True))


def judged(recording: Recording, more: str = "") -> Analysis:
    return judge(recording, profile(more))


def test_each_step_is_decided_anew_as_it_was_while_it_was_driven(search: Recorded) -> None:
    analysis = judged(search.recording())
    assert analysis.capacity is not None
    assert [step.outcome for step in analysis.capacity.steps] == search.outcomes


def test_a_capacity_passes_with_its_interval_and_what_the_target_used(search: Recorded) -> None:
    analysis = judged(search.recording())
    assert (analysis.verdict, code_of(analysis)) == (Verdict.PASS, ExitCode.PASS)
    capacity = analysis.capacity
    assert capacity is not None
    assert capacity.at is not None
    rate = capacity.bracket.held
    assert rate is not None
    assert 250 < rate < 310
    assert math.isclose(capacity.at.cpu or 0.0, rate / 1000, rel_tol=0.01)
    assert dict(capacity.at.pools)["orders"] == pytest.approx(rate / 100)
    assert f"Capacity is {rate:g} requests/s (95% interval" in analysis.reason
    assert [finding.rule for finding in analysis.findings] == [RuleName.CAPACITY]


def test_nothing_but_the_capacity_is_judged_and_a_warning_says_so(search: Recorded) -> None:
    analysis = judged(search.recording(), "limits: {growth: {process_open_fds: 0/h}, p99: 1ms}\n")
    assert analysis.verdict is Verdict.PASS
    assert any(
        "limits.growth, limits.p99 are not judged" in warning for warning in analysis.warnings
    )


@pytest.mark.parametrize(
    ("target", "verdict", "code", "said"),
    [
        (QueueTarget(30.0), Verdict.FAIL, ExitCode.FAIL, "Capacity is below 50 requests/s"),
        (
            QueueTarget(30_000.0),
            Verdict.PASS,
            ExitCode.PASS,
            "Capacity is at least 1,000 requests/s",
        ),
        (
            QueueTarget(30_000.0, generated=300.0),
            Verdict.INCONCLUSIVE,
            ExitCode.INCONCLUSIVE,
            "The load generator was the limit, and not the target",
        ),
        (
            QueueTarget(30_000.0, generated=30.0),
            Verdict.INCONCLUSIVE,
            ExitCode.BROKEN,
            "could not make the lowest rate",
        ),
    ],
    ids=["below", "at least", "generator", "generator at once"],
)
def test_what_is_no_capacity_is_said(
    target: QueueTarget, verdict: Verdict, code: ExitCode, said: str
) -> None:
    analysis = judged(searched(target).recording())
    assert (analysis.verdict, code_of(analysis)) == (verdict, code)
    assert said in analysis.reason


def test_a_search_that_was_cut_short_is_inconclusive_and_tells_what_it_knows() -> None:
    analysis = judged(searched(QueueTarget(300.0), most=2).recording(Ending.INTERRUPTED))
    assert analysis.verdict is Verdict.INCONCLUSIVE
    assert "interrupted before it was done: capacity is at least 100 requests/s" in analysis.reason


def test_a_target_that_died_fails_whatever_was_found(search: Recorded) -> None:
    recording = search.recording(Ending.EARLY)
    died = Recording(
        **{name: getattr(recording, name) for name in recording.__slots__}
        | {"events": (Event(9.0, EventKind.TARGET, "it ended with code 2"),)}
    )
    analysis = judged(died)
    assert analysis.verdict is Verdict.FAIL
    assert "It ended with code 2" in analysis.reason


def test_a_run_under_way_is_judged_so_far() -> None:
    analysis = judged(searched(QueueTarget(300.0), most=1).recording(Ending.RUNNING))
    assert "still under way" in analysis.reason


def test_every_format_has_the_capacity(search: Recorded) -> None:
    analysis = judged(search.recording())
    assert analysis.capacity is not None
    rate = f"{analysis.capacity.bracket.held:g}"
    for name, reporter in REPORTERS.items():
        text = reporter.render(analysis)
        assert name in ("sarif", "github") or rate in (
            text if isinstance(text, str) else text.decode()
        )
    assert f"{rate}/s" in terminal.render(analysis, 120)
    tree = json.loads(json_report.render(analysis))["capacity"]
    assert tree["conclusion"] == "found"
    assert tree["low"] <= tree["rate"] < tree["high"]
    junit = ET.fromstring(str(REPORTERS["junit"].render(analysis)))
    properties = {node.get("name"): node.get("value") for node in junit.iter("property")}
    assert properties["capacity"] == rate
    assert "<svg" in str(REPORTERS["html"].render(analysis))


def test_the_knee_has_a_point_for_each_step_in_each_panel(search: Recorded) -> None:
    analysis = judged(search.recording())
    assert analysis.capacity is not None
    drawn = ET.fromstring(str(knee(analysis.capacity)))
    steps = sum(outcome.step.judged for outcome in search.outcomes)
    assert (
        sum(node.tag == "circle" for node in drawn.iter()) == 4 * steps
    )  # p99, errors, CPU, a pool


def test_a_baseline_carries_the_capacity(search: Recorded) -> None:
    run = measure("cap", search.recording(), judged(search.recording()), profile())
    assert [measurement.metric for measurement in run.measurements] == ["capacity"]
    kept = decode(encode(Baseline("cap", "2026-11-28", (run,))), "cap.json")
    assert capacity_in(kept) == run.measurements[0].value


def test_a_search_without_a_capacity_gives_a_baseline_none() -> None:
    recording = searched(QueueTarget(30_000.0)).recording()
    assert measure("cap", recording, judged(recording), profile()).measurements == ()


@pytest.mark.parametrize(
    ("moment", "place"), [(2.0, 1), (1.9995, 1), (1.5, None), (2.5, None), (0.9995, 0), (4.0, None)]
)
def test_a_window_is_a_steps_last_where_it_ends_with_it(moment: float, place: int | None) -> None:
    assert _at(np.array([1.0, 2.0, 3.0]), moment) == place
