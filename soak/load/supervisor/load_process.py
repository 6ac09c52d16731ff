"""The supervisor's side of the load process: starts it, reads its windows, stops it. Does not import Locust."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from soak.errors import LoadError
from soak.load.plan.mix_modulation import mix_modulation_of
from soak.load.plan.plan import Plan
from soak.load.plan.wire import window_of
from soak.model import Event, EventKind
from soak.private_files import private
from soak.windows import Window

MAX_LOG_BYTES = 5_000_000
#: Seconds within which the load process must begin. It normally takes one or two, and ten times
#: that on a machine that is overloaded tenfold; a locustfile may also take a while to import.
START_SECONDS = 60.0
#: Silence after which the run records an event: this many intervals, and at least this many
#: seconds.
SILENT_INTERVALS, SILENT_SECONDS = 3.0, 5.0
#: Silence after which the load counts as broken: this many intervals, and at least this many
#: seconds.
BROKEN_INTERVALS, BROKEN_SECONDS = 10.0, 30.0
#: Seconds that a load may run longer than planned, in addition to the timeout of its last
#: responses.
OVERTIME_SECONDS = 30.0
#: Interval of the watchdog in seconds. If this process is paused (SIGSTOP, a suspended machine),
#: only one such interval counts as silence of the load.
WATCH_SECONDS = 0.5


class LoadProcess:
    """One run of a plan in a child process.

    `started` and `finished` are moments on the run's clock, None until they come. Windows go to
    `on_window`; warnings, worker changes and other events go to `on_event`. Both are called from
    threads of this object, and `on_event` also from `start`. `failure` says in one line why the
    load broke, None if it did not.
    """

    def __init__(
        self,
        plan: Plan,
        origin: float,
        log: Path,
        on_window: Callable[[Window], None],
        on_event: Callable[[Event], None] = lambda _: None,
    ) -> None:
        self.started: float | None = None
        self.finished: float | None = None
        self.failure: str | None = None
        self._plan, self._origin, self._log = plan, origin, log
        self._on_window, self._on_event = on_window, on_event
        self._process: subprocess.Popen[str] | None = None
        self._begun = threading.Event()
        self._ended = threading.Event()
        self._stopping = False
        #: Number of windows received.
        self._windows = 0

    def start(self, patience: float = START_SECONDS, stop: threading.Event | None = None) -> None:
        """Start the load and return once traffic begins. Raise LoadError if it does not, or if `stop` is set first.

        `patience` is in seconds. If the load is distributed, the plan's time for workers to join is added.
        """
        with suppress(OSError):  # create it now, because messages name it
            self._log.touch()
        # A separate session: only the supervisor handles Ctrl-C in the terminal.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "soak.load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # the process died at once: `_read` reports it
            self._process.stdin.write(self._plan.to_json() + "\n")
            self._process.stdin.flush()
        logging = threading.Thread(
            target=self._keep_log, args=(self._process.stderr,), name="soak-load-log", daemon=True
        )
        logging.start()
        threading.Thread(target=self._read, args=(logging,), name="soak-load", daemon=True).start()
        distributed = self._plan.distributed
        patience += distributed.wait if distributed else 0.0
        until = time.monotonic() + patience
        while not self._begun.wait(0.1) and time.monotonic() < until:
            if stop is not None and stop.is_set():
                self.stop()
                raise LoadError("the run was stopped before the load began")
        if not self._begun.is_set():
            self.stop()
            raise LoadError(f"the load did not start within {patience:g} s{self._log_says('why')}")
        if self.started is None:
            self.stop()
            raise LoadError(
                f"the load could not start: {self.failure or 'its process ended'}{self._log_says('more')}"
            )
        threading.Thread(target=self._watch, name="soak-load-watch", daemon=True).start()
        for part in self._plan.parts:
            if (code := mix_modulation_of(part)) is not None:
                description = f"{part.scenario}: {code.words}" if part.scenario else code.words
                self._on_event(Event(self.started, EventKind.MIX, description))

    def _watch(self) -> None:
        """Break a load that falls silent or does not end, so that the run always ends within a bound."""
        plan, interval = self._plan, self._plan.interval
        longest = plan.ramp + plan.duration + plan.timeout + OVERTIME_SECONDS
        silent = passed = 0.0
        seen, told = self._windows, False
        while not self._ended.wait(WATCH_SECONDS):
            if self._stopping:
                return
            passed += WATCH_SECONDS
            silent, seen = (silent + WATCH_SECONDS if self._windows == seen else 0.0), self._windows
            told = told and silent > 0
            if silent > max(SILENT_INTERVALS * interval, SILENT_SECONDS) and not told:
                told = True
                text = f"the load has sent no window for {silent:g} s; after {self._patience(interval):g} s it is broken"
                self._on_event(Event(time.monotonic() - self._origin, EventKind.LOAD, text))
            if silent > self._patience(interval):
                self._break(f"the load's process sent no window for {silent:g} s, and was ended")
            elif passed > longest and self.finished is None:
                self._break(f"the load did not end within {longest:g} s, and was ended")

    @staticmethod
    def _patience(interval: float) -> float:
        return max(BROKEN_INTERVALS * interval, BROKEN_SECONDS)

    def _break(self, reason: str) -> None:
        self.failure = self.failure or reason
        assert self._process is not None
        self._process.kill()  # its workers end with it

    @property
    def running(self) -> bool:
        """Return True if windows may still come."""
        return not self._ended.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait for the end; True once it has come."""
        return self._ended.wait(seconds)

    def stop(self, patience: float = 4.0) -> None:
        """Close the lifeline so that the load ends in order; kill it if that takes more than `patience` seconds."""
        self._stopping = True
        process = self._process
        if process is None or process.stdin is None:
            return
        with suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._ended.wait(1.0)

    def _log_says(self, what: str) -> str:
        """Return a hint to the log for messages, or "" if the log is empty."""
        with suppress(OSError):
            if self._log.stat().st_size:
                return f"; {self._log} may say {what}"
        return ""

    def _keep_log(self, words: TextIO) -> None:
        """Write the load's standard error to its log. It must always be read: a full pipe would stop the load."""
        with words:
            for text in words:
                with suppress(OSError):  # a full disk must not end the run
                    self._append(text)

    def _append(self, text: str) -> None:
        """Append one line and flush it. A full log is rotated; one older file is kept."""
        if self._log.exists() and self._log.stat().st_size > MAX_LOG_BYTES:
            self._log.replace(self._log.with_name(f"{self._log.name}.1"))
        with open(self._log, "a", encoding="utf-8", opener=private) as log:
            log.write(text)

    def _read(self, logging: threading.Thread) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for text in self._process.stdout:
            try:
                self._take(json.loads(text))
            except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
                self.failure = f"the load's process said something unreadable ({type(error).__name__}: {text[:80]!r})"
                break
        self._process.stdout.close()
        logging.join(1.0)
        code = self._process.wait()
        if self.finished is None and not self._stopping and self.failure is None:
            how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
            self.failure = f"the load process {how} before the load was done"
        self._begun.set()
        self._ended.set()

    def _take(self, message: dict[str, Any]) -> None:
        match message["kind"]:
            case "window":
                self._windows += 1
                self._on_window(window_of(message, self._origin))
            case "started":
                self.started = message["time"] - self._origin
                self._begun.set()
            case "finished":
                self.finished = message["time"] - self._origin
            case "event":
                self._on_event(
                    Event(
                        message["time"] - self._origin,
                        EventKind(message.get("event", "warning")),
                        message["text"],
                    )
                )
            case "failed":
                self.failure = str(message["reason"])
