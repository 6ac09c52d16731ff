"""When snapshots are taken, and what becomes of those that fail."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar, Self

import pytest

from soak.errors import RecordingError, SoakError, TargetError
from soak.model import Event
from soak.profile import parse_profile
from soak.sampling.profilers import Profiler, ProfileResult
from soak.sampling.snapshot_cost import SnapshotCost
from soak.sampling.snapshot_scheduler import (
    COST_SHARE,
    LEAST_SNAPSHOTS,
    SnapshotScheduler,
    snapshot_scheduler_for,
)
from soak.snapshots import Snapshot, SnapshotKind, SnapshotStage


class FakeClock:
    """Time passes only by waiting, and by what a profiler takes."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def wait(self, until: float, stop: threading.Event) -> bool:
        self.time = max(self.time, until)
        return stop.is_set()


@dataclass
class Fake:
    """Takes `seconds` for each of its answers; what is an exception is raised."""

    clock: FakeClock
    answers: list[Any] = field(default_factory=lambda: [("heap", b"x")])
    seconds: float = 0.1
    kinds: ClassVar[tuple[SnapshotKind, ...]] = ("heap",)
    made_after: ClassVar[tuple[SnapshotKind, ...]] = ()
    collected: int = 0
    closed: bool = False

    @classmethod
    def named(cls, value: Any, watched: Any) -> Self:
        raise NotImplementedError

    @classmethod
    def offered(cls, watched: Any) -> Self | None:
        raise NotImplementedError

    def take(self, stage: SnapshotStage) -> Iterator[ProfileResult]:
        for answer in self.answers:
            self.clock.time += self.seconds
            if isinstance(answer, Exception):
                raise answer
            yield answer

    def collect(self) -> None:
        self.collected += 1

    def close(self) -> None:
        self.closed = True


class Kept:
    def __init__(self) -> None:
        self.snapshots: list[Snapshot] = []
        self.warnings: list[str] = []
        self.full = False

    def keep(self, snapshot: Snapshot, data: bytes) -> None:
        self.snapshots.append(snapshot)
        if self.full:
            raise RecordingError("snapshots: cannot be written: No space left on device")

    def warn(self, event: Event) -> None:
        self.warnings.append(event.text)


def taker(
    kept: Kept, clock: FakeClock, every: float = 10.0, **profilers: Profiler
) -> SnapshotScheduler:
    return SnapshotScheduler(profilers, every, kept.keep, kept.warn, clock)


def done(taker: SnapshotScheduler) -> None:
    while taker.busy:
        threading.Event().wait(0.001)


def test_at_the_start_on_schedule_and_while_there_is_still_load() -> None:
    clock, kept = FakeClock(), Kept()
    scheduler = taker(kept, clock, pprof=Fake(clock))
    scheduler.follow(5.0, 60.0)
    done(scheduler)
    assert [snapshot.stage for snapshot in kept.snapshots] == ["start", *["steady"] * 4, "end"]
    times = [snapshot.time for snapshot in kept.snapshots]
    assert times[:5] == pytest.approx([5.0, 15.0, 25.0, 35.0, 45.0])
    assert 45.0 < times[5] < kept.snapshots[5].time + kept.snapshots[5].took < 60.0
    scheduler.take("drained")
    done(scheduler)
    assert kept.snapshots[-1].stage == "drained"


def test_a_slow_profiler_is_asked_more_rarely_and_the_last_is_still_in_time() -> None:
    clock, kept = FakeClock(), Kept()
    scheduler = taker(kept, clock, every=5.0, pprof=Fake(clock, seconds=4.0))
    scheduler.follow(0.0, 100.0)
    done(scheduler)
    times = [snapshot.time for snapshot in kept.snapshots]
    gaps = [b - a for a, b in pairwise(times[:-1])]
    assert min(gaps) >= 4.0 / 0.2 - 0.01
    assert kept.snapshots[-1].stage == "end"
    assert times[-1] + 4.0 < 100.0


@dataclass
class SlowAtFirst(Fake):
    """A first snapshot of four seconds, as of a hook that measures what tracing costs; then one of a tenth."""

    def take(self, stage: SnapshotStage) -> Iterator[ProfileResult]:
        self.seconds = 4.0 if stage == "start" else 0.1
        return super().take(stage)


def test_a_first_snapshot_that_took_long_delays_but_the_second() -> None:
    clock, kept = FakeClock(), Kept()
    scheduler = taker(kept, clock, every=5.0, python=SlowAtFirst(clock))
    scheduler.follow(0.0, 120.0)
    done(scheduler)
    times = [snapshot.time for snapshot in kept.snapshots]
    assert times[1] >= 4.0 / 0.2 - 0.01
    assert max(later - before for before, later in pairwise(times[1:-1])) == pytest.approx(5.0)
    assert 120.0 - times[-1] < 5.0


@dataclass
class SlowWithLevels(Fake):
    """Snapshots of four seconds, and a level in a tenth of one."""

    def levels(self) -> Iterator[ProfileResult]:
        self.clock.time += 0.1
        yield "gauges", b"{}"


