"""Find limits on series that no source records: after the first scrapes, not after hours of load."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable
from difflib import get_close_matches

from soak.model import Event, EventKind, Labels, Scrape, series_key
from soak.profile import Limits
from soak.profile.abort import AbortRule
from soak.selectors import Selector

#: Scrapes of each source after which a missing series counts as absent.
SCRAPES = 3
#: Series that soak records or computes itself, whatever the target publishes.
_OWN = ("http_request", "load_", "soak_load_", "go_gc_heap_live_bytes")
_NEAREST = 3
#: Advice on a missing series at the start of a run.
TO_DO = "unless it comes with the first requests, end the run now and correct the name"


def limited_names(limits: Limits, abort: Iterable[AbortRule] = ()) -> list[str]:
    """Return the series that `limits.growth`, `limits.max` and the abort rules name."""
    named = (*limits.growth, *limits.max, *(rule.selector.name for rule in abort))
    return [name for name in dict.fromkeys(named) if not name.startswith(_OWN)]


def absent_names(names: Iterable[str], series: Iterable[tuple[str, Labels]]) -> list[str]:
    """Return a sentence with the nearest names for each name that no series has."""
    there = list(series)
    keys = {series_key(name, labels) for name, labels in there}
    known = sorted({name for name, _ in there})
    messages = []
    for name in names:
        if name in keys or any(Selector(name).matches_name(other) for other in known):
            continue
        close = get_close_matches(name, known, n=_NEAREST, cutoff=0.6)
        nearest = f"; the nearest are {', '.join(close)}" if close else ""
        messages.append(f"{name} has a limit, but no source gives it{nearest}")
    return messages


class AbsentNames:
    """Records items with `record`, and reports names in limits that no source has, early in the run.

    After the first scrape of each source, before the load, an event tells the user. A series may still appear with the
    first request, so the report gets a warning only after SCRAPES scrapes of each source. `looked` is set once each
    source has been scraped, whether it answered or not.
    """

    def __init__(
        self,
        record: Callable[[Scrape | Event], None],
        limits: Limits,
        sources: Collection[str],
        abort: Iterable[AbortRule] = (),
    ) -> None:
        self._record, self._lock = record, threading.Lock()
        self._names = limited_names(limits, abort)
        self._left, self._asked = dict.fromkeys(sources, SCRAPES), set[str]()
        self._series: set[tuple[str, Labels]] = set()
        self._told_first = False
        self.looked = threading.Event()
        if not self._names or not self._left:
            self.looked.set()

    def __call__(self, item: Scrape | Event) -> None:
        """Record one item, and the events that follow from it."""
        self._record(item)
        if isinstance(item, Scrape):
            for kind, text in self._said(item):
                self._record(Event(item.time, kind, text))
            if self._asked >= self._left.keys():
                self.looked.set()

    def _said(self, scrape: Scrape) -> list[tuple[EventKind, str]]:
        with self._lock:
            if not self._names or scrape.source not in self._left:
                return []
            self._asked.add(scrape.source)
            if scrape.error is not None:
                return []
            self._series.update((sample.name, sample.labels) for sample in scrape.samples)
            self._left[scrape.source] -= 1
            most = max(self._left.values())
            if most >= SCRAPES or (most > 0 and self._told_first):
                return []
            absent = absent_names(self._names, self._series)
            self._told_first = True
            if most > 0:
                return [(EventKind.PROBE, f"{text}; {TO_DO}") for text in absent]
            self._names.clear()
            self._series.clear()
            return [(EventKind.WARNING, text) for text in absent]
