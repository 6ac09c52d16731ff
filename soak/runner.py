"""One run, from start to sealed: the table of contents of the program."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from soak import __version__
from soak.errors import RecordingError, SoakError
from soak.load.joining import TOKEN, check_listening
from soak.load.planning import plan_of
from soak.load.process import LoadProcess
from soak.model import Event, Exemplar, Scrape
from soak.profile import Profile
from soak.profile.parsing import without_secret
from soak.recording import LOAD_LOG, TARGET_LOG, Recorder
from soak.sampling.building import build_sources
from soak.sampling.clock import RunClock
from soak.sampling.offers import probe_sources
from soak.sampling.sampler import Sampler
from soak.sampling.traces import ask_for_traces
from soak.target import StartedTarget, reach
from soak.windows import Window

Record = Scrape | Window | Event


@dataclass
class Run:
    """One run of a profile into a directory of its own.

    `watch` sees every record as it is made, and `tick` is called a few times a second, both for showing progress. After
    each of `looks`, shares of the steady phase, `certain` is asked why the run may end early, given the look's number and
    the seconds left. `exemplars` says, once the load has ended, which requests' traces to ask for. `stop` ends the run in
    order. After `run`, `ended` is how it ended and `failure` why it broke, None when it did not.
    """

    profile: Profile
    profile_text: str
    directory: Path
    command: Sequence[str] = ()
    watch: Callable[[Record], None] = lambda _: None
    tick: Callable[[], None] = lambda: None
    looks: Sequence[float] = ()
    certain: Callable[[int, float], str | None] = lambda _, __: None
    exemplars: Callable[[], Sequence[Exemplar]] = tuple
    stop: threading.Event = field(default_factory=threading.Event)
    ended: str = "completed"
    failure: str | None = None
    clock: RunClock = field(default_factory=RunClock)

    def run(self) -> None:
        """Start the target, sample it, drive it, and seal the recording; SoakError when it could not begin."""
        build_sources(
            self.profile, os.getpid() if self.profile.target.start else None
        )  # refuse wrong ones before anything starts
        plan = plan_of(self.profile)  # and wrong templates and data
        check_listening(plan.distributed, os.environ.get(TOKEN, ""))
        self.clock = RunClock()
        self.recorder = Recorder(self.directory, self._description(), self.profile_text)
        self.target: StartedTarget | None = None
        self.sampler: Sampler | None = None
        load = LoadProcess(plan, self.clock.origin, self.directory / LOAD_LOG, self._record, self._record)
        try:
            self._begin(load)
        except BaseException:
            self._let_go(load)
            self.recorder.discard()
            raise
        try:
            self._drive(load)
        finally:
            self._let_go(load)
            over = self.clock.now()
            self._ask_for_traces(over)
            self._seal(load, over)

    def _begin(self, load: LoadProcess) -> None:
        """Everything that may fail before there is anything worth keeping."""
        url, pid = self.profile.target.url, None
        if self.profile.target.start is not None:
            self.target = StartedTarget(self.profile.target.start, url, self.directory / TARGET_LOG)
            self.target.start(self.stop)
            pid = self.target.pid
        reach(url, stop=self.stop)
        if self.profile.sources is None:
            sources, said = probe_sources(url, pid, self.profile.target.tls)
            for text in said:
                self._record(Event(self.clock.now(), "probe", text))
        else:
            sources = build_sources(self.profile, pid)
        self.sampler = Sampler(sources, self.profile.interval, self._record, self.clock, self.profile.jitter)
        self.sampler.start()
        load.start(stop=self.stop)
        assert load.started is not None
        self.recorder.update(phases=self._phases(load.started, None))

    def _drive(self, load: LoadProcess) -> None:
        """Until the load ends by itself, or is stopped, or breaks: commit every second."""
        next_commit = self.clock.now()
        gone, look = False, 0
        while load.running:
            if self.clock.now() >= next_commit:
                try:
                    self.recorder.commit()
                except RecordingError as error:
                    self.ended, self.failure = "aborted", str(error)
                    return
                next_commit += 1.0
            if self.stop.is_set():
                self.ended = "interrupted"
                return
            if self.target is not None and not gone and self.target.exit_code() is not None:
                gone = True
                self._record(
                    Event(self.clock.now(), "target", f"the target ended by itself with code {self.target.exit_code()}")
                )
            if look < len(self.looks) and self.clock.now() >= self._at(load, self.looks[look]):
                if self._certain(look, self._at(load, 1.0)):
                    return
                look += 1
            self._show()
            load.wait(0.2)
        if load.failure is not None:
            self.ended, self.failure = "aborted", load.failure
            self._record(Event(self.clock.now(), "load", load.failure))

    def _at(self, load: LoadProcess, share: float) -> float:
        """When a share of the steady phase will have passed."""
        return float((load.started or 0.0) + self.profile.load.ramp + share * self.profile.load.duration)

    def _certain(self, look: int, end: float) -> bool:
        """Whether the run may end now, because its verdict is certain already."""
        self.recorder.commit()
        reason = self.certain(look, end - self.clock.now())
        if reason is not None:
            self.ended = "early"
            self._record(Event(self.clock.now(), "early", f"the run ended early: {reason}"))
        return reason is not None

    def _show(self) -> None:
        """Whatever goes wrong in showing a run is no reason to end it."""
        try:
            self.tick()
        except Exception as error:  # noqa: BLE001 - anything, and it is recorded
            self._show_no_more(error)

    def _show_no_more(self, error: Exception) -> None:
        self.tick, self.watch = lambda: None, lambda _: None
        text = f"progress could not be shown any more ({type(error).__name__}: {error})"
        self.recorder.add(Event(self.clock.now(), "warning", text))

    def _let_go(self, load: LoadProcess) -> None:
        """Stop whatever was started, the load first."""
        load.stop()
        if self.sampler is not None:
            self.sampler.stop()
        if self.target is not None:
            self.target.stop()

    def _ask_for_traces(self, over: float) -> None:
        """Record the spans of the requests that the report will show; whatever goes wrong is a warning."""
        try:
            self.recorder.commit()
            for trace in ask_for_traces(self.profile, self.exemplars(), self.clock, self.stop):
                self.recorder.add(trace)
        except SoakError as error:
            self._record(Event(over, "warning", f"no traces of slow and failed requests: {error}"))
        except Exception as error:  # noqa: BLE001 - the run is over, and its recording must be sealed all the same
            # Its text might hold the backend's address, which is never written.
            self._record(Event(over, "warning", f"traces could not be read ({type(error).__name__})"))

    def _seal(self, load: LoadProcess, over: float) -> None:
        started = load.started or 0.0
        try:
            self.recorder.close(
                phases=self._phases(started, load.finished or over),
                seconds=round(over, 3),
                stopped=_utc_now(),
                ended=self.ended,
                failure=self.failure,
            )
        except RecordingError as error:
            self.ended, self.failure = "aborted", self.failure or str(error)

    def _record(self, record: Record) -> None:
        self.recorder.add(record)
        try:
            self.watch(record)
        except Exception as error:  # noqa: BLE001 - it must not end the thread that samples
            self._show_no_more(error)

    def _phases(self, started: float, finished: float | None) -> list[dict[str, Any]]:
        """Ramp and steady phase in seconds: as planned, or cut where the load ended; a drain where sampling went on."""
        full = started + self.profile.load.ramp
        end = full + self.profile.load.duration if finished is None else finished
        edges = [("ramp", started, min(full, end)), ("steady", full, end)]
        return [{"name": name, "start": round(a, 3), "end": round(b, 3)} for name, a, b in edges if b > a]

    def _description(self) -> dict[str, Any]:
        return {
            "name": self.profile.name,
            "started": _utc_now(),
            "command": [without_secret(word) for word in self.command],
            "versions": {"soak": __version__, "python": platform.python_version(), "locust": version("locust")},
            "host": {"system": platform.platform(), "cpus": os.cpu_count()},
        }


def run_directory(name: str, root: Path) -> Path:
    """`reports/<profile>-<UTC time>`, free."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    plain = root / f"{name}-{stamp}"
    return next(
        path for path in (plain, *(plain.with_name(f"{plain.name}-{n}") for n in range(2, 1000))) if not path.exists()
    )


def _utc_now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
