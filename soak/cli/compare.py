"""`soak compare`: compare candidate with base, metric by metric."""

from __future__ import annotations

from pathlib import Path

import click

from soak.cli.dashes import BETWEEN, TwoSides
from soak.errors import UsageError


@click.command("compare", cls=TwoSides)
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path), metavar="BASE CANDIDATE")
@click.option(
    "--profile",
    type=click.Path(path_type=Path),
    help="Take tolerances from the `compare` section of this profile. Default: the candidate's profile.",
)
@click.option(
    "--tolerance",
    "tolerances",
    multiple=True,
    metavar="'METRIC: AMOUNT'",
    help="Acceptable change of a metric, such as 'p99: 10%' or 'memory: 20MiB'. Default: the profile's, else 5%. Repeatable.",
)
@click.option(
    "--require",
    multiple=True,
    metavar="METRIC",
    help="Exit with code 3 if this metric cannot be decided. Repeatable.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory to write the reports to.",
)
@click.option(
    "--format",
    "formats",
    default="",
    metavar="FORMAT,…",
    help="Reports, separated by commas: html, junit, json, markdown, sarif, terminal. Default: all.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the comparison as JSON on standard output."
)
def command(
    runs: tuple[Path, ...],
    profile: Path | None,
    tolerances: tuple[str, ...],
    require: tuple[str, ...],
    out: Path | None,
    formats: str,
    as_json: bool,
) -> int:
    """Compare a candidate's runs with base runs: latency, errors, throughput, memory, CPU, garbage collection, growth.

    Each side is a run directory, a folder of them, a baseline (name or file) or an analysis.json. To give several per side, put
    -- between the sides. The exit code is 1 if a metric is certainly worse by more than its tolerance; 3 if a required metric, or
    every metric, cannot be decided, or if the loads differ; else 0.

    \b
    Examples:
      soak compare reports/main reports/branch
      soak compare reports/main-1 reports/main-2 reports/main-3 -- reports/branch-1 reports/branch-2 reports/branch-3
      soak compare main reports/branch --tolerance 'p99: 10%' --require p99 --out comparison
    """
    from soak.cli.comparison_options import deliver, profile_rules, rules_from, wanted_formats  # noqa: PLC0415 - `--help` needs none
    from soak.cli.sides import name_of, refuse_shared, runs_of  # noqa: PLC0415
    from soak.comparison.comparing import compare  # noqa: PLC0415
    from soak.recording.files import PROFILE, is_run_directory  # noqa: PLC0415

    border = Path(BETWEEN)
    cut = runs.index(border) if border in runs else None
    base = list(runs[: 1 if cut is None else cut])
    candidate = list(runs[1:] if cut is None else runs[cut + 1 :])
    if not base or not candidate:
        raise UsageError(
            "compare: give BASE and CANDIDATE, or several of each with -- between them"
        )
    if cut is None and len(runs) > 2:
        raise UsageError(
            "compare: to give several runs per side, put -- between the sides: BASE... -- CANDIDATE..."
        )
    wanted = wanted_formats(formats)
    if profile is None and is_run_directory(candidate[0]) and (candidate[0] / PROFILE).is_file():
        profile = candidate[0] / PROFILE
    rules = rules_from(profile_rules(profile), tolerances, require)
    names = name_of(base, "base"), name_of(candidate, "candidate")
    sides = runs_of(base), runs_of(candidate)
    refuse_shared(*sides)
    return deliver(
        compare(*sides, rules, names=names if names[0] != names[1] else ("base", "candidate")),
        out,
        wanted,
        as_json=as_json,
    )
