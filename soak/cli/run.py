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
@click.option("--url", metavar="URL", help="URL of the target, such as http://127.0.0.1:8080.")
@click.option(
    "--endpoint",
    "endpoints",
    multiple=True,
    metavar="REQUEST",
    help='Request to send, such as "GET /x". Repeatable. Only without PROFILE.',
)
@click.option(
    "--rate", metavar="RATE", help="Arrival rate, such as 50/s (open model). Default: 10/s."
)
@click.option(
    "--users",
    type=int,
    metavar="N",
    help="Number of users; each waits for an answer before its next request (closed model). Default with --locustfile: 10.",
)
@click.option(
    "--ramp",
    metavar="DURATION",
    help="Time to increase from no load to full load, such as 30s. Default: 0s.",
)
@click.option(
    "--duration",
    metavar="DURATION",
    help="Time at full load, after the ramp, such as 1h. Default: 10m.",
)
@click.option(
    "--until-certain",
    metavar="DURATION",
    help="Maximum time at full load, such as 30m; the run ends earlier if every verdict is certain. Instead of --duration.",
)
@click.option(
    "--warmup",
    metavar="DURATION",
    help="Minimum time from the start of the load to leave out of judging, such as 2m. Default: the ramp.",
)
@click.option(
    "--process",
    metavar="KEY:VALUE",
    help="Process to watch: port:8080, pid:1, name:x or pidfile:p. Only without PROFILE.",
)
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="'NAME: VALUE'",
    help="Limit to judge by, such as 'p99: 250ms' or 'process_open_fds: 1/h'. Repeatable. Only without PROFILE.",
)
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="'NAME: VALUE'",
    help="HTTP header to send with each --endpoint. Repeatable. Only without PROFILE.",
)
@click.option(
    "--json-body",
    metavar="JSON",
    help="JSON body to send with each --endpoint whose method is POST, PUT, PATCH or DELETE. Only without PROFILE.",
)
@click.option(
    "--body",
    metavar="TEXT",
    help="Body to send unchanged, instead of --json-body. Only without PROFILE.",
)
@click.option(
    "--timeout",
    metavar="DURATION",
    help="Maximum time to wait for an answer, such as 5s. Default: 10s.",
)
@click.option(
    "--think",
    metavar="DURATION",
    help="Pause of a user between requests, such as 1s. For --users. Default: none.",
)
@click.option(
    "--allow",
    multiple=True,
    metavar="HOST",
    help="Host to which load may be sent, in addition to this machine, such as *.example.com. Repeatable. Only without PROFILE.",
)
@click.option(
    "--yes",
    is_flag=True,
    help="Confirm a load above 100/s or 100 users on another machine. Only without PROFILE.",
)
@click.option(
    "--diagnose",
    is_flag=True,
    help="Take heap and thread snapshots of the target, to find what leaks and where. "
    "docs/diagnose.md says what the target must offer. Only without PROFILE.",
)
@click.option(
    "--attribute",
    is_flag=True,
    help="Also vary the mix of requests, to find the endpoint that leaks. Implies --diagnose. Only without PROFILE.",
)
@click.option(
    "--profile-out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write these options as a profile to a new file, with secrets as variables. Only without PROFILE.",
)
@click.option(
    "--locustfile",
    metavar="PATH",
    help="Locustfile, or a directory of them, whose users generate the load instead of endpoints.",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set any key of the profile, such as load.rate=50/s. Repeatable.",
)
@live_option
@metrics_option
@otlp_option
@locust_ui_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Run directory to write; must be empty or new. Default: reports/NAME-TIME.",
)
@click.option(
    "--against",
    metavar="BASELINE",
    help="Compare the run with this baseline (name or file); the exit code is the worse of both. "
    "Its capacity is used for rates such as `70% of capacity`.",
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="RUN",
    help="Continue the run in this directory that was interrupted, killed or broken, with the profile stored there.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the analysis as JSON on standard output, and everything else on standard error.",
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
    """Send load to a target, sample its resources, judge their growth, and write reports.

    The settings come from PROFILE, a YAML file, or without one from --url and --endpoint (or --locustfile). Options override the
    profile's keys; the defaults below apply without PROFILE. Words after -- are user classes of the
    locustfile, then its arguments.

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
                "--resume goes with --json, --live, --metrics, --otlp and --locust-ui only: "
                "the run continues with its own profile, in its own directory"
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
            raise UsageError("--profile-out applies only without a profile")
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
            f"--resume {directory}: a capacity search cannot be resumed; start a new run"
        )
    before = resumption_of(directory, profile.load.ramp + profile.load.duration)
    return drive(profile, text, directory, as_json=as_json, before=before, options=options)
