"""What the whole pipeline says of short made runs, each figure and sentence of it, as it is stored.

One for each thing that a verdict may rest on (`tests/analysis/situations.py`), and a search for
capacity and nights together. After a change that
is meant, `python -m tests.analysis.test_situation_figures` stores them anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.pooling import pool
from soak.model import Analysis
from soak.profile import Limits
from tests.analysis import test_capacity_search as capacity
from tests.analysis.recordings import gauge, health, noise, recording
from tests.analysis.situations import SITUATIONS, judged
from tests.capacity.simulated import QueueTarget
from tests.figures import hold, write

FIGURES = Path(__file__).with_name("situation_figures.json")
DAY = 86400.0


def searched(target: QueueTarget) -> Analysis:
    """What is said of a search for the capacity of a queue."""
    return capacity.judged(capacity.searched(target).recording())


def nights(*growths: float) -> Analysis:
    """Nights together, of which each grows so many bytes a second."""
    analyses = []
    for seed, growth in enumerate(growths):
        values = 50e6 + growth * np.arange(300) + noise(2e5, seed=seed)
        run = recording(gauge("process_resident_memory_bytes", values), sources=[health()])
        named = replace(run, run=replace(run.run, name=f"night {seed}"))
        analyses.append(analyze(named, Limits()))
    return pool(analyses, [300.0] * len(growths), 30 * DAY, 7 * DAY)


RESULTS: dict[str, Callable[[], Analysis]] = {
    **{name: partial(judged, name) for name in SITUATIONS},
    "capacity found": lambda: searched(QueueTarget(300.0, 1, poisson=True)),
    "capacity below the least": lambda: searched(QueueTarget(30.0)),
    "capacity above the most": lambda: searched(QueueTarget(30_000.0)),
    "capacity bounded by failures": lambda: searched(QueueTarget(300.0, 1, failing=200.0)),
    "nights together": lambda: nights(0.0, 0.0, 0.0),
    "nights of which one leaks": lambda: nights(0.0, 5e4),
}


@pytest.mark.parametrize("name", RESULTS)
def test_an_analysis_says_what_it_said(name: str) -> None:
    hold(FIGURES, name, RESULTS[name]())


if __name__ == "__main__":
    write(FIGURES, RESULTS)
