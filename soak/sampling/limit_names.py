"""Limits on series that no source records: reported after the first scrapes, not after hours of load."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable
from difflib import get_close_matches

from soak.model import Event, EventKind, Labels, Scrape, series_key
from soak.profile import Limits
from soak.profile.abort import AbortRule
from soak.selectors import Selector

#: Scrapes of each source after which a series that was not there is taken for absent.
SCRAPES = 3
#: Series that soak records or computes itself, whatever the target publishes.
_OWN = ("http_request", "load_", "soak_load_", "go_gc_heap_live_bytes")
_NEAREST = 3


def limited_names(limits: Limits, abort: Iterable[AbortRule] = ()) -> list[str]:
    """The series that `limits.growth`, `limits.max` and the abort rules name."""
    named = (*limits.growth, *limits.max, *(rule.selector.name for rule in abort))
    return [name for name in dict.fromkeys(named) if not name.startswith(_OWN)]


def absent_names(names: Iterable[str], series: Iterable[tuple[str, Labels]]) -> list[str]:
    """For each name that none of the series has, a sentence with the nearest names."""
    there = list(series)
    keys = {series_key(name, labels) for name, labels in there}
    known = sorted({name for name, _ in there})
    said = []
    for name in names:
        if name in keys or any(Selector(name).matches_name(other) for other in known):
            continue
        close = get_close_matches(name, known, n=_NEAREST, cutoff=0.6)
        nearest = f"; the nearest are {', '.join(close)}" if close else ""
        said.append(f"{name} has a limit, but no source gives it{nearest}")
    return said


def warning_of_absent(
    record: Callable[[Scrape | Event], None],
    limits: Limits,
    sources: Collection[str],
    abort: Iterable[AbortRule] = (),
) -> Callable[[Scrape | Event], None]:
    """Records as `record` does and, once each source gave SCRAPES scrapes, warns of each name in limits that never came."""
    names, left = limited_names(limits, abort), dict.fromkeys(sources, SCRAPES)
    series: set[tuple[str, Labels]] = set()
    lock = threading.Lock()

    def said(scrape: Scrape) -> list[str]:
        with lock:
            if not names or scrape.source not in left or scrape.error is not None:
                return []
            series.update((sample.name, sample.labels) for sample in scrape.samples)
            left[scrape.source] -= 1
            if max(left.values()) > 0:
                return []
            absent = absent_names(names, series)
            names.clear()
            series.clear()
            return absent

    def recorded(item: Scrape | Event) -> None:
        record(item)
        for text in said(item) if isinstance(item, Scrape) else ():
            record(Event(item.time, EventKind.WARNING, text))

    return recorded
