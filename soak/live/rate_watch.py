"""The rate of a run under way, window by window: what the end of the run would say of it, within seconds."""

from __future__ import annotations

from soak.analysis.rules.rate_kept import RateWatch, RateWindow
from soak.windows import Window, is_timeout


class LiveRate:
    """Sees every window of the load. `said` tells that an open rate is not kept; it is empty while it is."""

    def __init__(self) -> None:
        self._watch = RateWatch()

    def saw(self, window: Window) -> None:
        """One more window; one without a rate that is asked for tells nothing."""
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
        """The sentence that tells it; empty while the rate is kept."""
        return "" if self._watch.short is None else self._watch.short.now
