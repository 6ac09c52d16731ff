"""Report failing requests as soon as they are seen: which endpoint, how it fails, and how often."""

from __future__ import annotations

from collections.abc import Iterator

from soak.model import Event, Scrape
from soak.units import show_duration
from soak.windows import Window

#: Maximum number of such lines per run; the report has all failures.
MOST = 10


class FailureNews:
    """Reads every record; has a line to print the first time that an endpoint fails in a certain way."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()

    def saw(self, record: Scrape | Window | Event) -> Iterator[str]:
        """Yield the lines to print for one record."""
        if not isinstance(record, Window):
            return
        for seen in record.endpoints:
            for kind, count in seen.failures.items():
                if (seen.endpoint, kind) in self._told or len(self._told) > MOST:
                    continue
                self._told.add((seen.endpoint, kind))
                if len(self._told) > MOST:
                    yield "requests fail in still more ways; the report has them all"
                    continue
                yield (
                    f"{seen.endpoint} fails: {kind}, {count} of {seen.requests} requests in the last "
                    f"{show_duration(record.seconds)}"
                )


def failing(window: Window | None, most: int = 3) -> str:
    """Return how requests of a window fail: `GET /b status 503 (12), GET /a timeout (1)`; empty if none fails."""
    if window is None:
        return ""
    rows = [
        (count, seen.endpoint, kind)
        for seen in window.endpoints
        for kind, count in seen.failures.items()
    ]
    rows.sort(key=lambda row: -row[0])
    more = f" and {len(rows) - most} more" if len(rows) > most else ""
    return ", ".join(f"{endpoint} {kind} ({count})" for count, endpoint, kind in rows[:most]) + more
