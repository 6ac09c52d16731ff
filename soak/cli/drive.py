"""What `soak run` and `soak demo` share: drive a run with progress and Ctrl-C, then give its verdict and reports."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from soak.analysis.acceptance import out_of_date, without_bound
from soak.analysis.sequential_stop import LOOKS, LOOKS_UNTIL_CERTAIN, all_certain, certain_already
from soak.baseline import Baseline
from soak.cli.against import compared_with, fastest_growth
from soak.cli.delivery import (
    ENDING,
    WRITING,
    code_of,
    complain,
    show,
    show_last,
    write_reports,
)
from soak.cli.printing import hand_out, say
from soak.cli.stop_signals import ending_signals
from soak.cli.view_options import ViewOptions
from soak.errors import ExitCode, SoakError, UsageError
from soak.live.failures import FailureNews
from soak.live.progress import Live
from soak.model import Analysis, Event, EventKind
from soak.pipeline import judge_run
from soak.profile import Profile
from soak.recording import run_directory
from soak.resume import Resumption
from soak.runner import Record, Run
from soak.steady_memory import Tidying, at_full_speed, keep_steady

if TYPE_CHECKING:
    from soak.cli.live_views import Views


#: Kinds of events that are printed during a run.
_TOLD = (
    EventKind.PROBE,
    EventKind.VIEW,
    EventKind.RESUMED,
    EventKind.WARNING,
    EventKind.TARGET,
    EventKind.JOINING,
    EventKind.WORKER,
    EventKind.ABORT,
    EventKind.STEP,
)


class _Told:
    """Selects the records that are printed during a run."""

    def __init__(self) -> None:
        self._probed: list[str] = []

    def saw(self, record: Record) -> Iterator[str]:
        """Yield the text of a record to print; a warning that repeats a notice from before the load is skipped."""
        if not isinstance(record, Event) or record.kind not in _TOLD:
            return
        if record.kind is EventKind.PROBE:
            self._probed.append(record.text)
        elif record.kind is EventKind.WARNING and any(
            text.startswith(record.text) for text in self._probed
        ):
            return
        yield record.text


def drive(
    profile: Profile,
    text: str,
    out: Path | None,
    *,
    as_json: bool,
    before: Resumption | None = None,
    against: Baseline | None = None,
    options: ViewOptions | None = None,
    until_certain: bool = False,
) -> int:
    """Run a profile to its end, show its progress, write and show its reports, and return the exit code.

    With `before`, the run in `out` is resumed. With a baseline, the run is compared `against` it.
    `until_certain` ends the run as soon as every finding is certain.
    """
    from soak.cli.live_views import live_views  # noqa: PLC0415 - rich, not needed to refuse a profile
    from soak.cli.progress import Shown  # noqa: PLC0415

    if until_certain and profile.load.find is not None:
        raise UsageError(
            "--until-certain is not for capacity searches: load.find ends as soon as it has found the capacity"
        )
    directory = out if out is not None else run_directory(profile.name, Path("reports"))
    before = before or Resumption()
    live, news, told = Live(), FailureNews(), _Told()

    def watched(record: Record) -> None:
        live.saw(record)
        for message in (*news.saw(record), *told.saw(record)):
            lines.say(f"soak: {message}")

    run = Run(
        profile,
        text,
        directory,
        command=["soak", *sys.argv[1:]],
        known_growth=_known_growth(profile, against),
        watch=watched,
        before=before,
        locust_ui=options.locust_ui if options else None,
    )
    if profile.stop_early and not before.stretches:  # the looks were planned for a run in one piece
        run.looks = [share for share, _, _ in LOOKS]
        run.certain = lambda look, left: certain_already(judge_run(directory), look, left)
    if until_certain:
        run.looks = [share for share, _ in LOOKS_UNTIL_CERTAIN]
        run.certain = lambda look, _left: all_certain(judge_run(directory), look)
    if profile.trace.zipkin or profile.trace.jaeger:
        run.exemplars = lambda: judge_run(directory).exemplars
    planned, ramp = (
        profile.load.ramp + profile.load.duration - before.done,
        profile.load.ramp - before.done,
    )
    death, searches = lambda: run.target_watch.said(run.clock.now()), profile.load.find is not None
    shown = Shown(
        profile.name,
        planned,
        ramp,
        lambda: run.resting,
        death,
        searches=searches,
        elsewhere=f"soak watch {shlex.quote(str(directory))}",
    )
    keep_steady()
    tidying = Tidying()

    def tick() -> None:
        tidying.tick()
        lines.tick()

    with live_views(directory, shown, live, options or ViewOptions()) as views:
        lines = views.lines
        with interruptible(run.stop, drawn=lines.drawing, kept=directory):
            with lines:
                run.tick = tick
                try:
                    run.run()
                except SoakError:
                    if not run.stop.is_set():
                        raise
                    say("soak: interrupted before the load began; nothing was recorded", err=True)
                    return ExitCode.INTERRUPTED
            # A run with its whole load is complete, even if a signal ends what follows the load.
            leaving = run.stop if run.stop.is_set() else threading.Event()
            with interruptible(leaving, WRITING, kept=directory):
                views.judge.stop()
                return _report(run, views, against, as_json=as_json)


def _known_growth(profile: Profile, against: Baseline | None) -> dict[str, float]:
    """Return the baseline's bounds on accepted leaks; print which leaks have no bound or are out of date."""
    known = fastest_growth(against) if against is not None and profile.accept else {}
    old = out_of_date(profile.accept, datetime.now(UTC).date())
    for message in (*without_bound(profile.accept, known), *old):
        say(f"soak: {message}", err=True)
    return known


