"""What counting a run costs while it goes on: `python -m tests.bench.bench_live`.

An hour of 60 series at 1 Hz, with a sparkline of each drawn every second, is fed to the counts as
fast as it comes; printed is the share of one core that this took of that hour. Judging is a process
of its own, whose share `soak.live.judge` bounds.
"""

from __future__ import annotations

import time

import numpy as np

from soak.catalog.process import RESIDENT
from soak.live.lines import POINTS
from soak.live.progress import Live
from soak.model import Sample, Scrape, label_pairs
from soak.windows import Window

SERIES, SECONDS = 60, 3600


def main() -> None:
    rng = np.random.default_rng(1)
    live = Live()
    pods = [label_pairs({"pod": str(number)}) for number in range(SERIES)]
    began = time.process_time()
    for second in range(SECONDS):
        live.saw(Window(float(second), 1.0, 1, ()))
        values = 50e6 + rng.normal(0, 1e5, SERIES)
        samples = (
            Sample(RESIDENT, float(value), pod) for value, pod in zip(values, pods, strict=True)
        )
        live.saw(Scrape("process", float(second), 0.0, 0.0, tuple(samples)))
        live.progress()
        for pod in pods[:20]:  # as many lines as a terminal has
            live.sparkline(RESIDENT, pod, POINTS)
    spent = time.process_time() - began
    print(f"{SERIES} series over {SECONDS} s: {spent / SECONDS:.2%} of one core")


if __name__ == "__main__":
    main()
