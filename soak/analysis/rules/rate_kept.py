"""Judge whether the open model's rate was kept, with the same rule during a run and at its end.

What was sent from ten to five seconds ago is compared with what was answered in the last five. So a
constant latency of up to five seconds, a ramp, and stages of the load do not count as overload. A
growing queue does, because by Little's law answers then come ever later.

| threshold | unit | why there |
|---|---|---|
| `STRETCH` 5 | seconds | sent and answered are compared over this time, and a shortfall must last as long: told within 15 s |
| `KEPT` 0.9 | share | fewer answers than this share mean a queue that doubles ten times faster than chance explains |
| `MISSING` 5 | requests | fewer are too few for a share |
| `ANSWERED` 0.98 | share | at the end: a burst that was answered before a third was over is not an overload |
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, isfinite
from statistics import median

import numpy as np

from soak.analysis.prepare.prepare import Prepared
from soak.analysis.rules.coverage import COVERED, PARTS, thirds, unmasked
from soak.analysis.rules.load_generator import falls_short
from soak.generator_limits import BUSY, LAGGING
from soak.units import capitalized, show_count, show_duration, show_number, show_ratio
from soak.windows import EndpointWindows, Floats, is_timeout

STRETCH, KEPT, MISSING, ANSWERED = 5.0, 0.9, 5, 0.98
#: From this share of the considered windows on, pressure on the generator may be what delays
#: answers.
PRESSED = 0.5
#: Seconds between two windows across which nothing is compared: a drain or a resumed run leaves
#: such a hole.
_HOLE = 1.0
#: Share of the asked rate below which a target has stopped answering: no lower rate is known to be kept.
_HARDLY = 0.01


@dataclass(frozen=True, slots=True)
class RateWindow:
    """One window of an open model: `sent` of `asked` arrivals, and for each endpoint its answers and timeouts.

    `ended` is how many requests ended in any way, including those that were dropped.
    """

    time: float
    seconds: float
    asked: float
    sent: float
    ended: int
    endpoints: Mapping[str, tuple[int, int]]
    cpu_ratio: float
    lag: float

    @property
    def middle(self) -> float:
        """The middle of the window."""
        return self.time - self.seconds / 2

    @property
    def pressed(self) -> bool:
        """True if the load generator was under pressure in the window."""
        return self.cpu_ratio >= BUSY or self.lag >= LAGGING


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A rate not kept since the moment `since`: rates per second, `best` the highest rate answered meanwhile."""

    since: float
    who: str
    asked: float
    sent: float
    answered: float
    waiting: int
    best: float
    cpu_ratio: float

    @property
    def by_generator(self) -> bool:
        """True if too little was sent, whatever the target did."""
        return self.who == GENERATOR

    @property
    def now(self) -> str:
        """The sentence for a run in progress."""
        if self.answered or self.by_generator:
            more = "" if self.by_generator else f"; try less than {_rate(self.best)} requests/s"
            return f"{self.who} does not keep the rate: {self._figures}{more}"
        return f"{self.who} answers nothing any more: {self._figures}"

    @property
    def _figures(self) -> str:
        rate = f"{_rate(self.asked)} requests/s asked for"
        waiting = f"{show_count(self.waiting, 'request')} waiting"
        if self.by_generator:
            return f"{rate}, {_rate(self.sent)} sent ({show_ratio(self.cpu_ratio)} of a core)"
        return (
            f"{rate}, {_rate(self.answered)} answered, {waiting}"
            if self.answered
            else f"{rate}, {waiting}"
        )


TARGET, GENERATOR, EITHER = "the target", "the load generator", "the target or the load generator"


