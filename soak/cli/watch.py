"""`soak watch`: look at a run in progress on this machine from another terminal."""

from __future__ import annotations

import threading
from pathlib import Path

import click

from soak.cli.printing import say
from soak.cli.view_options import ViewOptions, live_option, metrics_option
from soak.errors import ExitCode, UsageError

#: Seconds between two reads of the run directory.
EVERY = 1.0


@click.command("watch")
@click.argument("run", type=click.Path(path_type=Path))
@live_option
@metrics_option
def command(run: Path, live: str | None, metrics: str | None) -> int:
    """Show a run in progress on this machine until it ends, then its verdict.

    RUN is a run directory. This command only reads it: closing the view does not end the run. A run that has already ended or
    crashed is judged by what it recorded. The exit code is that of the run.

    \b
    Examples:
      soak watch reports/nightly-20260101T000000Z
      soak watch reports/nightly-20260101T000000Z --live
      soak watch reports/nightly-20260101T000000Z --live 127.0.0.1:9000
    """
    from soak.cli.delivery import code_of, show, show_last  # noqa: PLC0415 - `--help` needs none of it
    from soak.cli.drive import interruptible, progress_note  # noqa: PLC0415
    from soak.cli.live_views import live_views  # noqa: PLC0415
    from soak.cli.progress import Shown  # noqa: PLC0415
    from soak.live.progress import Live  # noqa: PLC0415
    from soak.pipeline import judge_run, profile_of  # noqa: PLC0415
    from soak.recording import is_run_directory, read_run  # noqa: PLC0415
    from soak.recording.files import is_under_way  # noqa: PLC0415
    from soak.recording.following import Follower  # noqa: PLC0415

    if not is_run_directory(run):
        raise UsageError(
            f"{run}: not a run directory (it has no run.json); `soak run` prints the path of its run directory"
        )
    options = ViewOptions.of({"live": live, "metrics": metrics})
    described, load, seen = read_run(run), profile_of(run).load, Live()
    shown = Shown(
        described.get("name", run.name),
        load.ramp + load.duration,
        load.ramp,
        lambda: "the load has ended",
        searches=load.find is not None,
        joined=True,
    )
    follower, stop = Follower(run), threading.Event()
    if is_under_way(run):
        for record in follower.new():  # earlier records, so that the first line covers them
            seen.saw(record)
    leaving = "closing the view; the run continues"
    with live_views(run, shown, seen, options) as views, interruptible(stop, leaving):
        with views.lines:
            while is_under_way(run) and not stop.is_set():
                for record in follower.new():
                    seen.saw(record)
                views.lines.tick()
                stop.wait(EVERY)
        if stop.is_set():
            return ExitCode.INTERRUPTED
        with progress_note("judging the recording"):
            analysis = judge_run(run)
        show(analysis)
        show_last(analysis, code_of(analysis), run)
        if views.page is not None:
            from soak.reporters.html import render  # noqa: PLC0415

            views.page.finish(render(analysis), "the run has ended")
            say(
                f"soak: the report stays available at {views.page.url}; press Ctrl-C to stop",
                err=True,
            )
            stop.wait()
    return code_of(analysis)
