"""`python -m soak.live DIR [--html]`: for each line on standard input, judge a run directory and send what came out.

Started by `soak.live.judge`, and ends with it: its standard input closes.
"""

from __future__ import annotations

import gc
import os
import pickle
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from soak.errors import SoakError
from soak.model import Analysis

#: How much later than everybody else it is served: the load and the target come first.
NICE = 5


def main(arguments: list[str]) -> None:
    """Judge as often as asked."""
    with suppress(OSError):
        os.nice(NICE)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no answer
    from soak.pipeline import judge_run  # noqa: PLC0415 - after it has stepped back
    from soak.reporters.html import render  # noqa: PLC0415

    directory, html = Path(arguments[0]), "--html" in arguments
    for _ in sys.stdin.buffer:
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
        pickle.dump((analysis, page, problem, time.process_time()), out)
        out.flush()
        del analysis, page
        gc.collect()


if __name__ == "__main__":
    main(sys.argv[1:])
