"""`soak prune`: delete old runs, except those that are still needed."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from soak.cli.printing import say
from soak.errors import ExitCode, SoakError, UsageError

if TYPE_CHECKING:
    from soak.history.pruning import Bounds


@click.command("prune")
@click.argument("folder", type=click.Path(path_type=Path), default=Path("reports"), metavar="[DIR]")
@click.option(
    "--older", metavar="DURATION", help="Delete runs that began longer ago than this, such as 90d."
)
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of newest runs of each profile to keep.",
)
@click.option(
    "--size",
    metavar="SIZE",
    help="Maximum total size of all runs, such as 20GiB; delete the oldest until they fit.",
)
@click.option("--failed", is_flag=True, help="Also delete failed runs.")
@click.option("--yes", is_flag=True, help="Delete the runs. Without it, only list them.")
def command(
    folder: Path, older: str | None, keep: int | None, size: str | None, failed: bool, yes: bool
) -> int:
    """Delete old runs in a folder (default: reports); without --yes, only list them.

    Give at least one of --older, --keep and --size. Always kept: failed runs (without --failed), the newest run of each profile,
    runs from which a baseline in ./baselines was set, runs in progress or never judged, and directories with files that are not
    soak's. Directories that are not runs are never touched.

    \b
    Examples:
      soak prune --older 90d
      soak prune reports --keep 30 --yes
      soak prune reports --older 180d --size 20GiB --yes
    """
    from soak.history.pruning import plan  # noqa: PLC0415 - `--help` needs none of it
    from soak.history.stored import delete, stored_runs  # noqa: PLC0415
    from soak.reporters import installed  # noqa: PLC0415
    from soak.units import show_bytes  # noqa: PLC0415

    bounds = _bounds(older, keep, size)
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder")
    runs = stored_runs(folder, {reporter.file_name for reporter in installed().values()})
    chosen = plan(runs, bounds, time.time(), _baselines(), failed=failed)
    for run, why in chosen.kept:
        say(f"kept     {folder / run.directory}: {why}")
    freed = 0
    code = ExitCode.PASS
    for run in chosen.deleted:
        if yes:
            try:
                delete(folder / run.directory)
            except OSError as error:
                say(
                    f"soak: {folder / run.directory}: cannot be deleted: {error.strerror}", err=True
                )
                code = ExitCode.BROKEN
                continue
        freed += run.size
        say(
            f"{'deleted' if yes else 'would delete'} {folder / run.directory}: {show_bytes(run.size)}"
        )
    count = len(chosen.deleted)
    say(
        f"{count} of {len(runs)} runs, {show_bytes(freed)}{'' if yes or not count else '; --yes deletes them'}"
    )
    return code


def _bounds(older: str | None, keep: int | None, size: str | None) -> Bounds:
    from soak.history.pruning import Bounds  # noqa: PLC0415
    from soak.units import parse_amount, parse_duration  # noqa: PLC0415

    if older is None and keep is None and size is None:
        raise UsageError("soak prune: name what to delete: --older 90d, --keep 30 or --size 20GiB")
    try:
        age = parse_duration(older) if older is not None else None
    except ValueError as error:
        raise UsageError(f"--older: {error}") from None
    try:
        most = int(parse_amount(size)) if size is not None else None
    except ValueError as error:
        raise UsageError(f"--size: {error}") from None
    return Bounds(age, keep, most)


def _baselines() -> set[tuple[str, float]]:
    """Return the runs, by name and start, that baselines here were set from; raise UsageError if one cannot be read."""
    from soak.cli.sides import BASELINES, read_baseline  # noqa: PLC0415

    named: set[tuple[str, float]] = set()
    for path in sorted(BASELINES.glob("*.json")) if BASELINES.is_dir() else []:
        try:
            named.update(
                (run.name, datetime.fromisoformat(run.started).timestamp())
                for run in read_baseline(path).runs
            )
        except (SoakError, ValueError) as error:
            raise UsageError(f"{error}; until then it is not known which runs are needed") from None
    return named
