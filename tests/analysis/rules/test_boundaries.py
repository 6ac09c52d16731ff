"""Either side of the constants of rules that only advise, in literal values; and that each of these tests notices a move."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from soak.analysis.prepare.prepare import prepare
from soak.analysis.rules import gc_pressure, pools
from soak.analysis.rules.rule import RuleInput
from soak.model import Series
from soak.profile import Limits
from tests.analysis.recordings import SECONDS, counter, gauge, recording
from tests.boundaries import BOUNDARY_TESTS, notices, pins

MIB = 2.0**20
LARGE = gauge("process_resident_memory_bytes", 500 * MIB)
#: The constants that a rule keeps beside itself: by how much less and more each must be noticed.
MODULES: tuple[ModuleType, ...] = (gc_pressure, pools)


def asked(*series: Series) -> RuleInput:
    return RuleInput(prepare(recording(*series), 0.0), Limits(), {}, False, None)


def advised(*series: Series, beside: Series = LARGE) -> str:
    return " ".join(gc_pressure.gc_warnings(asked(*series, beside), ()))


@pins(gc_pressure, "CYCLES")
def test_more_than_a_hundred_collections_a_minute_are_advised_against() -> None:
    for each_minute, told in ((98, False), (103, True)):
        ran = counter("go_gc_cycles_total_gc_cycles_total", np.arange(SECONDS) * each_minute / 60)
        assert ("times a minute" in advised(ran)) is told


@pins(gc_pressure, "PAUSE")
def test_a_pause_of_more_than_100_ms_is_advised_against() -> None:
    for pause, told in ((0.098, False), (0.102, True)):
        assert ("pause" in advised(gauge("go_gc_duration_seconds", pause, quantile="1"))) is told


@pins(gc_pressure, "LIVE")
def test_more_than_four_fifths_alive_are_advised_against() -> None:
    for live, told in ((395, False), (405, True)):
        heap, taken = (
            gauge("go_gc_heap_live_bytes", live * MIB),
            gauge("go_memstats_sys_bytes", 500 * MIB),
        )
        assert ("is live" in advised(heap, taken)) is told


@pins(gc_pressure, "SMALL")
def test_heaps_below_64_mib_have_no_advice() -> None:
    pause = gauge("go_gc_duration_seconds", 0.5, quantile="1")
    assert not advised(pause, beside=gauge("process_resident_memory_bytes", 63 * MIB))
    assert advised(pause, beside=gauge("process_resident_memory_bytes", 65 * MIB))


def warned(used: list[float] | float, maximum: float) -> str:
    rows = (gauge("go_sql_in_use_connections", used), gauge("go_sql_max_open_connections", maximum))
    return " ".join(pools.pool_warnings(asked(*rows), ()))


@pins(pools, "_PINNED")
def test_a_pool_is_pinned_in_95_of_100_samples() -> None:
    for share, told in ((0.96, True), (0.94, False)):
        full = round(share * SECONDS)
        assert (
            "was at its maximum" in warned([10.0] * full + [1.0] * (SECONDS - full), 10)
        ) is told


@pins(pools, "_LARGE")
def test_a_pool_is_large_from_twenty_connections_on() -> None:
    assert "polls saw at most" in warned(1, 20)
    assert "polls saw at most" not in warned(1, 19)


@pins(pools, "_HARDLY")
def test_a_pool_is_too_large_of_which_less_than_a_quarter_is_used() -> None:
    assert "polls saw at most" in warned(24, 100)
    assert "polls saw at most" not in warned(26, 100)


PINNED = sorted(
    (module, name)
    for module, name in BOUNDARY_TESTS
    if module in {each.__name__ for each in MODULES}
)


@pytest.mark.parametrize(("module", "name"), PINNED)
def test_a_constant_moved_by_a_tenth_is_noticed(module: str, name: str) -> None:
    [held] = [each for each in MODULES if each.__name__ == module]
    value = float(vars(held)[name])
    for other in (0.9 * value, 1.1 * value):
        assert notices(held, name, other), f"{name} may be {other} and no boundary test notices"
