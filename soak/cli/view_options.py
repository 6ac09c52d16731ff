"""The options of the commands that show a run in progress."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from soak.errors import UsageError
from soak.live.address import LIVE_PORT, LOCUST_UI_PORT, METRICS_PORT, TOKEN, Address, parse_address


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """The requested views in addition to the terminal."""

    live: Address | None = None
    metrics: Address | None = None
    otlp: str | None = None
    locust_ui: str | None = None

    @classmethod
    def of(cls, flags: dict[str, Any]) -> ViewOptions:
        """Take the views' flags out of a command's flags; raise UsageError for an invalid address."""
        ports = {"live": LIVE_PORT, "metrics": METRICS_PORT}
        given = {name: flags.pop(name, None) for name in ports}
        otlp = flags.pop("otlp", None)
        if otlp is not None:
            check_exporter(otlp)
        return cls(
            otlp=otlp,
            locust_ui=own_ui_address(flags.pop("locust_ui", None)),
            **{
                name: parse_address(f"--{name}", given[name], ports[name])
                for name in ports
                if given[name]
            },
        )


def live_option(function: Any) -> Any:
    """Add the option `--live [ADDR]`, the same for every command that has it."""
    return _address("--live", LIVE_PORT, "the live report during the run", function)


def metrics_option(function: Any) -> Any:
    """Add the option `--metrics [ADDR]`."""
    return _address(
        "--metrics",
        METRICS_PORT,
        "Prometheus metrics (load, growth, verdict and horizon so far)",
        function,
    )


def otlp_option(function: Any) -> Any:
    """Add the option `--otlp ENDPOINT`."""
    return click.option(
        "--otlp",
        metavar="ENDPOINT",
        help="Send the metrics of --metrics to an OpenTelemetry collector, such as http://127.0.0.1:4318. "
        "Needs soak-harness[otlp].",
    )(function)


def locust_ui_option(function: Any) -> Any:
    """Add the option `--locust-ui [ADDR]`."""
    return click.option(
        "--locust-ui",
        is_flag=False,
        flag_value=f"127.0.0.1:{LOCUST_UI_PORT}",
        metavar="[ADDRESS]",
        help=f"Serve Locust's own web UI, read-only, at HOST:PORT of this machine. Default: 127.0.0.1:{LOCUST_UI_PORT}.",
    )(function)


def own_ui_address(text: str | None) -> str | None:
    """Return `HOST:PORT` of Locust's web UI; raise UsageError if other machines could reach it."""
    if text is None:
        return None
    address = parse_address("--locust-ui", text, LOCUST_UI_PORT)
    if not address.loopback:
        raise UsageError(
            f"--locust-ui {text}: Locust's web UI has no token, so it is served to this machine alone; from another machine, use "
            f"ssh -L {address.port}:127.0.0.1:{address.port} HOST"
        )
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{host}:{address.port}"


def check_exporter(endpoint: str) -> None:
    """Raise UsageError if the endpoint is not an address, or OpenTelemetry's exporter is not installed."""
    try:
        from soak.live.otlp import parse_endpoint  # noqa: PLC0415 - an optional extra, and slow to import
    except ImportError as error:
        raise UsageError(
            f"--otlp needs OpenTelemetry's exporter: pip install 'soak-harness[otlp]' ({error.name} is missing)"
        ) from None
    parse_endpoint(endpoint)


def _address(option: str, port: int, served: str, function: Any) -> Any:
    """Add an option that serves something at an address with a default."""
    return click.option(
        option,
        is_flag=False,
        flag_value=f"127.0.0.1:{port}",
        metavar="[ADDRESS]",
        help=f"Serve {served} at HOST:PORT, by default 127.0.0.1:{port}. "
        f"Addresses that other machines can reach need a token in {TOKEN}.",
    )(function)
