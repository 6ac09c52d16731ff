"""`soak gate`: drive two targets in turn at the same load, and compare them."""

from __future__ import annotations

from pathlib import Path

import click

from soak.errors import ExitCode


@click.command("gate")
@click.argument("profile", type=click.Path(path_type=Path))
@click.option("--base", metavar="URL", help="Where the base listens; overrides gate.base.url.")
@click.option(
    "--candidate", metavar="URL", help="Where the candidate listens; overrides gate.candidate.url."
)
@click.option("--pairs", type=int, help="How often each side is driven.")
@click.option(
    "--slice",
    "slice_",
    metavar="DURATION",
    help="How long a slice lasts at full load, such as 30s.",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set any key of the profile, such as load.rate=50/s.",
)
@click.option(
    "--tolerance",
    "tolerances",
    multiple=True,
    metavar="'METRIC: AMOUNT'",
    help="Such as 'p99: 10%'. Repeatable.",
)
@click.option(
    "--require", multiple=True, metavar="METRIC", help="Exit 3 where it cannot be told. Repeatable."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Exactly this folder; must be empty or new.",
)
@click.option("--json", "as_json", is_flag=True, help="The comparison as JSON on standard output.")
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
    """Drive two targets in turn at the same load, slice by slice, and compare them pair by pair.

    The order is A B B A, so that what the machine does meanwhile weighs on both alike. Each slice is a run directory of its
    own. Exit codes are those of `soak compare`, and 130 where it was stopped: the pairs until then are compared all the same.

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
