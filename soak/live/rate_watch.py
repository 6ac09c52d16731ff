"""Watch the rate of a run in progress, window by window: what its end would report, within seconds."""

from __future__ import annotations

from soak.analysis.rules.rate_kept import RateWatch, RateWindow
from soak.windows import Window, is_timeout


class LiveRate:
    """Evaluates every window of the load. `said` reports that an open rate is not kept; it is empty while it is."""

    def __init__(self) -> None:
        self._watch = RateWatch()

    def saw(self, window: Window) -> None:
        """Evaluate one more window; a window without a requested rate is ignored."""
        own = window.generator
        if own is None or own.asked is None:
            return
        seen = {}
        for each in window.endpoints:
            timeouts = sum(count for kind, count in each.failures.items() if is_timeout(kind))
            seen[each.endpoint] = (each.requests - timeouts, timeouts)
        ended = sum(each.requests + each.dropped for each in window.endpoints)
        self._watch.saw(
            RateWindow(
                window.time,
                window.seconds,
                own.asked,
                own.made,
                ended,
                seen,
                own.cpu_ratio,
                own.lag,
            )
        )

    @property
    def said(self) -> str:
        """The sentence that reports a missed rate; empty while the rate is kept."""
        return "" if self._watch.short is None else self._watch.short.now
