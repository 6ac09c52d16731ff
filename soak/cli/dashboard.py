"""`soak dashboard`: print the Grafana dashboard for `--metrics`."""

from __future__ import annotations

from importlib.resources import files

import click

from soak.cli.printing import hand_out
from soak.errors import ExitCode


@click.command("dashboard")
def command() -> int:
    """Print a Grafana dashboard, as JSON to import, for the metrics that `soak run --metrics` serves.

    \b
    Examples:
      soak dashboard
      soak dashboard > soak.json
    """
    hand_out((files("soak.dashboards") / "grafana.json").read_text(encoding="utf-8"))
    return ExitCode.PASS
