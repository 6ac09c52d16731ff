"""From a run directory to its reports on disk, its text in the terminal and its exit code."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from soak.errors import ExitCode
from soak.model import Analysis, Verdict
from soak.recording import write_whole
from soak.reporters import installed

CODES = {Verdict.PASS: ExitCode.PASS, Verdict.FAIL: ExitCode.FAIL, Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE}


def code_of(analysis: Analysis) -> ExitCode:
    """The exit code of a verdict; a run that proves nothing broke, unless something is proven all the same."""
    return ExitCode.BROKEN if analysis.broken and analysis.verdict is not Verdict.FAIL else CODES[analysis.verdict]


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
