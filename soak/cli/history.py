"""`soak history`: show all runs of a folder, night by night."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from soak.cli.printing import hand_out, say
from soak.errors import ExitCode, UsageError
from soak.model import Verdict

if TYPE_CHECKING:
    from soak.history.history import History


@click.command("history")
@click.argument("folder", type=click.Path(path_type=Path), default=Path("reports"), metavar="[DIR]")
@click.option(
    "--profile", "name", default="", metavar="NAME", help="Show only the runs of this profile."
)
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write an HTML page with one row per metric.",
)
@click.option(
    "--csv",
    "csv_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the runs of one profile as CSV for Apache Otava.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print everything as one JSON object on standard output.",
)
@click.option(
    "--all", "every", is_flag=True, help="Show every metric, not only the 40 most important."
)
@click.option(
    "--fail-on",
    type=click.Choice(["regression", "fail"]),
    multiple=True,
    help="Exit with code 1 on a recent change for the worse (regression), or if the newest run failed (fail). Repeatable.",
)
def command(
    folder: Path,
    name: str,
    html: Path | None,
    csv_file: Path | None,
    as_json: bool,
    every: bool,
    fail_on: tuple[str, ...],
) -> int:
    """Show all runs in a folder (default: reports): verdicts, levels, growth and latency of each run, and what changed.

    Consecutive comparable runs are also judged together: the runs of one build, and the last seven. A change for the worse counts
    as a regression for 14 runs. Broken runs are shown, but not compared. Finding changes needs soak-harness[history].

    \b
    Examples:
      soak history
      soak history reports --html reports/history.html
      soak history reports --profile nightly --fail-on regression
      soak history reports --csv nightly.csv
    """
    from soak.history.changes import need_otava, otava_is_there  # noqa: PLC0415 - `--help` needs none of it
    from soak.history.history import histories  # noqa: PLC0415
    from soak.history.index import read_folder  # noqa: PLC0415
    from soak.history.remembered import RememberedChanges  # noqa: PLC0415
    from soak.history.texts import json_object, table  # noqa: PLC0415

    if "regression" in fail_on:
        need_otava("--fail-on regression")
    read = read_folder(folder)
    for problem in read.problems:
        say(f"soak: {problem}", err=True)
    if not read.nights:
        raise UsageError(
            f"{folder}: holds no run that can be read; soak run writes its runs to reports/"
        )
    names = sorted({night.name for night in read.nights})
    if name and name not in names:
        from soak.profile.parsing import nearest  # noqa: PLC0415

        raise UsageError(
            f"--profile {name}: no run of that profile in {folder}{nearest(name, names)}"
        )
    changes = RememberedChanges(folder) if otava_is_there() else None
    shown = histories(read.nights, changes.find if changes is not None else None)
    if changes is not None:
        changes.save()
    shown = [history for history in shown if name in ("", history.name)]
    if as_json:
        hand_out(json_object(shown, read.problems))
    else:
        say("\n".join(table(history, every=every) for history in shown), nl=False)
    if html is not None:
        from soak.history.page import render  # noqa: PLC0415 - jinja2 is only needed here

        _write(html, render(shown, read.problems, folder, html.parent))
    if csv_file is not None:
        _write_csv(csv_file, shown)
    return ExitCode.FAIL if any(_fails(history, fail_on) for history in shown) else ExitCode.PASS


def _fails(history: History, fail_on: tuple[str, ...]) -> bool:
    regressed = "regression" in fail_on and bool(history.regressions)
    return regressed or ("fail" in fail_on and history.nights[-1].verdict is Verdict.FAIL)


def _write_csv(path: Path, shown: list[History]) -> None:
    from soak.history.texts import csv_text  # noqa: PLC0415

    if len(shown) > 1:
        names = ", ".join(history.name for history in shown)
        raise UsageError(
            f"--csv: a file holds the runs of one profile, but there are several profiles: choose with --profile ({names})"
        )
    _write(path, csv_text(shown[0]))


def _write(path: Path, text: str) -> None:
    from soak.errors import RecordingError  # noqa: PLC0415
    from soak.recording import write_whole  # noqa: PLC0415

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text, shared=True)
    except RecordingError as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
    say(f"wrote {path}", err=True)
