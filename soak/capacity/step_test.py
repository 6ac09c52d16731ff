"""Decide whether a rate holds, by a sequential test on the windows of one step.

A limit such as p99 <= 250 ms holds if at most 1% of the requests take longer, and errors <= 1%
if at most 1% fail: each limit compares a proportion p with its allowed value p0. Two one-sided
tests are made after every window: "holds" rejects p >= p0, "breaks" rejects p <= p0. Each is a
mixture of likelihood ratios of smaller or larger proportions against p0 (Robbins, "Statistical
Methods Related to the Law of the Iterated Logarithm", Annals of Mathematical Statistics 1970). Such
a mixture is a test martingale, so by Ville's inequality its error stays below `risk` however often
it is evaluated (Ramdas, Gruenwald, Vovk, Shafer, "Game-Theoretic Statistics and Safe Anytime-Valid
Inference", Statistical Science 2023).

Requests in one window, and neighbouring windows, are not independent: queues and stalls make
violations cluster. The log-likelihoods are therefore divided by the design effect, which is the
variance of the violations over blocks of windows relative to that of independent requests
(quasi-likelihood: McCullagh and Nelder 1989), at the block length with the largest value
(Flyvbjerg and Petersen, "Error estimates on averages of correlated data", 1989).

The test sees only what happens during a step. A stall that occurs once a minute falls into some
steps only, and counts as one event there, however many requests it delays.

A request that is under way for longer than a limit allows violates it already, whether it is
answered or not. If more requests are in flight than arrive in that time, the excess is this old.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from soak.capacity.settings import StepLimit
from soak.capacity.steps import Decision, Step, StepKind, StepOutcome
from soak.generator_limits import BUSY, LAGGING
from soak.latency import bucket_seconds
from soak.units import show_duration, show_number, show_ratio

#: Alternative proportions of the likelihood ratios of "holds" and of "breaks", as multiples of the
#: allowed one.
SMALLER, LARGER = (1 / 2, 1 / 4, 1 / 16), (2.0, 4.0, 16.0, 64.0)
#: Upper bound of an alternative proportion.
MOST_ALTERNATIVE = 0.9
#: Minimum windows before a decision: fewer do not show the variance between them.
FEWEST_WINDOWS = 4
#: Minimum blocks for an estimate of their variance.
FEWEST_BLOCKS = 4
#: Successive windows within all limits after which the target has recovered.
RECOVERED_WINDOWS = 3
#: A rate does not hold if requests in flight grow from the first to the last third by more than
#: this share of the arrivals: the rate is then above capacity by as much, however low its latency
#: still is.
QUEUE_GROWTH = 0.01
#: Growth of requests in flight that is attributed to chance at any rate.
QUEUE_CHANCE = 5.0
#: If a smaller share of arrivals was made, the generator is the limit.
MADE = 0.98
#: A generator that was busy or lagging in this share of a step's windows is the limit of a step
#: that did not hold.
PRESSED = 0.5


@dataclass(frozen=True, slots=True)
class WindowCounts:
    """One window of all endpoints: its length in seconds, and the counts in it.

    `latency` maps buckets of `soak.latency` to successes, `dropped` are arrivals that were never
    sent, `in_flight` are requests under way at its end. `asked` and `made` are arrivals, `cpu`
    (share of a core) and `lag` (seconds) the generator's own; None if nothing was measured.
    """

    seconds: float
    latency: Mapping[int, int]
    requests: int
    failures: int
    dropped: int
    in_flight: int
    asked: float | None = None
    made: float | None = None
    cpu: float | None = None
    lag: float | None = None


@dataclass(slots=True)
class StepTest:
    """The windows of one step so far; `flows` says that a request in flight may be a pause of its flow."""

    step: Step
    limits: tuple[StepLimit, ...]
    risk: float
    flows: bool = False
    windows: list[WindowCounts] = field(default_factory=list)
    _settled: float = 0.0
    _counts: list[list[tuple[float, float]]] = field(default_factory=list)
    _overdue: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._counts, self._overdue = [[] for _ in self.limits], [0.0 for _ in self.limits]

    @property
    def seconds(self) -> float:
        """How long the step has been measured."""
        return sum(window.seconds for window in self.windows)

    def add(self, window: WindowCounts) -> StepOutcome | None:
        """Add one window; return the outcome as soon as the step is decided, else None."""
        settling = self._settled < self.step.settle - 1e-6
        self._settled += window.seconds
        for index, limit in enumerate(self.limits):
            counts = self._violations(index, limit, window)
            if not settling:
                self._counts[index].append(counts)
        if settling:
            return None
        self.windows.append(window)
        decide = {StepKind.WARMUP: self._warm, StepKind.RECOVERY: self._recovered}.get(
            self.step.kind, self._decided
        )
        return decide()

    def ended(self) -> StepOutcome:
        """Return the outcome of a step that ended before it was decided."""
        return self._outcome(
            Decision.UNDECIDED,
            f"it ended after {show_duration(self.seconds)}, undecided",
            kept=False,
        )

    def _violations(
        self, index: int, limit: StepLimit, window: WindowCounts
    ) -> tuple[float, float]:
        """Return the number of requests of a window, and how many of them violate a limit."""
        if limit.quantile is None:
            return window.requests + window.dropped, window.failures + window.dropped
        slow = sum(
            count
            for bucket, count in window.latency.items()
            if bucket_seconds(bucket) > limit.bound
        )
        overdue = (
            0.0
            if self.flows
            else max(0.0, window.in_flight - math.ceil(self.step.rate * limit.bound))
        )
        newly, self._overdue[index] = overdue - self._overdue[index], overdue
        successes = sum(window.latency.values())
        violations = slow + window.dropped + newly
        if self.flows and not window.requests and window.in_flight:
            violations = float(window.in_flight)  # nothing at all was answered
        return max(successes + window.dropped + newly, violations, 0.0), max(violations, 0.0)

    def _warm(self) -> StepOutcome | None:
        done = self.seconds >= self.step.least - 1e-6
        return self._outcome(Decision.HELD, "warm-up") if done else None

    def _recovered(self) -> StepOutcome | None:
        """Return HELD once successive windows are within all limits, BROKE or GENERATOR at the timeout, else None."""
        last = [counts[-RECOVERED_WINDOWS:] for counts in self._counts]
        well = all(
            sum(n for n, _ in some) > 0 and all(bad <= limit.allowed * n for n, bad in some)
            for limit, some in zip(self.limits, last, strict=True)
        )
        if len(self.windows) >= RECOVERED_WINDOWS and well:
            return self._outcome(Decision.HELD, f"recovered after {show_duration(self.seconds)}")
        if self.seconds < self.step.most - 1e-6:
            return None
        pressed = self._generator_limit()
        if pressed is not None:
            return self._outcome(Decision.GENERATOR, pressed)
        return self._outcome(Decision.BROKE, f"not recovered within {show_duration(self.seconds)}")

    def _decided(self) -> StepOutcome | None:
        if len(self.windows) < FEWEST_WINDOWS:
            return None
        needed = math.log(1 / self.risk)
        evidence = [
            self._evidence(limit, self._counts[index]) for index, limit in enumerate(self.limits)
        ]
        over = self.seconds >= self.step.most - 1e-6
        broken = next(
            (
                limit
                for limit, (_, breaks) in zip(self.limits, evidence, strict=True)
                if breaks >= needed
            ),
            None,
        )
        if broken is not None or over:
            pressed = self._generator_limit()
            if pressed is not None:
                return self._outcome(Decision.GENERATOR, pressed)
        if broken is not None:
            return self._outcome(Decision.BROKE, self._told(broken))
        if (
            self.seconds >= self.step.least - 1e-6
            and all(holds >= needed for holds, _ in evidence)
            and self._made_all()
        ):
            growth = self._queue_growth()
            if growth is None:
                return self._outcome(Decision.HELD, "; ".join(map(self._told, self.limits)))
            return self._outcome(Decision.BROKE, growth) if over else None
        return self._open() if over else None

    def _open(self) -> StepOutcome:
        """Return the outcome of a step that could not be decided in its maximum time."""
        kept = self._within_limits() and self._queue_growth() is None
        reason = f"too near to the limit to be sure: {self._told(self._nearest())}"
        return self._outcome(Decision.UNDECIDED, reason, kept=kept)

    def _evidence(
        self, limit: StepLimit, counts: Sequence[tuple[float, float]]
    ) -> tuple[float, float]:
        """Return the logarithms of the evidence that a limit holds, and that it breaks."""
        n, bad = sum(pair[0] for pair in counts), sum(pair[1] for pair in counts)
        effect, p0 = design_effect(counts), limit.allowed

        def mixture(multiples: Sequence[float]) -> float:
            others = {min(multiple * p0, MOST_ALTERNATIVE) for multiple in multiples}
            logs = [
                (bad * math.log(p / p0) + (n - bad) * math.log((1 - p) / (1 - p0))) / effect
                for p in others
                if p != p0
            ]
            most = max(logs)
            return most + math.log(sum(math.exp(log - most) for log in logs) / len(logs))

        return mixture(SMALLER), mixture(LARGER)

    def _queue_growth(self) -> str | None:
        """Return a reason if requests in flight grow, so that the rate is above capacity although all limits hold; else None."""
        third = len(self.windows) // 3
        first, second, last = (
            sum(window.in_flight for window in part) / third
            for part in (
                self.windows[:third],
                self.windows[third : 2 * third],
                self.windows[-third:],
            )
        )
        arrivals = sum(window.requests for window in self.windows) * 2 / 3
        if last - first <= QUEUE_CHANCE + QUEUE_GROWTH * arrivals or not first < second < last:
            return None
        return f"requests in flight grew from {show_number(first)} to {show_number(last)} and would go on"

    def _made_all(self) -> bool:
        return self._made_share() >= MADE

    def _made_share(self) -> float:
        known = [
            (window.made, window.asked)
            for window in self.windows
            if window.made is not None and window.asked
        ]
        asked = sum(asked for _, asked in known if asked is not None)
        return sum(made for made, _ in known if made is not None) / asked if asked else 1.0

    def _generator_limit(self) -> str | None:
        """Return a reason if the load generator, instead of the target, was the limit of the step; else None."""
        if not self._made_all():
            return f"the load generator made {show_ratio(self._made_share())} of the arrivals"
        busy = sum((window.cpu or 0.0) >= BUSY for window in self.windows) / len(self.windows)
        lagging = sum((window.lag or 0.0) >= LAGGING for window in self.windows) / len(self.windows)
        if busy >= PRESSED:
            return f"the load generator used a whole core in {show_ratio(busy)} of the time"
        if lagging >= PRESSED:
            return f"the load generator's event loop was late in {show_ratio(lagging)} of the time"
        return None

    def _nearest(self) -> StepLimit:
        """Return the limit with the least evidence that it holds."""
        pairs = [
            (self._evidence(limit, self._counts[i])[0], i) for i, limit in enumerate(self.limits)
        ]
        return self.limits[min(pairs)[1]]

    def _told(self, limit: StepLimit) -> str:
        """Describe a limit's violations: `4.2% of 12,000 requests took over 250 ms (1% may)`."""
        counts = self._counts[self.limits.index(limit)]
        n, bad = sum(pair[0] for pair in counts), sum(pair[1] for pair in counts)
        what = "failed" if limit.quantile is None else f"took over {show_duration(limit.bound)}"
        share = show_ratio(bad / n) if n else "none"
        return f"{share} of {show_number(n)} requests {what} ({show_ratio(limit.allowed)} may)"

    def _within_limits(self) -> bool:
        return all(
            sum(bad for _, bad in counts) <= limit.allowed * sum(n for n, _ in counts)
            for limit, counts in zip(self.limits, self._counts, strict=True)
        )

    def _outcome(self, decision: Decision, reason: str, *, kept: bool | None = None) -> StepOutcome:
        kept = decision is Decision.HELD if kept is None else kept
        return StepOutcome(self.step, decision, self.seconds, reason, kept)


def design_effect(counts: Sequence[tuple[float, float]]) -> float:
    """Return the variance of the number of violations relative to independent requests, at least 1.

    `counts` are requests and violations of successive windows. Blocks of 1, 2, 4, ... windows are
    examined, and the largest ratio counts.
    """
    n, bad = sum(pair[0] for pair in counts), sum(pair[1] for pair in counts)
    if not 0 < bad < n:
        return 1.0
    share, largest, length = bad / n, 1.0, 1
    independent = n * share * (1 - share)
    while len(counts) // length >= FEWEST_BLOCKS:
        blocks = [
            counts[start : start + length] for start in range(0, len(counts) - length + 1, length)
        ]
        errors = [sum(b for _, b in block) - share * sum(m for m, _ in block) for block in blocks]
        whole = len(counts) / (len(blocks) * length)
        variance = whole * sum(error**2 for error in errors) * len(blocks) / (len(blocks) - 1)
        largest, length = max(largest, variance / independent), 2 * length
    return largest
