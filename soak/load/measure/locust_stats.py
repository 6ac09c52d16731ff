"""Locust's own statistics, with bounded memory. Locustfiles may read them; soak does not.

Locust keeps an entry for each name, error and second of a run. Over days, or with a separate name
for each URL, this takes gigabytes.
"""

from __future__ import annotations

import time
from typing import Any

from locust.runners import Runner
from locust.stats import RequestStats, StatsEntry, StatsError, bucket_response_time

from soak.latency import bucket_seconds
from soak.load.measure.counting import MAX_ENDPOINTS, MAX_KINDS, OTHER
from soak.windows import EndpointWindow, Window

#: Seconds for which requests and failures by second are kept; Locust's current rates look back ten.
KEPT_SECONDS = 60
#: Entries with current percentiles, as in Locust; the total always has them. Each such entry keeps
#: 20 copies of its response times, of up to 20 KB each.
CURRENT_PERCENTILES = 50
#: Points kept for the charts of Locust's web UI: an hour, with one point each 5 s as in Locust.
KEPT_HISTORY = 720


class BoundedStatistics(RequestStats):
    """Locust's statistics, but names and errors beyond soak's bounds are folded, and only the last seconds are kept."""

    def __init__(self) -> None:
        super().__init__(use_response_times_cache=True)

    def log_request(self, method: str, name: str, response_time: int, content_length: int) -> None:
        """Record one request, as Locust's runner reports it."""
        # Written out because it runs for every request: one lookup instead of three.
        entry = self.entries.get((name, method)) or self._new_entry(method, name)
        self.total.log(response_time, content_length)
        entry.log(response_time, content_length)

    def log_error(self, method: str, name: str, error: Exception | str | None) -> None:
        """Record one failure, as Locust's runner reports it."""
        method, name = self._folded(method, name)
        self.total.log_error(error)
        self.entries[name, method].log_error(error)
        self._error(method, name, error).occurred()

    def _error(self, method: str, name: str, error: Exception | str | None) -> StatsError:
        """Return the counter for failures of a kind."""
        key = StatsError.create_key(method, name, error)
        if key not in self.errors and len(self.errors) >= MAX_KINDS:
            method, name, error = "", OTHER, OTHER
            key = StatsError.create_key(method, name, error)
        if key not in self.errors:
            self.errors[key] = StatsError(method, name, error)
        return self.errors[key]

    def add_window(self, window: Window) -> None:
        """Add requests made elsewhere, or not by Locust, merged as Locust's master merges those of its workers."""
        now = time.time()
        for seen in window.endpoints:
            if seen.requests:
                method, name = self._folded(*method_and_name(seen.endpoint))
                entry = self._entry_of(seen, now)
                self.total.extend(entry)
                (self.entries.get((name, method)) or self._new_entry(method, name)).extend(entry)
            for failure, count in seen.failures.items():
                method, name = method_and_name(seen.endpoint)
                error = self._error(method, name, failure)
                error.occurred()
                error.occurrences += count - 1

    def _entry_of(self, seen: EndpointWindow, now: float) -> StatsEntry:
        """Convert one window of one endpoint to an entry in milliseconds; each latency is accurate within 2%."""
        entry = StatsEntry(self, "", "")
        entry.num_requests, entry.total_content_length = seen.requests, seen.bytes
        entry.num_failures = sum(seen.failures.values())
        entry.last_request_timestamp = now
        entry.num_reqs_per_sec[int(now)] = seen.requests
        entry.num_fail_per_sec[int(now)] = entry.num_failures
        for histogram in (seen.latency, seen.failed_latency):
            for bucket, count in histogram.counts.items():
                milliseconds = bucket_seconds(bucket) * 1e3
                entry.response_times[bucket_response_time(milliseconds)] += count
                entry.total_response_time += milliseconds * count
                entry.max_response_time = max(entry.max_response_time, milliseconds)
                entry.min_response_time = min(entry.min_response_time or milliseconds, milliseconds)
        return entry

    def _new_entry(self, method: str, name: str) -> StatsEntry:
        method, name = self._folded(method, name)
        entry: StatsEntry = self.entries[name, method]
        entry.use_response_times_cache = len(self.entries) <= CURRENT_PERCENTILES
        return entry

    def _folded(self, method: str, name: str) -> tuple[str, str]:
        known = (name, method) in self.entries or len(self.entries) < MAX_ENDPOINTS
        return (method, name) if known else ("", OTHER)

    def prune(self, runner: Runner) -> None:
        """Discard old data; call it every few seconds."""
        del self.history[:-KEPT_HISTORY]
        oldest = int(time.time()) - KEPT_SECONDS
        for entry in (self.total, *self.entries.values()):
            _forget(entry, oldest)
        exceptions: dict[Any, Any] = runner.exceptions
        while len(exceptions) > MAX_KINDS:
            exceptions.pop(next(iter(exceptions)))


def method_and_name(endpoint: str) -> tuple[str, str]:
    """Split an endpoint into Locust's columns method and name: `GET /x` has a method, `create order` has none."""
    first, space, rest = endpoint.partition(" ")
    return (first, rest) if space and first.isupper() else ("", endpoint)


def _forget(entry: StatsEntry, oldest: int) -> None:
    for by_second in (entry.num_reqs_per_sec, entry.num_fail_per_sec):
        if len(by_second) > 2 * KEPT_SECONDS:
            for second in [second for second in by_second if second < oldest]:
                del by_second[second]
