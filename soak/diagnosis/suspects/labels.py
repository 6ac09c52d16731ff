"""Labels that multiply: a metrics page that gains a series with every request keeps each of them for good."""

from __future__ import annotations

from collections import defaultdict

from soak.catalog.metrics import ResourceKind
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import RunContext
from soak.diagnosis.thresholds import LEAST_LABEL_VALUES
from soak.units import show_number


def multiplying_label(context: RunContext) -> tuple[str, str, int] | None:
    """The metric and the label that gained most values within the judged stretch, and how many; None where none multiplies.

    Labels that distinguish an instance or a bucket are values of the configuration, and are told by
    their number as well.
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
    # Of a histogram's parts, the shortest name is the family's own.
    (name, label), count = max(gained.items(), key=lambda item: (item[1], -len(item[0][0])))
    return (name, label, count) if count >= LEAST_LABEL_VALUES else None


def multiplying_labels(case: Case, context: RunContext) -> str:
    """In words; empty where it is not the metrics page that grows."""
    if not case.of(ResourceKind.METRICS):
        return ""
    label = multiplying_label(context)
    if label is None:
        return case.of(ResourceKind.METRICS)[0].words
    name, key, count = label
    return f"Label {key} of {name} gained {show_number(count)} values during the run: each is kept as a series for good."
