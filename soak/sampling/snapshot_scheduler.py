"""Schedules the target's snapshots: at set moments of the steady phase, and whenever the run asks for one."""

from __future__ import annotations

import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

import soak
from soak.catalog.metrics import opening_of
from soak.errors import SoakError
from soak.model import Event, EventKind
from soak.profile import Profile
from soak.sampling.clock import Clock
from soak.sampling.process_language import language_of_process
from soak.sampling.profilers import Profiler
from soak.sampling.profilers.profiler import LevelReader, ProfileResult
from soak.sampling.profilers.selection import profiled_target, profilers_of
from soak.snapshots import Snapshot, SnapshotKind, SnapshotStage

#: Taking snapshots may not fill more than this share of a run.
_SHARE = 0.2
#: The last one of the steady phase begins so many times as long before its end as the longest of the recent ones took, and a
#: second. The first one is no measure for long: runtimes set themselves up in it, or measure what it costs.
_MARGIN, _RECENT = 1.5, 3
#: What a target says is neither told at length nor for ever.
_MOST_WARNINGS, _LONGEST_ERROR = 20, 500


class SnapshotScheduler:
    """One thread at a time asks the profilers, one after the other; what fails is recorded, and warned of once.

    `keep` gets every snapshot with its bytes, unpacked, and may raise SoakError; `warn` gets an
    event for each distinct failure. A profiler that hangs keeps to its own timeout and delays
    nothing but the next snapshot.
    """

    def __init__(
        self,
        profilers: Mapping[str, Profiler],
        every: float,
        keep: Callable[[Snapshot, bytes], None],
        warn: Callable[[Event], None],
        clock: Clock,
    ) -> None:
        self._profilers, self._every, self._keep, self._warn, self._clock = (
            profilers,
            every,
            keep,
            warn,
            clock,
        )
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._warned: set[str] = set()
        self._took = deque([0.0], maxlen=_RECENT)

    @property
    def busy(self) -> bool:
        """Whether what was asked for last is still under way."""
        return self._thread is not None and self._thread.is_alive()

    def try_once(self) -> None:
        """Ask every profiler once and keep nothing, so that what is wrong is known before the load begins.

        A target also sets up memory and a connection for its first profile that it would otherwise
        seem to leak.
        """
        self._begin(lambda: self._each("start", keep=False))

    def follow(self, start: float, end: float) -> None:
        """Snapshots at the start of the steady phase, on schedule, and just before its end, both in seconds on the clock."""
        self._begin(lambda: self._follow(start, end))

    def take(self, stage: SnapshotStage) -> None:
        """One snapshot now."""
        self._begin(lambda: self._each(stage))

    def collect(self) -> None:
        """A garbage collection now, wherever a profiler can force one."""
        self._begin(self._collect)

    def end(self, patience: float = 0.0) -> None:
        """Take no more, give what is under way `patience` seconds to end, and undo what profilers set up in the target."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(patience)
        if not self.busy:
            for profiler in self._profilers.values():
                profiler.close()

    def _begin(self, work: Callable[[], None]) -> None:
        """Work in a thread of its own, after what is still under way; nothing once it has been ended."""
        before = self._thread

        def after_that() -> None:
            if before is not None:
                before.join()
            if not self._stop.is_set():
                work()

        self._thread = threading.Thread(target=after_that, name="soak-snapshots", daemon=True)
        self._thread.start()

    def _follow(self, start: float, end: float) -> None:
        for moment, stage in self._moments(start, end):
            if self._levels_until(moment) or self._clock.wait(moment, self._stop):
                return
            began = self._clock.now()
            self._each(stage)
            self._took.append(self._clock.now() - began)

    def _levels_until(self, moment: float) -> bool:
        """Levels on schedule where the next snapshot comes late, because snapshots take long; whether to stop."""
        took = 0.0
        while True:
            due = self._clock.now() + max(self._every, _rest(took))
            if due > moment - 0.5 * self._every:
                return False
            if self._clock.wait(due, self._stop):
                return True
            began = self._clock.now()
            for key, profiler in self._profilers.items():
                if isinstance(profiler, LevelReader):
                    self._ask(key, profiler, "steady", profiler.levels)
            took = self._clock.now() - began

    def _moments(self, start: float, end: float) -> Iterator[tuple[float, SnapshotStage]]:
        """When to take which: as planned, later where one took long, and the last while there is still load."""
        yield start, "start"
        moment = start
        while True:
            rested = self._clock.now() + _rest(self._took[-1])
            moment = max(moment + self._every, rested)
            last = max(end - 1.0 - _MARGIN * max(self._took), self._clock.now())
            # Two of them close together at the end would tell no more than one.
            if moment > last - 0.5 * self._every:
                if last < end:
                    yield last, "end"
                return
            yield moment, "steady"

    def _each(self, stage: SnapshotStage, *, keep: bool = True) -> None:
        for key, profiler in self._profilers.items():
            self._ask(key, profiler, stage, partial(profiler.take, stage), keep=keep)

    def _ask(
        self,
        key: str,
        profiler: Profiler,
        stage: SnapshotStage,
        profiles: Callable[[], Iterable[ProfileResult]],
        *,
        keep: bool = True,
    ) -> None:
        """All profiles of one profiler; whatever goes wrong is an error of the kind it was about, or of its first."""
        began = moment = self._clock.now()
        took = 0.0
        try:
            for kind, data in profiles():
                if kind not in profiler.made_after:
                    moment, took = began, self._clock.now() - began
                error = str(data)[:_LONGEST_ERROR] if isinstance(data, SoakError) else None
                self._keep_or_warn(
                    key,
                    Snapshot(moment, took, kind, stage, error),
                    b"" if isinstance(data, SoakError) else data,
                    keep=keep,
                )
                if self._stop.is_set():
                    return
                began = self._clock.now()
        except Exception as error:  # noqa: BLE001 - a bug in one profiler must not end the others; it is recorded
            self._keep_or_warn(
                key, self._failed(began, profiler.kinds[0], stage, error), b"", keep=keep
            )

    def _failed(
        self, began: float, kind: SnapshotKind, stage: SnapshotStage, error: Exception
    ) -> Snapshot:
        said = str(error)
        if not isinstance(error, SoakError):
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{where.filename.rpartition('/')[2]}:{where.lineno}"
            said = f"failed unexpectedly: {type(error).__name__}: {error} ({place})"
        return Snapshot(began, self._clock.now() - began, kind, stage, said[:_LONGEST_ERROR])

    def _keep_or_warn(self, key: str, snapshot: Snapshot, data: bytes, *, keep: bool) -> None:
        if snapshot.error is not None:
            self._warn_once(f"{key}: {snapshot.error}")
        if not keep:
            return
        try:
            self._keep(snapshot, data)
        except SoakError as error:
            self._warn_once(f"{key}: {error}")

    def _collect(self) -> None:
        for key, profiler in self._profilers.items():
            try:
                profiler.collect()
            except Exception as error:  # noqa: BLE001 - as above
                self._warn_once(
                    f"{key}: {self._failed(0.0, profiler.kinds[0], 'drained', error).error}"
                )

    def _warn_once(self, text: str) -> None:
        """A failure that comes again says nothing new."""
        if text not in self._warned and len(self._warned) < _MOST_WARNINGS:
            self._warned.add(text)
            self._warn(Event(self._clock.now(), EventKind.WARNING, f"diagnose: {text}"))


def _rest(took: float) -> float:
    """Seconds to wait after work that took so long, so that it fills no more than its share of the run."""
    return took * (1 / _SHARE - 1)


def snapshot_scheduler_for(
    profile: Profile,
    pid: int | None,
    keep: Callable[[Snapshot, bytes], None],
    warn: Callable[[Event], None],
    clock: Clock,
) -> SnapshotScheduler | None:
    """The scheduler of a run whose target is process `pid` where soak started it; None, with a warning, without a profiler."""
    diagnose, url = profile.diagnose, profile.target.url
    if diagnose is None:
        return None
    watched = profiled_target(profile, pid)
    profilers = profilers_of(profile, watched)
    if not profilers:
        text = f"diagnose: no profiler was found at {url}; {_how_to_open(watched.pid)}; docs/diagnose.md has more on each runtime"
        warn(Event(clock.now(), EventKind.WARNING, text))
        return None
    every = diagnose.interval(profile.load.duration, profile.interval)
    found = "; ".join(f"{key}: {', '.join(each.kinds)}" for key, each in profilers.items())
    text = f"diagnose: snapshots every {round(every, 1):g} s ({found})"
    warn(Event(clock.now(), EventKind.PROBE, text))
    return SnapshotScheduler(profilers, every, keep, warn, clock)


def _how_to_open(pid: int | None) -> str:
    """How the target is opened for snapshots: by its own runtime, where its process tells that."""
    language = language_of_process(pid)
    opening = opening_of(language)
    if not opening:
        return "name one, for example `diagnose: {pprof: /debug/pprof}`"
    folder = Path(soak.__file__).parent / "hook"
    if language == "Python":
        opening += f" (where soak is not installed: `python {folder} service.py`)"
    return f"the target is written in {language}: {opening}, and give the same command again"
