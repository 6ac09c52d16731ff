"""Series that the tests of the growth verdict are about."""

from __future__ import annotations

from typing import Any

import numpy as np

from soak.analysis.rules.growth import judge_growth
from soak.analysis.statistics.growth_input import Subject
from soak.model import Finding, Floats, Series

MONTH = 30 * 86400.0


def subject(values: Any, times: Any = None, **more: Any) -> Subject:
    """Resident memory with these values, once a second where no times are given."""
    values = np.asarray(values, dtype=np.float64)
    times = (
        np.arange(len(values), dtype=np.float64)
        if times is None
        else np.asarray(times, dtype=np.float64)
    )
    noun, unit = more.pop("noun", "resident memory"), more.pop("unit", "bytes")
    return Subject(Series("process_resident_memory_bytes", times, values), noun, unit, **more)


def judged(values: Any, times: Any = None, **more: Any) -> Finding:
    """The finding about these values alone, to survive a month."""
    return judge_growth([subject(values, times, **more)], MONTH)[0]


def noise(count: int, seed: int = 1, memory: float = 0.0) -> Floats:
    """Normal noise of spread 1, AR(1) where it has a memory."""
    shocks = np.random.default_rng(seed).standard_normal(count)
    for i in range(1, count if memory else 0):
        shocks[i] = memory * shocks[i - 1] + np.sqrt(1 - memory**2) * shocks[i]
    return shocks
