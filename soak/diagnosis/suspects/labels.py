"""Find labels that multiply: a metrics page that gains a series with every request keeps each of them."""

from __future__ import annotations

from collections import defaultdict

from soak.catalog.metrics import ResourceKind
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import RunContext
from soak.diagnosis.thresholds import LEAST_LABEL_VALUES
from soak.units import show_number

#: How many series of a page were not kept, because there were too many.
LEFT_OUT = "scrape_samples_left_out"


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
    family = name.removesuffix("_sum")
    if {(f"{family}_sum", label), (f"{family}_count", label)} <= gained.keys():
        name = family  # a histogram or a summary
    return (name, label, count) if count >= LEAST_LABEL_VALUES else None


def multiplying_labels(case: Case, context: RunContext) -> str:
    """Describe the label that multiplies; empty if the metrics page does not grow."""
    if not case.of(ResourceKind.METRICS):
        return ""
    label = multiplying_label(context)
    if label is None:
        return case.of(ResourceKind.METRICS)[0].words
    name, key, count = label
    cut = any(
        series.values.max() > 0 for series in context.recorded(LEFT_OUT) if len(series.values)
    )
    gained = f"{'at least ' if cut else ''}{show_number(count)}"
    return f"Label {key} of {name} gained {gained} values during the run: each is kept as a series for good."


def label_remedy(context: RunContext) -> str:
    """Return what to do about the label that multiplies; empty if none does."""
    label = multiplying_label(context)
    if label is None:
        return ""
    name, key, _ = label
    return (
        f"Give label {key} of {name} only values from a small, known set, such as a route's template or a status, "
        "never an id or a path; put ids into logs or exemplars."
    )
