"""What judging costs while a run goes on: `python -m tests.bench.bench_live`.

An hour of 60 series at 1 Hz is fed to the live view as fast as its clock is moved on; printed is the share of one core that
judging took of that hour, and of the whole of what the live view does.
"""

from __future__ import annotations

import time
from unittest import mock

import numpy as np

import soak.live
from soak.live import Live
from soak.model import Sample, Scrape, label_pairs
from soak.windows import Window

SERIES, SECONDS = 60, 3600


def main() -> None:
    rng = np.random.default_rng(1)
    live = Live(ramp=30.0, survive=30 * 86400)
    labels = [label_pairs({"pod": str(number)}) for number in range(SERIES)]
    now = 0.0
    judged = 0.0
    began = time.process_time()
    with mock.patch.object(soak.live.time, "monotonic", lambda: now):
        for second in range(SECONDS):
            now = float(second)
            live.saw(Window(now, 1.0, 1, ()))
            values = 50e6 + rng.normal(0, 1e5, SERIES)
            samples = tuple(
                Sample("process_resident_memory_bytes", float(value), pod) for value, pod in zip(values, labels, strict=True)
            )
            live.saw(Scrape("process", now, 0.0, 0.0, samples))
            start = time.process_time()
            live.progress()
            judged += time.process_time() - start
    whole = time.process_time() - began
    print(f"{SERIES} series over {SECONDS} s: judging {judged / SECONDS:.2%} of one core, all of the live view {whole / SECONDS:.2%}")


if __name__ == "__main__":
    main()
