"""`soak analyze`: judge recorded series with no load."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from soak.cli.limit_texts import limits_tree
from soak.errors import ExitCode, SoakError, UsageError


@click.command("analyze")
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--limit", "limits", multiple=True, metavar="'NAME: VALUE'", help="Such as 'process_open_fds: 1/h'. Repeatable."
)
@click.option(
    "--warmup", default="0s", show_default=True, help="At least this much from the start is left out of judging."
)
@click.option("--together", is_flag=True, help="Judge runs of one profile as one: their growth is pooled.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, in the order of the files.")
def command(files: tuple[Path, ...], limits: tuple[str, ...], warmup: str, together: bool, as_json: bool) -> int:
    """Judge CSV files, answers of Prometheus's query_range, or run directories.

    A CSV file has a column t (seconds) or time (ISO 8601); every other column is a series, named as Prometheus would.
    Several files are judged each by itself; the worst exit code counts.

    \b
    Examples:
      soak analyze memory.csv
      soak analyze memory.csv --limit 'process_resident_memory_bytes: 1MiB/h' --json
      soak analyze nights/*.csv
      soak analyze reports/nightly-* --together
    """
    if together:
        if limits or warmup != "0s":
            raise UsageError(
                "--together takes limits and warm-up from the runs' own profiles: leave --limit and --warmup out"
            )
        return _together(files, as_json=as_json)
    from soak.profile.command_line import parse_limits, parse_warmup  # noqa: PLC0415 - `--help` needs none of it

    asked = _Asked(parse_limits(limits_tree(limits)), parse_warmup(warmup), as_json, alone=len(files) == 1)
    worst = ExitCode.PASS
    for said, complaint, code in _judged_all(asked, files):
        if said:
            click.echo(said)
        if complaint:
            click.echo(f"soak: {complaint}", err=True)
        worst = max(worst, code, key=_BADNESS.index)
    return worst


def _together(runs: tuple[Path, ...], *, as_json: bool) -> ExitCode:
    """Runs of one profile as one."""
    from soak.cli.delivery import code_of, show  # noqa: PLC0415 - `--help` needs none of it
    from soak.pipeline import judge_together  # noqa: PLC0415
    from soak.reporters.json import render  # noqa: PLC0415

    analysis = judge_together(runs)
    if as_json:
        click.echo(render(analysis), nl=False)
    else:
        show(analysis)
    return code_of(analysis)


_BADNESS = [ExitCode.PASS, ExitCode.INCONCLUSIVE, ExitCode.FAIL, ExitCode.BROKEN, ExitCode.INTERRUPTED, ExitCode.USAGE]
#: From so many files on, it is worth starting a process for each core.
_MANY = 8


def _judged_all(asked: _Asked, files: tuple[Path, ...]) -> Iterator[tuple[str, str, ExitCode]]:
    """What is said of each file, in their order, and its exit code."""
    from multiprocessing import get_context  # noqa: PLC0415

    processes = min(os.cpu_count() or 1, len(files) // _MANY)
    if processes < 2:
        yield from map(asked.judged, files)
        return
    asked.prepare()
    # Forked, where that is safe: before any thread was started.
    with get_context("fork" if sys.platform == "linux" else "spawn").Pool(processes) as pool:
        yield from pool.imap(asked.judged, files, chunksize=4)


@dataclass(frozen=True)
class _Asked:
    """What is asked of every file."""

    limits: Any
    warmup: float
    as_json: bool
    alone: bool

    def prepare(self) -> None:
        """Import what judging needs."""
        import soak.analysis  # noqa: PLC0415
        import soak.cli.delivery  # noqa: PLC0415
        import soak.recording.importing  # noqa: F401, PLC0415

    def judged(self, path: Path) -> tuple[str, str, ExitCode]:
        """What is said of one file, what is complained of, and the exit code."""
        try:
            return self._judged(path)
        except SoakError as error:
            return "", str(error), error.exit_code

    def _judged(self, path: Path) -> tuple[str, str, ExitCode]:
        from soak.analysis import analyze  # noqa: PLC0415
        from soak.cli.delivery import code_of, show  # noqa: PLC0415
        from soak.pipeline import judge_run  # noqa: PLC0415
        from soak.recording import is_run_directory, load_recording  # noqa: PLC0415
        from soak.recording.importing import import_recording  # noqa: PLC0415
        from soak.reporters.json import render  # noqa: PLC0415

        if is_run_directory(path):
            changed: Mapping[str, Any] = self.limits.model_dump(exclude_unset=True)
            analysis = analyze(load_recording(path), self.limits, warmup=self.warmup) if changed else judge_run(path)
        else:
            analysis = analyze(import_recording(path), self.limits, warmup=self.warmup, judge_unknown=True)
        code = code_of(analysis)
        if self.as_json:
            import json  # noqa: PLC0415

            return json.dumps(json.loads(render(analysis)), ensure_ascii=False), "", code
        if self.alone:
            show(analysis)
            return "", "", code
        return f"{analysis.verdict.upper():<12} {path}: {analysis.reason}", "", code
