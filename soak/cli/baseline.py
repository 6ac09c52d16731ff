"""`soak baseline`: write the measurements that later runs are compared with to one small file, to be committed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from soak.cli.printing import say
from soak.errors import ExitCode, InputError, UsageError
from soak.units import show_count


@click.group("baseline")
def command() -> None:
    """Set, list and show baselines: saved measurements, with which later runs are compared.

    A baseline is one small file in ./baselines, which is meant to be committed.

    \b
    Examples:
      soak baseline set reports/nightly-20260101T000000Z --name nightly
      soak baseline list
      soak baseline show nightly
    """


@command.command("set")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option(
    "--name", default="", metavar="NAME", help="Name of the baseline. Default: the profile's name."
)
def set_(runs: tuple[Path, ...], name: str) -> int:
    """Measure one or more runs, and write baselines/NAME.json.

    \b
    Examples:
      soak baseline set reports/nightly-20260101T000000Z
      soak baseline set reports/main-1 reports/main-2 reports/main-3 --name main
    """
    from soak.baseline import Baseline, encode  # noqa: PLC0415 - `--help` needs none of it
    from soak.cli.sides import BASELINES, baseline_path, runs_of  # noqa: PLC0415
    from soak.profile.types import NAME  # noqa: PLC0415
    from soak.recording import write_whole  # noqa: PLC0415

    measured = runs_of(runs)
    if len({run.name for run in measured}) > 1 and not name:
        raise UsageError(
            f"these runs have several profiles ({', '.join(sorted({run.name for run in measured}))}): give --name"
        )
    name = name or measured[0].name
    if not NAME.fullmatch(name):
        raise UsageError(
            f"--name {name!r}: expected letters, digits, dots and dashes (it names the file)"
        )
    text = encode(Baseline(name, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), measured))
    try:
        BASELINES.mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(f"{BASELINES}: cannot be created: {error.strerror}") from None
    write_whole(baseline_path(name), text, shared=True)
    count = sum(len(run.measurements) for run in measured)
    say(
        f"{baseline_path(name)}: {show_count(len(measured), 'run')}, {show_count(count, 'measurement')}; commit it"
    )
    return ExitCode.PASS


@command.command("list")
def list_() -> int:
    """List the baselines in ./baselines.

    The exit code is 2 if one is damaged.

    \b
    Example:
      soak baseline list
    """
    from soak.cli.sides import BASELINES, read_baseline  # noqa: PLC0415
    from soak.reporters.comparison.difference_rows import side  # noqa: PLC0415

    paths = sorted(BASELINES.glob("*.json")) if BASELINES.is_dir() else []
    if not paths:
        say("no baselines in ./baselines; `soak baseline set RUN` creates one")
    code = ExitCode.PASS
    for path in paths:
        try:
            baseline = read_baseline(path)
        except InputError as error:
            say(f"soak: {error}", err=True)
            code = ExitCode.USAGE
        else:
            say(f"{baseline.name}  {baseline.made}  {side(baseline.runs)}")
    return code


@command.command("show")
@click.argument("name")
def show(name: str) -> int:
    """Show a baseline: one line per metric, with the mean of its runs.

    NAME is the name of a baseline, or its file.

    \b
    Example:
      soak baseline show nightly
    """
    from soak.cli.sides import read_baseline  # noqa: PLC0415
    from soak.reporters.comparison.difference_rows import side, value  # noqa: PLC0415

    baseline = read_baseline(Path(name))
    say(f"{baseline.name}, set {baseline.made}: {side(baseline.runs)}")
    levels: dict[tuple[str, str], list[float]] = {}
    units: dict[tuple[str, str], str] = {}
    for run in baseline.runs:
        for measurement in run.measurements:
            levels.setdefault((measurement.metric, measurement.subject), []).append(
                measurement.value
            )
            units[measurement.metric, measurement.subject] = measurement.unit
    for (metric, subject), values in levels.items():
        key = (metric, subject)
        say(f"  {metric:<17} {subject:<45} {value(sum(values) / len(values), units[key])}".rstrip())
    return ExitCode.PASS
