"""What charts mark along their time axis: lost scrapes, late load, stages, and gaps that no line crosses."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.marks import MOST
from soak.analysis.prepare.asked_load import AskedLoad
from soak.analysis.thinning import GAP, MOST_POINTS, TOLD, thinned
from soak.model import Event, EventKind, Mark, MarkKind, Phase, Recording
from soak.pipeline import asked_load
from soak.profile import Limits, parse_profile
from soak.windows import Arrivals
from tests.analysis.recordings import SECONDS, gauge, health, recording, windows

MEMORY = gauge("process_resident_memory_bytes", 50e6)


def marked(run: Recording, kind: MarkKind, asked: AskedLoad | None = None) -> list[Mark]:
    analysis = analyze(run, Limits(), asked_load=asked or AskedLoad())
    return [mark for mark in analysis.marks if mark.kind is kind]


def test_each_stretch_of_lost_scrapes_is_marked_with_its_source_and_count() -> None:
    source = health(failing=(10, *range(100, 130)))
    assert marked(recording(MEMORY, sources=[source]), MarkKind.LOST) == [
        Mark(MarkKind.LOST, 10.0, 10.0, "process: 1 scrape without an answer"),
        Mark(MarkKind.LOST, 100.0, 129.0, "process: 30 scrapes without an answer"),
    ]
    assert marked(recording(MEMORY, sources=[health()]), MarkKind.LOST) == []


def test_of_very_many_stretches_the_nearest_are_joined() -> None:
    failing = [*range(0, 2 * MOST, 2), 280]
    marks = marked(recording(MEMORY, sources=[health(failing=failing)]), MarkKind.LOST)
    assert len(marks) == MOST
    assert marks[-1].start == 280.0
    counted = sum(int(mark.text.removeprefix("process: ").split()[0]) for mark in marks)
    assert counted == MOST + 1


def test_load_is_marked_where_more_than_a_tenth_was_sent_late() -> None:
    late, none = np.zeros(SECONDS, np.int64), np.zeros(SECONDS, np.int64)
    late[[20, 50, 51]] = 10, 25, 75
    arrivals = Arrivals(late, none, np.zeros(SECONDS + 1, np.int64), none[:0], none[:0])
    requests = replace(windows(requests=100), arrivals=arrivals)
    assert marked(recording(MEMORY, requests=[requests]), MarkKind.LATE) == [
        Mark(MarkKind.LATE, 50.0, 52.0, "50% of the arrivals")
    ]


STAGED = """
name: staged
target: {url: "http://127.0.0.1:1"}
load:
  stages: [{rate: 20/s, for: 1m}, {ramp: 60/s, for: 2m}, {spike: 90/s, for: 30s},
           {sine: {low: 10/s, high: 20/s, period: 10s}, for: 1m}]
endpoints: [GET /]
"""


def test_stages_are_marked_where_they_begin_and_later_after_a_gap() -> None:
    asked = asked_load(parse_profile(STAGED, "")[0])
    run = recording(MEMORY)
    marks = marked(run, MarkKind.STAGE, asked)
    assert [(mark.start, mark.text) for mark in marks] == [
        (0.0, "1 of 4: 20/s for 60 s"),
        (60.0, "2 of 4: evenly to 60/s within 2 min"),
        (180.0, "3 of 4: a spike of 90/s for 30 s"),
        (210.0, "4 of 4: between 10/s and 20/s every 10 s, for 60 s"),
    ]
    resumed = replace(run, phases=(*run.phases, Phase("gap", 100.0, 150.0)))
    later = [mark.start for mark in marked(resumed, MarkKind.STAGE, asked)]
    assert later == [0.0, 60.0, 230.0, 260.0]
    single = re.sub(r"stages: .*?\]", "stages: [{rate: 20/s, for: 1m}]", STAGED, flags=re.DOTALL)
    asked_once = asked_load(parse_profile(single, "")[0])
    assert asked_once.stages == ()


@pytest.mark.parametrize("samples", [TOLD * 2, MOST_POINTS * 4])
@pytest.mark.parametrize(("factor", "broken"), [(0.9, False), (1.2, True)])
def test_no_line_crosses_a_gap(samples: int, factor: float, broken: bool) -> None:
    series = gauge("process_open_fds", np.arange(float(samples)))
    point = max(samples / MOST_POINTS, 1.0)  # seconds that one drawn point stands for
    later = series.times + np.where(series.times >= samples / 2, (GAP * factor - 1) * point, 0)
    curve = thinned(replace(series, times=later), "", None)
    assert np.isnan(curve.values).any() == broken
    assert (np.isnan(curve.low) == np.isnan(curve.values)).all()
    assert np.isfinite(curve.times).all()
    assert (np.diff(curve.times) > 0).all()


def test_a_restart_is_an_event_among_the_others_in_time_and_no_chart() -> None:
    start = gauge("process_start_time_seconds", np.repeat([1e9, 1e9 + 150], SECONDS // 2))
    late = Event(200.0, EventKind.WARNING, "later")
    analysis = analyze(recording(MEMORY, start, events=[late]), Limits())
    assert analysis.findings[0].series == start.name
    assert [event.kind for event in analysis.events] == ["restart", "warning"]
    drawn = {curve.series for chart in analysis.charts for curve in chart.curves}
    assert MEMORY.key in drawn
    assert start.key not in drawn
    assert analysis.lead is not None
    assert analysis.lead.series == MEMORY.key
