"""What judging costs while a run goes on: `python -m tests.bench.bench_live`.

An hour of 60 series at 1 Hz is fed to the live view as fast as its clock is moved on; printed is the share of one core that
judging took of that hour, and of the whole of what the live view does.
"""

from __future__ import annotations

import time

import numpy as np

from soak.catalog.process import RESIDENT
from soak.live.progress import Live
from soak.model import Sample, Scrape, label_pairs
from soak.windows import Window

SERIES, SECONDS = 60, 3600


def main() -> None:
    rng = np.random.default_rng(1)
    moments = [0.0]
    live = Live()
    pods = [label_pairs({"pod": str(number)}) for number in range(SERIES)]
    judged = 0.0
    began = time.process_time()
    for second in range(SECONDS):
        moments[0] = now = float(second)
        live.saw(Window(now, 1.0, 1, ()))
        values = 50e6 + rng.normal(0, 1e5, SERIES)
        samples = (Sample(RESIDENT, float(value), pod) for value, pod in zip(values, pods, strict=True))
        live.saw(Scrape("process", now, 0.0, 0.0, tuple(samples)))
        start = time.process_time()
        live.progress()
        judged += time.process_time() - start
    whole = time.process_time() - began
    shares = f"judging {judged / SECONDS:.2%} of one core, all of the live view {whole / SECONDS:.2%}"
    print(f"{SERIES} series over {SECONDS} s: {shares}")


if __name__ == "__main__":
    main()
