"""`soak worker`: join a master's run on this machine, and make a share of its load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from soak.cli.printing import say
from soak.cli.stop_signals import interrupt_on_signals
from soak.errors import ExitCode, LoadError, UsageError

if TYPE_CHECKING:
    from soak.load.plan.cluster_options import WorkerOptions


@click.command("worker")
@click.option(
    "--master",
    required=True,
    metavar="HOST[:PORT]",
    help="Address at which `soak run` waits for workers. Default port: 5557.",
)
@click.option(
    "--allow",
    multiple=True,
    metavar="HOST",
    help="Host to which this machine may send load, such as *.staging.example.com; loopback is always allowed. Repeatable.",
)
@click.option(
    "--locustfile",
    "locustfiles",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="This machine's copy of the run's locustfile. Repeatable.",
)
@click.option(
    "--wait",
    default="60s",
    show_default=True,
    metavar="DURATION",
    help="Maximum time to wait for the master's answer.",
)
def command(master: str, allow: tuple[str, ...], locustfiles: tuple[Path, ...], wait: str) -> int:
    """Join a run on another machine, and generate a share of its load until the run ends.

    The profile of the run must expect workers: load.workers {expect: N}. The master decides what to send, and how fast. The
    worker decides where it may be sent: to loopback, and to the hosts of --allow. If one side has SOAK_WORKER_TOKEN in its
    environment, both need the same value. The connection is not encrypted: use a private network, or a tunnel, such as
    ssh -R 5557:127.0.0.1:5557 WORKER on the master's machine.

    \b
    Examples:
      soak worker --master 127.0.0.1
      soak worker --master 10.0.0.5 --allow orders.staging.example.com
      soak worker --master 10.0.0.5:6000 --allow "*.staging.example.com" --locustfile locustfiles/checkout.py

    \b
    Exit codes: 0 the run ended, 4 the master did not answer or was lost, or the worker failed or refused to take part,
    130 interrupted.
    """
    from soak.load.plan.cluster_options import TOKEN, WorkerOptions, address  # noqa: PLC0415 - `--help` needs none of it
    from soak.units import parse_duration  # noqa: PLC0415

    try:
        host, port = address(master)
        seconds = parse_duration(wait)
    except ValueError as error:
        raise UsageError(f"soak worker: {error}") from None
    for path in locustfiles:
        if not path.is_file():
            raise UsageError(f"--locustfile: no file {path}")
    paths = tuple(str(path.resolve()) for path in locustfiles)
    return _joined(
        WorkerOptions(host, port, os.environ.get(TOKEN, ""), allow, seconds, paths), master
    )


def _joined(options: WorkerOptions, master: str) -> int:
    """Start a worker in a process of its own, which ends when this process does."""
    from soak.load.plan.wire import FailureCause  # noqa: PLC0415

    interrupt_on_signals()
    say(f"soak: asking {master} to join its run", err=True)
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "soak.load"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    failure, cause = "", FailureCause.OTHER
    try:
        process.stdin.write(options.to_json())
        process.stdin.flush()
        for text in process.stdout:
            message = json.loads(text)
            match message["kind"]:
                case "joined":
                    joined = f"joined as worker {message['worker']} of {message['workers']}"
                    say(f"soak: {joined}; the load begins when all workers have joined", err=True)
                case "began":
                    say("soak: the load has begun", err=True)
                case "failed":
                    failure, cause = (
                        str(message["reason"]),
                        FailureCause(message.get("cause", FailureCause.OTHER)),
                    )
        code = process.wait()
    finally:
        process.stdin.close()
        process.wait()
    if cause is FailureCause.NO_MASTER:
        failure += f": check that `soak run` is waiting for workers, and listens at {master} (load.workers.bind)"
    if failure or code:
        raise LoadError(f"worker: {failure or f'its process ended with code {code}'}")
    say("soak: the run has ended", err=True)
    return ExitCode.PASS