class RateWatch:
    """Observes every window of the load in order. `short` describes a rate that is not kept; None while it is kept."""

    def __init__(self) -> None:
        self._windows: deque[RateWindow] = deque()
        self._waiting = 0.0
        self._since: float | None = None
        self._best = 0.0
        self.short: Shortfall | None = None

    def saw(self, window: RateWindow) -> None:
        """Add the next window."""
        began = window.time - window.seconds
        if self._windows and began - self._windows[-1].time > _HOLE:
            self._windows.clear()
            self._waiting, self._since = 0, None
        self._windows.append(window)
        self._waiting += window.sent - window.ended
        stretch = max(STRETCH, window.seconds)
        # Allow a part of a window here, too: of windows of 3 s, only one would lie in the earlier
        # stretch.
        while self._windows[0].middle < window.time - 2 * stretch - 0.4 * window.seconds:
            self._windows.popleft()
        short = self._short(window.time - stretch)
        if short is None:
            self._since = None
        elif self._since is None:
            self._since = window.time
        # Allow a part of a window, because windows do not end at exact seconds.
        long_enough = (
            self._since is not None and window.time - self._since > 0.9 * STRETCH - window.seconds
        )
        self.short = short if long_enough else None

    def _short(self, since: float) -> Shortfall | None:
        """Return the shortfall in the stretch from `since` on; None if the rate is kept, or too little was seen yet."""
        before = [window for window in self._windows if window.middle < since]
        recent = [window for window in self._windows if window.middle >= since]
        earlier, seconds = (sum(window.seconds for window in part) for part in (before, recent))
        if min(earlier, seconds) < 0.8 * STRETCH:
            return None
        asked, sent = (
            sum(window.asked for window in recent),
            sum(window.sent for window in recent),
        )
        due = min(sent, sum(window.sent for window in before) * seconds / earlier)
        answered = _answered(recent, _hanging([*before, *recent]))
        unsent = falls_short(sent, asked)  # no target delays the sending
        if not unsent and due - answered <= max((1 - KEPT) * due, MISSING):
            return None
        pressed = sum(window.pressed for window in self._windows) >= PRESSED * len(self._windows)
        # Requests that time out cost the target time but are not answers, so its possible rate is
        # higher than this.
        begun = self._since is not None and since >= self._since - 0.5 * recent[0].seconds
        self._best = max(self._best if begun else 0.0, answered / seconds)
        return Shortfall(
            since if self._since is None else self._since - seconds,
            GENERATOR if unsent else EITHER if pressed else TARGET,
            asked / seconds,
            sent / seconds,
            answered / seconds,
            round(max(0.0, self._waiting)),
            self._best,
            recent[-1].cpu_ratio,
        )


def _hanging(windows: list[RateWindow]) -> set[str]:
    """Return the endpoints that answer nothing while another never times out: these hang at any rate."""
    totals: dict[str, tuple[int, int]] = {}
    for window in windows:
        for name, (answered, timeouts) in window.endpoints.items():
            had = totals.get(name, (0, 0))
            totals[name] = (had[0] + answered, had[1] + timeouts)
    if not any(answered and not timeouts for answered, timeouts in totals.values()):
        return set()
    return {name for name, (answered, timeouts) in totals.items() if timeouts and not answered}


def _answered(windows: list[RateWindow], hanging: set[str]) -> int:
    """Count answered requests, failed ones included, and timeouts of hanging endpoints: both are reported elsewhere."""
    return sum(
        answered + timeouts * (name in hanging)
        for window in windows
        for name, (answered, timeouts) in window.endpoints.items()
    )


def _rate(per_second: float) -> str:
    return show_number(round(per_second, 1))


def rate_not_kept(prepared: Prepared) -> tuple[float, str] | None:
    """Return the share of a third in which the rate was kept, and a sentence, if the share is too small; else None.

    Also None if the load generator did not send the requests, because that is reported as its own
    fault.
    """
    windows, short = _shortfalls(prepared)
    if not short or all(each.by_generator for _, each in short):
        return None
    kept = min(
        _kept(short, start, end, unmasked(prepared, start, end)) for start, end in thirds(prepared)
    )
    if kept >= COVERED:
        return None
    first, last = min(each.since for _, each in short), short[-1][0]
    among = [window for window in windows if first < window.middle <= last]
    seconds = sum(window.seconds for window in among)
    asked, answered = (sum(window.asked for window in among), _answered(among, _hanging(among)))
    final = windows[-1]
    over = last >= final.time - 1e-6
    who = next((each.who for _, each in reversed(short) if not each.by_generator), TARGET)
    when = f"from {show_duration(max(0.0, prepared.load_time(first)))}"
    when += " on" if over else f" to {show_duration(prepared.load_time(last))} of the load"
    waiting = f", {show_count(short[-1][1].waiting, 'request')} waiting at the end" if over else ""
    stopped = answered < _HARDLY * asked
    best = 0.0 if stopped else median(each.best for _, each in short)
    rates = f"{_rate(asked / seconds)} requests/s asked for, {_rate(answered / seconds)} answered{waiting}"
    advice = _advice(prepared, last, best)
    return kept, f"{capitalized(who)} did not keep the rate {when}: {rates}; {advice}."