def test_between_snapshots_that_take_long_levels_are_read_on_schedule() -> None:
    clock, kept = FakeClock(), Kept()
    scheduler = taker(
        kept, clock, every=5.0, jvm=SlowWithLevels(clock, seconds=4.0), other=Fake(clock)
    )
    scheduler.follow(0.0, 100.0)
    done(scheduler)
    levels = [snapshot.time for snapshot in kept.snapshots if snapshot.kind == "gauges"]
    taken = [snapshot.time for snapshot in kept.snapshots if snapshot.kind == "heap"]
    assert len(levels) > len(taken) / 2  # two profilers give a heap each
    every = sorted({*levels, *taken})
    assert max(later - before for before, later in pairwise(every)) < 2 * 5.0 + 4.2


def test_cheap_snapshots_need_no_levels_between() -> None:
    clock, kept = FakeClock(), Kept()
    scheduler = taker(kept, clock, every=5.0, jvm=SlowWithLevels(clock, seconds=0.1))
    scheduler.follow(0.0, 100.0)
    done(scheduler)
    assert {snapshot.kind for snapshot in kept.snapshots} == {"heap"}


def test_each_failure_is_recorded_and_warned_of_once_and_the_others_go_on() -> None:
    clock, kept = FakeClock(), Kept()
    broken = Fake(
        clock, [("heap", TargetError("u: answered 404")), ("goroutine", b"g"), ValueError("a bug")]
    )
    scheduler = taker(kept, clock, pprof=broken, other=Fake(clock, [("classes", b"c")]))
    scheduler.follow(0.0, 50.0)
    done(scheduler)
    assert [text for text in kept.warnings if "404" in text] == ["diagnose: pprof: u: answered 404"]
    assert sum("failed unexpectedly: ValueError: a bug" in text for text in kept.warnings) == 1
    assert len(kept.warnings) == 2
    stages = len([snapshot for snapshot in kept.snapshots if snapshot.kind == "classes"])
    assert (
        stages == len([snapshot for snapshot in kept.snapshots if snapshot.kind == "goroutine"]) > 3
    )
    failed = [snapshot for snapshot in kept.snapshots if snapshot.error]
    assert len(failed) == 2 * stages
    assert all(snapshot.took > 0 for snapshot in kept.snapshots)


def test_what_is_made_after_the_target_was_asked_keeps_its_moment_and_disturbs_nothing() -> None:
    clock, kept = FakeClock(), Kept()

    class Printing(Fake):
        made_after: ClassVar[tuple[SnapshotKind, ...]] = ("classes",)

    scheduler = taker(
        kept,
        clock,
        jvm=Printing(
            clock, [("gauges", b"{}"), ("classes", b"{}"), ("threads", b"{}")], seconds=4.0
        ),
    )
    scheduler.take("drained")
    done(scheduler)
    asked, made, last = kept.snapshots
    assert (made.time, made.took) == (asked.time, asked.took) == (0.0, 4.0)
    assert (last.time, last.took) == (8.0, 4.0)


def test_errors_without_end_are_neither_told_at_length_nor_for_ever() -> None:
    clock, kept = FakeClock(), Kept()

    class Chatty(Fake):
        def take(self, stage: SnapshotStage) -> Iterator[ProfileResult]:
            raise TargetError(f"{self.clock.time} " + "x" * 10_000)

    scheduler = taker(kept, clock, every=5.0, pprof=Chatty(clock))
    scheduler.follow(0.0, 1000.0)
    done(scheduler)
    assert len(kept.snapshots) > 100
    assert len(kept.warnings) == 20
    assert max(map(len, kept.warnings)) < 600


def test_a_full_disk_is_one_warning() -> None:
    clock, kept = FakeClock(), Kept()
    kept.full = True
    scheduler = taker(kept, clock, pprof=Fake(clock))
    scheduler.follow(0.0, 50.0)
    done(scheduler)
    assert kept.warnings == [
        "diagnose: pprof: snapshots: cannot be written: No space left on device"
    ]
    assert len(kept.snapshots) == 6


def test_before_the_load_everything_is_asked_once_and_nothing_kept() -> None:
    clock, kept = FakeClock(), Kept()
    scheduler = taker(kept, clock, pprof=Fake(clock, [("heap", SoakError("off"))]))
    scheduler.try_once()
    done(scheduler)
    assert kept.snapshots == []
    assert kept.warnings == ["diagnose: pprof: off"]


def test_once_ended_it_takes_nothing_more() -> None:
    clock, kept = FakeClock(), Kept()
    fake = Fake(clock)
    scheduler = taker(kept, clock, pprof=fake)
    scheduler.collect()
    done(scheduler)
    assert fake.collected == 1
    scheduler.end()
    scheduler.take("drained")
    done(scheduler)
    assert kept.snapshots == []


