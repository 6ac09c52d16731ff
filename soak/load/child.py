"""The load process: uses Locust as a library, reads its plan from standard input, streams windows to standard output.

Standard input stays open as the lifeline: the load ends when standard input ends, because the
supervisor stopped the load or died.
"""

from __future__ import annotations

import logging
import os
import resource
import sys
from typing import TextIO

from soak.load.driver import LoadDriver
from soak.load.plan.cluster_options import WorkerOptions
from soak.load.plan.plan import Plan
from soak.load.plan.wire import inspected, line
from soak.load.scenario.token_refresh import NoTokenError


def main() -> int:
    """Read the plan, drive it and stream windows; return 0 if the load reached its end or was stopped in order."""
    # The locustfile may print: keep the original standard output for soak's own lines.
    stream = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    logging.getLogger("locust.runners").setLevel(logging.WARNING)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    request = _read_line()
    try:
        return _role(request, stream)
    except BrokenPipeError:
        return 1
    except NoTokenError as error:
        stream.write(line("failed", reason=str(error)))
        return 1
    except (ImportError, SyntaxError, ValueError, OSError) as error:
        plain = isinstance(error, ValueError) and type(error).__module__.startswith("soak.")
        stream.write(
            line("failed", reason=str(error) if plain else f"{type(error).__name__}: {error}")
        )
        return 1


def _role(request: str, stream: TextIO) -> int:
    """Drive a plan alone, as the master of workers, or as a worker that joins a master; return the exit code."""
    if (options := WorkerOptions.from_json(request)) is not None:
        from soak.load.cluster.worker import join  # noqa: PLC0415 - the lone process needs no messages

        return join(options, stream)
    if (text := inspected(request)) is not None:
        from soak.load.locustfile.selection import select_users  # noqa: PLC0415

        selected = select_users(Plan.from_json(text))
        shape = selected.locustfile.shape
        users = sorted(user.__name__ for user in selected.classes)
        stream.write(line("locustfile", users=users, shape=type(shape).__name__ if shape else None))
        return 0
    plan = Plan.from_json(request)
    if plan.distributed is not None:
        from soak.load.cluster.master import Master  # noqa: PLC0415

        return Master(plan, plan.distributed, stream).run()
    driver = LoadDriver(plan, stream)
    driver.prepare()
    return driver.run()


def _read_line() -> str:
    """Read the first line of standard input unbuffered, so that the lifeline sees everything after it."""
    text = bytearray()
    while not text.endswith(b"\n"):
        piece = os.read(0, 1)
        if not piece:
            raise SystemExit(1)
        text += piece
    return text.decode()
