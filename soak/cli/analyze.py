"""`soak analyze`: judge recorded series with no load."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from soak.cli.limit_texts import limits_tree
from soak.errors import ExitCode, SoakError


@click.command("analyze")
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--limit", "limits", multiple=True, metavar="'NAME: VALUE'", help="Such as 'process_open_fds: 1/h'. Repeatable."
)
@click.option(
    "--warmup", default="0s", show_default=True, help="At least this much from the start is left out of judging."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, in the order of the files.")
def command(files: tuple[Path, ...], limits: tuple[str, ...], warmup: str, as_json: bool) -> int:
    """Judge CSV files, answers of Prometheus's query_range, or run directories.

    A CSV file has a column t (seconds) or time (ISO 8601); every other column is a series, named as Prometheus would.
    Several files are judged each by itself; the worst exit code counts.

    \b
    Examples:
      soak analyze memory.csv
      soak analyze memory.csv --limit 'process_resident_memory_bytes: 1MiB/h' --json
      soak analyze nights/*.csv
    """
    from soak.profile.command_line import parse_limits, parse_warmup  # noqa: PLC0415 - `--help` needs none of it

    checked = parse_limits(limits_tree(limits))
    least = parse_warmup(warmup)
    worst = ExitCode.PASS
    for path in files:
        try:
            code = _judge_one(path, checked, least, as_json=as_json, alone=len(files) == 1)
        except SoakError as error:
            click.echo(f"soak: {error}", err=True)
            code = error.exit_code
        worst = max(worst, code, key=_BADNESS.index)
    return worst


_BADNESS = [ExitCode.PASS, ExitCode.INCONCLUSIVE, ExitCode.FAIL, ExitCode.BROKEN, ExitCode.USAGE]


def _judge_one(path: Path, limits: Any, warmup: float, *, as_json: bool, alone: bool) -> ExitCode:
    from soak.analysis import analyze  # noqa: PLC0415
    from soak.cli.judged import CODES, judge, show  # noqa: PLC0415
    from soak.recording import is_run_directory, load_recording  # noqa: PLC0415
    from soak.recording.importing import import_recording  # noqa: PLC0415
    from soak.reporters.json import render  # noqa: PLC0415

    if is_run_directory(path):
        changed: Mapping[str, Any] = limits.model_dump(exclude_unset=True)
        analysis = analyze(load_recording(path), limits, warmup=warmup) if changed else judge(path)
    else:
        analysis = analyze(import_recording(path), limits, warmup=warmup, judge_unknown=True)
    if as_json:
        import json  # noqa: PLC0415

        click.echo(json.dumps(json.loads(render(analysis)), ensure_ascii=False))
    elif alone:
        show(analysis)
    else:
        click.echo(f"{analysis.verdict.upper():<12} {path}: {analysis.reason}")
    return CODES[analysis.verdict]
