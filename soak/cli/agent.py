"""`soak agent`: serve /metrics for a process that has none."""

from __future__ import annotations

import os

import click

from soak.cli.printing import say
from soak.cli.stop_signals import interrupt_on_signals
from soak.errors import ExitCode, SoakError, UsageError
from soak.live.address import AGENT_PORT, parse_address, require_token
from soak.printable import clean


@click.command("agent")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Watch the process that listens on this local port.",
)
@click.option("--pid", type=click.IntRange(1), help="Watch the process with this id.")
@click.option("--pidfile", help="Watch the process whose id is in this file.")
@click.option("--name", help="Watch the process of this name.")
@click.option(
    "--listen",
    default=f"127.0.0.1:{AGENT_PORT}",
    show_default=True,
    metavar="ADDRESS",
    help="Where to serve: HOST:PORT, a host or a port alone; port 0 takes a free one.",
)
@click.option(
    "--token-from",
    metavar="VARIABLE",
    help="Ask for the bearer token that this environment variable holds.",
)
def command(
    port: int | None,
    pid: int | None,
    pidfile: str | None,
    name: str | None,
    listen: str,
    token_from: str | None,
) -> int:
    """Serve memory, descriptors, threads and CPU of a process as Prometheus text, until interrupted.

    Run it beside a service that tells nothing about itself, on the service's own machine, and name
    its page in the profile's sources. It is served to this machine alone unless --listen says
    otherwise, which needs --token-from.

    \b
    Examples:
      soak agent --port 8080
      soak agent --name orders --listen 127.0.0.1:9300
      soak agent --port 8080 --listen 0.0.0.0:9256 --token-from SOAK_AGENT_TOKEN
    """
    from soak.sampling.agent import Agent  # noqa: PLC0415 - `--help` needs none of it
    from soak.sampling.sources.process import Process  # noqa: PLC0415

    source = Process(pid=pid, pidfile=pidfile, port=port, name=name)
    token = os.environ.get(token_from) if token_from else None
    if token_from and not token:
        raise UsageError(f"--token-from: the environment variable {token_from} is not set")
    address = parse_address("--listen", listen, AGENT_PORT)
    require_token("--listen", address, token or "", "--token-from must name a variable with")
    try:
        server = Agent((address.host, address.port), source, token)
    except OSError as error:
        raise SoakError(f"--listen {listen}: {(error.strerror or str(error)).lower()}") from None
    interrupt_on_signals()
    with server:
        try:
            count = len(list(source.collect()))
            say(f"{count} series at {server.url}; Ctrl-C ends it")
        except SoakError as error:
            say(f"nothing to tell yet ({clean(str(error))}); served at {server.url}", err=True)
        server.serve_forever(poll_interval=0.2)
    return ExitCode.PASS
