"""Deliver an analysis: to the terminal, to the files of a run directory, and as an exit code."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

import click

from soak.cli.crash import crash_message
from soak.cli.folding import folded
from soak.cli.printing import paint, say
from soak.cli.source_paths import in_repository
from soak.errors import ExitCode, RecordingError, SoakError
from soak.model import Analysis, Ending, Verdict
from soak.printable import clean
from soak.recording import write_whole
from soak.reporters import REPORTERS, installed

CODES = {
    Verdict.PASS: ExitCode.PASS,
    Verdict.FAIL: ExitCode.FAIL,
    Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
}

#: Message after a signal to end the run.
ENDING = (
    "ending the run in order, its report follows; Ctrl-C again ends it at once, without a report"
)

#: Message after a signal once the load has ended by itself.
WRITING = "the run is complete, its report follows; Ctrl-C again ends at once, without a report"


def code_of(analysis: Analysis) -> ExitCode:
    """Return a run's exit code, the same for every command; a run that broke without a proven fail is exit code 4."""
    if analysis.run.ended is Ending.INTERRUPTED:
        return ExitCode.INTERRUPTED
    return ExitCode.BROKEN if analysis.broke else CODES[analysis.verdict]


@dataclass
class Written:
    """Which report files were written, and messages about those that were not.

    `broken` is set if one of soak's own reports is missing; a missing report of another package
    does not set it.
    """

    names: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    broken: bool = False

    def code(self, code: ExitCode) -> ExitCode:
        """Return the exit code with missing reports taken into account: the run may still fail, but not pass."""
        return ExitCode.BROKEN if self.broken and code is not ExitCode.FAIL else code


def write_reports(analysis: Analysis, directory: Path, formats: list[str] | None = None) -> Written:
    """Write the files of these formats (default: all), each completely or not at all; an error affects only its own file."""
    written = Written()
    reporters = installed()
    analysis = in_repository(analysis)
    for name in formats if formats is not None else reporters:
        reporter = reporters[name]
        if not reporter.file_name:
            continue
        try:
            write_whole(directory / reporter.file_name, reporter.render(analysis))
        except (SoakError, OSError) as error:
            written.problems.append(f"{reporter.file_name} was not written: {error}")
            written.broken |= name in REPORTERS or isinstance(error, RecordingError)
        except Exception as error:  # noqa: BLE001 - the other reports are still worth having
            written.problems.append(f"{reporter.file_name} was not written: {crash_message(error)}")
            written.broken |= name in REPORTERS
        else:
            written.names.append(reporter.file_name)
    return written


def complain(written: Written) -> None:
    """Print one line on standard error for each missing report."""
    for problem in written.problems:
        say(f"soak: {problem}", err=True)


def show_last(
    analysis: Analysis, code: int, directory: Path, report: Path | None = None, *, err: bool = False
) -> None:
    """Print the verdict again, the next step and the report's path: the end stays visible on a small screen."""
    from soak.reporters.next_steps import last_word  # noqa: PLC0415 - with all that reports need
    from soak.reporters.wording import headline  # noqa: PLC0415

    mark, word = headline(analysis)
    verdict = f"{mark} {word} (exit {int(code)}): {clean(analysis.reason)}"
    where = f"Report: {report}" if report is not None else ""
    lines = filter(None, (verdict, last_word(analysis, str(directory)), where))
    say(folded("\n" + "\n".join(lines), sys.stderr if err else sys.stdout), err=err)


def show(analysis: Analysis, *, err: bool = False) -> None:
    """Print the terminal report, in colour and at full width on a terminal."""
    from soak.reporters.terminal import render  # noqa: PLC0415 - rich is only needed here

    stream = sys.stderr if err else sys.stdout
    color = stream.isatty()
    width = click.get_current_context().terminal_width
    paint(render(analysis, width=width, color=color), err=err)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        from soak.reporters.github import render as annotations  # noqa: PLC0415

        say(annotations(in_repository(analysis)), err=True, nl=False)
