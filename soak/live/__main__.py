"""`python -m soak.live DIR [--html]`: judge a run directory for each line on standard input, and send the result.

It is started by `soak.live.judge` and ends when its standard input closes. Each judgement is made
in a forked process, so that all of its memory is freed at its end, however long the run.
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

#: Niceness of the judging process: the load and the target come first.
NICE = 5
_WHOSE = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def main(arguments: list[str]) -> None:
    """Judge once per line on standard input."""
    with suppress(OSError):
        os.nice(NICE)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # output that a library prints must not get into the answers
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
                os._exit(code)  # do not run the parent's exit handlers
        if os.waitpid(child, 0)[1] != 0:
            return  # the answer may be incomplete: the reader starts another process


def _cpu_seconds() -> float:
    """Return the CPU seconds of this process and all of its forks."""
    return sum(sum(resource.getrusage(who)[:2]) for who in _WHOSE)


def _answer(directory: Path, html: bool, spent: float, out: IO[bytes]) -> None:
    """Judge once and write the answer; `spent` are the CPU seconds before."""
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
