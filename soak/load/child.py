"""The load's process: Locust as a library, given its plan on standard input, streaming windows on standard output.

Standard input stays open as the lifeline: when it ends, because the supervisor stopped the load or
    died, the load ends.
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
    """Read the plan, drive it, stream windows; 0 when the plan was driven to its end or stopped in order."""
    # The locustfile may print: only soak's own lines may reach the supervisor.
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
    """Drive a plan alone, as the master of workers, or as a worker that joins a master."""
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
    """The first line of standard input, unbuffered, so that the lifeline sees all the rest."""
    text = bytearray()
    while not text.endswith(b"\n"):
        piece = os.read(0, 1)
        if not piece:
            raise SystemExit(1)
        text += piece
    return text.decode()
