"""The settings of a capacity search, and how long it may take.

| constant | unit | why |
|---|---|---|
| `GROWTH` 2 | factor | doubling reaches any rate in few steps, and overshoots by no more than the target's own slack |
| `SETTLE_SECONDS` 3 | s | left out at the start of each step: connections open, queues reach their level |
| `PATIENCE` 3 | steps | a step that is undecided after three times its length is too close to the limit to be decided |
| `REQUESTS` 16 | requests per allowed violation | twice what a step without any violation needs to be decided |
| `RECOVERY_SECONDS` 60 | s | a queue that a timeout of 10 s bounds drains in less |
| `START_SECONDS` 2 | s | the time to start and end the load of one step |
| `RISK` 0.05 | probability | error of all decisions of a search together, so its interval is a 95% interval |
"""

from __future__ import annotations

import math
from dataclasses import dataclass

GROWTH = 2.0
SETTLE_SECONDS, PATIENCE, REQUESTS, RECOVERY_SECONDS, START_SECONDS = 3.0, 3.0, 16.0, 60.0, 2.0
RISK = 0.05


@dataclass(frozen=True, slots=True)
class StepLimit:
    """One limit of a step: a `quantile` of latencies within `bound` seconds, or (None) a share `bound` of failures.

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

    `step` is the minimum time (seconds) that a rate is measured before it counts as held, `confirm`
    the same for the rate that is found. `within` is the width of the bracket at which the search
    ends, as a share. `warmup` is how many seconds of the lowest rate come first.
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
        """Number of steps if each is decided at once: doublings, halvings of the bracket, and both ends again."""
        doublings = math.ceil(math.log(self.highest / self.lowest, GROWTH) - 1e-9) + 1
        halvings = math.ceil(math.log2(max(1.0, math.log(GROWTH) / math.log1p(self.within))))
        return doublings + halvings + 2

    @property
    def most_steps(self) -> int:
        """Maximum number of steps: a target that holds a rate now and breaks at it later has no single capacity."""
        return 2 * self.expected_steps

    @property
    def risk(self) -> float:
        """The error probability of one step's decision, such that all together stay within `RISK` (Bonferroni)."""
        return RISK / self.most_steps

    def longest_of(self, rate: float, least: float) -> float:
        """Return the maximum seconds that a step at a rate is measured; `least` is its minimum."""
        needed = max(REQUESTS / limit.allowed for limit in self.limits) / rate
        return max(PATIENCE * least, needed)

    @property
    def expected_seconds(self) -> float:
        """The duration of a search if every step is decided at once, in seconds."""
        first = max(REQUESTS / 2 / limit.allowed for limit in self.limits) / self.lowest
        each = START_SECONDS + SETTLE_SECONDS + self.step
        return self.warmup + max(0.0, first - self.step) + self.expected_steps * each + self.confirm

    @property
    def longest_seconds(self) -> float:
        """The longest possible duration of a search, in seconds."""
        each = 2 * START_SECONDS + SETTLE_SECONDS + RECOVERY_SECONDS
        each += self.longest_of(self.lowest, max(self.step, self.confirm))
        return self.warmup + self.most_steps * each
