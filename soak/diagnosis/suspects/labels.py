"""Find labels that multiply: a metrics page that gains a series with every request keeps each of them."""

from __future__ import annotations

from collections import defaultdict

from soak.catalog.metrics import ResourceKind
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import RunContext
from soak.diagnosis.thresholds import LEAST_LABEL_VALUES
from soak.units import show_number


def multiplying_label(context: RunContext) -> tuple[str, str, int] | None:
    """Return the metric and label that gained most values within the judged stretch, and how many; None if too few.

    Labels of instances or buckets take values from the configuration: they gain too few to count.
    """
    first: dict[tuple[str, str, str], float] = {}
    for series in context.prepared.recording.series:
        if not len(series.times):
            continue
        for label, value in series.labels:
            key = (series.name, label, value)
            first[key] = min(first.get(key, float("inf")), float(series.times[0]))
    gained: dict[tuple[str, str], int] = defaultdict(int)
    for (name, label, _), began in first.items():
        gained[name, label] += began > context.prepared.judged_from
    if not gained:
        return None
    # Of the series of a histogram, the one with the shortest name is taken as the family's name.
    (name, label), count = max(gained.items(), key=lambda item: (item[1], -len(item[0][0])))
    return (name, label, count) if count >= LEAST_LABEL_VALUES else None


def multiplying_labels(case: Case, context: RunContext) -> str:
    """Describe the label that multiplies; empty if the metrics page does not grow."""
    if not case.of(ResourceKind.METRICS):
        return ""
    label = multiplying_label(context)
    if label is None:
        return case.of(ResourceKind.METRICS)[0].words
    name, key, count = label
    return f"Label {key} of {name} gained {show_number(count)} values during the run: each is kept as a series for good."
