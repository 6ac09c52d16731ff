"""Which process a series tells of, and when that was replaced."""

import numpy as np

from soak.analysis.prepare.prepare import prepare
from tests.analysis.recordings import SECONDS, gauge, recording


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
