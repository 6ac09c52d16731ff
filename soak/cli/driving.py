"""What `soak run` and `soak demo` share: a run with progress and Ctrl-C, then its verdict and its reports."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from soak.analysis.sequential_stop import LOOKS, certain_already
from soak.cli.judged import code_of, show, write_reports
from soak.errors import ExitCode, SoakError
from soak.live import Live
from soak.model import Event
from soak.pipeline import judge_run
from soak.profile import Profile
from soak.recording import run_directory
from soak.runner import Record, Run


def drive(profile: Profile, text: str, out: Path | None, *, as_json: bool) -> int:
    """Run a profile to its end, write its reports, show them, and return the exit code."""
    from soak.cli.progress import ProgressLine  # noqa: PLC0415 - rich, not needed to refuse a profile

    directory = out if out is not None else run_directory(profile.name, Path("reports"))
    live = Live(profile.load.ramp, profile.limits.survive)

    def watched(record: Record) -> None:
        live.saw(record)
        if isinstance(record, Event) and record.kind in ("probe", "warning", "target", "joining", "worker"):
            click.echo(f"soak: {record.text}", err=True)

    run = Run(profile, text, directory, command=["soak", *sys.argv[1:]], watch=watched)
    if profile.stop_early:
        run.looks = [share for share, _, _ in LOOKS]
        run.certain = lambda look, left: certain_already(judge_run(directory), look, left)
    if profile.trace.zipkin or profile.trace.jaeger:
        run.exemplars = lambda: judge_run(directory).exemplars
    with interruptible(run.stop), ProgressLine(run, live) as line:
        run.tick = line.tick
        try:
            run.run()
        except SoakError:
            if not run.stop.is_set():
                raise
            click.echo("soak: interrupted before the load began; nothing was recorded", err=True)
            return ExitCode.INTERRUPTED
    analysis = judge_run(directory)
    written = write_reports(analysis, directory)
    show(analysis, err=as_json)
    if as_json:
        click.echo((directory / "analysis.json").read_text(encoding="utf-8"), nl=False)
    report = directory / ("report.html" if "report.html" in written else "")
    click.echo(f"\nReport: {report}", err=as_json)
    if run.failure is not None:
        click.echo(f"soak: the run broke: {run.failure}", err=True)
        return ExitCode.BROKEN
    if run.ended == "interrupted":
        return ExitCode.INTERRUPTED
    return code_of(analysis)


@contextmanager
def interruptible(stop: threading.Event) -> Iterator[None]:
    """Ctrl-C (or SIGTERM) once ends the run in order; a second time ends the process at once."""

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            # The load ends by itself within 2 s: its lifeline is this process.
            os.write(2, b"\nsoak: stopped at once; `soak report` can still judge what was recorded\n")
            os._exit(ExitCode.INTERRUPTED)
        stop.set()
        os.write(2, b"\nsoak: ending the run in order; once more to stop at once\n")

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
