"""Locust's own statistics, bounded: locustfiles may read them, and soak does not.

Locust keeps an entry for each name, error and second of a run; over days, and with a name for each
URL, that is gigabytes.
"""

from __future__ import annotations

import time
from typing import Any

from locust.runners import Runner
from locust.stats import RequestStats, StatsEntry, StatsError

from soak.load.measure.counting import MAX_ENDPOINTS, MAX_KINDS, OTHER

#: Requests and failures by second are kept so long, in seconds: Locust's current rates look back ten.
KEPT_SECONDS = 60
#: So many entries know their current percentiles, as Locust's do, and their total always: an entry keeps 20 copies of its
#: response times for it, of up to 20 KB each.
CURRENT_PERCENTILES = 50


class BoundedStatistics(RequestStats):
    """The same, with names and errors folded beyond soak's own bounds, and no seconds but the last ones."""

    def __init__(self) -> None:
        super().__init__(use_response_times_cache=True)

    def log_request(self, method: str, name: str, response_time: int, content_length: int) -> None:
        """One request, as Locust's runner reports it."""
        # Written out, for it is done at every request: one look-up where Locust and a fold take three.
        entry = self.entries.get((name, method)) or self._new_entry(method, name)
        self.total.log(response_time, content_length)
        entry.log(response_time, content_length)

    def log_error(self, method: str, name: str, error: Exception | str | None) -> None:
        """One failure, as Locust's runner reports it."""
        method, name = self._folded(method, name)
        self.total.log_error(error)
        self.entries[name, method].log_error(error)
        key = StatsError.create_key(method, name, error)
        if key not in self.errors and len(self.errors) >= MAX_KINDS:
            method, name, error = "", OTHER, OTHER
            key = StatsError.create_key(method, name, error)
        if key not in self.errors:
            self.errors[key] = StatsError(method, name, error)
        self.errors[key].occurred()

    def _new_entry(self, method: str, name: str) -> StatsEntry:
        method, name = self._folded(method, name)
        entry: StatsEntry = self.entries[name, method]
        entry.use_response_times_cache = len(self.entries) <= CURRENT_PERCENTILES
        return entry

    def _folded(self, method: str, name: str) -> tuple[str, str]:
        known = (name, method) in self.entries or len(self.entries) < MAX_ENDPOINTS
        return (method, name) if known else ("", OTHER)

    def prune(self, runner: Runner) -> None:
        """Forget what is past: to be called every few seconds."""
        self.history.clear()
        oldest = int(time.time()) - KEPT_SECONDS
        for entry in (self.total, *self.entries.values()):
            _forget(entry, oldest)
        exceptions: dict[Any, Any] = runner.exceptions
        while len(exceptions) > MAX_KINDS:
            exceptions.pop(next(iter(exceptions)))


def _forget(entry: StatsEntry, oldest: int) -> None:
    for by_second in (entry.num_reqs_per_sec, entry.num_fail_per_sec):
        if len(by_second) > 2 * KEPT_SECONDS:
            for second in [second for second in by_second if second < oldest]:
                del by_second[second]
