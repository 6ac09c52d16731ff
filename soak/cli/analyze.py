"""`soak analyze`: judge recorded series without load."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from soak.cli.limit_texts import limits_tree
from soak.cli.printing import hand_out, paint, say
from soak.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from soak.formats import Options

_TEXT = {"multiple": True, "metavar": "COLUMN"}
_COLUMN_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--time",
        "time_column",
        default="",
        metavar="COLUMN",
        help="Name of the time column, if it is not detected.",
    ),
    click.option("--only", **_TEXT, help="Judge only this column. Repeatable."),  # type: ignore[arg-type]
    click.option("--without", **_TEXT, help="Leave out this column. Repeatable."),  # type: ignore[arg-type]
    click.option("--split", **_TEXT, help="Column whose values are separate series. Repeatable."),  # type: ignore[arg-type]
    click.option(
        "--unit",
        "units",
        multiple=True,
        metavar="COLUMN=UNIT",
        help="Unit of a column, such as rss=MiB or elapsed=ms. Repeatable.",
    ),
    click.option("--counter", **_TEXT, help="Treat this column as a running total. Repeatable."),  # type: ignore[arg-type]
)


def _with_column_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_COLUMN_OPTIONS):
        command = option(command)
    return command


@click.command("analyze")
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, metavar="FILE...")
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="'NAME: VALUE'",
    help="Limit of a series: growth, such as 'process_open_fds: 1/h', or a maximum, such as 'process_open_fds: 500'. Repeatable.",
)
@click.option(
    "--warmup",
    default="0s",
    show_default=True,
    metavar="DURATION",
    help="Minimum time from the start to leave out of judging, such as 10m.",
)
@_with_column_options
@click.option(
    "--prometheus",
    "server",
    default="",
    metavar="URL",
    help="Query this Prometheus server instead of reading files. Needs --query.",
)
@click.option(
    "--query",
    "queries",
    multiple=True,
    metavar="PROMQL",
    help="PromQL query for --prometheus. Repeatable.",
)
@click.option(
    "--since",
    default="7d",
    show_default=True,
    metavar="DURATION",
    help="Time range of --query, up to now.",
)
@click.option(
    "--step",
    default="",
    metavar="DURATION",
    help="Interval between samples, such as 30s: of --query (default: from --since), or of a file without times.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIRECTORY",
    help="Directory for reports; with several files, one subdirectory each.",
)
@click.option(
    "--format",
    "formats",
    default="",
    metavar="FORMAT,…",
    help="Reports to write to --out, separated by commas: html, junit, json, markdown, sarif, github, terminal. Default: all.",
)
@click.option(
    "--together", is_flag=True, help="Judge several runs of one profile as one, with pooled growth."
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one line of JSON per file, in the order of the files.",
)
@click.option(
    "--formats",
    "list_formats",
    is_flag=True,
    help="List the file formats that soak can read, and the tools that write them.",
)
def command(files: tuple[Path, ...], list_formats: bool, together: bool, **given: Any) -> int:
    """Judge recorded data: files, a Prometheus server, or run directories.

    The format of a file is detected from its content. Assumptions (units, the time column, columns left out) are printed.
    Several files are judged separately, with a table at the end; the exit code is the worst of all files.

    \b
    Examples:
      soak analyze memory.csv
      soak analyze memory.csv --limit 'process_resident_memory_bytes: 1MiB/h' --json
      soak analyze nights/*.csv
      soak analyze reports/nightly-* --together --out together
      soak analyze pidstat.log --only RSS
      soak analyze --prometheus http://127.0.0.1:9090 --query 'process_resident_memory_bytes{job="orders"}' --since 7d
    """
    if list_formats:
        return _show_formats()
    if not files and not given["server"]:
        raise UsageError(
            "analyze: give a FILE, or --prometheus URL --query PROMQL; --formats lists what can be read"
        )
    if files and given["server"]:
        raise UsageError("analyze: give either files or --prometheus, and not both")
    if together:
        return _together(files, given)
    from soak.cli.judge_files import Request, summary, worst_code  # noqa: PLC0415 - `--help` needs none of it
    from soak.profile.command_line import parse_limits, parse_warmup  # noqa: PLC0415

    limits = parse_limits(limits_tree(given["limits"]))
    options = _options(given, [*limits.growth, *limits.max])
    request = Request(
        limits,
        parse_warmup(given["warmup"]),
        options,
        given["as_json"],
        alone=len(files) <= 1,
        out=given["out"],
        formats=_formats(given["formats"], given["out"]),
        query=_query(given, options.step) if given["server"] else None,
    )
    rows = []
    for judged in request.all(files):
        if judged.text:
            show_judged = hand_out if given["as_json"] else paint
            show_judged(judged.text if judged.text.endswith("\n") else f"{judged.text}\n")
        if judged.complaint:
            say(f"soak: {judged.complaint}", err=True)
        rows.append(judged)
    if len(rows) > 1 and not given["as_json"]:
        say(summary(rows))
    return worst_code(rows)


def _together(runs: tuple[Path, ...], given: Mapping[str, Any]) -> ExitCode:
    """Judge runs of one profile as one."""
    from soak.cli.delivery import code_of, complain, show  # noqa: PLC0415 - `--help` needs none of it
    from soak.cli.judge_files import write_beside  # noqa: PLC0415
    from soak.pipeline import judge_together  # noqa: PLC0415
    from soak.reporters.json import render  # noqa: PLC0415

    if given["limits"] or given["warmup"] != "0s":
        raise UsageError(
            "--together takes limits and warm-up from the runs' own profiles: leave --limit and --warmup out"
        )
    if given["server"]:
        raise UsageError("--together: give run directories instead of --prometheus")
    for run in runs:
        if not run.is_dir():
            raise UsageError(f"--together: {run}: no run directory; files are judged one by one")
    analysis = judge_together(runs)
    if given["as_json"]:
        hand_out(render(analysis))
    else:
        show(analysis)
    if given["out"] is None:
        return code_of(analysis)
    written = write_beside(analysis, given["out"], _formats(given["formats"], given["out"]))
    complain(written)
    return written.code(code_of(analysis))


def _options(given: Mapping[str, Any], limited: list[str]) -> Options:
    from soak.formats import Options  # noqa: PLC0415 - as above
    from soak.units import parse_duration  # noqa: PLC0415

    units: dict[str, str] = {}
    for text in given["units"]:
        column, equals, unit = text.rpartition("=")
        if not equals or not column or not unit:
            raise UsageError(f"--unit {text!r}: expected COLUMN=UNIT, such as rss=MiB")
        units[column] = unit
    try:
        step = parse_duration(given["step"]) if given["step"] else None
    except ValueError as error:
        raise UsageError(f"--step: {error}") from None
    if step is not None and step <= 0:
        raise UsageError("--step: expected more than 0 s")
    return Options(
        given["time_column"],
        given["only"],
        given["without"],
        given["split"],
        units,
        given["counter"],
        step,
        tuple(limited),
    )


def _query(given: Mapping[str, Any], step: float | None) -> Any:
    from soak.formats.prometheus_server import range_query  # noqa: PLC0415 - as above
    from soak.units import parse_duration  # noqa: PLC0415

    try:
        since = parse_duration(given["since"])
    except ValueError as error:
        raise UsageError(f"--since: {error}") from None
    return range_query(given["server"], given["queries"], since, step, time.time())


def _formats(text: str, out: Path | None) -> list[str] | None:
    """Parse the names of the reports to write; None for all."""
    from soak.profile.parsing import nearest  # noqa: PLC0415 - as above
    from soak.reporters import installed  # noqa: PLC0415

    names = [name.strip() for name in text.split(",") if name.strip()]
    if names and out is None:
        raise UsageError("--format: say where the reports go with --out DIR")
    for name in names:
        if name not in installed():
            raise UsageError(f"--format {name}: unknown{nearest(name, installed())}")
    return names or None


def _show_formats() -> int:
    from soak.formats import FORMATS  # noqa: PLC0415 - as above

    width = max(len(known.title) for known in FORMATS.values())
    for known in FORMATS.values():
        say(f"{known.title:<{width}}  {known.origin}")
    return ExitCode.PASS