def fell_behind(prepared: Prepared) -> float | None:
    """Return the moment since which the target first did not keep the rate; None if it always kept it."""
    _, short = _shortfalls(prepared)
    return min((each.since for _, each in short if not each.by_generator), default=None)


def _shortfalls(prepared: Prepared) -> tuple[list[RateWindow], list[tuple[float, Shortfall]]]:
    """Return the windows, and the end and the shortfall of each window by which the rate is not kept."""
    timeouts = [_timeouts(window) for window in prepared.recording.windows]
    windows = list(_windows(prepared, timeouts)) if _any_short(prepared, timeouts) else []
    watch, short = RateWatch(), list[tuple[float, Shortfall]]()
    for window in windows:
        watch.saw(window)
        if watch.short is not None and window.time > prepared.judged_from:
            short.append((window.time, watch.short))
    return windows, short


def _advice(prepared: Prepared, last: float, best: float) -> str:
    """Return what would decide if the rate was not kept until `last`: a rate below `best`, or a later beginning."""
    if not best > 0:
        return "see the target's log for why it stopped answering"
    lower = f"less than {_rate(best)} requests/s"
    if last > prepared.judged_from + (prepared.end - prepared.judged_from) / PARTS:
        return f"a run at {lower} would tell"
    # The target became fast enough only after a while, as a JVM does.
    later = 10 * ceil(prepared.load_time(last) / 10)
    return f"a run with `--warmup {later}s`, or at {lower}, would tell"


def _kept(short: list[tuple[float, Shortfall]], start: float, end: float, seconds: float) -> float:
    """Return the share of a part in which the rate was kept."""
    lost, reached = 0.0, start
    for time, each in short:
        began = max(each.since, reached)
        reached = max(reached, min(time, end))
        lost += max(0.0, reached - began)
    return max(0.0, 1 - lost / max(seconds, 1e-9))


def _any_short(prepared: Prepared, timeouts: Sequence[Floats]) -> bool:
    """Return True if fewer requests were answered than sent in any third; otherwise any queue was brief."""
    own = prepared.recording.generator
    every = prepared.recording.windows
    if own is None or not every or len(own.times) != len(every[0].times):
        return False
    answers = sum(
        (window.requests - late for window, late in zip(every, timeouts, strict=True)),
        np.zeros(len(own.times)),
    )
    for start, end in thirds(prepared):
        inside = (own.times > start) & (own.times <= end + 1e-6) & np.isfinite(own.asked)
        sent, answered = float(np.nansum(own.made[inside])), float(answers[inside].sum())
        if sent - answered > max((1 - ANSWERED) * sent, MISSING):
            return True
    return False


def _timeouts(window: EndpointWindows) -> Floats:
    """Return how many requests of an endpoint timed out in each window."""
    counts = np.zeros(len(window.times))
    for kind, rows in window.failed.items():
        if is_timeout(kind) and len(rows):
            counts[rows[:, 0]] += rows[:, 1]
    return counts


def _windows(prepared: Prepared, timeouts: Sequence[Floats]) -> Iterator[RateWindow]:
    """Yield the windows of an open model up to the end of judging, as the watch sees them during a run."""
    own, every = prepared.recording.generator, prepared.recording.windows
    if own is None:
        return
    dropped = sum(
        (window.arrivals.dropped for window in every if window.arrivals), np.zeros(len(own.times))
    )
    for index, time in enumerate(own.times.tolist()):
        if not isfinite(own.asked[index]) or not prepared.start < time <= prepared.end + 1e-6:
            continue
        seen = {
            window.endpoint: (int(window.requests[index]) - int(late[index]), int(late[index]))
            for window, late in zip(every, timeouts, strict=True)
        }
        ended = sum(map(sum, seen.values())) + int(dropped[index])
        cpu, lag = float(own.cpu_ratio[index]), float(own.lag[index])
        yield RateWindow(
            time,
            float(own.seconds[index]),
            float(own.asked[index]),
            float(own.made[index]),
            ended,
            seen,
            cpu,
            lag,
        )
