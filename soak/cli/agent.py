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
    metavar="PORT",
    help="Watch the process that listens on this local port.",
)
@click.option(
    "--pid", type=click.IntRange(1), metavar="PID", help="Watch the process with this id."
)
@click.option("--pidfile", metavar="FILE", help="Watch the process whose id is in this file.")
@click.option("--name", metavar="NAME", help="Watch the process with this name.")
@click.option(
    "--listen",
    default=f"127.0.0.1:{AGENT_PORT}",
    show_default=True,
    metavar="ADDRESS",
    help="Address to listen on: HOST:PORT, HOST or PORT; port 0 selects a free port.",
)
@click.option(
    "--token-from",
    metavar="VARIABLE",
    help="Require the bearer token that is in this environment variable.",
)
def command(
    port: int | None,
    pid: int | None,
    pidfile: str | None,
    name: str | None,
    listen: str,
    token_from: str | None,
) -> int:
    """Serve memory, descriptors, threads and CPU of a process as Prometheus metrics, until interrupted.

    Run it on the machine of a service that has no metrics of its own, and add its URL to the profile's sources.
    Choose the process with one of --port, --pid, --pidfile and --name. Only this machine can reach the page unless --listen
    names another address, which requires --token-from.

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
            say(f"serving {count} series at {server.url}; press Ctrl-C to stop")
        except SoakError as error:
            say(f"no data yet ({clean(str(error))}); serving at {server.url}", err=True)
        server.serve_forever(poll_interval=0.2)
    return ExitCode.PASS
