"""Whether a rate holds: a sequential test on the windows of one step.

A limit such as p99 <= 250 ms holds where at most 1% of the requests take longer, and errors <= 1%
where at most 1% fail: each limit is a proportion p against its allowed p0. Two one-sided tests are
made after every window: "holds" rejects p >= p0, "breaks" rejects p <= p0. Each is a mixture of
likelihood ratios of smaller or larger proportions against p0 (Robbins, "Statistical Methods Related
to the Law of the Iterated Logarithm", Annals of Mathematical Statistics 1970): a test martingale,
so that by Ville's inequality its error stays below `risk` however often it is looked at (Ramdas,
Gruenwald, Vovk, Shafer, "Game-Theoretic Statistics and Safe Anytime-Valid Inference", Statistical
Science 2023).

Requests of one window, and windows beside each other, are not independent: queues and stalls make
violations come together. The log-likelihoods are therefore divided by the design effect, the
variance of the violations over blocks of windows as a multiple of what independent requests would
have (quasi-likelihood: McCullagh and Nelder 1989), at whichever block length it is largest
(Flyvbjerg and Petersen, "Error estimates on averages of correlated data", 1989).

What does not happen during a step is not seen: a stall that comes once in a minute is met by one
step in some, and then it counts as one event, however many requests it delays.

A request that is under way for longer than a limit allows violates it already, whether it is
answered or not: of more requests in flight than arrive in that time, all beyond these are so old.
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

#: Proportions that the likelihood ratios of "holds" and of "breaks" are taken for, as multiples of the allowed one.
SMALLER, LARGER = (1 / 2, 1 / 4, 1 / 16), (2.0, 4.0, 16.0, 64.0)
#: No alternative is nearer to 1 than this.
MOST_ALTERNATIVE = 0.9
#: Windows before anything is decided: of fewer, no variance between them can be told.
FEWEST_WINDOWS = 4
#: Blocks from which their variance is taken: of fewer, it says nothing.
FEWEST_BLOCKS = 4
#: Windows in a row within all limits after which the target has recovered.
RECOVERED_WINDOWS = 3
#: Of the arrivals of a step, so many more may be in flight in its last third than in its first: a rate beyond which the
#: queue grows by a hundredth of what arrives is above capacity by as much, however low its latency still is.
QUEUE_GROWTH = 0.01
#: Requests more in flight that are chance at any rate.
QUEUE_CHANCE = 5.0
#: The generator is the limit below this share of arrivals made.
MADE = 0.98
#: The generator is also the limit of a step that did not hold where it was busy or lagging in this share of the windows.
PRESSED = 0.5


@dataclass(frozen=True, slots=True)
class WindowCounts:
    """One window of all endpoints: its length in seconds, and what was counted in it.

    `latency` maps buckets of `soak.latency` to successes, `dropped` are arrivals that were never
    sent, `in_flight` requests under way at its end. `asked` and `made` are arrivals, `cpu` (share
    of a core) and `lag` (seconds) the generator's own; None where nothing was measured.
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
        """How long the step has been measured for."""
        return sum(window.seconds for window in self.windows)

    def add(self, window: WindowCounts) -> StepOutcome | None:
        """One more window; the outcome as soon as there is one."""
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
        """The outcome of a step that ended before it was decided."""
        return self._outcome(
            Decision.UNDECIDED,
            f"it ended after {show_duration(self.seconds)}, undecided",
            kept=False,
        )

    def _violations(
        self, index: int, limit: StepLimit, window: WindowCounts
    ) -> tuple[float, float]:
        """Requests of a window, and those of them that violate a limit."""
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
        """Held once some windows in a row are within all limits; broken when none are for too long."""
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
        """Neither is sure in the time that the step had."""
        kept = self._within_limits() and self._queue_growth() is None
        reason = f"too near to the limit to be sure: {self._told(self._nearest())}"
        return self._outcome(Decision.UNDECIDED, reason, kept=kept)

    def _evidence(
        self, limit: StepLimit, counts: Sequence[tuple[float, float]]
    ) -> tuple[float, float]:
        """The logarithms of the evidence that a limit holds, and that it breaks."""
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
        """Why the rate is above capacity although every limit still holds: requests in flight grow; None where they do not."""
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
        """Why a step that did not hold says nothing of the target: the load generator was at its own limit."""
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
        """The limit of which the least is known to be kept."""
        pairs = [
            (self._evidence(limit, self._counts[i])[0], i) for i, limit in enumerate(self.limits)
        ]
        return self.limits[min(pairs)[1]]

    def _told(self, limit: StepLimit) -> str:
        """`4.2% of 12,000 requests took over 250 ms (1% may)`."""
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
    """How much more the number of violations varies than that of independent requests, at least 1.

    `counts` are requests and violations of successive windows; blocks of 1, 2, 4, ... windows are
    looked at, and the largest ratio counts.
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
