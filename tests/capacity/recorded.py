"""A simulated search as a recording, as its run would have left it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from soak.capacity.search import next_step
from soak.capacity.settings import SearchSettings
from soak.capacity.step_test import StepTest, WindowCounts
from soak.capacity.steps import DrivenStep, StepOutcome
from soak.model import Ending, Kind, Phase, Recording, RunInfo, Series
from soak.windows import EndpointWindows, GeneratorWindows

from .simulated import QueueTarget


@dataclass
class Recorded:
    """Windows of all steps with their ends, and the outcomes as they were decided while they were driven."""

    rows: list[tuple[float, WindowCounts]] = field(default_factory=list)
    steps: list[DrivenStep] = field(default_factory=list)
    outcomes: list[StepOutcome] = field(default_factory=list)

    def recording(self, ended: Ending = Ending.COMPLETED, failure: str | None = None) -> Recording:
        times = np.array([time for time, _ in self.rows])
        counts = [row for _, row in self.rows]
        cells = [sorted(row.latency.items()) for row in counts]
        offsets = np.concatenate(([0], np.cumsum([len(some) for some in cells]))).astype(np.int64)
        ones, nought = np.ones(len(times)), np.zeros(len(times))
        windows = EndpointWindows(
            "GET /",
            times,
            ones,
            np.array([row.requests for row in counts]),
            np.array([row.failures for row in counts]),
            np.zeros(len(times), np.int64),
            offsets,
            np.array([bucket for some in cells for bucket, _ in some], np.int64),
            np.array([count for some in cells for _, count in some], np.int64),
        )
        cpu, lag, asked, made = (
            np.array([float(getattr(row, name) or 0.0) for row in counts])
            for name in ("cpu", "lag", "asked", "made")
        )
        end = float(times[-1]) if len(times) else 0.0
        cores = Series(
            "process_cpu_seconds_total", times, np.cumsum(asked) / 1000, kind=Kind.COUNTER
        )
        used = Series("db_pool_connections_in_use", times, asked / 100, (("pool", "orders"),))
        return Recording(
            RunInfo("cap", "2026-11-28T08:00:00Z", end + 1, ended, failure=failure),
            (cores, used),
            (windows,),
            Series("load_users", times, np.array([float(row.in_flight) for row in counts])),
            (Phase("steady", 0.0, end),),
            generator=GeneratorWindows(
                times, ones, cpu, nought, lag, nought, asked, made, *[nought] * 6
            ),
            steps=tuple(self.steps),
        )


def record(target: QueueTarget, settings: SearchSettings, most: int = 1000) -> Recorded:
    """At most so many steps of a search, with five seconds between them."""
    search, now = Recorded(), 1.0
    while len(search.steps) < most and (step := next_step(settings, search.outcomes)) is not None:
        start, test, outcome = now, StepTest(step, settings.limits, settings.risk), None
        for window in target.windows(step):
            now += 1.0
            search.rows.append((now, window))
            if (outcome := test.add(window)) is not None:
                break
        search.steps.append(DrivenStep(step, start, now))
        search.outcomes.append(outcome or test.ended())
        now += 5.0
    return search
