"""From a run directory to its reports on disk, its text in the terminal and its exit code."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from soak.analysis import analyze
from soak.diagnosis.attribution.confirmation import with_confirmations
from soak.diagnosis.attribution.request_clock import informed
from soak.diagnosis.suspects.suspects import diagnosed
from soak.diagnosis.traces import with_traces
from soak.errors import ExitCode, RecordingError
from soak.model import Analysis, Verdict
from soak.profile import Profile, parse_profile
from soak.recording import load_recording, profile_text, write_whole
from soak.reporters import installed

CODES = {Verdict.PASS: ExitCode.PASS, Verdict.FAIL: ExitCode.FAIL, Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE}


def code_of(analysis: Analysis) -> ExitCode:
    """The exit code of a verdict; a run that proves nothing broke, unless something is proven all the same."""
    return ExitCode.BROKEN if analysis.broken and analysis.verdict is not Verdict.FAIL else CODES[analysis.verdict]


def profile_of(directory: Path) -> Profile:
    """The profile that a run was made with, or as it has been edited since; needs none of its secrets."""
    text = profile_text(directory)
    if text is None:
        raise RecordingError(f"{directory}: has no profile.yaml, so its limits are not known")
    return parse_profile(text, str(directory / "profile.yaml"), lenient=True)[0]


def judge(directory: Path) -> Analysis:
    """A run judged by its own profile, and what is suspected of it."""
    profile = profile_of(directory)
    recording = load_recording(directory)
    analysis = analyze(recording, profile.limits, profile.own_limits, profile.load.warmup, even=informed(recording))
    analysis = diagnosed(recording, with_confirmations(recording, analysis), profile.load.warmup)
    return with_traces(analysis, recording.traces, profile.trace)


def write_reports(analysis: Analysis, directory: Path) -> list[str]:
    """Every reporter's file, each whole or not at all; returns the names written."""
    written = []
    for reporter in installed().values():
        if reporter.file_name:
            write_whole(directory / reporter.file_name, reporter.render(analysis))
            written.append(reporter.file_name)
    return written


def show(analysis: Analysis, *, err: bool = False) -> None:
    """The terminal report, in colour and as wide as the terminal where there is one."""
    from soak.reporters.terminal import render  # noqa: PLC0415 - rich is only needed here

    stream = sys.stderr if err else sys.stdout
    colour = stream.isatty()
    width = click.get_current_context().terminal_width
    click.echo(render(analysis, width=width, color=colour), err=err, nl=False)