def _report(run: Run, views: Views, against: Baseline | None, *, as_json: bool) -> int:
    """Judge a run that has ended, show and write its reports, and return the exit code."""
    directory = run.directory
    at_full_speed()
    with progress_note("judging the recording"):
        analysis = judge_run(directory, ended=(run.ended, run.failure))
    # The verdict is shown first: a full disk may keep the files from being written.
    show(analysis, err=as_json)
    if as_json:
        from soak.reporters.json import render  # noqa: PLC0415

        hand_out(render(analysis))
    with progress_note("writing the reports"):
        written = write_reports(analysis, directory)
    complain(written)
    code = written.code(code_of(analysis))
    if against is not None:
        code = compared_with(against, analysis, directory, code, as_json=as_json)
    report = directory / ("report.html" if "report.html" in written.names else "")
    show_last(analysis, code, directory, report, err=as_json)
    views.finish(report)
    _notify(run.profile, analysis, directory)
    return code


def _notify(profile: Profile, analysis: Analysis, directory: Path) -> None:
    """Send the verdict to the profile's webhook if it is to be told; an error in it changes nothing else."""
    if profile.notify is None:
        return
    from soak.notify import payload, post, verdict_before, wanted  # noqa: PLC0415 - only for those who asked for it

    before = verdict_before(directory, analysis)
    if wanted(profile.notify, analysis.verdict, before):
        why = post(profile.notify.webhook, payload(analysis, directory, before))
        if why is not None:
            say(f"soak: the notification could not be delivered: {why}", err=True)


#: Seconds after which a waiting user is told what is being done.
_SILENCE = 1.0


@contextmanager
def progress_note(work: str) -> Iterator[None]:
    """Print what is being done if it takes over a second, so that nothing seems frozen."""
    timer = threading.Timer(_SILENCE, lambda: _say_now(f"soak: {work} ...\n".encode()))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _say_now(text: bytes) -> None:
    """Write directly to standard error, without buffers, as a signal handler needs; ignore errors."""
    with suppress(OSError):
        os.write(2, text)


@contextmanager
def interruptible(
    stop: threading.Event,
    first: str = ENDING,
    drawn: Callable[[threading.Event, str], bool] = lambda *_: False,
    kept: Path | None = None,
) -> Iterator[None]:
    """On the first Ctrl-C, SIGTERM or SIGHUP, end the run in order and print `first`; on the second, exit at once.

    `drawn` is called with `stop` and `first`; it returns True if the terminal display will show
    `first` by itself. `kept` is the directory of the recording, which stays.
    """
    second = "stopped at once"
    if kept is not None:
        judging = f"`soak report {shlex.quote(str(kept))}` judges it and writes its reports"
        second += f"; what was recorded is kept: {judging}"
    on_screen = drawn(stop, first)

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            # The load ends by itself within 2 s, because it watches this process.
            # The progress display hides the cursor and can no longer be closed in order.
            cursor = b"\x1b[?25h" if os.isatty(2) else b""
            _say_now(cursor + f"\nsoak: {second}\n".encode(errors="backslashreplace"))
            os._exit(ExitCode.INTERRUPTED)
        stop.set()
        if not on_screen:
            _say_now(f"\nsoak: {first}\n".encode())

    # Signals are handled even if a shell set them to be ignored, as for `soak run ... &`; only
    # SIGHUP is not handled under nohup.
    before = {number: signal.signal(number, on_signal) for number in ending_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)
