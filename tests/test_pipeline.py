"""The one order of judging: every step is taken, once, and what one step finds is what the next one is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from soak import pipeline
from soak.analysis.rules.rule import RequestClock
from soak.diagnosis.attribution.request_clock import request_clock
from soak.model import Analysis, Ending, Event, EventKind, Phase, PhaseName, Recording, Verdict
from soak.profile import Profile, parse_profile
from soak.recording import Recorder
from tests.analysis.recordings import gauge, noise, recording

TEXT = "target: {url: http://127.0.0.1:1}\nload: {rate: 5/s, duration: 5m}\nendpoints: [GET /]\n"
ACCEPT = 'accept: [{series: process_resident_memory_bytes, until: "2099-01-01", reason: known, growth: 1MiB/h}]\n'
STEPS = (
    *("with_snapshot_series", "prepare", "analyze_prepared", "with_confirmations", "with_suspects"),
    *("with_acceptances", "with_basis", "with_traces"),
)


def profile(more: str = "") -> Profile:
    return parse_profile(TEXT + more, "p.yaml")[0]


def steady() -> Recording:
    return recording(gauge("process_resident_memory_bytes", 50e6 + noise(2e5)))


@pytest.fixture
def taken(
    monkeypatch: pytest.MonkeyPatch,
) -> list[tuple[str, tuple[Any, ...], dict[str, Any], Any]]:
    """Each step that the pipeline takes: its name, what it was given, and what it gave."""
    steps: list[tuple[str, tuple[Any, ...], dict[str, Any], Any]] = []

    def noted(name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            result = step(*given, **named)
            steps.append((name, given, named, result))
            return result

        return call

    for name in STEPS:
        monkeypatch.setattr(pipeline, name, noted(name, getattr(pipeline, name)))
    return steps


def test_each_step_is_taken_once_and_in_order(taken: list[Any]) -> None:
    pipeline.judge(steady(), profile())
    assert [name for name, *_ in taken] == [step for step in STEPS if step != "with_acceptances"]


def test_acceptances_are_the_last_word_on_a_verdict_where_the_profile_has_some(
    taken: list[Any],
) -> None:
    pipeline.judge(steady(), profile(ACCEPT))
    assert [name for name, *_ in taken] == list(STEPS)


def test_each_step_is_given_what_the_one_before_it_found(taken: list[Any]) -> None:
    final = pipeline.judge(steady(), profile(ACCEPT))
    steps = {name: (given, named, result) for name, given, named, result in taken}
    whole = steps["with_snapshot_series"][2]
    assert steps["prepare"][0][0] is whole
    assert steps["analyze_prepared"][0][0] is steps["prepare"][2]
    assert steps["with_confirmations"][0] == (whole, steps["analyze_prepared"][2])
    assert steps["with_suspects"][0][:2] == (whole, steps["with_confirmations"][2])
    assert steps["with_acceptances"][0][:2] == (steps["with_suspects"][2], steps["prepare"][2])
    assert steps["with_basis"][0][:2] == (steps["with_acceptances"][2], steps["prepare"][2])
    assert steps["with_traces"][0][0] is steps["with_basis"][2]
    assert final is steps["with_traces"][2]


def test_rules_and_suspects_are_given_the_profiles_limits_and_warm_up(taken: list[Any]) -> None:
    asked = profile("limits: {growth: {process_resident_memory_bytes: 1MiB/h}}\n")
    asked = asked.model_copy(update={"load": asked.load.model_copy(update={"warmup": 20.0})})
    pipeline.judge(steady(), asked)
    steps = {name: (given, named) for name, given, named, _ in taken}
    given, named = steps["analyze_prepared"]
    assert given[1:] == (asked.limits, asked.own_limits)
    assert isinstance(named["request_clock"], Callable)  # type: ignore[arg-type]
    _, warmup, load = steps["prepare"][0]
    assert warmup == 20.0
    assert load.endpoints == ("GET /",)
    assert steps["with_suspects"][0][2] == 20.0


def test_what_confirmation_says_of_a_finding_is_in_the_analysis(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def confirmed(_: Recording, analysis: Analysis) -> Analysis:
        changed = [
            finding.adjusted("confirmation", Verdict.FAIL, "It leaks again.")
            for finding in analysis.findings
        ]
        return replace(analysis, findings=tuple(changed), verdict=Verdict.FAIL)

    monkeypatch.setattr(pipeline, "with_confirmations", confirmed)
    analysis = pipeline.judge(steady(), profile())
    assert analysis.verdict is Verdict.FAIL
    assert {note.by for finding in analysis.findings for note in finding.adjustments} == {
        "confirmation"
    }


def test_the_event_of_a_mix_that_was_varied_on_purpose_keeps_its_name_in_recordings() -> None:
    assert EventKind("mix") is EventKind.MIX
    clock: RequestClock = request_clock(
        replace(steady(), events=(Event(0.0, EventKind("mix"), "varied"),))
    )
    assert clock is not None


def test_runs_are_pooled_by_the_load_that_was_judged_without_their_gaps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = steady()
    resumed = replace(whole, phases=(*whole.phases, Phase(PhaseName.GAP, 100.0, 180.0)))
    runs = {"a": whole, "b": resumed}
    pooled: list[list[float]] = []

    def pool(analyses: list[Analysis], judged: list[float], *_: Any) -> Analysis:
        pooled.append(judged)
        return analyses[0]

    monkeypatch.setattr(pipeline, "profile_of", lambda _: profile())
    monkeypatch.setattr(pipeline, "load_recording", lambda directory: runs[str(directory)])
    monkeypatch.setattr(pipeline, "refuse_to_pool", lambda rows: None)
    monkeypatch.setattr(pipeline, "pool", pool)
    pipeline.judge_together([Path("a"), Path("b")])
    assert pooled == [[300.0, 220.0]]


def test_users_are_asked_of_the_closed_model_alone() -> None:
    assert pipeline.asked_load(profile()).users_at is None
    closed = parse_profile(TEXT.replace("rate: 5/s", "users: 5"), "p.yaml")[0]
    users_at = pipeline.asked_load(closed).users_at
    assert users_at is not None
    assert users_at(10.0) == 5


def test_a_start_that_nobody_wrote_down_is_the_first_of_all_days() -> None:
    run = steady().run
    assert pipeline._day(run).isoformat() == "2026-01-01"
    assert pipeline._since_1970(run) == 1767225600.0
    unknown = replace(run, started="")
    assert pipeline._day(unknown).year == 1
    assert pipeline._since_1970(unknown) == 0.0


def test_a_run_that_broke_is_judged_as_broken_where_run_json_could_not_be_written(
    tmp_path: Path,
) -> None:
    recorder = Recorder(tmp_path / "run", {"name": "x"}, TEXT)
    assert pipeline.judge_run(tmp_path / "run").run.ended is Ending.RUNNING
    analysis = pipeline.judge_run(tmp_path / "run", ended=(Ending.ABORTED, "the disk is full"))
    recorder.discard()
    assert analysis.broke
    assert "the disk is full" in analysis.reason
