"""A load that searches for the target's capacity: one load process per step, at a rate chosen from earlier steps."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from soak.capacity.search import next_step
from soak.capacity.settings import SearchSettings
from soak.capacity.step_test import StepTest, WindowCounts
from soak.capacity.steps import DrivenStep, Step, StepKind, StepOutcome
from soak.errors import SoakError
from soak.latency import Histogram
from soak.load.plan.plan import Plan
from soak.load.plan.schedule import ScheduleSegment
from soak.load.supervisor.load_process import START_SECONDS, LoadProcess
from soak.model import Event, EventKind
from soak.profile.load import Load
from soak.recording import LOAD_LOG
from soak.units import show_number
from soak.windows import Window

#: Seconds that a step's load is planned longer than the step may take, so that the step's test ends
#: the step.
MARGIN = 10.0
#: Interval in seconds at which the search checks a running step.
_OFTEN = 0.1


class SearchLoad:
    """A whole search as one load, with the start, stop and failure interface of `LoadProcess`.

    Windows go to `on_window` and events to `on_event`, as for every load. After each step, `keep` is
    called with all `steps` so far. The search ends after the plan's duration at the latest.
    Each step opens new connections.
    """

    def __init__(
        self,
        settings: SearchSettings,
        plan: Plan,
        origin: float,
        log: Path,
        on_window: Callable[[Window], None],
        on_event: Callable[[Event], None],
        keep: Callable[..., None],
    ) -> None:
        self.started: float | None = None
        self.finished: float | None = None
        self.failure: str | None = None
        self._settings, self._plan, self._origin, self._log = settings, plan, origin, log
        self._on_window, self._on_event, self._keep = on_window, on_event, keep
        self._steps: list[dict[str, Any]] = []
        self._stop, self._ended, self._decided = (
            threading.Event(),
            threading.Event(),
            threading.Event(),
        )
        self._history: list[StepOutcome] = []
        self._made = plan.before
        self._load: LoadProcess | None = None
        self._test: StepTest | None = None
        self._outcome: StepOutcome | None = None
        self._last_window = 0.0
        self._thread = threading.Thread(target=self._search, name="soak-search", daemon=True)

    def start(self, patience: float = START_SECONDS, stop: threading.Event | None = None) -> None:
        """Start the first step and return once its traffic begins. Raise LoadError if it does not."""
        first = next_step(self._settings, ())
        assert first is not None
        load = self._begin(first)
        load.start(patience, stop)
        self.started = load.started
        self._thread.start()

    @property
    def running(self) -> bool:
        """Return True if windows may still come."""
        return not self._ended.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait for the end; True once it has come."""
        return self._ended.wait(seconds)

    def stop(self) -> None:
        """End the current step in order, and the search with it."""
        self._stop.set()
        if self._load is not None:
            self._load.stop()
        if self._thread.is_alive():
            self._thread.join(START_SECONDS)

    def _search(self) -> None:
        try:
            while self._finish() and (step := next_step(self._settings, self._history)) is not None:
                self._begin(step).start(stop=self._stop)
        except SoakError as error:
            if not self._stop.is_set():
                self.failure = str(error)
        finally:
            self.finished = time.monotonic() - self._origin
            self._ended.set()

    def _begin(self, step: Step) -> LoadProcess:
        """Return the load process of a step, not yet started."""
        seconds = step.settle + step.most + MARGIN
        plan = replace(
            self._plan,
            rate=step.rate,
            ramp=0.0,
            duration=seconds,
            pieces=(ScheduleSegment(seconds, step.rate, step.rate),),
            before=self._made,
        )
        self._decided.clear()
        self._outcome = None
        flows = bool(self._plan.flows)
        self._test = StepTest(step, self._settings.limits, self._settings.risk, flows)
        self._load = LoadProcess(plan, self._origin, self._log, self._take, self._on_event)
        return self._load

    def _take(self, window: Window) -> None:
        """Record one window, then pass it to the step's test."""
        self._on_window(window)
        self._made += sum(seen.requests for seen in window.endpoints)
        if self._test is None or self._decided.is_set():
            return
        self._last_window = window.time
        self._outcome = self._test.add(counts_of(window))
        if self._outcome is not None:
            self._decided.set()

    def _finish(self) -> bool:
        """Wait for the step's outcome and end its load; return False if the search cannot continue."""
        load, test = self._load, self._test
        assert load is not None
        assert load.started is not None
        assert test is not None
        latest = (self.started or 0.0) + self._plan.duration
        late = False
        while load.running and not (late or self._stop.is_set() or self._decided.wait(_OFTEN)):
            late = time.monotonic() - self._origin > latest
        load.stop()
        decided = self._outcome is not None
        outcome = self._outcome or test.ended()
        self._history.append(outcome)
        self._steps.append(DrivenStep(outcome.step, load.started, self._last_window).to_json())
        self._keep(steps=self._steps)
        if outcome.step.kind is not StepKind.WARMUP:
            self._on_event(Event(self._last_window, EventKind.STEP, step_text(outcome)))
        if load.failure is not None and not self._stop.is_set() and not decided:
            self.failure = load.failure
        return decided and not late and not self._stop.is_set() and self.failure is None


AnyLoad = LoadProcess | SearchLoad


def load_of(
    load: Load,
    plan: Plan,
    origin: float,
    directory: Path,
    record: Callable[[Window | Event], None],
    keep: Callable[..., None],
) -> AnyLoad:
    """Return the load of a profile: one process from start to end, or a search, which passes its steps to `keep`."""
    log = directory / LOAD_LOG
    if load.find is None:
        return LoadProcess(plan, origin, log, record, record)
    return SearchLoad(load.find.settings(load.warmup), plan, origin, log, record, record, keep)


def step_text(outcome: StepOutcome) -> str:
    """Describe a step in one line: `400 requests/s held: 0% of 8,000 requests took over 250 ms (1% may)`."""
    kind = {StepKind.CONFIRM: ", confirmed at length", StepKind.RECOVERY: " to recover"}.get(
        outcome.step.kind, ""
    )
    return (
        f"{show_number(outcome.step.rate)} requests/s{kind}: {outcome.decision}; {outcome.reason}"
    )


def counts_of(window: Window) -> WindowCounts:
    """Sum a window over all endpoints, as the test of a step takes it."""
    latency = Histogram()
    for seen in window.endpoints:
        latency.merge(seen.latency)
    own = window.generator
    return WindowCounts(
        window.seconds,
        latency.counts,
        sum(seen.requests for seen in window.endpoints),
        sum(sum(seen.failures.values()) for seen in window.endpoints),
        sum(seen.dropped for seen in window.endpoints),
        window.users,
        own.asked if own else None,
        own.made if own else None,
        own.cpu_ratio if own else None,
        own.lag if own else None,
    )
