"""Take from a judged run the measurements that are compared."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from soak.analysis.prepare.prepare import prepare
from soak.compared import MeasuredRun, Measurement
from soak.comparison.metrics import METRICS
from soak.comparison.run_view import RunView
from soak.model import Analysis, Ending, Recording
from soak.profile import Profile
from soak.profile.summary import load_summary, target_address
from soak.units import show_duration


def measure(source: str, recording: Recording, analysis: Analysis, profile: Profile) -> MeasuredRun:
    """Return everything of one run that is compared; `source` says where the run came from."""
    prepared = prepare(recording, profile.load.warmup)
    view = RunView(prepared, analysis)
    return MeasuredRun(
        name=profile.name,
        source=source,
        started=recording.run.started,
        seconds=prepared.end - prepared.start,
        target=target_address(profile),
        load=load_of(load_summary(profile)),
        measurements=tuple(measurements(view)),
        warnings=tuple(_doubts(source, recording, analysis)),
        charts=tuple(
            replace(
                chart,
                curves=tuple(curve.during(prepared.start, prepared.end) for curve in chart.curves),
            )
            for chart in analysis.charts
            if chart.heat is None and not chart.stacked
        ),
        suspects=analysis.suspects,
    )


def measurements(view: RunView) -> Iterator[Measurement]:
    """Yield a measurement for every metric that the run has."""
    # The load of a capacity search changes all the time, so only its capacity can be compared.
    searched = view.analysis.capacity is not None
    for name, metric in METRICS.items():
        if searched != (name == "capacity"):
            continue
        for figure in metric.measure(view):
            known = all(map(math.isfinite, (figure.value, figure.error, figure.drift)))
            if known and (figure.value > 0 or not metric.relative):
                unit = str(figure.unit)
                yield Measurement(
                    name,
                    figure.subject,
                    figure.value,
                    figure.error,
                    figure.drift,
                    unit,
                    figure.matters,
                )


def load_of(summary: str) -> str:
    """Return the rate in a load's summary, such as `60 requests/s`; levels and latencies are compared only if it agrees."""
    return summary.partition(" on ")[0]


def _doubts(source: str, recording: Recording, analysis: Analysis) -> Iterator[str]:
    """Yield the warnings that a reader of a comparison needs about one of its runs."""
    ended = recording.run.ended
    if ended not in (Ending.COMPLETED, Ending.EARLY):
        yield f"{source}: {ended.value} after {show_duration(recording.run.seconds)}; what it recorded until then is compared"
    if analysis.verdict.value == "fail":
        yield f"{source}: failed by its own limits: {analysis.reason}"
