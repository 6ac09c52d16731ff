"""Watch whether the target still lives, from the records of a run; the run ends when the target is dead."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from soak.load.http.failures import REFUSED
from soak.model import Event, EventKind, Scrape, ScrapeError
from soak.target import StartedTarget
from soak.units import show_duration
from soak.windows import Window


class TargetWatch:
    """Decides from every record, from any thread, whether the target lives.

    `since` is when it died (seconds of the run), None while it lives. A target that soak started is
    dead when its process has ended. Any other is dead while no request succeeds and either every
    connection is refused or the watched process no longer exists; it may come back within `grace`
    seconds.
    """

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._ended = self._told = False
        self._gone: set[str] = set()
        self._failing: float | None = None
        self._only_refused = True
        self.since: float | None = None
        self.why = ""

    def saw(self, record: Scrape | Window | Event) -> None:
        """Process one record, as it is made."""
        if isinstance(record, Scrape):
            if record.error_kind is ScrapeError.GONE:
                self._gone.add(record.source)
            elif record.error is None:
                self._gone.discard(record.source)
        elif isinstance(record, Window):
            self._saw_requests(record)
        if not self._ended:
            dead = self._failing is not None and (self._only_refused or bool(self._gone))
            self.since = self._failing if dead else None
            self.why = "its process is gone" if self._gone else "it refuses every connection"

    def _saw_requests(self, window: Window) -> None:
        made = sum(seen.requests for seen in window.endpoints)
        failed = sum(sum(seen.failures.values()) for seen in window.endpoints)
        if not made:
            return
        if failed < made:
            self._failing, self._only_refused = None, True
            return
        if self._failing is None:
            self._failing = window.time - window.seconds
        self._only_refused = self._only_refused and all(
            seen.failures.keys() <= {REFUSED} for seen in window.endpoints
        )

    def is_over(
        self, now: float, target: StartedTarget | None, record: Callable[[Event], None]
    ) -> bool:
        """Record a death that is certain, and return True if the run ends with it."""
        for event in self.news(now, target):
            record(event)
        return self.over(now)

    def news(self, now: float, target: StartedTarget | None) -> Iterator[Event]:
        """Yield the event of a certain death: at once if soak started the target, else after the grace period."""
        code = target.exit_code() if target is not None else None
        if code is not None and not self._ended:
            self._ended, self.since, self.why = True, now, f"it ended by itself with code {code}"
            yield Event(now, EventKind.TARGET, f"the target ended by itself with code {code}")
        elif self.over(now) and not self._told and not self._ended and self.since is not None:
            yield Event(self.since, EventKind.TARGET, f"the target died: {self.why}")
        self._told = self._told or self.over(now)

    def over(self, now: float) -> bool:
        """Return True if a dead target's grace period is over, which ends the run."""
        since = self.since
        return since is not None and now - since >= self._grace

    def said(self, now: float) -> str:
        """Return `target dead for 12 s (it refuses every connection), the run ends in 18 s`; empty while it lives."""
        since = self.since
        if since is None:
            return ""
        left = max(0.0, self._grace - (now - since))
        dead = show_duration(round(now - since))
        return f"target dead for {dead} ({self.why}), the run ends in {show_duration(round(left))}"
