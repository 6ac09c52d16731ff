"""A search against simulated targets: a queue, whose waiting times follow Lindley's recursion, with stalls where wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soak.capacity.search import next_step
from soak.capacity.settings import SearchSettings, StepLimit
from soak.capacity.step_test import StepTest, WindowCounts
from soak.capacity.steps import Decision, Step, StepOutcome
from soak.latency import GROWTH, LOWEST, Histogram
from soak.windows import EndpointWindow, GeneratorWindow, Window

Floats = NDArray[np.float64]
LIMITS = (StepLimit("p99", 0.99, 0.25), StepLimit("errors", None, 0.01))


@dataclass
class QueueTarget:
    """One server of `capacity` requests per second, its service times exponential; the queue is empty before each step.

    In each second it stands still for `stall` seconds with the probability `stalls`. From `failing`
    requests per second on it refuses what is above; the generator makes at most `generated`.
    """

    capacity: float
    seed: int = 0
    stalls: float = 0.0
    stall: float = 0.0
    failing: float = float("inf")
    generated: float = float("inf")
    poisson: bool = False

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def windows(self, step: Step) -> Iterator[WindowCounts]:
        """One window a second for as long as the step may last."""
        seconds = int(step.settle + step.most + 2)
        rate = min(step.rate, self.generated)
        n = int(rate * seconds)
        arrivals = (
            np.sort(self.random.uniform(0, seconds, n)) if self.poisson else np.arange(n) / rate
        )
        service = self.random.exponential(1 / self.capacity, n)
        for second in np.flatnonzero(self.random.random(seconds) < self.stalls).tolist():
            service[min(n - 1, int(np.searchsorted(arrivals, second)))] += self.stall
        done = finished(arrivals, service)
        refused = self.random.random(n) < max(0.0, 1 - self.failing / rate)
        for second in range(seconds):
            answered = (done > second) & (done <= second + 1)
            latency = histogram((done - arrivals)[answered & ~refused])
            in_flight = int(np.count_nonzero((arrivals <= second + 1) & (done > second + 1)))
            yield WindowCounts(
                1.0,
                latency,
                int(answered.sum()),
                int((answered & refused).sum()),
                0,
                in_flight,
                step.rate,
                rate,
                1.0 if rate < step.rate else 0.3,
                0.0,
            )


def histogram(latencies: Floats) -> dict[int, int]:
    """Buckets of `soak.latency`, as `bucket_of` counts them."""
    buckets = np.ceil(np.log(np.maximum(latencies, LOWEST) / LOWEST) / np.log(GROWTH)).astype(int)
    return {
        int(bucket): int(count)
        for bucket, count in zip(*np.unique(buckets, return_counts=True), strict=True)
    }


def window_of(counts: WindowCounts, end: float) -> Window:
    """Counts as the load streams them."""
    seen = EndpointWindow(
        "GET /",
        counts.requests,
        {"status 503": counts.failures} if counts.failures else {},
        0,
        Histogram(dict(counts.latency)),
        Histogram(),
        dropped=counts.dropped,
    )
    made = int(counts.made or 0)
    own = GeneratorWindow(
        counts.cpu or 0.0, 0.0, counts.lag or 0.0, 0, asked=counts.asked, made=made
    )
    return Window(end, counts.seconds, counts.in_flight, (seen,), own)


def finished(arrivals: Floats, service: Floats) -> Floats:
    """When each request of a first-come-first-served queue is done (Lindley 1952, as a running maximum)."""
    worked = np.cumsum(service)
    return np.asarray(worked + np.maximum.accumulate(arrivals - (worked - service)))


def settings(**changes: object) -> SearchSettings:
    fields = {"limits": LIMITS, "lowest": 50.0, "highest": 5000.0} | changes
    return SearchSettings(**fields)  # type: ignore[arg-type]


def run_step(target: QueueTarget, step: Step, risk: float) -> StepOutcome:
    test = StepTest(step, LIMITS, risk)
    for window in target.windows(step):
        outcome = test.add(window)
        if outcome is not None:
            return outcome
    return test.ended()


def searched(
    target: QueueTarget, asked: SearchSettings, limit: Callable[[Step], bool] = lambda _: False
) -> list[StepOutcome]:
    """The whole history of a search."""
    history: list[StepOutcome] = []
    while (step := next_step(asked, history)) is not None and not limit(step):
        history.append(run_step(target, step, asked.risk))
    return history


def errors_of(decisions: list[Decision], wrong: Decision) -> int:
    return sum(decision is wrong for decision in decisions)
