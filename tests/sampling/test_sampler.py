import errno
import threading
import time
from collections.abc import Callable, Iterable

from soak.errors import TargetError
from soak.model import Sample, Scrape
from soak.sampling.clock import RunClock
from soak.sampling.exposition import Exposition
from soak.sampling.fetch import Answer
from soak.sampling.sampler import Sampler, scrape


class FakeClock:
    """Time passes only by waiting; `lags` are how much longer than asked each wait takes."""

    def __init__(self, slots: int, lags: dict[int, float] | None = None) -> None:
        self.time, self.waits, self.slots, self.lags = 0.0, 0, slots, lags or {}
        self.idle = threading.Event()
        #: Returns once the sources' threads have done their slot.
        self.slot_done: Callable[[], None] = lambda: None

    def now(self) -> float:
        return self.time

    def wait(self, until: float, stop: threading.Event) -> bool:
        self.slot_done()
        self.waits += 1
        if self.waits >= self.slots:
            self.idle.set()
            return True
        self.time = max(self.time, until) + self.lags.get(self.waits, 0.0)
        return False


class Flapping:
    """A page that is well, then HTML, cut short, refused, well again."""

    def __init__(self) -> None:
        self.pages = [
            Answer(200, "text/plain", b"a 1\n"),
            Answer(200, "text/html", b"<html>"),
            Answer(200, "text/plain", b"a 1\nb{"),
            Answer(200, "text/plain", b"a 12", whole=False),
            Answer(200, "text/plain", b"a NaN\na 2\n"),
        ]

    def collect(self) -> Iterable[Sample]:
        return Exposition().read(self.pages.pop(0), "u").samples


class Steady:
    def collect(self) -> Iterable[Sample]:
        return [Sample("a", 1.0)]


class Failing:
    def collect(self) -> Iterable[Sample]:
        raise TargetError("connection refused")


class Broken:
    def collect(self) -> Iterable[Sample]:
        return [Sample("a", 1 / 0)]


class Hung:
    def __init__(self) -> None:
        self.release = threading.Event()

    def collect(self) -> Iterable[Sample]:
        self.release.wait(10)
        return [Sample("a", 1.0)]


def run(sources: dict[str, object], clock: FakeClock, jitter: float = 0.0) -> list[Scrape]:
    rows: list[Scrape] = []
    sampler = Sampler(sources, 1.0, rows.append, clock, jitter)  # type: ignore[arg-type]
    ending = [poll for poll in vars(sampler)["_polls"] if not isinstance(poll._source, Hung)]

    def slot_done() -> None:
        while any(poll._busy_since is not None for poll in ending):
            time.sleep(0.001)

    clock.slot_done = slot_done
    sampler.start()
    assert clock.idle.wait(300)
    for source in sources.values():
        if isinstance(source, Hung):
            source.release.set()
    sampler.stop()
    return sorted(rows, key=lambda row: (row.source, row.time))


def test_the_schedule_is_absolute_and_lateness_never_adds_up() -> None:
    rows = run({"s": Steady()}, FakeClock(6, lags={2: 0.3, 4: 0.25}))
    assert [round(row.time, 6) for row in rows] == [0, 1, 2.3, 3, 4.25, 5]
    assert [round(row.late, 6) for row in rows] == [0, 0, 0.3, 0, 0.25, 0]


def test_a_failed_scrape_is_a_row_with_its_error() -> None:
    rows = run({"s": Failing()}, FakeClock(3))
    assert [row.error for row in rows] == ["connection refused"] * 3


def test_a_bug_in_a_source_is_a_row_too_and_names_its_place() -> None:
    [row] = run({"s": Broken()}, FakeClock(1))
    assert row.error is not None
    assert row.error.startswith(
        "failed unexpectedly: ZeroDivisionError: division by zero (test_sampler.py:"
    )


class OutOfDescriptors:
    interval = 1.0

    def collect(self) -> list[Sample]:
        raise OSError(errno.EMFILE, "Too many open files", "/proc/1/smaps_rollup")


def test_what_the_system_refuses_is_said_as_the_system_says_it() -> None:
    [row] = run({"s": OutOfDescriptors()}, FakeClock(1))
    assert row.error == "failed: /proc/1/smaps_rollup: Too many open files"


def test_a_hung_source_costs_only_itself_and_its_missed_slots_are_rows() -> None:
    rows = run({"hung": Hung(), "steady": Steady()}, FakeClock(5))
    steady = [row for row in rows if row.source == "steady"]
    hung = [row for row in rows if row.source == "hung"]
    assert [row.time for row in steady] == [0, 1, 2, 3, 4]
    assert all(row.error is None and row.late == 0 for row in steady)
    missed = [row for row in hung if row.error]
    assert [row.time for row in missed] == [1, 2, 3, 4]
    assert missed[-1].error == "missed: the scrape of 4.0 s before was still under way"


def test_a_suspended_machine_makes_one_gap_and_not_a_burst() -> None:
    rows = run({"s": Steady()}, FakeClock(5, lags={2: 3600.0}))
    assert len(rows) == 6
    [gap] = [row for row in rows if row.error]
    assert gap.error is not None
    assert "3600 scrapes" in gap.error or "3599 scrapes" in gap.error
    assert rows[-1].time > 3600


def test_a_scrape_says_when_it_began_and_how_long_it_took() -> None:
    clock = RunClock()
    row = scrape("s", Steady(), clock, clock.now())
    assert row.error is None
    assert 0 <= row.late < 1
    assert 0 <= row.took < 1


def test_jitter_moves_each_slot_and_never_the_schedule() -> None:
    rows = run({"s": Steady()}, FakeClock(6), jitter=0.5)
    put_off = [row.time - number for number, row in enumerate(rows)]
    assert put_off[0] == 0
    assert all(0 <= delay < 0.5 for delay in put_off)
    assert len({round(delay, 6) for delay in put_off}) == 6
    assert all(row.late == 0 for row in rows)
    assert [row.time for row in rows] == [
        row.time for row in run({"s": Steady()}, FakeClock(6), jitter=0.5)
    ]


def test_every_kind_of_bad_page_is_a_failed_scrape_and_the_next_goes_on() -> None:
    rows = run({"s": Flapping()}, FakeClock(5))
    assert [row.error is None for row in rows] == [True, False, False, False, True]
    assert all(not row.samples for row in rows[1:4])
    assert len(rows[4].samples) == 1
