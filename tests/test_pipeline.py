"""The one order of judging: every step is taken, once, and what one step finds is what the next one is given."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from soak import pipeline
from soak.analysis.rules.rule import RequestClock
from soak.compared import MeasuredRun, Measurement
from soak.diagnosis.attribution.request_clock import request_clock
from soak.errors import ProfileError, RecordingError, UsageError
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


SCENARIOS = """
target: {url: http://127.0.0.1:1}
load: {ramp: 10s, duration: 100s}
scenarios:
  - {name: browse, load: {users: 5, ramp: 0s}, endpoints: [GET /]}
  - {name: later, load: {users: 7, after: 60s, ramp: 0s}, endpoints: [GET /b]}
  - {name: short, load: {users: 3, ramp: 0s, duration: 20s}, endpoints: [GET /c]}
  - {name: imports, load: {rate: 5/s}, endpoints: [POST /x]}
"""


def test_the_users_of_all_closed_scenarios_are_asked_for_together() -> None:
    asked = pipeline.asked_load(parse_profile(SCENARIOS, "p.yaml")[0])
    assert asked.endpoints == (
        "browse / GET /",
        "later / GET /b",
        "short / GET /c",
        "imports / POST /x",
    )
    assert asked.users_at is not None
    assert [asked.users_at(time) for time in (1.0, 59.0, 61.0, 109.0)] == [8, 5, 12, 12]


def test_a_closed_load_is_asked_for_with_its_ramp_and_stages() -> None:
    text = TEXT.replace("rate: 5/s, duration: 5m", "users: 10, ramp: 10s, duration: 100s")
    users_at = pipeline.asked_load(parse_profile(text, "p.yaml")[0]).users_at
    assert users_at is not None
    assert [users_at(time) for time in (5.0, 50.0, 109.0)] == [5, 10, 10]
    stages = "stages: [{users: 3, for: 10s}, {users: 6, for: 20s}]"
    asked = pipeline.asked_load(
        parse_profile(TEXT.replace("rate: 5/s, duration: 5m", stages), "p.yaml")[0]
    )
    assert [start for start, _ in asked.stages] == [0.0, 10.0]
    assert pipeline.asked_load(profile()).stages == ()


def test_a_locustfile_decides_by_itself_when_users_start() -> None:
    closed = parse_profile(TEXT.replace("rate: 5/s", "users: 5"), "p.yaml")[0]
    load = closed.load.model_copy(update={"locustfile": Path("locustfile.py")})
    assert pipeline.asked_load(closed.model_copy(update={"load": load})).users_at is None


def test_a_capacity_search_is_judged_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Analysis(steady().run, Verdict.PASS, "Found.", ())
    monkeypatch.setattr(pipeline, "judge_search", lambda *_: found)
    search = profile().load.model_copy(update={"find": object()})
    assert pipeline.judge(steady(), profile().model_copy(update={"load": search})) is found


@pytest.mark.parametrize(
    ("given", "used"), [(None, {"a": 1.0}), ({}, {}), ({"b": 2.0}, {"b": 2.0})]
)
def test_known_growth_is_that_of_the_baseline_the_run_was_made_against(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, float] | None, used: dict[str, float]
) -> None:
    seen: list[object] = []

    def accepted(analysis: Analysis, *given_: object) -> Analysis:
        seen.append(given_[-1])
        return analysis

    monkeypatch.setattr(pipeline, "with_acceptances", accepted)
    monkeypatch.setattr(pipeline, "with_suspects", lambda _, analysis, *__: analysis)
    whole = recording()
    whole = replace(whole, run=replace(whole.run, known_growth={"a": 1.0}))
    pipeline.judge(whole, profile(ACCEPT), given)
    assert seen == [used]


def given_runs(monkeypatch: pytest.MonkeyPatch, analysis: Analysis | None = None) -> list[Any]:
    """All directories hold one steady run; each judging of it is noted, and gives this analysis."""
    judged: list[Any] = []

    def judge(*given: Any) -> Analysis:
        judged.append(given)
        return analysis or Analysis(given[0].run, Verdict.PASS, "Fine.", ())

    monkeypatch.setattr(pipeline, "judge", judge)
    monkeypatch.setattr(pipeline, "profile_of", lambda _: profile())
    monkeypatch.setattr(pipeline, "load_recording", lambda _: steady())
    return judged


def test_how_a_run_ended_is_what_the_caller_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    judged = given_runs(monkeypatch)
    pipeline.judge_run(Path("a"), {"x": 1.0})
    pipeline.judge_run(Path("a"), None, (Ending.ABORTED, "the disk is full"))
    (first, _, growth), (second, _, none) = judged
    assert (first.run.ended, first.run.failure, growth) == (Ending.COMPLETED, None, {"x": 1.0})
    assert (second.run.ended, second.run.failure) == (Ending.ABORTED, "the disk is full")
    assert none is None


def measured(
    monkeypatch: pytest.MonkeyPatch,
    *measurements: Measurement,
    ended: Ending = Ending.COMPLETED,
    capacity: Any = None,
    broken: str | None = None,
    given: Analysis | None = None,
) -> tuple[MeasuredRun, list[Any]]:
    whole = steady()
    analysis = Analysis(
        whole.run, Verdict.INCONCLUSIVE, "Too slow.", (), broken=broken, capacity=capacity
    )
    judged = given_runs(monkeypatch, analysis)
    monkeypatch.setattr(
        pipeline, "load_recording", lambda _: replace(whole, run=replace(whole.run, ended=ended))
    )
    made = MeasuredRun("a", "", "", 300.0, "", "", measurements)
    monkeypatch.setattr(pipeline, "measure", lambda *_: made)
    return pipeline.measured(Path("a"), given), judged


ONE = Measurement("p99", "GET /", 0.1, 0.01, 0.01, "seconds")


def test_a_run_is_measured_by_its_own_analysis(monkeypatch: pytest.MonkeyPatch) -> None:
    run, judged = measured(monkeypatch, ONE)
    assert (run.measurements, len(judged)) == ((ONE,), 1)
    given = Analysis(steady().run, Verdict.PASS, "Fine.", ())
    assert measured(monkeypatch, ONE, given=given)[1] == []
    assert measured(monkeypatch, ONE, capacity=object())[0].measurements == (ONE,)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"ended": Ending.RUNNING}, "a: the run is still under way; compare it when it has ended"),
        ({"broken": "the disk is full"}, "a: the disk is full; leave it out"),
        ({"capacity": object()}, "a: found no capacity: Too slow."),
        ({}, "a: recorded too little to compare: fewer than 4 tenths of its load have a sample"),
    ],
)
def test_a_run_that_cannot_be_compared_is_refused(
    monkeypatch: pytest.MonkeyPatch, more: dict[str, Any], why: str
) -> None:
    rows = (ONE,) if "ended" in more or "broken" in more else ()
    with pytest.raises(UsageError) as refused:
        measured(monkeypatch, *rows, **more)
    assert str(refused.value) == why


def test_growth_over_slices_is_measured_under_the_first_ones_profile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Path] = []

    def profile_of(directory: Path) -> Profile:
        asked.append(directory)
        return profile()

    growth = replace(ONE, metric="growth")
    monkeypatch.setattr(pipeline, "profile_of", profile_of)
    monkeypatch.setattr(pipeline, "load_recording", lambda _: steady())
    monkeypatch.setattr(pipeline, "joined", lambda recordings, _: recordings[0])
    monkeypatch.setattr(
        pipeline, "measure", lambda *_: MeasuredRun("a", "", "", 3.0, "", "", (ONE, growth))
    )
    assert pipeline.growth_over([Path("a"), Path("b")], [0.0, 300.0]) == (growth,)
    assert asked == [Path("a")]


def begun(directory: Path, text: str) -> Path:
    """A run directory as it is when a run has just begun."""
    recorder = Recorder(directory / "made", {"name": "x"}, text)
    shutil.copytree(directory / "made", directory / "run")
    recorder.discard()
    return directory / "run"


def test_the_profile_of_a_run_is_read_again_to_resume_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a run directory"):
        pipeline.profile_of_resumed(tmp_path)
    text = TEXT + "limits: {p99: 100ms}\n"
    run = begun(tmp_path, text)
    read, seen = pipeline.profile_of_resumed(run)
    assert (read.limits.p99, seen) == (0.1, text)
    assert pipeline.profile_of(run).limits.p99 == 0.1
    (run / "profile.yaml").write_text(TEXT + "limitz: {}\n")
    with pytest.raises(ProfileError) as wrong:
        pipeline.profile_of_resumed(run)
    assert str(wrong.value).startswith(f"{run / 'profile.yaml'}:")


def test_a_secret_must_be_set_to_resume_a_run_and_not_to_judge_it(tmp_path: Path) -> None:
    run = begun(tmp_path, TEXT + 'headers: {X-Key: "${NO_SUCH_SECRET_IS_SET}"}\n')
    assert pipeline.profile_of(run).load.duration == 300.0
    with pytest.raises(ProfileError):
        pipeline.profile_of_resumed(run)


def test_a_run_without_a_profile_is_refused(tmp_path: Path) -> None:
    run = begun(tmp_path, TEXT)
    (run / "profile.yaml").unlink()
    with pytest.raises(RecordingError, match="so its limits are not known"):
        pipeline.profile_of(run)
    with pytest.raises(RecordingError, match="so it is not known how to go on"):
        pipeline.profile_of_resumed(run)


def test_runs_together_are_each_judged_under_their_own_profile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    profiles = {"a": profile("limits: {vouch: 7d}\n"), "b": profile()}
    runs = {"a": steady(), "b": steady()}
    judged: list[tuple[Recording, Profile]] = []
    checked: list[Any] = []
    pooled: list[tuple[float, float | None]] = []

    def judge(recorded: Recording, under: Profile) -> Analysis:
        judged.append((recorded, under))
        return Analysis(recorded.run, Verdict.PASS, "Fine.", ())

    def pool(analyses: list[Analysis], _: Any, survive: float, vouch: float | None) -> Analysis:
        pooled.append((survive, vouch))
        return analyses[-1]

    monkeypatch.setattr(pipeline, "profile_of", lambda directory: profiles[str(directory)])
    monkeypatch.setattr(pipeline, "load_recording", lambda directory: runs[str(directory)])
    monkeypatch.setattr(pipeline, "judge", judge)
    monkeypatch.setattr(pipeline, "pool", pool)
    monkeypatch.setattr(pipeline, "refuse_to_pool", checked.extend)
    pipeline.judge_together([Path("a"), Path("b")])
    assert judged == [(runs["a"], profiles["a"]), (runs["b"], profiles["b"])]
    assert [(name, start) for name, _, _, start in checked] == [
        ("a", 1767225600.0),
        ("b", 1767225600.0),
    ]
    assert pooled == [(30 * 86400.0, 7 * 86400.0)]
