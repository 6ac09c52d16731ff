"""What charts mark along their time axis: lost scrapes, late load, stages, and gaps that no line crosses."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.marks import MOST, _moment, _stretches, marks
from soak.analysis.prepare.asked_load import AskedLoad
from soak.analysis.prepare.prepare import prepare
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
    lost = marked(recording(MEMORY, sources=[health(failing=failing)]), MarkKind.LOST)
    assert len(lost) == MOST
    assert lost[-1].start == 280.0
    counted = sum(int(mark.text.removeprefix("process: ").split()[0]) for mark in lost)
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
    stages = marked(run, MarkKind.STAGE, asked)
    assert [(mark.start, mark.text) for mark in stages] == [
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


WHOLE = prepare(recording(MEMORY), 0.0)


@pytest.mark.parametrize(
    ("seconds", "moment"),
    [
        (0.0, 10.0),
        (9.9, 19.9),
        (10.0, 25.0),
        (20.0, 35.0),
        (24.9, 39.9),
        (25.0, 50.0),
        (30.0, 55.0),
    ],
)
def test_a_second_of_load_is_later_by_the_gaps_before_it(seconds: float, moment: float) -> None:
    gaps = (Phase("gap", 20.0, 25.0), Phase("gap", 40.0, 50.0))
    assert _moment(replace(WHOLE, start=10.0, gaps=gaps), seconds) == pytest.approx(moment)


def test_a_stage_ends_where_the_next_begins_or_with_the_load() -> None:
    asked = AskedLoad(stages=((0.0, "a"), (100.0, "b"), (300.0, "c"), (400.0, "d")))
    made = [mark for mark in marks(replace(WHOLE, asked=asked)) if mark.kind is MarkKind.STAGE]
    assert [(mark.start, mark.end, mark.text) for mark in made] == [
        (0.0, 100.0, "a"),
        (100.0, 300.0, "b"),
    ]
    short = replace(WHOLE, asked=asked, end=250.0)
    assert [(mark.start, mark.end) for mark in marks(short)] == [(0.0, 100.0), (100.0, 250.0)]


def arrivals(late: np.ndarray) -> Arrivals:
    none = np.zeros(len(late), np.int64)
    return Arrivals(late, none, np.zeros(len(late) + 1, np.int64), none[:0], none[:0])


def test_late_arrivals_are_counted_over_all_endpoints_and_marked_from_the_windows_beginning() -> (
    None
):
    load = replace(windows(requests=50), seconds=np.full(SECONDS, 2.0))
    late = np.zeros(SECONDS, np.int64)
    late[[3, 4, 5, 9, 10]] = 5, 6, 1, 4, 12
    twice = [replace(load, arrivals=arrivals(late)), replace(load, arrivals=arrivals(late))]
    never = replace(load, endpoint="GET /closed")
    assert marked(recording(MEMORY, requests=twice), MarkKind.LATE) == [
        Mark(MarkKind.LATE, 3.0, 5.0, "12% of the arrivals"),
        Mark(MarkKind.LATE, 9.0, 11.0, "24% of the arrivals"),
    ]
    shared = marked(recording(MEMORY, requests=[twice[0], never]), MarkKind.LATE)
    assert shared == [Mark(MarkKind.LATE, 9.0, 11.0, "12% of the arrivals")]
    assert marked(recording(MEMORY, requests=[never]), MarkKind.LATE) == []


def test_a_late_arrival_that_was_not_answered_is_all_of_them() -> None:
    late = np.zeros(SECONDS, np.int64)
    late[0] = 1
    nothing = replace(windows(requests=0), arrivals=arrivals(late))
    [mark] = marked(recording(MEMORY, requests=[nothing]), MarkKind.LATE)
    assert mark.text == "100% of the arrivals"


@pytest.mark.parametrize(
    ("marked_at", "stretches"),
    [
        ([], []),
        ([0], [(0, 0)]),
        ([9], [(9, 9)]),
        ([0, 1, 2], [(0, 2)]),
        ([0, 2, 3, 9], [(0, 0), (2, 3), (9, 9)]),
        (list(range(10)), [(0, 9)]),
    ],
)
def test_moments_in_a_row_are_one_stretch(
    marked_at: list[int], stretches: list[tuple[int, int]]
) -> None:
    chosen = np.zeros(10, np.bool_)
    chosen[marked_at] = True
    assert _stretches(chosen, np.arange(10.0)) == stretches


@pytest.mark.parametrize("more", [0, 1, 3])
def test_beyond_a_hundred_stretches_those_with_the_shortest_way_between_them_are_joined(
    more: int,
) -> None:
    """Every other moment is marked; the ways are all of another length, the shortest after the stretches 3, 50 and 7."""
    count = 100 + more
    ways = 20.0 + np.arange(count - 1)
    ways[[3, 50, 7]] = 1.0, 2.0, 3.0
    times = np.repeat(np.concatenate(([0.0], np.cumsum(ways))), 2)[: 2 * count - 1]
    chosen = np.arange(2 * count - 1) % 2 == 0
    joined = _stretches(chosen, times)
    after = set([3, 50, 7][:more])
    expected, first = [], 0
    for number in range(count):
        if number not in after:
            expected.append((2 * first, 2 * number))
            first = number + 1
    assert joined == expected
    assert len(joined) == 100
