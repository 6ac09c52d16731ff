"""`soak run`: the main job, from a profile or from flags."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from soak.cli.limit_texts import limits_tree
from soak.errors import UsageError

_PROCESS_KEYS = ("port", "pid", "name", "pidfile")


@click.command("run")
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
@click.option("--warmup", help="At least this much from the start is left out of judging.")
@click.option(
    "--process", metavar="KEY:VALUE", help="The process to watch: port:8080, pid:1, name:x, pidfile:p. No profile."
)
@click.option(
    "--limit", "limits", multiple=True, metavar="'NAME: VALUE'", help="Such as 'p99: 250ms'. Repeatable. No profile."
)
@click.option("--locustfile", help="Own Locust users instead of endpoints.")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Set any key of the profile, such as load.rate=50/s."
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Exactly this run directory; must be empty or new."
)
@click.option(
    "--json", "as_json", is_flag=True, help="The analysis as JSON on standard output; all else goes to standard error."
)
def command(profile: Path | None, out: Path | None, as_json: bool, overrides: tuple[str, ...], **flags: Any) -> int:
    """Drive traffic, sample the target, judge growth, and report.

    \b
    Examples:
      soak run profiles/nightly.yaml
      soak run profiles/nightly.yaml --duration 20m --set load.rate=50/s --out nightly
      soak run --url http://127.0.0.1:8080 --endpoint "GET /user" --rate 50/s --duration 10m
      soak run --url http://127.0.0.1:8080 --endpoint "GET /" --users 20 --duration 5m --process port:8080
    """
    from soak.cli.drive import drive  # noqa: PLC0415 - `--help` needs none of it
    from soak.profile import load_profile, parse_profile  # noqa: PLC0415

    if profile is not None:
        loaded, text = load_profile(profile, [*_as_overrides(flags), *overrides])
    else:
        loaded, text = parse_profile(_as_text(flags), "command line", overrides, default_name=_name(flags["url"] or ""))
    return drive(loaded, text, out, as_json=as_json)


def _as_overrides(flags: dict[str, Any]) -> list[str]:
    """The flags that may change a profile, as if given by --set; the others are refused beside one."""
    for flag in ("endpoints", "process", "limits"):
        if flags[flag]:
            raise UsageError(f"--{flag.removesuffix('s')} goes without a profile; with one, use --set")
    keys = {"url": "target.url", "ramp": "load.ramp", "duration": "load.duration", "warmup": "load.warmup"}
    keys |= {"rate": "load.rate", "users": "load.users", "locustfile": "load.locustfile"}
    return [f"{key}={flags[flag]}" for flag, key in keys.items() if flags[flag] is not None]


def _as_text(flags: dict[str, Any]) -> str:
    """The profile that the flags amount to, as YAML."""
    import yaml  # noqa: PLC0415

    if not flags["url"]:
        raise UsageError("give a profile, or --url with --endpoint, --rate or --users, and --duration")
    load = {
        key: flags[key]
        for key in ("rate", "users", "ramp", "duration", "warmup", "locustfile")
        if flags[key] is not None
    }
    tree: dict[str, Any] = {"target": {"url": flags["url"]}, "load": load}
    if flags["endpoints"]:
        tree["endpoints"] = list(flags["endpoints"])
    if flags["process"]:
        key, colon, value = flags["process"].partition(":")
        if not colon or key not in _PROCESS_KEYS:
            raise UsageError(f"--process {flags['process']}: expected {', '.join(f'{key}:…' for key in _PROCESS_KEYS)}")
        number = int(value) if key in ("port", "pid") and value.isdigit() else value
        tree["sources"] = [{"process": {key: number}}]
    if flags["limits"]:
        tree["limits"] = limits_tree(flags["limits"])
    return yaml.safe_dump(tree, sort_keys=False)


def _name(url: str) -> str:
    """A run without a profile is named for its target."""
    host = urlsplit(url).netloc.rpartition("@")[2]
    name = "".join(letter if letter.isalnum() or letter in ".-" else "-" for letter in host).strip("-.")
    return name or "soak"
