"""Decide which columns of a table are series: indexes and clocks are not, running totals only as counters."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from soak.catalog.metrics import metric_of
from soak.catalog.words import Meaning, lent_to_caches, words_of
from soak.formats.column_names import in_base_unit, labelled, meaning_of
from soak.formats.format import Reading
from soak.model import Floats

#: Fewer rows than this say nothing about a column's shape.
FEWEST = 8
#: A column is a scaled clock if no value deviates from the scaled time by more than this share of
#: its range.
_SAME = 1e-6
#: A coarse clock (hours with two decimals) may deviate by two steps, if a step is at most this
#: share of its range.
_COARSE = 0.02
#: Words for a percentage, which repeats what a column in bytes next to it says.
_SHARE = frozenset(("percent", "pct", "perc"))
_ALLOCATED = ("alloc", "allocs", "allocated", "allocations")


def left_out(
    columns: dict[str, tuple[Floats, str]],
    renamed: Mapping[str, str],
    times: Floats,
    wide: bool,
    asked: set[str],
    reading: Reading,
) -> set[str]:
    """Return the columns to keep; add notes about the columns left out and those shown but not judged.

    `wide` says that each row has its own time, so that a column's shape means something.
    `asked` are columns that the user named: they are kept and
    judged in any case.
    """
    kept: set[str] = set()
    dropped: dict[str, list[str]] = {}
    shown: list[str] = []
    unused: list[str] = []
    resources = any(
        _meaning(renamed.get(header, header), unit) is Meaning.RESOURCE
        for header, (_, unit) in columns.items()
    )
    beside = any(
        _meaning(renamed.get(header, header), unit) is Meaning.RESOURCE
        and _in_bytes(renamed.get(header, header), unit)
        for header, (_, unit) in columns.items()
    )
    words = frozenset(word for header in columns for word in words_of(renamed.get(header, header)))
    for header, (values, unit) in columns.items():
        meaning = _meaning(renamed.get(header, header), unit)
        if header in asked:
            kept.add(header)
            continue
        why = _why_dropped(meaning, values, times, wide)
        if why:
            dropped.setdefault(why, []).append(header or "the column without a name")
            continue
        kept.add(header)
        total = wide and _is_running_total(values) and _may_be_total(header, meaning)
        if lent_to_caches(renamed.get(header, header), words) or (beside and _is_share(header)):
            meaning = Meaning.NO_RESOURCE
        if (
            meaning is Meaning.NO_RESOURCE
            or (total and resources)
            or (meaning is Meaning.UNKNOWN and bool((values < 0).any()))
        ):
            reading.no_resources.add(header)
            shown.append(header)
        elif _is_never_used(renamed.get(header, header), values):
            reading.no_resources.add(header)
            unused.append(header)
    for why, names in dropped.items():
        reading.notes.append(f"left out, since {why}: {', '.join(names)}")
    if unused:
        reading.notes.append(
            f"shown and not judged, since it is 0 throughout: {', '.join(unused)} (--only judges it)"
        )
    if shown:
        reading.notes.append(
            f"shown and not judged, since no leak uses it up: {', '.join(shown)} (--only judges it)"
        )
    return kept


def _meaning(header: str, unit: str) -> Meaning:
    try:
        name, _ = labelled(header)
    except ValueError:
        return Meaning.UNKNOWN
    base, _, _ = in_base_unit(name)
    return meaning_of(base, unit or ("bytes" if base.endswith("_bytes") else ""))


def _is_never_used(header: str, values: Floats) -> bool:
    """Return True if a column unknown to the catalog is 0 throughout, which does not show that it is healthy."""
    try:
        name, _ = labelled(header)
    except ValueError:
        return False
    return metric_of(in_base_unit(name)[0]) is None and not (values != 0).any()


def _is_share(header: str) -> bool:
    """Return True if a column is a percentage: `%MEM`, `mem_percent`."""
    return "%" in header or not _SHARE.isdisjoint(words_of(header))


def _in_bytes(header: str, unit: str) -> bool:
    return unit == "bytes" or in_base_unit(header)[0].endswith("_bytes")


def _why_dropped(meaning: Meaning, values: Floats, times: Floats, wide: bool) -> str:
    """Return why a column is not a series, or an empty string if it is one."""
    if meaning is Meaning.IDENTITY:
        return "it is an identity"
    if meaning is Meaning.CLOCK:
        return "it is a clock"
    known = values[np.isfinite(values)]
    if meaning is Meaning.INDEX and len(known) == len(values) and _numbers_rows(values):
        return "it numbers the rows"
    if not wide or meaning is Meaning.RESOURCE or len(known) < max(FEWEST, len(values)):
        return ""
    if _numbers_rows(values):
        return "it numbers the rows"
    return "it is the time up to a factor" if _is_time(values, times) else ""


def _numbers_rows(values: Floats) -> bool:
    """Return True if values count up or down by one per row."""
    steps = np.diff(values)
    return bool((steps == 1).all() or (steps == -1).all())


def _is_time(values: Floats, times: Floats) -> bool:
    """Return True if values rise in proportion to the time."""
    span, rise = float(np.ptp(times)), float(values[-1] - values[0])
    if span <= 0 or rise <= 0 or len(np.unique(times)) < FEWEST:
        return False
    expected = values[0] + (times - times[0]) * (rise / span)
    steps = np.diff(values)
    grain = float(steps[steps > 0].min())
    rounded = 2 * grain if grain <= _COARSE * rise and bool((steps == 0).any()) else 0.0
    allowed = max(_SAME * rise, 1e-9 * abs(values[-1]), rounded)
    return bool(np.abs(values - expected).max() <= allowed)


def _is_running_total(values: Floats) -> bool:
    """Return True if values never fall and mostly rise."""
    known = values[np.isfinite(values)]
    if len(known) < FEWEST or known[0] < 0:
        return False
    steps = np.diff(known)
    return bool((steps >= 0).all() and (steps > 0).mean() > 0.5)


def _may_be_total(header: str, meaning: Meaning) -> bool:
    """Return True if a column may be a running total by its name: the name is unknown, or it counts all allocations."""
    words = set(words_of(header))
    return meaning is Meaning.UNKNOWN or ("total" in words and not words.isdisjoint(_ALLOCATED))
