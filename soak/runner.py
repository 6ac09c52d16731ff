"""Drive one run from its start to the sealed recording; this module is the overview of the program."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from soak.abort import AbortWatch
from soak.errors import RecordingError, SoakError
from soak.load.plan.cluster_options import TOKEN, check_listening
from soak.load.plan.plan import Plan
from soak.load.supervisor.compile_plan import plan_of
from soak.load.supervisor.confirmation_load import ConfirmationRound, confirmation_rounds
from soak.load.supervisor.search_load import AnyLoad, load_of
from soak.model import Ending, Event, EventKind, Exemplar, Phase, Scrape
from soak.profile import Profile
from soak.recording import TARGET_LOG, Recorder, SnapshotKeeper
from soak.recording.describing import aborted_entry, description, utc_now
from soak.resume import Resumption, phases_of
from soak.sampling.building import build_sources, require_processes
from soak.sampling.clock import RunClock
from soak.sampling.discovery import probe_sources
from soak.sampling.limit_names import AbsentNames
from soak.sampling.process_language import language_of_processes
from soak.sampling.profilers.selection import profiled_target
from soak.sampling.sampler import Sampler
from soak.sampling.snapshot_scheduler import SnapshotScheduler, snapshot_scheduler_for
from soak.sampling.trace_fetch import gather_traces
from soak.snapshots import SnapshotStage
from soak.target import StartedTarget, reach
from soak.target_watch import TargetWatch
from soak.windows import Window

Record = Scrape | Window | Event

#: Seconds between two checks of the load, the target and the recording.
_OFTEN = 0.2
#: Seconds that the load waits for the first scrape of each source, which shows whether all series in limits exist.
_FIRST_SCRAPES = 2.0


@dataclass
class Run:
    """One run of a profile into a directory of its own.

    `watch` is called with every record and `tick` a few times a second, both to show progress.
    After each of `looks`, which are shares of the steady phase, `certain` is called with the look's
    number and the seconds left; it returns why the run may end early, or None. `exemplars` returns,
    after the load, the requests whose traces to fetch. `stop` ends the run in order. `resting` is
    the phase after the load. `before` is what a resumed run had done, `pid` the target's process if
    the caller started it, `known_growth` how fast accepted leaks may grow, and `locust_ui` the
    address of Locust's web UI. After `run`, `ended` is how the run ended and `failure` why it broke,
    or None.
    """

    profile: Profile
    profile_text: str
    directory: Path
    command: Sequence[str] = ()
    known_growth: Mapping[str, float] = field(default_factory=dict)
    watch: Callable[[Record], None] = lambda _: None
    tick: Callable[[], None] = lambda: None
    looks: Sequence[float] = ()
    certain: Callable[[int, float], str | None] = lambda _, __: None
    exemplars: Callable[[], Sequence[Exemplar]] = tuple
    stop: threading.Event = field(default_factory=threading.Event)
    ended: Ending = Ending.COMPLETED
    failure: str | None = None
    resting: str = ""
    pid: int | None = None
    before: Resumption = field(default_factory=Resumption)
    locust_ui: str | None = None
    clock: RunClock = field(default_factory=RunClock)

    def run(self) -> None:
        """Start the target, sample it, drive it, let it rest, and seal the recording; raise SoakError if it cannot begin."""
        own = self.pid or (os.getpid() if self.profile.target.start else None)
        build_sources(self.profile, own)  # refuse wrong sources before anything starts
        planned = plan_of(self.profile)  # refuse wrong templates and data
        self.plan = plan = self.before.rest_of(replace(planned, locust_ui=self.locust_ui))
        check_listening(plan.distributed, os.environ.get(TOKEN, ""))
        self.clock = RunClock(time.monotonic() - self.before.now)
        facts = description(self.profile, self.command, known_growth=self.known_growth)
        self.recorder = Recorder(
            self.directory, facts, self.profile_text, resumed=self.before.resumed_at
        )
        self.target: StartedTarget | None = None
        self.sampler: Sampler | None = None
        self.taker: SnapshotScheduler | None = None
        self.load = self._load(plan)
        self._loaded: float | None = None
        self._rests: list[Phase] = []
        self._abort = AbortWatch(self.profile.abort_rules, self.profile.interval, self._record)
        self._made, self._next_commit = self.before.made, 0.0
        self.target_watch = TargetWatch(self.profile.target.grace)
        try:
            self._begin()
        except BaseException:
            self._let_go()
            self.recorder.discard()
            raise
        try:
            self._drive()
            self._loaded = self._end_of(self.load)
            if self.ended in (Ending.COMPLETED, Ending.EARLY):
                self._rest(plan)
        finally:
            self._let_go()
            self._seal()

    def _load(self, plan: Plan) -> AnyLoad:
        return load_of(
            self.profile.load,
            plan,
            self.clock.origin,
            self.directory,
            self._record,
            self.recorder.update,
        )

    def _begin(self) -> None:
        """Do everything that may fail before there is anything worth keeping."""
        url, pid, start = self.profile.target.url, self.pid, self.profile.target.start
        if start is not None:
            self.target = StartedTarget(
                start, url, self.directory / TARGET_LOG, self.profile.document.file
            )
            pid = self.target.start(self.stop)
        reach(url, stop=self.stop, waiting=partial(self._say, EventKind.PROBE))
        if self.profile.sources is None:
            sources, offered = probe_sources(url, pid, self.profile.target.tls)
        else:
            sources, offered = build_sources(self.profile, pid), []
        for text in (*self._abort.notices, *offered):
            self._say(EventKind.PROBE, text)
        if self.target is not None:
            self.target.require_alive()  # the requests for its metrics page may have ended it
        watched = require_processes(sources)
        pid = profiled_target(self.profile, pid).pid
        self.recorder.update(language=language_of_processes(watched or [pid]))
        self._try_profilers(pid)
        record = AbsentNames(self._record, self.profile.limits, sources, self.profile.abort_rules)
        self.sampler = Sampler(
            sources, self.profile.interval, record, self.clock, self.profile.jitter, record
        )
        self.sampler.start()
        record.looked.wait(_FIRST_SCRAPES)
        self.load.start(stop=self.stop)
        assert self.load.started is not None
        self.recorder.update(phases=self._phases())
        if self.before.stretches:
            self._record(Event(self.load.started, EventKind.RESUMED, self.before.told(self.plan)))
        if self.taker is not None:
            begin = self.load.started + max(self.plan.ramp, self.profile.load.warmup)
            self.taker.follow(begin, self._at(1.0))

    def _try_profilers(self, pid: int | None) -> None:
        """Ask each profiler once and keep nothing, before anything is judged."""
        keeper = SnapshotKeeper(self.directory, self.recorder.add)
        self.taker = snapshot_scheduler_for(
            self.profile, pid, keeper.keep, self._record, self.clock
        )
        if self.taker is not None:
            self.taker.try_once()
            while self.taker.busy and not self.stop.wait(_OFTEN):
                pass

    def _drive(self) -> None:
        """Wait until the load ends by itself, is stopped, or breaks."""
        look = 0
        while self.load.running:
            if not self._goes_on():
                if self.ended is Ending.COMPLETED and not self._abort.aborted:
                    self.ended = Ending.INTERRUPTED
                return
            if look < len(self.looks) and self.clock.now() >= self._at(self.looks[look]):
                if self._certain(look, self._at(1.0)):
                    return
                look += 1
            self.load.wait(_OFTEN)
        if self.load.failure is not None:
            self.ended, self.failure = Ending.ABORTED, self.load.failure
            self._say(EventKind.LOAD, self.load.failure)

    def _goes_on(self) -> bool:
        """Commit every second, check the target, show progress; return False if the run was stopped or must end."""
        if self._abort.aborted is not None:
            self.ended = Ending.ABORTED
        if self.failure is not None or self._abort.aborted is not None or self.stop.is_set():
            return False
        if self.clock.now() >= self._next_commit:
            try:
                self.recorder.commit()
            except RecordingError as error:
                self.ended, self.failure = Ending.ABORTED, str(error)
                return False
            self._next_commit = max(self._next_commit + 1.0, self.clock.now())
        if self.target_watch.is_over(self.clock.now(), self.target, self._record):
            self.ended = Ending.EARLY  # the verdict is certain: the target did not survive
            return False
        self._show(self.tick)
        return True

    def _rest(self, plan: Plan) -> None:
        """After the complete load: drain, take a snapshot, and repeat the load if asked for."""
        diagnose = self.profile.diagnose
        seconds = diagnose.again(self.profile.load.duration) if diagnose else None
        rested = self._drained("drain", collect=seconds is not None) and self._taken("drained")
        if not rested or seconds is None:
            return
        for round_ in confirmation_rounds(plan, seconds, self._made):
            if not self._again(round_):
                return

    def _again(self, round_: ConfirmationRound) -> bool:
        """Make the load once more, drain and take a snapshot; return False if this was cut short."""
        self.resting = round_.name
        load = self._load(round_.plan)
        try:
            load.start(stop=self.stop)
            while load.running and self._goes_on():
                load.wait(_OFTEN)
        except SoakError as error:
            load.failure = str(error)
        finally:
            load.stop()
        if load.started is not None:
            self._rests.append(Phase(round_.name, load.started, self._end_of(load)))
        if load.failure is not None and not self.stop.is_set():
            self._say(
                EventKind.WARNING, f"diagnose: the load could not be made again: {load.failure}"
            )
        cut = load.failure is not None or self.stop.is_set()
        return (
            not cut
            and self._drained(f"{round_.name}-drain", collect=True)
            and self._taken(round_.stage)
        )

    def _drained(self, name: str, *, collect: bool) -> bool:
        """Rest without load, collect garbage half-way if `collect`; return False if cut short or not possible."""
        if not self.profile.drain or self.target_watch.since is not None:
            return False
        began, self.resting = self.clock.now(), name
        self._rests.append(Phase(name, began, began + self.profile.drain))
        try:
            self.recorder.update(phases=self._phases())
        except RecordingError as error:
            self.ended, self.failure = Ending.ABORTED, str(error)
        for share in (0.5, 1.0):
            while self.clock.now() < began + share * self.profile.drain and self._goes_on():
                self.stop.wait(_OFTEN)
            if collect and share < 1.0 and self.taker is not None:
                self.taker.collect()
        self._rests[-1] = Phase(name, began, min(self.clock.now(), began + self.profile.drain))
        if self.stop.is_set():
            self._say(
                EventKind.DRAIN, "what follows the load was cut short; the load itself was whole"
            )
        return not self.stop.is_set() and self.failure is None

    def _taken(self, stage: SnapshotStage) -> bool:
        """Take a snapshot now; return False if this was cut short."""
        if self.taker is not None:
            self.taker.take(stage)
            while self.taker.busy and self._goes_on():
                self.stop.wait(_OFTEN)
        return not self.stop.is_set() and self.failure is None

    def _end_of(self, load: AnyLoad) -> float:
        """Stop a load, and return when it ended."""
        load.stop()
        return load.finished or self.clock.now()

    def _at(self, share: float) -> float:
        """Return when a share of the steady phase will have passed."""
        return float((self.load.started or 0.0) + self.plan.ramp + share * self.plan.duration)

    def _certain(self, look: int, end: float) -> bool:
        """Return True if the run may end now because its verdict is certain already."""
        self.recorder.commit()
        reason = self.certain(look, end - self.clock.now())
        if reason is not None:
            self.ended = Ending.EARLY
            self._say(EventKind.EARLY, f"the run ended early: {reason}")
        return reason is not None

    def _show(self, show: Callable[[], None]) -> None:
        """Call `show`; an error in it ends neither the run nor the thread that samples."""
        try:
            show()
        except Exception as error:  # noqa: BLE001 - anything, and it is recorded
            self.tick, self.watch = lambda: None, lambda _: None
            text = f"progress could not be shown any more ({type(error).__name__}: {error})"
            self.recorder.add(Event(self.clock.now(), EventKind.WARNING, text))

    def _let_go(self) -> None:
        """Stop whatever was started, the load first."""
        self.load.stop()
        if self.taker is not None:
            self.taker.end()
        if self.sampler is not None:
            self.sampler.stop()
        if self.target is not None:
            self.target.stop()

    def _seal(self) -> None:
        over = self.clock.now()
        self._loaded = self._end_of(self.load) if self._loaded is None else self._loaded
        try:
            self.recorder.commit()
            gather_traces(
                self.profile, self.exemplars, self.clock, self.stop, self.recorder.add, self._record
            )
            self.ended = Ending.ABORTED if self._abort.aborted else self.ended
            self.recorder.close(**self._sealed(over))
        except RecordingError as error:
            self.ended, self.failure = Ending.ABORTED, self.failure or str(error)
            self.recorder.abandon(**self._sealed(over))

    def _sealed(self, over: float) -> dict[str, Any]:
        """Return the entries of run.json for a run that ended after `over` seconds."""
        ending = {"ended": self.ended, "failure": self.failure, "stopped": utc_now()}
        aborted, seconds = aborted_entry(self._abort.aborted), round(over, 3)
        return ending | {"aborted": aborted, "seconds": seconds, "phases": self._phases()}

    def _say(self, kind: EventKind, text: str) -> None:
        self._record(Event(self.clock.now(), kind, text))

    def _record(self, record: Record) -> None:
        self.target_watch.saw(record)
        if isinstance(record, Window):
            self._made += sum(seen.requests for seen in record.endpoints)
        self.recorder.add(record)
        self._abort.saw(record)
        self._show(lambda: self.watch(record))

    def _phases(self) -> list[dict[str, Any]]:
        """Return all phases so far: the load's phases as planned, or cut where it ended."""
        stretch = (
            self.load.started or 0.0,
            self._at(1.0) if self._loaded is None else self._loaded,
        )
        return phases_of([*self.before.stretches, stretch], self.profile.load.ramp, self._rests)
