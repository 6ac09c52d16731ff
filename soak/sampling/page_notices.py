"""Notices about a metrics page that a user should see before its series are judged: whose memory it reports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from soak.catalog.metrics import encloses, is_exporters_own, metric_of
from soak.model import Sample

#: Labels that identify a process or container, the most specific first.
_NAMES = ("pod", "container", "name", "pid", "instance", "id")
#: Most processes named in a notice.
_MOST_NAMED = 5


def page_notices(samples: Sequence[Sample]) -> Iterator[str]:
    """Yield a notice if a page covers several processes, and one if it reports an exporter's own process."""
    by_name: dict[str, list[Sample]] = {}
    for sample in samples:
        metric = metric_of(sample.name, sample.labels)
        if metric is not None and metric.whole and metric.judged:
            by_name.setdefault(sample.name, []).append(sample)
    for name, series in by_name.items():
        metric = metric_of(name, series[0].labels)
        taken = [
            sample
            for sample in series
            if metric is not None and not encloses(metric, sample, series)
        ]
        if len(taken) > 1:
            yield _of_many(name, taken)
            break
    page = {sample.name for sample in samples}
    if any(is_exporters_own(name, page) for name in by_name):
        yield "an exporter serves it: what it says of a process and of Go is the exporter's own, and is not judged"


def _of_many(name: str, series: Sequence[Sample]) -> str:
    """Return how many processes a page covers, that all count as the target, and how to choose among them."""
    labels = [dict(sample.labels) for sample in series]
    label = next((key for key in _NAMES if len({own.get(key, "") for own in labels}) > 1), "")
    names = list(dict.fromkeys(own.get(label, "") for own in labels))
    shown = ", ".join(names[:_MOST_NAMED]) + (
        f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    )
    choice = f'{name}{{{label or "pod"}=~"{names[0] if names else ""}.*"}}'
    return (
        f"it tells of {len(series)} processes ({label} {shown}), and all of them are taken for the target; "
        f"choose with keep: ['{choice}']"
    )
