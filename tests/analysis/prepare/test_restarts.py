"""Which process a series tells of, and when that was replaced."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from soak.analysis.prepare.prepare import prepare
from soak.analysis.prepare.process_restarts import _agreed, _cpu_goes_on
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


def test_two_series_that_see_one_restart_at_two_moments_agree_on_one() -> None:
    assert _agreed([[10.0], [9.0, 100.0], []]) == (9.0, 100.0)
    assert _agreed([]) == ()
