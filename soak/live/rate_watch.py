"""Whether the rate that is asked for is kept, told within seconds of the moment from which it is not.

What was sent from ten to five seconds ago is compared with what was answered in the last five. A
constant latency of up to five seconds, a ramp, and stages of the load are so no overload; a queue
that grows is one, since by Little's law answers then come ever later. The end of the run judges the
same with all it knows (`soak.analysis.rules.overload`, `load_generator`).
"""

from __future__ import annotations

from collections import deque
from math import sqrt

from soak.generator_limits import BUSY, LAGGING
from soak.units import show_count, show_number, show_ratio
from soak.windows import GeneratorWindow, Window, is_timeout

#: Seconds of load that are compared, those sent with those answered; and for so long it must be so without a break.
STRETCH = 5.0
#: Too little is answered below this share of what was sent, when these many are missing at least.
KEPT, MISSING = 0.9, 5
#: Too little is sent below this share of what was asked for, beyond so many standard errors of arrivals at random.
SENT, CHANCE = 0.95, 4.0
#: A hole between two windows across which nothing is compared: a drain leaves one, and a resumed run.
_HOLE = 1.0


class RateWatch:
    """Sees every window of the load. `said` tells that an open rate is not kept; it is empty while it is."""

    def __init__(self) -> None:
        self._windows: deque[tuple[Window, GeneratorWindow]] = deque()
        self._waiting = 0
        self._short_since: float | None = None
        self._best = 0.0
        self.said = ""

    def saw(self, window: Window) -> None:
        """One more window."""
        own = window.generator
        if own is None or own.asked is None:  # no rate is asked for
            return
        began = window.time - window.seconds
        if self._windows and began - self._windows[-1][0].time > _HOLE:
            self._windows.clear()
            self._waiting, self._short_since = 0, None
        self._windows.append((window, own))
        self._waiting += own.made - sum(seen.requests + seen.dropped for seen in window.endpoints)
        stretch = max(STRETCH, window.seconds)
        while _middle(self._windows[0][0]) < window.time - 2 * stretch:
            self._windows.popleft()
        said = self._short(window.time - stretch, own)
        if not said:
            self._short_since, self._best = None, 0.0
        elif self._short_since is None:
            self._short_since = window.time
        since = self._short_since
        # Half a window to spare: their ends are no exact seconds.
        self.said = (
            said
            if since is not None and window.time - since > 0.9 * STRETCH - window.seconds
            else ""
        )

    def _short(self, since: float, own: GeneratorWindow) -> str:
        """What is not kept in the stretch that began at `since`; empty where all is, or too little was seen yet."""
        before = [pair for pair in self._windows if _middle(pair[0]) < since]
        recent = [pair for pair in self._windows if _middle(pair[0]) >= since]
        spans = [sum(window.seconds for window, _ in part) for part in (before, recent)]
        if min(spans) < 0.8 * STRETCH:
            return ""
        asked, sent = (
            sum(health.asked or 0.0 for _, health in recent),
            sum(health.made for _, health in recent),
        )
        if asked - sent > max((1 - SENT) * asked, CHANCE * sqrt(asked)):
            rates = f"{_rate(asked / spans[1])} requests/s asked for, {_rate(sent / spans[1])} sent"
            return f"the load generator does not keep the rate: {rates} ({show_ratio(own.cpu_ratio)} of a core)"
        due = min(sent, sum(health.made for _, health in before) * spans[1] / spans[0])
        answered = sum(_answered(window) for window, _ in recent)
        if due - answered <= max((1 - KEPT) * due, MISSING):
            return ""
        pressed = own.cpu_ratio >= BUSY or own.lag >= LAGGING
        who = "the target or the load generator" if pressed else "the target"
        waiting = show_count(max(0, self._waiting), "request")
        rate = f"{_rate(asked / spans[1])} requests/s asked for"
        if not answered:
            return f"{who} answers nothing any more: {rate}, {waiting} waiting"
        # Requests that time out cost the target time and are no answers: it keeps more than that.
        self._best = max(self._best, answered / spans[1])
        kept = f"{_rate(answered / spans[1])} answered, {waiting} waiting"
        return f"{who} does not keep the rate: {rate}, {kept}; try less than {_rate(self._best)} requests/s"


def _middle(window: Window) -> float:
    return window.time - window.seconds / 2


def _rate(per_second: float) -> str:
    return show_number(round(per_second, 1))


def _answered(window: Window) -> int:
    """Requests that got an answer, also one that is a failure: failures are told by themselves."""
    timeouts = sum(
        count
        for seen in window.endpoints
        for kind, count in seen.failures.items()
        if is_timeout(kind)
    )
    return sum(seen.requests for seen in window.endpoints) - timeouts
