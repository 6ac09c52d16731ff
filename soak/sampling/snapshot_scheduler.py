"""Schedule the target's snapshots: at fixed times of the steady phase, and whenever the run asks for one."""

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
from soak.sampling.snapshot_cost import SnapshotCost, processor_time
from soak.snapshots import Snapshot, SnapshotKind, SnapshotStage

#: Largest share of a run that snapshots may take.
_SHARE = 0.2
#: Largest share of one processor that snapshots may take from the target unless the profile says how
#: often they are taken, and the snapshots of a run that are taken even if they cost more: fewer show
#: no growth of a place.
COST_SHARE, LEAST_SNAPSHOTS = 0.03, 12
#: The last snapshot of the steady phase starts before its end by this factor times the longest of
#: the recent ones, plus a second. The first snapshot soon drops out of the recent ones: runtimes
#: initialise themselves in it.
_MARGIN, _RECENT = 1.5, 3
#: Most warnings about a target, and longest error text (characters).
_MOST_WARNINGS, _LONGEST_ERROR = 20, 500


class SnapshotScheduler:
    """Runs profilers one after the other in one thread at a time; failures are recorded, and each is warned of once.

    `keep` receives every snapshot with its unpacked bytes, and may raise SoakError; `warn` receives an
    event per distinct failure. A profiler that hangs is bound by its own timeout and delays only the
    next snapshot.
    """

    def __init__(
        self,
        profilers: Mapping[str, Profiler],
        every: float,
        keep: Callable[[Snapshot, bytes], None],
        warn: Callable[[Event], None],
        clock: Clock,
        cost: SnapshotCost | None = None,
    ) -> None:
        self._profilers, self._every, self._keep, self._warn, self._clock = (
            profilers,
            every,
            keep,
            warn,
            clock,
        )
        self._cost = cost or SnapshotCost(clock)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._warned: set[str] = set()
        self._took = deque([0.0], maxlen=_RECENT)

    @property
    def busy(self) -> bool:
        """True if the last requested work is still running."""
        return self._thread is not None and self._thread.is_alive()

    def try_once(self) -> None:
        """Run every profiler once and keep nothing, so that problems are known before the load starts.

        The target also allocates memory and a connection for its first profile, which would otherwise look
        like a leak.
        """
        self._begin(lambda: self._each("start", keep=False))

    def follow(self, start: float, end: float) -> None:
        """Take snapshots at `start` and on schedule until just before `end` (both in seconds on the clock)."""
        self._begin(lambda: self._follow(start, end))

    def take(self, stage: SnapshotStage) -> None:
        """Take one snapshot now."""
        self._begin(lambda: self._each(stage))

    def collect(self) -> None:
        """Force a garbage collection now, with every profiler that can."""
        self._begin(self._collect)

    def end(self, patience: float = 0.0) -> None:
        """Start nothing new, wait `patience` seconds for running work, and undo profilers' changes to the target."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(patience)
        if not self.busy:
            for profiler in self._profilers.values():
                profiler.close()

    def _begin(self, work: Callable[[], None]) -> None:
        """Do work in a new thread after the work that is still running; do nothing after `end`."""
        before = self._thread

        def after_that() -> None:
            if before is not None:
                before.join()
            if not self._stop.is_set():
                work()

        self._thread = threading.Thread(target=after_that, name="soak-snapshots", daemon=True)
        self._thread.start()

    def _follow(self, start: float, end: float) -> None:
        self._cost.longest_rest = (end - start) / LEAST_SNAPSHOTS
        for moment, stage in self._moments(start, end):
            if self._levels_until(moment) or self._clock.wait(moment, self._stop):
                break
            began = self._clock.now()
            with self._cost.counted():
                self._each(stage)
            self._took.append(self._clock.now() - began)
        # Once the run has ended, nobody records what it is told.
        if not self._stop.is_set() and (told := self._cost.told(self._clock.now() - start)):
            self._warn(Event(self._clock.now(), EventKind.PROBE, f"diagnose: {told}"))

    def _levels_until(self, moment: float) -> bool:
        """Read levels on schedule while slow snapshots delay the next one; return True if the scheduler must stop."""
        took = 0.0
        while True:
            due = self._clock.now() + max(self._every, self._rest(took))
            if due > moment - 0.5 * self._every:
                return False
            if self._clock.wait(due, self._stop):
                return True
            began = self._clock.now()
            with self._cost.counted():
                for key, profiler in self._profilers.items():
                    if isinstance(profiler, LevelReader):
                        self._ask(key, profiler, "steady", profiler.levels)
            took = self._clock.now() - began

    def _moments(self, start: float, end: float) -> Iterator[tuple[float, SnapshotStage]]:
        """Yield time and stage of each snapshot: as planned, later after a slow one, the last still under load."""
        yield start, "start"
        moment = start
        while True:
            rested = self._clock.now() + self._rest(self._took[-1])
            moment = max(moment + self._every, rested)
            last = max(end - 1.0 - _MARGIN * max(self._took), self._clock.now())
            # Two snapshots close together at the end would not tell more than one.
            if moment > last - 0.5 * self._every:
                if last < end:
                    yield last, "end"
                return
            yield moment, "steady"

    def _rest(self, took: float) -> float:
        """Return the seconds to wait after work of `took` seconds, so that it stays within its shares of run and processor.

        On a busy machine the tools that take a snapshot need seconds, of which the target works for a
        part only. In a short run it is taken all the same: half as many would tell nothing.
        """
        within = took * (1 / _SHARE - 1)
        if self._cost.is_light(_SHARE * took):
            within = min(within, self._cost.longest_rest)
        return max(within, self._cost.rest(COST_SHARE))

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
        """Keep all snapshots of one profiler; a failure is recorded as an error of its kind, or of the first kind."""
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
        reason = str(error)
        if not isinstance(error, SoakError):
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{where.filename.rpartition('/')[2]}:{where.lineno}"
            reason = f"failed unexpectedly: {type(error).__name__}: {error} ({place})"
        return Snapshot(began, self._clock.now() - began, kind, stage, reason[:_LONGEST_ERROR])

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
        """Warn of a failure unless the same text was warned of before."""
        if text not in self._warned and len(self._warned) < _MOST_WARNINGS:
            self._warned.add(text)
            self._warn(Event(self._clock.now(), EventKind.WARNING, f"diagnose: {text}"))


def snapshot_scheduler_for(
    profile: Profile,
    pid: int | None,
    keep: Callable[[Snapshot, bytes], None],
    warn: Callable[[Event], None],
    clock: Clock,
) -> SnapshotScheduler | None:
    """Return a run's scheduler (`pid` if soak started the target); None, with a warning, without a profiler."""
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
    profilers_text = "; ".join(f"{key}: {', '.join(each.kinds)}" for key, each in profilers.items())
    text = f"diagnose: snapshots every {round(every, 1):g} s ({profilers_text})"
    warn(Event(clock.now(), EventKind.PROBE, text))
    # An interval that the profile sets is kept, whatever it costs.
    used = partial(processor_time, watched.pid)
    cost = SnapshotCost(clock, used, paces=diagnose.every is None)
    return SnapshotScheduler(profilers, every, keep, warn, clock, cost)


def _how_to_open(pid: int | None) -> str:
    """Return how to enable snapshots in the target: for its runtime, if the process shows which one it is."""
    language = language_of_process(pid)
    opening = opening_of(language)
    if not opening:
        return "name one, for example `diagnose: {pprof: /debug/pprof}`"
    folder = Path(soak.__file__).parent / "hook"
    if language == "Python":
        opening += f" (where soak is not installed: `python {folder} service.py`)"
    return f"the target is written in {language}: {opening}, and give the same command again"
