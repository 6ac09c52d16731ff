"""The load of a capacity search, on load processes that answer as a simulated target does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from soak.capacity.settings import SearchSettings
from soak.capacity.step_test import WindowCounts
from soak.capacity.steps import DrivenStep, Step, StepKind
from soak.errors import LoadError
from soak.load.plan.plan import Plan
from soak.load.supervisor import search_load
from soak.load.supervisor.search_load import SearchLoad, counts_of
from soak.model import Event, EventKind
from soak.windows import Window
from tests.capacity.simulated import QueueTarget, settings, window_of

END_SECONDS = 60.0
ASKED = settings(lowest=50.0, highest=400.0, within=0.2, step=5.0, confirm=8.0)


class SimulatedLoads:
    """Stands in for `LoadProcess`: each load gives the windows of a simulated target at its plan's rate."""

    def __init__(self, target: QueueTarget, asked: SearchSettings) -> None:
        self.target, self.asked = target, asked
        self.plans: list[Plan] = []
        self.stopped = 0
        self.failing_at: float | None = None
        self.now = 0.0

    def __call__(
        self,
        plan: Plan,
        origin: float,
        log: Path,
        on_window: Callable[[Window], None],
        on_event: Any,
    ) -> SimulatedLoad:
        self.plans.append(plan)
        return SimulatedLoad(self, plan, on_window)


class SimulatedLoad:
    def __init__(
        self, loads: SimulatedLoads, plan: Plan, on_window: Callable[[Window], None]
    ) -> None:
        self._loads, self._plan, self._on_window = loads, plan, on_window
        self.started: float | None = None
        self.failure: str | None = None
        self.running = False

    def start(self, patience: float = 0.0, stop: threading.Event | None = None) -> None:
        loads, rate = self._loads, self._plan.rate
        assert rate is not None
        if loads.failing_at is not None and rate >= loads.failing_at:
            raise LoadError("the load's process ended before its first request")
        self.started, self.running = loads.now, True
        for counts in loads.target.windows(
            Step(StepKind.STEP, rate, 0.0, 0.0, self._plan.duration - 2)
        ):
            loads.now += 1.0
            self._on_window(window_of(counts, loads.now))

    def stop(self) -> None:
        self.running = False
        self._loads.stopped += 1


def search(
    monkeypatch: pytest.MonkeyPatch,
    loads: SimulatedLoads,
    asked: SearchSettings = ASKED,
    duration: float = 1e9,
) -> tuple[SearchLoad, list[Event], list[Window], list[dict[str, Any]]]:
    """A search that was started, with what it told while it went on."""
    monkeypatch.setattr(search_load, "LoadProcess", loads)
    events: list[Event] = []
    windows: list[Window] = []
    kept: list[dict[str, Any]] = []

    def keep(*, steps: list[dict[str, Any]]) -> None:
        kept[:] = steps

    plan = Plan("http://127.0.0.1:1", (), duration, 0.0, 1.0, 10.0, rate=asked.lowest)
    load = SearchLoad(
        asked, plan, time.monotonic(), Path("log"), windows.append, events.append, keep
    )
    load.start()
    return load, events, windows, kept


def test_a_search_drives_the_steps_that_its_outcomes_lead_to_and_keeps_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loads = SimulatedLoads(QueueTarget(150.0, 3), ASKED)
    load, events, windows, kept = search(monkeypatch, loads)
    assert load.wait(END_SECONDS)
    assert load.failure is None
    steps = [DrivenStep.from_json(entry).step for entry in kept]
    assert [step.rate for step in steps] == [plan.rate for plan in loads.plans]
    assert [step.rate for step in steps[:4]] == [50.0, 100.0, 200.0, 50.0]
    assert steps[3].kind is StepKind.RECOVERY
    assert loads.stopped >= len(steps)
    told = [event.text for event in events if event.kind is EventKind.STEP]
    assert len(told) == len(steps)
    assert told[0].startswith("50 requests/s: held; ")
    assert told[2].startswith("200 requests/s: broke; ")
    assert load.finished is not None
    # What a later judgement is made from: every window was recorded, and each step knows its own.
    assert windows[0].time > DrivenStep.from_json(kept[0]).start
    for before, after in pairwise(kept):
        assert before["end"] <= after["start"]


def test_a_search_ends_with_the_rate_that_held_at_length(monkeypatch: pytest.MonkeyPatch) -> None:
    load, events, _, _ = search(monkeypatch, SimulatedLoads(QueueTarget(190.0, 3), ASKED))
    assert load.wait(END_SECONDS)
    confirmed = [event.text for event in events if ", confirmed at length: held" in event.text]
    assert len(confirmed) == 1
    # A queue with one exponential server keeps p99 within 250 ms up to 18.4 requests/s below its
    # capacity.
    assert 0.8 * 171.6 <= float(confirmed[0].split()[0]) <= 171.6 * 1.05


def test_a_step_whose_load_cannot_start_breaks_the_search_and_keeps_what_it_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loads = SimulatedLoads(QueueTarget(1000.0), ASKED)
    loads.failing_at = 200.0
    load, _, _, kept = search(monkeypatch, loads)
    assert load.wait(END_SECONDS)
    assert load.failure == "the load's process ended before its first request"
    assert [entry["rate"] for entry in kept] == [50.0, 100.0]


def test_a_first_step_that_cannot_start_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loads = SimulatedLoads(QueueTarget(1000.0), ASKED)
    loads.failing_at = 50.0
    with pytest.raises(LoadError, match="before its first request"):
        search(monkeypatch, loads)


def test_a_search_that_is_stopped_ends_its_step_and_is_no_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # No step of a target that never answers is decided: the search waits in its first one.
    asked = settings(lowest=50.0, highest=400.0, step=1e6)
    loads = SimulatedLoads(QueueTarget(1000.0), settings())
    monkeypatch.setattr(QueueTarget, "windows", lambda _self, _step: iter(()))
    load, events, _, kept = search(monkeypatch, loads, asked)
    assert load.running
    load.stop()
    assert load.wait(END_SECONDS)
    assert (load.failure, loads.stopped >= 1, len(kept)) == (None, True, 1)
    assert "undecided" in events[-1].text


def test_a_search_ends_after_its_time_with_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = settings(lowest=50.0, highest=400.0, step=1e6)
    monkeypatch.setattr(QueueTarget, "windows", lambda _self, _step: iter(()))
    load, _, _, kept = search(
        monkeypatch, SimulatedLoads(QueueTarget(1000.0), asked), asked, duration=0.3
    )
    assert load.wait(END_SECONDS)
    assert (load.failure, len(kept)) == (None, 1)


def test_a_window_is_counted_over_all_endpoints() -> None:
    counts = WindowCounts(1.0, {100: 3}, 5, 2, 1, 4, 8.0, 6.0, 0.3, 0.01)
    window = window_of(counts, 1.0)
    both = Window(1.0, 1.0, 4, (*window.endpoints, *window.endpoints), window.generator)
    assert counts_of(window) == counts
    assert (counts_of(both).requests, counts_of(both).failures, counts_of(both).latency) == (
        10,
        4,
        {100: 6},
    )
