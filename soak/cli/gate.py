"""`soak gate`: drive two targets in turn at the same load, and compare them."""

from __future__ import annotations

from pathlib import Path

import click

from soak.errors import ExitCode


@click.command("gate")
@click.argument("profile", type=click.Path(path_type=Path))
@click.option("--base", metavar="URL", help="URL of the base; overrides gate.base.url.")
@click.option(
    "--candidate", metavar="URL", help="URL of the candidate; overrides gate.candidate.url."
)
@click.option(
    "--pairs",
    type=int,
    metavar="N",
    help="Number of slices per target; overrides gate.pairs (default: 6).",
)
@click.option(
    "--slice",
    "slice_",
    metavar="DURATION",
    help="Duration of a slice at full load, such as 1m; overrides gate.slice (default: 30s).",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set any key of the profile, such as load.rate=50/s. Repeatable.",
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
    help="Folder for the slices and the comparison; must be empty or new. Default: reports/NAME-gate-TIME.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the comparison as JSON on standard output."
)
def command(
    profile: Path,
    base: str | None,
    candidate: str | None,
    pairs: int | None,
    slice_: str | None,
    overrides: tuple[str, ...],
    tolerances: tuple[str, ...],
    require: tuple[str, ...],
    out: Path | None,
    as_json: bool,
) -> int:
    """Test two targets alternately at the same load, in slices, and compare them pair by pair.

    The order is A B B A, so that changes on the machine affect both targets alike. Each slice gets its own run directory.
    The exit codes are those of `soak compare`, and 130 if the gate was stopped; the pairs completed by then are still compared.

    \b
    Examples:
      soak gate profiles/gate.yaml
      soak gate profiles/gate.yaml --base http://127.0.0.1:8081 --candidate http://127.0.0.1:8082 --pairs 8 --slice 1m
    """
    from soak.cli.comparison_options import deliver, rules_from, wanted_formats  # noqa: PLC0415 - `--help` needs none of it
    from soak.cli.gate_driving import drive_gate  # noqa: PLC0415
    from soak.profile import load_profile  # noqa: PLC0415
    from soak.recording import run_directory  # noqa: PLC0415

    given = {
        "gate.base.url": base,
        "gate.candidate.url": candidate,
        "gate.pairs": pairs,
        "gate.slice": slice_,
    }
    changed = [f"{key}={value}" for key, value in given.items() if value is not None]
    loaded, text = load_profile(profile, [*changed, *overrides])
    rules = rules_from(
        {str(name): rule for name, rule in loaded.compare.items()}, tolerances, require
    )
    directory = out if out is not None else run_directory(f"{loaded.name}-gate", Path("reports"))
    comparison, stopped = drive_gate(loaded, text, directory, rules)
    code = deliver(comparison, directory, wanted_formats(""), as_json=as_json)
    return ExitCode.INTERRUPTED if stopped else code
