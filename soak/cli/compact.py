"""`soak compact`: make the recordings of ended runs smaller; every command still reads them."""

from __future__ import annotations

from pathlib import Path

import click

from soak.cli.printing import say
from soak.errors import ExitCode, RecordingError, UsageError


@click.command("compact")
@click.argument(
    "paths", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="RUN|DIR..."
)
def command(paths: tuple[Path, ...]) -> int:
    """Compress the recordings of finished runs, without loss.

    A folder stands for all runs directly in it. Runs in progress, and crashed runs that can still be resumed, are left unchanged.
    All commands can read a compacted run.

    \b
    Examples:
      soak compact reports/nightly-20260101T000000Z
      soak compact reports
    """
    from soak.cli.sides import run_directories  # noqa: PLC0415
    from soak.recording import compact, is_run_directory  # noqa: PLC0415
    from soak.units import show_bytes  # noqa: PLC0415

    runs: list[Path] = []
    for path in paths:
        inside = (
            [path] if is_run_directory(path) else run_directories(path) if path.is_dir() else []
        )
        if not inside:
            raise UsageError(
                f"{path}: neither a run directory nor a folder of runs (a run directory has a run.json)"
            )
        runs += inside
    total_before = total_after = 0
    failed = False
    for run in runs:
        try:
            sizes = compact(run)
        except RecordingError as error:
            if len(paths) == 1 and len(runs) == 1:
                raise
            say(f"soak: {error}", err=True)
            failed = True
            continue
        if sizes is None:
            say(f"{run}: compact already")
        else:
            say(f"{run}: {show_bytes(sizes[0])} to {show_bytes(sizes[1])}")
            total_before, total_after = total_before + sizes[0], total_after + sizes[1]
    if len(runs) > 1:
        say(f"{len(runs)} runs: {show_bytes(total_before - total_after)} freed")
    return ExitCode.BROKEN if failed else ExitCode.PASS
