"""Which process a series tells of, and when that was replaced."""

import numpy as np
import pytest

from soak.analysis.prepare.prepare import prepare
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


@pytest.mark.parametrize(
    ("step", "spent_anew", "replaced"),
    [
        (-3600.0, False, 0),  # the clock was set back
        (40.0, False, 0),  # ... or forward by less than the process was seen to live
        (-3600.0, True, 1),  # another process, which began earlier, answers now
        (SECONDS / 2 + 1, False, 1),  # as a new process's would be
        (SECONDS / 2 + 1, True, 1),
    ],
)
def test_a_start_time_that_moves_with_the_clock_is_no_restart(
    step: float, spent_anew: bool, replaced: int
) -> None:
    """A page in Go works out its start from the system's boot, which the clock moves, at each scrape."""
    late = np.arange(SECONDS) >= SECONDS // 2
    cpu = np.arange(SECONDS) * 0.1 + 2
    page = [
        gauge("process_start_time_seconds", np.where(late, 1e9 + step, 1e9)),
        counter("process_cpu_seconds_total", np.where(late & spent_anew, cpu - 15, cpu)),
    ]
    assert len(prepare(recording(*page), 0.0).restarts[""]) == replaced
