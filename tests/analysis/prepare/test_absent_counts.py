"""Numbers by type: a type that a page does not show is 0."""

from __future__ import annotations

import numpy as np
import pytest

from soak.analysis.prepare.absent_counts import with_absent_counts
from soak.model import Series


def series(name: str, times: list[float], source: str = "prometheus", **labels: str) -> Series:
    return Series(name, np.array(times), np.array(times) + 1, tuple(labels.items()), source=source)


@pytest.mark.parametrize("name", ["nodejs_active_resources", "v8js_resource_active"])
def test_a_type_that_is_missing_while_its_page_was_read_is_none(name: str) -> None:
    timers = series(name, [1.0, 3.0], type="Timeout")
    memory = series("process_resident_memory_bytes", [0.0, 1.0, 2.0, 3.0])
    elsewhere = series("process_open_fds", [0.5], source="process")
    filled, *others = with_absent_counts([timers, memory, elsewhere])
    assert filled.times.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert filled.values.tolist() == [0.0, 2.0, 0.0, 4.0]
    assert filled.labels == timers.labels
    assert others == [memory, elsewhere]


def test_what_is_missing_of_another_process_stays_unknown() -> None:
    timers = series("nodejs_active_resources", [1.0], type="Timeout", instance="a")
    memory = series("process_resident_memory_bytes", [0.0, 1.0], instance="b")
    filled, _ = with_absent_counts([timers, memory])
    assert filled.times.tolist() == [1.0]


def test_other_series_that_are_missing_stay_unknown() -> None:
    pool = series("hikaricp_connections_active", [1.0], pool="a")
    memory = series("process_resident_memory_bytes", [0.0, 1.0])
    assert list(with_absent_counts([pool, memory])) == [pool, memory]
