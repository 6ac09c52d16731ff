"""`python -m soak.live DIR [--html]`: for each line on standard input, judge a run directory and send what came out.

Started by `soak.live.judge`, and ends with it: its standard input closes. Each judgement is made
by a fork, whose end gives back all of its memory, however long the run.
"""

from __future__ import annotations

import os
import pickle
import resource
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO

from soak.errors import SoakError
from soak.model import Analysis

#: How much later than everybody else it is served: the load and the target come first.
NICE = 5
_WHOSE = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def main(arguments: list[str]) -> None:
    """Judge as often as asked."""
    with suppress(OSError):
        os.nice(NICE)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no answer
    import soak.pipeline  # noqa: PLC0415 - after it has stepped back, and once for all forks
    import soak.reporters.html  # noqa: F401, PLC0415

    directory, html = Path(arguments[0]), "--html" in arguments
    for _ in sys.stdin.buffer:
        spent = _cpu_seconds()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                _answer(directory, html, spent, out)
                code = 0
            finally:
                os._exit(code)  # nothing of the process that it was forked from is to be tidied up
        if os.waitpid(child, 0)[1] != 0:
            return  # its answer may be cut: whoever waits for it starts another process


def _cpu_seconds() -> float:
    """What this process and all of its forks have spent."""
    return sum(sum(resource.getrusage(who)[:2]) for who in _WHOSE)


def _answer(directory: Path, html: bool, spent: float, out: IO[bytes]) -> None:
    """Judge once; `spent` CPU seconds were before."""
    from soak.pipeline import judge_run  # noqa: PLC0415 - loaded before the fork
    from soak.reporters.html import render  # noqa: PLC0415

    analysis: Analysis | None = None
    page, problem = "", None
    try:
        analysis = judge_run(directory)
        page = render(analysis, live=True) if html else ""
        analysis = replace(analysis, charts=(), flame=None)
    except SoakError as error:
        problem = str(error)
    except Exception as error:  # noqa: BLE001 - the next judgement may go well
        problem = f"{type(error).__name__}: {error}"
    pickle.dump((analysis, page, problem, spent + time.process_time()), out)
    out.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
