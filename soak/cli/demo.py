"""`soak demo`: test the bundled service."""

from __future__ import annotations

import socket
import sys
from importlib.resources import files
from pathlib import Path

import click

from soak.cli.view_options import ViewOptions, live_option

LEAKS = ("none", "memory", "descriptors", "threads", "pool")


@click.command("demo")
@click.option(
    "--leak",
    type=click.Choice(LEAKS),
    default="memory",
    show_default=True,
    help="Resource that the service leaks.",
)
@live_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Run directory to write; must be empty or new. Default: reports/NAME-TIME.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the analysis as JSON on standard output, and everything else on standard error.",
)
def command(leak: str, out: Path | None, as_json: bool, live: str | None) -> int:
    """Test a bundled service under load for about a minute, and judge it.

    The exit code is 1 if the service leaks, and 0 with `--leak none`.

    \b
    Examples:
      soak demo
      soak demo --leak none
      soak demo --leak pool --out pool-demo
      soak demo --live
    """
    from soak.cli.drive import drive  # noqa: PLC0415 - `--help` needs none of it
    from soak.profile import parse_profile  # noqa: PLC0415

    options = ViewOptions.of({"live": live})
    text = (files("soak.demo") / "demo.yaml").read_text(encoding="utf-8")
    environment = {
        "SOAK_DEMO_LEAK": leak,
        "SOAK_DEMO_PORT": str(_free_port()),
        "SOAK_DEMO_PYTHON": sys.executable,
    }
    profile, text = parse_profile(text, "demo.yaml", environment=environment)
    return drive(profile, text, out, as_json=as_json, options=options)


def _free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
