"""Turn a Reading into a Recording: increasing times from 0, unique series, counters and histograms by name."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import numpy as np

from soak.catalog.metrics import metric_of
from soak.catalog.words import Meaning, lent_to_caches, words_of
from soak.errors import InputError
from soak.formats.column_names import kind_of, meaning_of
from soak.formats.content import Content
from soak.formats.format import RawSeries, Reading, counted
from soak.formats.times import FIRST_UNIX
from soak.model import (
    Event,
    EventKind,
    Floats,
    Kind,
    Recording,
    RunInfo,
    Series,
    label_pairs,
    series_key,
)

#: The latest Unix time that is still shown as a date (seconds).
_LAST_DATE = 2e11
#: Series named in one note.
_NAMED = 8


def assemble(content: Content, reading: Reading, source: str) -> Recording:
    """Return the Recording of a file; raise InputError if it holds no samples."""
    notes = list(reading.notes)
    series = [column for column in reading.series if len(column.times)]
    if not series:
        raise InputError(
            f"{content.path}: holds no samples{': ' if notes else ''}{'; '.join(notes)}"
        )
    origin = min(float(column.times.min()) for column in series)
    parts, buckets = _parts_of_histograms(series)
    if buckets:
        left = counted(len(buckets), "bucket of a histogram is", "buckets of histograms are")
        notes.append(f"{left} left out")
    words = frozenset(word for column in series for word in words_of(column.name))
    made, shown_only, seen = [], set(), dict[str, int]()
    unjudged: list[str] = []
    for column in series:
        if id(column) in buckets:
            continue
        order, order_note = _rising(column.times)
        if order_note and order_note not in notes:
            notes.append(order_note)
        name, labels = column.name, dict(column.labels)
        key = series_key(name, label_pairs(labels))
        seen[key] = seen.get(key, 0) + 1
        if seen[key] > 1:
            labels["column"] = str(seen[key])
            notes.append(f"{key} is there more than once; the others have a label column")
        counter = column.kind is Kind.COUNTER or (
            column.kind is None and (id(column) in parts or kind_of(name) is Kind.COUNTER)
        )
        kind = Kind.COUNTER if counter else Kind.GAUGE
        values = column.values[order]
        new = Series(name, column.times[order] - origin, values, label_pairs(labels), kind, source)
        made.append(new)
        if column.column:
            if column.column in reading.no_resources:
                shown_only.add(new.key)
        elif reading.asked.isdisjoint((new.name, new.key)) and _is_no_resource(new, words):
            shown_only.add(new.key)
            if new.kind is Kind.GAUGE and metric_of(new.name, new.labels) is None:
                unjudged.append(new.name)
    if unjudged:
        names = list(dict.fromkeys(unjudged))
        more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
        notes.append(
            f"shown and not judged, since no leak uses it up: {', '.join(names[:_NAMED])}{more} (--only judges it)"
        )
    seconds = max(float(column.times[-1]) for column in made) if made else 0.0
    started = ""
    if FIRST_UNIX <= origin < _LAST_DATE:
        started = datetime.fromtimestamp(origin, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    name = content.path.name.removesuffix(".gz")
    events = tuple(
        Event(0.0, EventKind.WARNING, f"{content.path.name}: {note}")
        for note in dict.fromkeys(notes)
    )
    info = RunInfo(re.sub(r"\.[A-Za-z]\w*$", "", name) or "standard input", started, seconds)
    return Recording(info, tuple(made), events=events, shown_only=frozenset(shown_only))


def _is_no_resource(series: Series, words: frozenset[str]) -> bool:
    """Return True if the name of a series outside a table rules out a resource; `words` are the words of all names."""
    if lent_to_caches(series.name, words):
        return True
    meaning = meaning_of(series.name, "bytes" if series.name.endswith("_bytes") else "")
    return meaning not in (Meaning.RESOURCE, Meaning.UNKNOWN)


def _parts_of_histograms(series: list[RawSeries]) -> tuple[set[int], set[int]]:
    """Return the ids of the sum and count series of histograms and summaries, and the ids of bucket series."""
    names = {column.name for column in series}
    buckets = {
        id(column)
        for column in series
        if column.name.endswith("_bucket") and ("le" in column.labels or "vmrange" in column.labels)
    }
    parts = set()
    for column in series:
        stem, _, part = column.name.rpartition("_")
        if part in ("sum", "count"):
            other = f"{stem}_{'count' if part == 'sum' else 'sum'}"
            if other in names or f"{stem}_bucket" in names:
                parts.add(id(column))
    return parts, buckets


def _rising(times: Floats) -> tuple[Any, str]:
    """Return the order that sorts the times, keeping the last row of each time, and a note if it changed anything."""
    steps = np.diff(times)
    if bool((steps > 0).all()):
        return slice(None), ""
    order = np.argsort(times, kind="stable")
    last = np.append(np.diff(times[order]) > 0, True)
    swapped, doubled = bool((steps < 0).any()), int((~last).sum())
    notes = []
    if swapped and not bool((steps <= 0).all()):
        notes.append("rows were out of order in time and have been sorted")
    if doubled:
        notes.append(
            f"{doubled:,} rows shared a time with another, and only the last of each counts"
        )
    return order[last], "; ".join(notes)