class Busy:
    """A target that uses a tenth of a processor, and `snapshot` seconds of it for each snapshot that `fake` takes."""

    def __init__(self, clock: FakeClock, snapshot: float) -> None:
        self.clock, self.snapshot, self.taken, self.died = clock, snapshot, 0, False

    def used(self) -> float | None:
        return None if self.died else 0.1 * self.clock.time + self.snapshot * self.taken

    def snapshots(
        self, *, paces: bool = True, until: float = 100.0, every: float = 5.0, takes: float = 0.1
    ) -> Kept:
        kept = Kept()
        cost = SnapshotCost(self.clock, self.used, paces=paces)
        fake = Counted(self.clock, busy=self, seconds=takes)
        scheduler = SnapshotScheduler({"node": fake}, every, kept.keep, kept.warn, self.clock, cost)
        scheduler.follow(0.0, until)
        done(scheduler)
        return kept


@dataclass(kw_only=True)
class Counted(Fake):
    busy: Busy

    def take(self, stage: SnapshotStage) -> Iterator[ProfileResult]:
        self.busy.taken += 1
        return super().take(stage)


def gaps_of(kept: Kept) -> list[float]:
    times = [snapshot.time for snapshot in kept.snapshots]
    return [later - before for before, later in pairwise(times[:-1])]


def test_snapshots_take_no_more_than_their_share_of_a_processor() -> None:
    kept = Busy(FakeClock(), 0.18).snapshots()
    assert gaps_of(kept)[3:] == pytest.approx([0.18 / COST_SHARE + 0.1] * 12)
    assert kept.warnings == [
        "diagnose: snapshots took 3.1 s of the target's processor time, 3.1% of one processor"
    ]


def test_costly_snapshots_are_still_taken_often_enough_to_show_growth() -> None:
    kept = Busy(FakeClock(), 5.0).snapshots(until=1000.0)
    assert gaps_of(kept) == pytest.approx([1000.0 / LEAST_SNAPSHOTS + 0.1] * 11)


@pytest.mark.parametrize(("works", "rest"), [(0.25, 10.0), (2.0, 20.0)])
def test_snapshots_of_which_the_target_does_little_are_taken_though_they_take_long(
    works: float, rest: float
) -> None:
    """Of five seconds: on a busy machine the tools that take them start slowly. A run of two minutes shall still have eight."""
    kept = Busy(FakeClock(), works).snapshots(until=120.0, takes=5.0)
    assert gaps_of(kept)[1:-1] == pytest.approx([rest + 5.0] * (len(kept.snapshots) - 4))
    assert (len(kept.snapshots) >= 8) == (works < 1.0)


def test_cheap_snapshots_keep_their_interval() -> None:
    kept = Busy(FakeClock(), 0.1).snapshots()
    assert gaps_of(kept) == pytest.approx([5.0] * 19)


def test_an_interval_that_the_profile_sets_is_kept_whatever_it_costs() -> None:
    kept = Busy(FakeClock(), 5.0).snapshots(paces=False)
    assert gaps_of(kept) == pytest.approx([5.0] * 19)
    assert "of one processor" in kept.warnings[-1]


def test_a_run_that_ended_is_told_of_no_cost() -> None:
    clock, kept = FakeClock(), Kept()
    busy = Busy(clock, 0.1)
    fake = Counted(clock, busy=busy)
    cost = SnapshotCost(clock, busy.used)
    scheduler = SnapshotScheduler({"node": fake}, 5.0, kept.keep, kept.warn, clock, cost)
    fake.answers.append(("heap", b"y"))

    def ends(snapshot: Snapshot, data: bytes) -> None:
        kept.keep(snapshot, data)
        scheduler._stop.set()

    scheduler._keep = ends
    scheduler.follow(0.0, 100.0)
    done(scheduler)
    assert len(kept.snapshots) == 1
    assert kept.warnings == []


def test_what_a_target_used_that_is_not_seen_costs_nothing() -> None:
    busy = Busy(FakeClock(), 5.0)
    busy.died = True
    kept = busy.snapshots()
    assert gaps_of(kept) == pytest.approx([5.0] * 19)
    assert kept.warnings == []


def test_a_target_that_restarts_between_two_snapshots_has_not_worked_less_than_nothing() -> None:
    clock = FakeClock()
    readings = iter([10.0, 10.1, 0.5, 0.6])
    cost = SnapshotCost(clock, lambda: next(readings))
    for _ in range(2):
        with cost.counted():
            clock.time += 1.0
        clock.time += 5.0
    assert cost.told(10.0).startswith("snapshots took 0.2 s ")


def test_what_will_be_taken_and_how_often_is_said() -> None:
    text = (
        "target: {url: 'http://127.0.0.1:9'}\n"
        "load: {rate: 5/s, duration: 120s}\n"
        "endpoints: [GET /]\n"
        "diagnose: {pprof: /debug/pprof, every: 10s}\n"
    )
    kept, profile = Kept(), parse_profile(text, "p.yaml", environment={})[0]
    chosen = snapshot_scheduler_for(profile, None, kept.keep, kept.warn, FakeClock())
    assert chosen is not None
    [told] = kept.warnings
    assert told.startswith("diagnose: snapshots every 10 s (pprof: heap, ")
