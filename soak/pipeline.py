"""From a recording and its profile to an analysis: the one order in which soak judges, for every verb and every view."""

from __future__ import annotations

from pathlib import Path

from soak.analysis import analyze
from soak.diagnosis.attribution.confirmation import with_confirmations
from soak.diagnosis.attribution.request_clock import informed
from soak.diagnosis.suspects.suspects import diagnosed
from soak.diagnosis.traces import with_traces
from soak.errors import RecordingError
from soak.model import Analysis, Recording
from soak.profile import Profile, parse_profile
from soak.recording import load_recording, profile_text


def judge(recording: Recording, profile: Profile) -> Analysis:
    """The analysis of a recording under a profile: prepare, rules, confirmation, suspects, traces, each step once."""
    analysis = analyze(
        recording, profile.limits, profile.own_limits, profile.load.warmup, request_clock=informed(recording)
    )
    analysis = diagnosed(recording, with_confirmations(recording, analysis), profile.load.warmup)
    return with_traces(analysis, recording.traces, profile.trace)


def judge_run(directory: Path) -> Analysis:
    """The analysis of a run directory under its own profile; RecordingError when it cannot be read."""
    profile = profile_of(directory)
    return judge(load_recording(directory), profile)


def profile_of(directory: Path) -> Profile:
    """The profile that a run was made with, or as it has been edited since; needs none of its secrets."""
    text = profile_text(directory)
    if text is None:
        raise RecordingError(f"{directory}: has no profile.yaml, so its limits are not known")
    return parse_profile(text, str(directory / "profile.yaml"), lenient=True)[0]
