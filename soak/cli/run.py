"""`soak run`: the main command, from a profile or from flags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from soak.cli import run_flags
from soak.cli.dashes import AfterDashes, after_dashes
from soak.cli.limit_texts import limit_flags
from soak.cli.printing import say
from soak.cli.view_options import (
    ViewOptions,
    live_option,
    locust_ui_option,
    metrics_option,
    otlp_option,
)
from soak.errors import UsageError


# Words after `--` are for the locustfile, as in `soak run profile.yaml -- --tenant acme`.
@click.command("run", cls=AfterDashes)
@click.argument("profile", type=click.Path(path_type=Path), required=False)
@click.option("--url", help="Where the target listens; overrides the profile's.")
@click.option(
    "--endpoint",
    "endpoints",
    multiple=True,
    metavar="REQUEST",
    help='A request, such as "GET /x". Repeatable. No profile.',
)
@click.option("--rate", help="Arrivals, such as 50/s (open model).")
@click.option("--users", type=int, help="Users that each wait for their answer (closed model).")
@click.option("--ramp", help="Time from nothing to the full load, such as 30s.")
@click.option("--duration", help="Time at full load, such as 10m.")
@click.option(
    "--until-certain",
    metavar="DURATION",
    help="End as soon as every verdict is certain, and after so long at the latest. Instead of --duration.",
)
@click.option("--warmup", help="At least this much from the start is left out of judging.")
@click.option(
    "--process",
    metavar="KEY:VALUE",
    help="The process to watch: port:8080, pid:1, name:x, pidfile:p. No profile.",
)
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="'NAME: VALUE'",
    help="Such as 'p99: 250ms'. Repeatable. No profile.",
)
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="'NAME: VALUE'",
    help="Sent with each --endpoint. Repeatable.",
)
@click.option(
    "--json-body",
    metavar="JSON",
    help="A JSON body for each --endpoint that has one (POST, PUT, PATCH, DELETE).",
)
@click.option("--body", metavar="TEXT", help="A body as it is, likewise.")
@click.option("--timeout", help="Longest wait for an answer, such as 5s.")
@click.option("--think", help="How long a user rests between requests, such as 1s. With --users.")
@click.option(
    "--allow",
    multiple=True,
    metavar="HOST",
    help="A host other than this machine that load may go to. Repeatable.",
)
@click.option(
    "--yes", is_flag=True, help="Confirm over 100/s or 100 users for another machine. No profile."
)
@click.option(
    "--diagnose",
    is_flag=True,
    help="Take profiles of the target, to name what leaks and where. What each language opens for it: docs/diagnose.md.",
)
@click.option(
    "--attribute",
    is_flag=True,
    help="Vary the mix as well, to name the endpoint that leaks. Implies --diagnose.",
)
@click.option(
    "--profile-out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the profile that these flags amount to into a new file.",
)
@click.option("--locustfile", help="Own Locust users instead of endpoints.")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set any key of the profile, such as load.rate=50/s.",
)
@live_option
@metrics_option
@otlp_option
@locust_ui_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Exactly this run directory; must be empty or new.",
)
@click.option(
    "--against",
    metavar="BASELINE",
    help="Compare the run with this baseline, a name or a file; it also tells `rate: 70% of capacity`.",
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="RUN",
    help="Go on with a run directory whose run was interrupted, killed or broken; its profile is in it.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="The analysis as JSON on standard output; all else goes to standard error.",
)
def command(
    profile: Path | None,
    out: Path | None,
    as_json: bool,
    overrides: tuple[str, ...],
    profile_out: Path | None,
    resume: Path | None,
    against: str | None,
    **flags: Any,
) -> int:
    """Drive traffic, sample the target, judge growth, and report.

    \b
    Examples:
      soak run profiles/nightly.yaml
      soak run profiles/nightly.yaml --duration 20m --set load.rate=50/s --out nightly
      soak run profiles/locustfile.yaml -- --tenant acme
      soak run profiles/nightly.yaml --against nightly
      soak run --resume reports/nightly-20260101T000000Z
      soak run profiles/nightly.yaml --live --metrics
      soak run profiles/nightly.yaml --otlp http://127.0.0.1:4318
      soak run profiles/locustfile.yaml --locust-ui
      soak run --url http://127.0.0.1:8080 --endpoint "GET /user" --rate 50/s --duration 10m
      soak run --url http://127.0.0.1:8080 --endpoint "GET /" --users 20 --until-certain 30m --process port:8080
      soak run --url http://127.0.0.1:8080 --endpoint "GET /a" --endpoint "GET /b" --attribute --profile-out mine.yaml
    """
    options = ViewOptions.of(flags)
    if resume is not None:
        if (
            profile is not None
            or out is not None
            or overrides
            or profile_out is not None
            or against
            or any(flags.values())
        ):
            raise UsageError(
                "--resume goes with --json, --live, --metrics, --otlp and --locust-ui alone: "
                "the run goes on as it began, in its own directory"
            )
        return _resume(resume, as_json=as_json, options=options)
    from soak.cli.drive import drive  # noqa: PLC0415 - `--help` needs none of it
    from soak.cli.sides import capacity_of, read_baseline  # noqa: PLC0415
    from soak.profile import load_profile, parse_profile  # noqa: PLC0415

    baseline = read_baseline(Path(against)) if against is not None else None
    capacity = capacity_of(baseline)

    until_certain = flags.pop("until_certain")
    if until_certain is not None:
        if flags["duration"] is not None:
            raise UsageError("give either --duration or --until-certain, and not both")
        flags["duration"] = until_certain
    certain = until_certain is not None
    overrides = (*overrides, *run_flags.locust_arguments(after_dashes() or []))
    if profile is not None:
        run_flags.refuse_body(profile)
        if profile_out is not None:
            raise UsageError("--profile-out goes without a profile")
        loaded, text = load_profile(
            profile, [*run_flags.overrides(flags), *overrides], capacity=capacity
        )
        return drive(
            loaded,
            text,
            out,
            as_json=as_json,
            against=baseline,
            options=options,
            until_certain=certain,
        )
    import yaml  # noqa: PLC0415

    tree, assumed = run_flags.tree_of(flags)
    written = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)
    loaded, text = parse_profile(
        written,
        "flags",
        [*run_flags.sent(flags), *overrides],
        flags={**run_flags.FLAGS, **limit_flags(flags["limits"])},
        capacity=capacity,
    )
    run_flags.refuse_unconfirmed(loaded, flags["yes"])
    if assumed:
        say(f"soak: not given, so assumed: {', '.join(assumed)}", err=True)
    if profile_out is not None:
        from soak.cli.profile_out import write_profile  # noqa: PLC0415 - `--help` needs none of it

        write_profile(profile_out, written, [*run_flags.sent(flags), *overrides])
    return drive(
        loaded, text, out, as_json=as_json, against=baseline, options=options, until_certain=certain
    )


def _resume(directory: Path, *, as_json: bool, options: ViewOptions) -> int:
    """Resume a run; raise UsageError if it cannot be resumed."""
    from soak.cli.drive import drive  # noqa: PLC0415 - `--help` needs none of it
    from soak.pipeline import profile_of_resumed  # noqa: PLC0415
    from soak.resume import resumption_of  # noqa: PLC0415

    profile, text = profile_of_resumed(directory)
    if profile.load.find is not None:
        raise UsageError(
            f"--resume {directory}: a capacity search cannot go on where it ended; start it anew"
        )
    before = resumption_of(directory, profile.load.ramp + profile.load.duration)
    return drive(profile, text, directory, as_json=as_json, before=before, options=options)
