"""The enumerations that a recording and an analysis use: each member's value is what is stored and shown."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """A three-valued verdict: a proven fail outranks inconclusive, and no data is never a pass."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"

    @property
    def rank(self) -> int:
        """The sort order of a list of findings, 0 for the worst verdict."""
        return (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS).index(self)


class Kind(StrEnum):
    """A gauge goes up and down; a counter only rises, except at restarts."""

    GAUGE = "gauge"
    COUNTER = "counter"


class RuleName(StrEnum):
    """The rule that a finding is about."""

    GROWTH = "growth"
    MAX = "max"
    ERRORS = "errors"
    LATENCY = "latency"
    DRIFT = "drift"
    RATE = "rate"
    RESTART = "restart"
    GC = "gc"
    SAMPLING = "sampling"
    COVERAGE = "coverage"
    GENERATOR = "generator"
    ABORT = "abort"
    VOUCH = "vouch"
    CAPACITY = "capacity"


class Ending(StrEnum):
    """How a run ended; a run that did not record its end has crashed."""

    COMPLETED = "completed"
    EARLY = "early"
    INTERRUPTED = "interrupted"
    ABORTED = "aborted"
    CRASHED = "crashed"
    RUNNING = "running"


class EventKind(StrEnum):
    """The subject of an event of a run."""

    PROBE = "probe"
    WARNING = "warning"
    TARGET = "target"
    JOINING = "joining"
    WORKER = "worker"
    LOAD = "load"
    MIX = "mix"
    STEP = "step"
    DRAIN = "drain"
    EARLY = "early"
    RESUMED = "resumed"
    ABORT = "abort"
    RESTART = "restart"
    OOM = "oom"
    EXIT_CODE = "exit_code"
    EXCEPTIONS = "exceptions"
    SCRAPING = "scraping"
    VIEW = "view"


class PhaseName(StrEnum):
    """The phases that every run may have; a replayed load names its own."""

    RAMP = "ramp"
    STEADY = "steady"
    DRAIN = "drain"
    WARMUP = "warmup"
    SNAPSHOT = "snapshot"
    GAP = "gap"


class MarkKind(StrEnum):
    """What a chart marks at its edge, in addition to events and phases."""

    LOST = "no answer"
    LATE = "sent late"
    STAGE = "stage"


class ScrapeError(StrEnum):
    """Why a scrape failed: the process is gone, the previous scrape was not finished, soak stalled, or another reason."""

    GONE = "gone"
    BUSY = "busy"
    STALLED = "stalled"
    FAILED = "failed"
