"""What a capacity search is asked for, and how long it may take.

| constant | unit | why |
|---|---|---|
| `GROWTH` 2 | factor | doubling reaches any rate in few steps, and overshoots by no more than the target's own slack |
| `SETTLE_SECONDS` 3 | s | left out at the start of each step: connections open, queues reach their level |
| `PATIENCE` 3 | steps | a step that is still open after three times its length is as close to the limit as can be told |
| `REQUESTS` 16 | requests per allowed violation | twice what a step without any violation needs to be decided |
| `RECOVERY_SECONDS` 60 | s | no queue that a timeout of 10 s bounds takes longer to drain |
| `START_SECONDS` 2 | s | what starting and ending the load of one step takes |
| `RISK` 0.05 | probability | of all decisions of one search together: its interval is one of 95% |
"""

from __future__ import annotations

import math
from dataclasses import dataclass

GROWTH = 2.0
SETTLE_SECONDS, PATIENCE, REQUESTS, RECOVERY_SECONDS, START_SECONDS = 3.0, 3.0, 16.0, 60.0, 2.0
RISK = 0.05


@dataclass(frozen=True, slots=True)
class StepLimit:
    """One limit of a step: `quantile` of the latencies stays within `bound` seconds, or (None) a share of requests fails.

    `allowed` is the share of requests that may violate it.
    """

    name: str
    quantile: float | None
    bound: float

    @property
    def allowed(self) -> float:
        """The share of requests that may be slower than the bound, or may fail."""
        return self.bound if self.quantile is None else 1 - self.quantile


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """A search from the rate `lowest` to `highest` (requests per second).

    `step` is the least time (seconds) that a rate is measured for before it is said to hold,
    `confirm` the same of the rate that is found, `within` the width of the bracket at which the
    search ends, as a share. `warmup` seconds of the lowest rate go before.
    """

    limits: tuple[StepLimit, ...]
    lowest: float
    highest: float
    step: float = 10.0
    confirm: float = 30.0
    within: float = 0.05
    warmup: float = 0.0

    @property
    def expected_steps(self) -> int:
        """Steps of a search in which every one is decided at once: doublings, halvings of the bracket, both ends again."""
        doublings = math.ceil(math.log(self.highest / self.lowest, GROWTH) - 1e-9) + 1
        halvings = math.ceil(math.log2(max(1.0, math.log(GROWTH) / math.log1p(self.within))))
        return doublings + halvings + 2

    @property
    def most_steps(self) -> int:
        """Beyond so many the search ends: a target that holds a rate now and breaks at it later has no one capacity."""
        return 2 * self.expected_steps

    @property
    def risk(self) -> float:
        """The probability that one step's decision is wrong, so that all of them together stay within `RISK` (Bonferroni)."""
        return RISK / self.most_steps

    def longest_of(self, rate: float, least: float) -> float:
        """The most seconds that a step at a rate is measured for; `least` is the time it must be."""
        needed = max(REQUESTS / limit.allowed for limit in self.limits) / rate
        return max(PATIENCE * least, needed)

    @property
    def expected_seconds(self) -> float:
        """How long a search takes in which every step is decided at once."""
        first = max(REQUESTS / 2 / limit.allowed for limit in self.limits) / self.lowest
        each = START_SECONDS + SETTLE_SECONDS + self.step
        return self.warmup + max(0.0, first - self.step) + self.expected_steps * each + self.confirm

    @property
    def longest_seconds(self) -> float:
        """How long a search can take."""
        each = 2 * START_SECONDS + SETTLE_SECONDS + RECOVERY_SECONDS
        each += self.longest_of(self.lowest, max(self.step, self.confirm))
        return self.warmup + self.most_steps * each
