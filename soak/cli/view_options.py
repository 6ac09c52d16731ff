"""The options of the verbs that show a run while it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from soak.live.address import LIVE_PORT, METRICS_PORT, TOKEN, Address, parse_address


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """Which views were asked for besides the terminal."""

    live: Address | None = None
    metrics: Address | None = None

    @classmethod
    def of(cls, flags: dict[str, Any]) -> ViewOptions:
        """Take the views' flags out of a command's flags; UsageError where an address is none."""
        ports = {"live": LIVE_PORT, "metrics": METRICS_PORT}
        given = {name: flags.pop(name, None) for name in ports}
        return cls(**{name: parse_address(f"--{name}", given[name], ports[name]) for name in ports if given[name]})


def live_option(function: Any) -> Any:
    """`--live [ADDR]`, alike for every verb that has it."""
    return _address("--live", LIVE_PORT, "the report while the run goes on", function)


def metrics_option(function: Any) -> Any:
    """`--metrics [ADDR]`."""
    return _address("--metrics", METRICS_PORT, "load, growth, verdict and horizon so far for Prometheus", function)


def _address(option: str, port: int, served: str, function: Any) -> Any:
    """An option that serves something, at an address that need not be given."""
    return click.option(
        option,
        is_flag=False,
        flag_value=f"127.0.0.1:{port}",
        metavar="[ADDRESS]",
        help=f"Serve {served}, at HOST:PORT (127.0.0.1:{port} unless given). Others than this machine's own need {TOKEN}.",
    )(function)
