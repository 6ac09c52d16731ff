"""Poll every source on an absolute schedule; failed, late and missed scrapes are recorded too."""

from __future__ import annotations

import os
import queue
import random
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress

from soak.errors import SoakError, TargetGoneError
from soak.model import Event, EventKind, Scrape, ScrapeError
from soak.sampling.clock import Clock
from soak.sampling.sources import Source

#: A source is reported with a warning after this many failures from its first scrape on.
FAILED_FROM_THE_START = 3
Warn = Callable[[Event], None]


class Sampler:
    """Polls sources on a schedule: one thread keeps the schedule, and one per source polls it, so none delays another.

    Slot k is at `start + k·interval`, independent of earlier slots, so delays do not add up (as in
    py-spy's timer). If a source is still busy when its slot comes, a scrape that says so is recorded.
    With `jitter`, a share of the interval, each slot is delayed at random by up to that much, so that
    samples do not coincide with the target's collections and timers.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        interval: float,
        record: Callable[[Scrape], None],
        clock: Clock,
        jitter: float = 0.0,
        warn: Warn = lambda _: None,
    ) -> None:
        # A fixed seed: two runs of one profile sample at the same times.
        self._jitter = min(jitter, 0.9) * interval
        self._random = random.Random(1)  # noqa: S311 - no secret
        self._interval, self._record, self._clock = interval, record, clock
        self._stop = threading.Event()
        self._polls = [_Poll(name, source, record, clock, warn) for name, source in sources.items()]
        self._schedule = threading.Thread(target=self._keep, name="soak-schedule", daemon=True)

    def start(self) -> None:
        """Start, with the first scrape at once."""
        for poll in self._polls:
            poll.start()
        self._schedule.start()

    def stop(self, patience: float = 2.0) -> None:
        """End the schedule; running scrapes get `patience` seconds in all to end, and a hung one is abandoned."""
        self._stop.set()
        self._schedule.join()
        deadline = self._clock.now() + patience
        for poll in self._polls:
            poll.stop(max(0.0, deadline - self._clock.now()))

    def _keep(self) -> None:
        _raise_priority()
        slot = self._clock.now()
        put_off = 0.0
        while True:
            for poll in self._polls:
                poll.offer(slot + put_off)
            slot += self._interval
            put_off = self._jitter * self._random.random()
            # A suspended machine may wake hours later: its missed slots are recorded as one gap,
            # not made up in thousands of scrapes at once.
            behind = self._clock.now() - slot
            if behind > self._interval:
                skipped = int(behind // self._interval)
                for poll in self._polls:
                    poll.missed(
                        slot,
                        f"soak itself was not running for {skipped} scrapes",
                        ScrapeError.STALLED,
                    )
                slot += skipped * self._interval
            if self._clock.wait(slot + put_off, self._stop):
                return


class _Poll:
    """One source, its thread, and the slot that is being scraped."""

    def __init__(
        self, name: str, source: Source, record: Callable[[Scrape], None], clock: Clock, warn: Warn
    ) -> None:
        self._name, self._source, self._record, self._clock = name, source, record, clock
        self._slots: queue.SimpleQueue[float | None] = queue.SimpleQueue()
        self._warn, self._failed, self._answered = warn, 0, False
        self._busy_since: float | None = None
        self._thread = threading.Thread(target=self._work, name=f"soak-source-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def offer(self, slot: float) -> None:
        """Scrape for this slot, or record that it was missed."""
        busy_since = self._busy_since
        if busy_since is None:
            self._busy_since = slot
            self._slots.put(slot)
        else:
            why = f"missed: the scrape of {slot - busy_since:.1f} s before was still under way"
            self.missed(slot, why, ScrapeError.BUSY)

    def missed(self, slot: float, why: str, kind: ScrapeError) -> None:
        self._record(
            Scrape(self._name, slot, max(0.0, self._clock.now() - slot), 0.0, (), why, kind)
        )

    def stop(self, patience: float) -> None:
        self._slots.put(None)
        self._thread.join(patience)

    def _work(self) -> None:
        _raise_priority()
        while (slot := self._slots.get()) is not None:
            scraped = scrape(self._name, self._source, self._clock, slot)
            self._record(scraped)
            if not self._answered:
                self._first(scraped)
            self._busy_since = None

    def _first(self, scraped: Scrape) -> None:
        """Until a source's first answer: warn of its notices, or that it has failed from the start."""
        self._answered = scraped.error is None
        self._failed += not self._answered
        messages = (
            [f"{self._name}: {notice}" for notice in notices_of(self._source)]
            if self._answered
            else []
        )
        if scraped.error is not None and self._failed == FAILED_FROM_THE_START:
            messages = [f"{self._name} has failed from its first scrape on: {scraped.error}"]
        for text in messages:
            self._warn(Event(self._clock.now(), EventKind.WARNING, text))


def notices_of(source: Source) -> tuple[str, ...]:
    """Return a source's notices about its first answer; most sources have none."""
    notices = getattr(source, "notices", None)
    return tuple(notices()) if callable(notices) else ()


def _raise_priority() -> None:
    """Raise this thread's priority if the system allows it: it does little, but must be on time."""
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), -10)


def scrape(name: str, source: Source, clock: Clock, slot: float) -> Scrape:
    """Poll one source now, for a slot; any failure becomes the scrape's error."""
    began = clock.now()
    late = max(0.0, began - slot)
    try:
        samples = tuple(source.collect())
    except SoakError as error:
        kind = ScrapeError.GONE if isinstance(error, TargetGoneError) else ScrapeError.FAILED
        return Scrape(name, began, late, clock.now() - began, (), str(error), kind)
    except OSError as error:  # for example, this process has no descriptors left
        reason = error.strerror or str(error) or type(error).__name__
        reason = reason if error.filename is None else f"{error.filename}: {reason}"
        return Scrape(
            name, began, late, clock.now() - began, (), f"failed: {reason}", ScrapeError.FAILED
        )
    except Exception as error:  # noqa: BLE001 - a bug in one source must not end the sampling; it is recorded
        where = traceback.extract_tb(error.__traceback__)[-1]
        what = (
            f"{type(error).__name__}: {error} ({where.filename.rpartition('/')[2]}:{where.lineno})"
        )
        return Scrape(
            name,
            began,
            late,
            clock.now() - began,
            (),
            f"failed unexpectedly: {what}",
            ScrapeError.FAILED,
        )
    return Scrape(name, began, late, clock.now() - began, samples)
