"""Judge a recording under its profile: the one sequence of steps that every command and view uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from soak.analysis import analyze, analyze_prepared
from soak.analysis.acceptance import with_acceptances
from soak.analysis.basis import with_basis
from soak.analysis.capacity_search import judge_search
from soak.analysis.pooling import pool, refuse_to_pool
from soak.analysis.prepare.asked_load import AskedLoad
from soak.analysis.prepare.prepare import prepare
from soak.compared import MeasuredRun, Measurement
from soak.comparison.joining import joined
from soak.comparison.measuring import measure
from soak.diagnosis.attribution.confirmation import with_confirmations
from soak.diagnosis.attribution.request_clock import request_clock
from soak.diagnosis.attribution.snapshot_series import with_snapshot_series
from soak.diagnosis.suspects.suspects import with_suspects
from soak.diagnosis.trace_report import with_traces
from soak.errors import ProfileError, RecordingError, UsageError
from soak.load.plan.asked import users_together
from soak.load.plan.schedule import Schedule, scenario_segments, segments_of
from soak.model import Analysis, Ending, Recording, RunInfo
from soak.profile import Profile, parse_profile
from soak.profile.checking import requests_of
from soak.profile.scenarios import ScenarioSpec
from soak.profile.stages import stage_starts
from soak.recording import is_run_directory, load_recording, profile_text, read_run


def judge(
    recording: Recording, profile: Profile, known_growth: Mapping[str, float] | None = None
) -> Analysis:
    """Judge a recording: snapshot series, rules, confirmation, suspects, acceptances, basis and traces, in this order.

    `known_growth` is a baseline's fastest growth per hour of each series, which bounds what is
    accepted; None for that of the baseline that the run was made against.
    """
    if profile.load.find is not None:
        return judge_search(recording, profile, asked_load(profile))
    recording = with_snapshot_series(recording)
    prepared = prepare(recording, profile.load.warmup, asked_load(profile))
    analysis = analyze_prepared(
        prepared, profile.limits, profile.own_limits, request_clock=request_clock(recording)
    )
    analysis = with_suspects(
        recording, with_confirmations(recording, analysis), profile.load.warmup, prepared
    )
    if profile.accept:
        known_growth = recording.run.known_growth if known_growth is None else known_growth
        analysis = with_acceptances(
            analysis, prepared, profile.accept, _day(recording.run), known_growth
        )
    # The basis is computed again: confirmations and acceptances change findings.
    analysis = with_basis(analysis, prepared, profile.limits.survive.for_)
    return with_traces(analysis, recording.traces, profile.trace)


def asked_load(profile: Profile) -> AskedLoad:
    """Return the load that a profile asks for."""
    labels = tuple(label for _, label, _ in requests_of(profile))
    stages = tuple(stage_starts(profile.load.stages or ()))
    if profile.open or profile.load.locustfile:
        return AskedLoad(labels, None, profile.groups, stages)
    total = profile.load.ramp + profile.load.duration
    closed: list[Schedule] = []
    for _, part in profile.parts:
        if isinstance(part, ScenarioSpec) and not part.load.open:
            closed.append(Schedule(scenario_segments(part.load.within(profile.load), total)))
        elif not part.load.open:
            closed.append(Schedule(segments_of(part.load)))
    return AskedLoad(labels, users_together(closed), profile.groups, stages)


def judge_run(
    directory: Path,
    known_growth: Mapping[str, float] | None = None,
    ended: tuple[Ending, str | None] | None = None,
) -> Analysis:
    """Judge a run directory under its own profile; raise RecordingError if it cannot be read.

    `ended` is how the run ended and why it broke. A caller gives it if it knows this better than
    run.json, which may not have been written.
    """
    profile, recording = profile_of(directory), load_recording(directory)
    if ended is not None:
        run = replace(recording.run, ended=ended[0], failure=ended[1])
        recording = replace(recording, run=run)
    return judge(recording, profile, known_growth)


def judge_together(directories: Sequence[Path]) -> Analysis:
    """Judge several runs of one profile as one; raise UsageError if they cannot be pooled."""
    profiles = [profile_of(directory) for directory in directories]
    recordings = [load_recording(directory) for directory in directories]
    starts = [_since_1970(recording.run) for recording in recordings]
    names = [str(directory) for directory in directories]
    refuse_to_pool(
        [
            (name, profile, recording.run, start)
            for name, profile, recording, start in zip(
                names, profiles, recordings, starts, strict=True
            )
        ]
    )
    judged = [
        prepared.judged_seconds
        for recording, profile in zip(recordings, profiles, strict=True)
        for prepared in [prepare(recording, profile.load.warmup)]
    ]
    analyses = [
        judge(recording, profile) for recording, profile in zip(recordings, profiles, strict=True)
    ]
    limits = profiles[0].limits
    return pool(analyses, judged, limits.survive.for_, limits.vouch)


def _day(run: RunInfo) -> date:
    """Return the day a run started on, in UTC; `date.min` if unknown."""
    return run.started_at.date() if run.started_at is not None else date.min


def _since_1970(run: RunInfo) -> float:
    """Return when a run started, in seconds since 1970; 0 if unknown."""
    return run.started_at.timestamp() if run.started_at is not None else 0.0


def profile_of_resumed(directory: Path) -> tuple[Profile, str]:
    """Return the profile of a run to resume, and its text; raise UsageError if it is not a run directory."""
    if not is_run_directory(directory):
        raise UsageError(f"--resume {directory}: not a run directory (it has no run.json)")
    text, path = profile_text(directory), directory / "profile.yaml"
    if text is None:
        raise RecordingError(f"{directory}: has no profile.yaml, so it is not known how to go on")
    # Files that the profile names are relative to the profile's original folder.
    beside = Path(str(read_run(directory).get("profile_directory", "."))) / "profile.yaml"
    try:
        return parse_profile(text, str(beside))
    except ProfileError as error:
        raise ProfileError(str(error).replace(str(beside), str(path))) from None


def profile_of(directory: Path) -> Profile:
    """Return the profile in a run directory, including later edits; its secrets need not be set."""
    text = profile_text(directory)
    if text is None:
        raise RecordingError(f"{directory}: has no profile.yaml, so its limits are not known")
    return parse_profile(text, str(directory / "profile.yaml"), lenient=True)[0]


def measured(directory: Path, analysis: Analysis | None = None) -> MeasuredRun:
    """Measure a run directory for a comparison, judging it if needed; raise UsageError if it is under way or broke."""
    profile, recording = profile_of(directory), load_recording(directory)
    if recording.run.ended is Ending.RUNNING:
        raise UsageError(f"{directory}: the run is still under way; compare it when it has ended")
    analysis = analysis or judge(recording, profile)
    if analysis.broken is not None:
        raise UsageError(f"{directory}: {analysis.broken}; leave it out")
    run = measure(str(directory), recording, analysis, profile)
    if not run.measurements and analysis.capacity is not None:
        raise UsageError(f"{directory}: found no capacity: {analysis.reason}")
    if not run.measurements:
        raise UsageError(
            f"{directory}: recorded too little to compare: fewer than 4 tenths of its load have a sample"
        )
    return run


def growth_over(directories: Sequence[Path], starts: Sequence[float]) -> tuple[Measurement, ...]:
    """Measure the growth of each judged series over several runs of one process; `starts` are in seconds."""
    profile = profile_of(directories[0])
    recording = joined([load_recording(directory) for directory in directories], starts)
    analysis = analyze(recording, profile.limits, warmup=profile.load.warmup)
    run = measure("all slices", recording, analysis, profile)
    return tuple(measurement for measurement in run.measurements if measurement.metric == "growth")
