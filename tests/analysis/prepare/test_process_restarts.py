"""Which process a series tells of, and when that was replaced."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from soak.analysis.prepare.prepare import prepare
from soak.analysis.prepare.process_restarts import (
    _agreed,
    _clock_set,
    _cpu_goes_on,
    _going_on,
    process_of,
    restarts,
)
from soak.model import Series
from tests.analysis.recordings import SECONDS, counter, gauge, recording


def test_a_container_that_restarts_is_replaced_alone() -> None:
    """cAdvisor's page is of many containers, with one instance for all."""
    started = np.where(np.arange(SECONDS) < SECONDS // 2, 1e9, 1e9 + 500)
    page = [
        gauge("container_start_time_seconds", started, id="/docker/a", instance="node"),
        gauge("container_start_time_seconds", 1e9, id="/docker/b", instance="node"),
        gauge("container_memory_rss", 5e7, id="/docker/a", instance="node"),
        gauge("container_memory_rss", 5e7, id="/docker/b", instance="node"),
    ]
    prepared = prepare(recording(*page), 0.0)
    assert prepared.borders(page[2]) == (float(SECONDS // 2),)
    assert prepared.borders(page[3]) == ()


def test_the_kubelets_page_tells_containers_by_their_names() -> None:
    started = np.where(np.arange(SECONDS) < SECONDS // 2, 1e9, 1e9 + 500)
    labels = {"namespace": "shop", "pod": "orders-1", "container": "orders"}
    page = [
        gauge("container_start_time_seconds", started, **labels),
        gauge("container_memory_working_set_bytes", 5e7, **labels),
        gauge("container_memory_working_set_bytes", 5e7, **labels | {"pod": "orders-2"}),
    ]
    prepared = prepare(recording(*page), 0.0)
    assert prepared.borders(page[1]) == (float(SECONDS // 2),)
    assert not prepared.borders(page[2])


HALF = SECONDS // 2


@pytest.mark.parametrize(
    ("step", "spent_anew", "counted_anew", "dated", "replaced"),
    [
        (-3600.0, False, False, False, 0),  # the clock was set back
        (40.0, False, False, False, 0),  # ... or forward by less than the process was seen to live
        (-3600.0, True, True, False, 1),  # another process, which began earlier, answers now
        (7200.0, False, False, True, 0),  # the clock was set forward by more than that
        (7200.0, False, False, False, 1),  # ... which nobody knows who does not know when it was
        (7200.0, False, True, True, 1),  # not all counters go on
        (7200.0, True, True, True, 1),
        (HALF + 60.5, False, False, True, 1),  # as a new process's would be, which worked at once
        (HALF + 60.5, True, True, True, 1),
    ],
)
def test_a_start_time_that_moves_with_the_clock_is_no_restart(
    step: float, spent_anew: bool, counted_anew: bool, dated: bool, replaced: int
) -> None:
    """A page in Go works out its start from the system's boot, which the clock moves, at each scrape."""
    late = np.arange(SECONDS) >= HALF
    cpu, requests = np.arange(SECONDS) * 0.1 + 2, np.arange(SECONDS) * 10.0
    page = [
        gauge("process_start_time_seconds", np.where(late, 1e9 + step, 1e9)),
        counter("process_cpu_seconds_total", np.where(late & spent_anew, cpu - 15, cpu)),
        counter("requests_total", np.where(late & counted_anew, requests - 1490, requests)),
    ]
    # The process was a minute old when the run began.
    began = datetime.fromtimestamp(1e9 + 60, UTC).isoformat() if dated else ""
    seen = recording(*page)
    seen = replace(seen, run=replace(seen.run, started=began))
    assert len(prepare(seen, 0.0).restarts[""]) == replaced


def test_a_process_that_was_hardly_seen_is_replaced_though_the_next_one_worked_more() -> None:
    """Of a page that answers once a minute: what the new process did unseen may be more than what the old one ever did."""
    at = np.array([0.0, 1.0, 60.0, 61.0])
    starts = np.array([1e9, 1e9, 1e9 + 7200, 1e9 + 7200])
    page = [
        replace(gauge("process_start_time_seconds", starts), times=at),
        replace(counter("process_cpu_seconds_total", [1.0, 2.0, 40.0, 41.0]), times=at),
    ]
    seen = recording(*page)
    began = datetime.fromtimestamp(1e9 + 60, UTC).isoformat()
    seen = replace(seen, run=replace(seen.run, started=began))
    assert prepare(seen, 0.0).restarts[""] == (60.0,)


def test_cpu_time_goes_on_where_it_had_begun_and_does_not_fall() -> None:
    times, moved = np.arange(6.0), np.array([2, 3, 4, 5])
    spent = replace(
        counter("process_cpu_seconds_total", [0.0, 0.0, 3.0, 3.0, 2.0, 5.0]), times=times
    )
    assert _cpu_goes_on([spent], times, moved).tolist() == [False, True, False, True]
    assert not _cpu_goes_on([], times, moved).any()
    empty = replace(spent, times=times[:0])
    assert not _cpu_goes_on([empty, spent], times, moved).any()
    assert _cpu_goes_on([spent, empty], times, moved).any()
    slow = replace(counter("process_cpu_seconds_total", [0.25, 0.25, 0.5, 0.5]), times=times[1:5])
    # Of what it had spent before it was first seen, or after it was last, nothing is known.
    assert _cpu_goes_on([slow, spent], times, np.array([1, 2, 4, 5])).tolist() == [
        *(False, True),
        *(True, False),
    ]


def test_two_series_that_see_one_restart_at_two_moments_agree_on_one() -> None:
    assert _agreed([[10.0], [9.0, 100.0], []]) == (9.0, 100.0)
    assert _agreed([]) == ()
    assert _agreed([[10.0, 20.0], [30.0], [30.5]]) == (10.0, 20.0, 30.5)
    assert _agreed([[30.5], [30.0], [10.0, 20.0]]) == (10.0, 20.0, 30.5)
    assert _agreed([[0.0], [10.0]]) == (0.0,)
    assert _agreed([[10.0], [0.0]]) == (10.0,)
    assert _agreed([[0.0], [10.5]]) == (0.0, 10.5)


def at_times(name: str, times: list[float], values: list[float], **labels: str) -> Series:
    return replace(gauge(name, values, **labels), times=np.array(times, np.float64))


STARTED, STARTED_CONTAINER, ID, SPENT = (
    "process_start_time_seconds",
    "container_start_time_seconds",
    "process_pid",
    "process_cpu_seconds_total",
)


UNDATED = recording(requests=())


@pytest.mark.parametrize(
    ("name", "values", "replaced"),
    [
        (STARTED, [5, 5, 6, 6], ()),  # clocks may disagree by a second
        (STARTED, [5, 5, 6.5, 6.5], (2.0,)),
        (STARTED, [5, 6.5, 6.5, 8], (1.0, 3.0)),
        (STARTED_CONTAINER, [5, 5, 6, 6], ()),
        (STARTED_CONTAINER, [5, 5, 6.5, 6.5], (2.0,)),
        (ID, [5, 5, 6, 6], (2.0,)),
        (ID, [5, 5, 5, 4], (3.0,)),
        (ID, [5, 5, 5, 5], ()),
        (ID, [5, np.nan, 5, 4], (3.0,)),
        (ID, [5, 4, np.nan, 4], (1.0,)),
    ],
)
def test_a_process_is_replaced_where_its_start_or_its_id_changes(
    name: str, values: list[float], replaced: tuple[float, ...]
) -> None:
    row = at_times(name, [0.0, 11.0, 22.0, 33.0], values)
    expected = tuple(11 * each for each in replaced)
    assert restarts(UNDATED, (row,), 0.0, 33.0) == {"": expected}
    # One that began before the stretch, or after it, is none of it.
    assert restarts(UNDATED, (row,), 11.0, 22.0) == {
        "": tuple(each for each in expected if each == 22)
    }


def test_only_series_of_starts_and_ids_tell_of_restarts() -> None:
    rows = (
        at_times("x_id", [0.0, 1.0], [1.0, 2.0], instance="a"),
        at_times(ID, [0.0, 1.0], [1.0, 2.0], instance="b"),
        at_times(ID, [0.0, 1.0], [1.0, 1.0], instance="c"),
        at_times(STARTED, [0.0, 1.5], [100.0, 200.0], instance="b"),
    )
    assert restarts(UNDATED, rows, 0.0, 9.0) == {"b": (1.0,), "c": ()}


def test_an_id_that_changes_is_a_restart_though_cpu_time_goes_on() -> None:
    times = [float(at) for at in range(10)]
    spent = at_times(SPENT, times, [at + 1 for at in times])
    changed = at_times(ID, times, [1.0] * 8 + [2.0] * 2)
    assert restarts(UNDATED, (changed, spent), 0.0, 9.0) == {"": (8.0,)}
    # Of a start time, that is the clock: it moved by less than the process had lived.
    set_back = at_times(STARTED, times, [100.0] * 8 + [105.0] * 2)
    assert restarts(UNDATED, (set_back, spent), 0.0, 9.0) == {"": ()}
    # What another source or another process spent says nothing.
    for other in (replace(spent, source="other"), replace(spent, labels=(("instance", "b"),))):
        assert restarts(UNDATED, (set_back, other), 0.0, 9.0)[""] == (8.0,)


NAN = np.nan


@pytest.mark.parametrize(
    ("times", "moved", "before", "after", "counted", "clock"),
    [
        # The process lived 7 s; a new one would have begun 6 s later or more.
        (range(10), 8, 1001.0, 1006.5, [], True),
        (range(10), 8, 1001.0, 1007.0, [], False),
        (range(10), 8, 900.0, 100.0, [], True),
        # Its start by soak's clock, which began at 1000, against the scrape at 8 s that shows it.
        (range(10), 8, 900.0, 1008.0, [], False),
        (range(10), 8, 900.0, 1009.0, [], False),
        (range(10), 8, 900.0, 1009.5, [], True),
        (range(10), 8, 900.0, 1006.0, [], False),
        (range(10), 8, 900.0, 1005.5, [], True),
        # Three seconds unseen.
        ([*range(8), 10], 8, 900.0, 1006.0, [], False),
        ([*range(8), 10], 8, 900.0, 1005.5, [], True),
        # A process that was seen for no longer than the time between the scrapes.
        ([0, 1, 2, 4], 3, 900.0, 2000.0, [], False),
        ([0, 1, 2.5, 4], 3, 900.0, 2000.0, [], True),
        # A counter that fell.
        (range(10), 8, 900.0, 2000.0, [5.0, 4.0], False),
        (range(10), 8, 900.0, 2000.0, [5.0, 5.0], True),
        (range(10), 8, 900.0, 905.5, [5.0, 4.0], True),
    ],
)
def test_a_start_time_moves_with_the_clock_where_no_new_process_could_have_begun(
    times: list[float],
    moved: int,
    before: float,
    after: float,
    counted: list[float],
    clock: bool,
) -> None:
    at = np.array(times, np.float64)
    late = np.arange(len(at)) >= moved
    starts = np.where(late, after, before)
    page = [replace(counter(SPENT, 1 + at), times=at)]
    if counted:
        fell = np.where(late, counted[1], counted[0])
        page.append(replace(counter("requests_total", fell), times=at))
        page.append(replace(gauge("x", -fell), times=at))
    assert _clock_set(at, starts, np.array([moved]), page, 1000.0).tolist() == [clock]
    assert _clock_set(at, starts, np.array([moved]), page[1:], 1000.0).tolist() == [False]


def test_the_life_of_a_process_begins_with_the_change_before() -> None:
    at = np.arange(20.0)
    page = [replace(counter(SPENT, 1 + at), times=at)]
    starts = np.where(at < 10, 900.0, np.where(at < 15, 950.0, 957.0))
    # The second of them lived from 10 s to 14 s: 7 s later may be a new one.
    assert _clock_set(at, starts, np.array([10, 15]), page, NAN).tolist() == [False, False]
    starts = np.where(at < 10, 900.0, np.where(at < 15, 950.0, 952.0))
    assert _clock_set(at, starts, np.array([10, 15]), page, NAN).tolist() == [False, True]
    # Without the change between them, 7 s are less than it lived.
    starts = np.where(at < 15, 950.0, 957.0)
    assert _clock_set(at, starts, np.array([15]), page, NAN).tolist() == [True]


def test_a_counter_goes_on_from_its_last_value_at_each_moment() -> None:
    times, moved = np.arange(4.0), np.array([1, 2, 3])
    unknown = replace(counter("x_total", [NAN, NAN]), times=times[:2])
    late = replace(counter("y_total", [5.0, NAN, 4.0, 6.0]), times=np.array([0.5, 1.0, 1.5, 2.5]))
    found = [each.tolist() for each in _going_on([unknown, late], times, moved)]
    # Seen until 0, 1, 2 and 3 s: 5 (which is yet to come), 5, 4 and 6.
    assert found == [[True, False, True]]
    at_once = replace(counter("z_total", [1.0, 3.0, 2.0, 9.0]), times=times)
    [same] = _going_on([at_once], times, moved)
    assert same.tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("name", "labels", "process"),
    [
        ("x", {}, ""),
        ("x", {"instance": "a", "id": "b"}, "a"),
        ("container_x", {"instance": "a", "id": "b", "pod": "c"}, "b"),
        ("container_x", {"instance": "a", "namespace": "n", "container": "c", "pod": "p"}, "n/p/c"),
        ("container_x", {"instance": "a", "id": "", "pod": "p", "namespace": ""}, "p"),
        ("container_x", {"instance": "a"}, "a"),
    ],
)
def test_a_container_s_series_are_of_the_container(
    name: str, labels: dict[str, str], process: str
) -> None:
    assert process_of(gauge(name, 1.0, **labels)) == process
