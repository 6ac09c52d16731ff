"""`soak report`: judge a run again and render it."""

from __future__ import annotations

from pathlib import Path

import click

from soak.cli.printing import hand_out, say
from soak.errors import UsageError


@click.command("report")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "formats",
    default="",
    metavar="FORMAT,…",
    help="Reports, separated by commas: html, junit, json, markdown, sarif, github, terminal. Default: all.",
)
@click.option(
    "--against",
    metavar="BASELINE",
    help="Also compare the run with this baseline (name or file); the exit code is the worse of both.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the analysis as JSON on standard output."
)
def command(run: Path, formats: str, against: str | None, as_json: bool) -> int:
    """Judge a run again, with the profile now in its directory, and write its reports.

    \b
    Examples:
      soak report reports/nightly-20260101T000000Z
      soak report reports/nightly-20260101T000000Z --format junit,markdown
      soak report reports/nightly-20260101T000000Z --against nightly
    """
    from soak.cli.against import compared_with, fastest_growth  # noqa: PLC0415 - `--help` needs none of it
    from soak.cli.delivery import code_of, complain, show, write_reports  # noqa: PLC0415
    from soak.cli.sides import read_baseline  # noqa: PLC0415
    from soak.pipeline import judge_run  # noqa: PLC0415
    from soak.profile.parsing import nearest  # noqa: PLC0415
    from soak.recording import is_run_directory  # noqa: PLC0415
    from soak.reporters import installed  # noqa: PLC0415

    reporters = installed()
    wanted = [name.strip() for name in formats.split(",") if name.strip()] or list(reporters)
    for name in wanted:
        if name not in reporters:
            raise UsageError(f"--format {name}: unknown{nearest(name, reporters)}")
    if not is_run_directory(run):
        raise UsageError(
            f"{run}: not a run directory (it has no run.json); `soak run` prints the path of its run directory"
        )
    baseline = read_baseline(Path(against)) if against is not None else None
    analysis = judge_run(run, fastest_growth(baseline) if baseline is not None else None)
    if "terminal" in wanted or as_json:
        show(analysis, err=as_json)
    for name in formats.split(","):
        reporter = reporters.get(name.strip())
        if reporter is not None and not reporter.file_name and name.strip() != "terminal":
            say(reporter.render(analysis), err=as_json, nl=False)
    if as_json:
        hand_out(reporters["json"].render(analysis))
    written = write_reports(analysis, run, wanted)
    complain(written)
    if written.names and not as_json:
        say(f"{run}: wrote {', '.join(written.names)}")
    code = written.code(code_of(analysis))
    return (
        code if baseline is None else compared_with(baseline, analysis, run, code, as_json=as_json)
    )
