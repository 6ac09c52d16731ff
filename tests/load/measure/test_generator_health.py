"""What the load's process measures of itself."""

import time
from collections import namedtuple
from dataclasses import replace

import psutil
import pytest

from soak.load.measure import generator_health
from soak.load.measure.generator_health import (
    EVERY,
    Health,
    Machine,
    MasterHealth,
    _machine_seconds,
)
from soak.load.workload.mix import TrafficMix
from soak.load.workload.timerfd import PreciseTimer
from soak.windows import GeneratorWindow, Window
from tests.load.workload.test_open_model import PLAN


def rest(seconds: float) -> None:
    pace = PreciseTimer()
    pace.until(time.monotonic() + seconds)
    pace.close()


def spin(seconds: float) -> None:
    """Keep the event loop from its turns, on the processor for so long."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_a_busy_event_loop_is_late_and_costs_processor_time() -> None:
    health = Health(None)
    health.start()
    rest(3 * EVERY)
    began = time.monotonic()
    health.close(1.0, 0, 0)
    spin(0.3)
    stuck = health.close(
        time.monotonic() - began, 0, 0
    )  # before its turn came: a stuck loop must not look idle
    rest(2 * EVERY)
    after = health.close(1.0, 0, 0)
    assert stuck.lag >= 0.3 - 2 * EVERY
    assert after.lag >= 0.3 - 2 * EVERY
    assert stuck.cpu_seconds >= 0.29
    assert stuck.memory > 10 << 20


def test_an_idle_one_costs_next_to_nothing() -> None:
    health = Health(None)
    health.start()
    rest(0.5)
    window = health.close(0.5, 0, 0)
    assert window.cpu_seconds < 0.2
    assert window.cpu_ratio == pytest.approx(window.cpu_seconds / 0.5)


def test_windows_ask_for_what_is_due_in_them() -> None:
    health = Health(TrafficMix(replace(PLAN, rate=50.0, ramp=2.0, duration=3.0)).schedule.count)
    closed = [health.close(1.0, 2 * queued, queued) for queued in (0, 3, 3, 10, 10, 10)]
    assert [window.asked for window in closed] == pytest.approx([12.5, 37.5, 50, 50, 50, 0])
    assert [window.queued for window in closed] == [0, 3, 0, 7, 0, 0]
    assert [window.made for window in closed] == [0, 6, 0, 14, 0, 0]
    assert Health(None).close(1.0, 0, 0).asked is None


def test_several_processes_are_as_busy_as_the_busiest() -> None:
    first, other = (
        GeneratorWindow(0.5, 0.5, 0.001, 100, 20.0, 9, 1),
        GeneratorWindow(0.9, 0.9, 0.2, 50, 30.0, 8, 2),
    )
    together = GeneratorWindow.together([first, other])
    assert together == GeneratorWindow(0.9, 1.4, 0.2, 150, 50.0, 17, 3)
    assert GeneratorWindow.together([replace(first, asked=None)]).asked is None


def test_the_load_of_the_machine_is_told_per_core_and_the_highest_of_several_counts() -> None:
    here = Health(None).close(1.0, 0, 0).machine_load
    assert here is not None
    assert 0 <= here < 1000
    first = GeneratorWindow(0.5, 0.5, 0.001, 100)
    loads = [replace(first, machine_load=load) for load in (0.5, 7.5, None)]
    assert GeneratorWindow.together(loads).machine_load == 7.5
    assert GeneratorWindow.together([first]).machine_load is None


def test_the_masters_own_cpu_and_memory_stand_beside_its_workers() -> None:
    worker = GeneratorWindow(0.1, 0.1, 0.002, 100, 20.0, 9, 1)
    window = Window(1.0, 1.0, 5, (), worker)
    health = MasterHealth()
    spin(0.3)
    first, second = health.beside([window, replace(window, generator=None)])
    assert first.generator is not None
    assert second.generator is not None
    assert 0.25 <= first.generator.cpu_seconds <= 0.4  # half of it, and the worker's
    assert second.generator.cpu_seconds == pytest.approx(first.generator.cpu_seconds - 0.1)
    assert (
        0 < second.generator.cpu_ratio <= 0.2
    )  # of the two seconds that the windows are long, if not of more
    assert first.generator.memory - 100 == second.generator.memory > 10 << 20
    assert (first.generator.lag, first.generator.asked, first.generator.made) == (0.002, 20.0, 9)
    assert list(health.beside([])) == []


def test_the_machines_busy_processors_are_counted_whoever_uses_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moments = iter([(10.0, 100.0), (13.0, 104.0), (13.0, 104.0), (20.0, 104.0)])
    monkeypatch.setattr(generator_health, "_machine_seconds", lambda: next(moments))
    machine = Machine()
    machine.processors = 4
    assert machine.busy() == 3.0
    assert machine.busy() is None  # the clock has not moved
    assert machine.busy() is None


def test_a_guests_time_is_not_counted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = {"user": 30.0, "guest": 20.0, "system": 5.0, "idle": 60.0, "iowait": 4.0, "steal": 1.0}
    times = namedtuple("times", parts)(**parts)  # noqa: PYI024
    monkeypatch.setattr(psutil, "cpu_times", lambda: times)
    assert _machine_seconds() == (36.0, 100.0)


def test_of_several_machines_the_busiest_counts() -> None:
    first = GeneratorWindow(0.5, 0.5, 0.001, 100)
    large = replace(first, machine_busy=6.0, machine_processors=64)
    small = replace(first, machine_busy=1.9, machine_processors=2)
    together = GeneratorWindow.together([large, first, small])
    assert (together.machine_busy, together.machine_processors) == (1.9, 2)
