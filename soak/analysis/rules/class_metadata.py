"""Memory for class metadata compared with the loaded classes: without new classes its growth must end.

HotSpot keeps in its Metaspace what it knows about each class, and the counters and profiles of its
methods (`MethodCounters` and `MethodData`), which it creates as methods get warm. That takes hours
under light load, and there are at most so many profiles as there are methods. Requests can only leak
metadata by loading classes (a class loader that is kept, proxies or lambdas made anew), and every
class takes room in the class space too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from soak.analysis.prepare.prepare import Prepared
from soak.analysis.rules.warmup import within_warmup
from soak.analysis.statistics.growth_input import Subject
from soak.analysis.vouch import horizon
from soak.catalog.metrics import COLLECTORS, metric_of, selects_any
from soak.catalog.row_types import Collector
from soak.model import Finding, Verdict
from soak.units import capitalized

_STEP = "class metadata beside the loaded classes"


def explain_class_metadata(
    prepared: Prepared,
    subjects: Sequence[Subject],
    findings: Sequence[Finding],
    judge: Callable[[Subject], Finding],
) -> list[Finding]:
    """Return the findings; growth of class metadata passes if the loaded classes of its process are steady.

    `judge` judges a further series. Such a pass vouches for as long as the classes do.
    """
    return [
        _beside_classes(prepared, subject, finding, judge)
        for subject, finding in zip(subjects, findings, strict=True)
    ]


def _beside_classes(
    prepared: Prepared, subject: Subject, finding: Finding, judge: Callable[[Subject], Finding]
) -> Finding:
    if finding.verdict is Verdict.PASS or subject.limit is not None:
        return finding
    for collector in COLLECTORS:
        if not selects_any(collector.metadata, subject.series):
            continue
        for classes in _classes(prepared, collector, subject):
            judged = within_warmup(prepared, classes, judge(classes))
            if judged.verdict is Verdict.PASS and judged.trend is not None:
                why = f"{capitalized(subject.noun)} grew only by what the JVM learns about methods: the loaded classes are steady"
                passed = finding.adjusted(_STEP, Verdict.PASS, f"{why}.")
                return replace(passed, vouched_seconds=horizon(classes, judged.trend))
    return finding


def _classes(prepared: Prepared, collector: Collector, subject: Subject) -> Iterator[Subject]:
    """Yield the series of the subject's process that grow with every loaded class, to be judged like it."""
    instance = subject.series.instance
    for selector in collector.classes:
        for series in prepared.named(selector):
            metric = metric_of(series.name, series.labels)
            same_process = series.instance == instance
            if metric is not None and same_process and series.labels != subject.series.labels:
                yield replace(
                    subject.of_same_process(series),
                    unit=metric.unit,
                    integer=metric.integer,
                    capacity=None,
                )
