"""Check that the target can be reached, and start and stop it if the profile says so."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from soak.errors import TargetError
from soak.printable import clean
from soak.private_files import private
from soak.profile.checking import directory_of
from soak.profile.hosts import is_loopback
from soak.profile.start import Start
from soak.sampling.fetch import Fetcher, check_peer
from soak.sampling.sources.process import listening_on

#: Seconds for which an unreachable target is tried: enough for a listener that is just starting.
PATIENCE = 5.0
#: Most characters shown of a target's output, and number of its last lines searched for an error.
_SHOWN, _LINES = 200, 200
#: A line that says what went wrong, not where: `ValueError: …`, `panic: …`, `Error: listen
#: EADDRINUSE: …`.
_ERROR = re.compile(
    r"(?i)^(?=\S).*(error|exception|panic|fatal|cannot|failed|refused|denied|in use)"
)


def reach(
    url: str,
    patience: float = PATIENCE,
    stop: threading.Event | None = None,
    waiting: Callable[[str], None] = lambda _: None,
) -> None:
    """Return once the target's address accepts connections; the TargetError says what was tried.

    If the first attempt fails, `waiting` is called once with a text that says so.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    deadline = time.monotonic() + patience
    tries, last = 0, ""
    while True:
        tries += 1
        try:
            with socket.create_connection(
                (parts.hostname or "", port), timeout=max(0.1, deadline - time.monotonic())
            ) as connected:
                check_peer(parts.hostname or "", connected)
                return
        except socket.gaierror:
            raise TargetError(f"{url}: the host name {parts.hostname} cannot be resolved") from None
        except TimeoutError:
            last = "no answer to the connection"
        except OSError as error:
            last = (error.strerror or str(error)).lower()
        if tries == 1:
            waiting(f"{url} does not answer ({last}); trying for {patience:g} s")
        if time.monotonic() + 0.5 > deadline or (stop is not None and stop.wait(0.5)):
            tried = "1 attempt" if tries == 1 else f"{tries} attempts in {patience:g} s"
            raise TargetError(
                f"{url}: the target cannot be reached ({last}, {tried}); is it running, and is the URL right?"
            )
        if stop is None:
            time.sleep(0.5)


class StartedTarget:
    """A target that soak started and will stop; its output goes to a log.

    It is started in the directory of the file `profile`, which configures it under `key`, with
    soak's environment and the variables of its `env`.
    """

    def __init__(
        self, start: Start, url: str, log: Path, profile: str = "", key: str = "target.start"
    ) -> None:
        self._start, self._url, self._log, self._directory = start, url, log, directory_of(profile)
        self._key = key
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        #: Bytes of the log that an earlier start wrote.
        self._said_before = 0

    @property
    def pid(self) -> int:
        """The target's process id, once it is started."""
        assert self._process is not None
        return self._process.pid

    def start(self, stop: threading.Event) -> int:
        """Start the target; return its process id once `ready` is answered below 500, or raise TargetError at the timeout."""
        command = self._start.command[0]
        self._refuse_a_taken_port()
        self._said_before = self._log.stat().st_size if self._log.is_file() else 0
        with open(self._log, "ab", opener=private) as log:
            try:
                self._process = subprocess.Popen(
                    self._start.command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    cwd=self._directory,
                    env={**os.environ, **self._start.env},
                )
            except OSError as error:
                raise TargetError(
                    f"{self._key}: {command}: cannot be started: {error.strerror}"
                ) from None
        # A target must not outlive its supervisor: the guard ends it when this process is gone,
        # even by SIGKILL.
        self._guard = subprocess.Popen(
            [sys.executable, "-P", "-m", "soak.target_guard", str(self._process.pid)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        _, _, path = self._start.ready.partition(" ")
        ready = self._url.rstrip("/") + path
        fetcher = Fetcher(timeout=2.0)
        deadline = time.monotonic() + self._start.timeout
        last = "no answer"
        while time.monotonic() < deadline and not stop.is_set():
            self.require_alive()
            try:
                status = fetcher.get(ready).status
                if status < 500:
                    fetcher.close()
                    return self.pid
                last = f"answered {status}"
            except TargetError as error:
                last = str(error).rpartition(": ")[2]
            stop.wait(0.1)
        raise TargetError(
            f"{self._key}: {command}: not ready within {self._start.timeout:g} s ({ready}: {last}){self._said()}"
        )

    def require_alive(self) -> None:
        """Raise TargetError if the target ended by itself before the load began."""
        if (code := self.exit_code()) is not None:
            raise TargetError(
                f"{self._key}: {self._start.command[0]}: ended with code {code}{self._said()}"
            )

    def exit_code(self) -> int | None:
        """Return the code with which the target ended by itself; None while it runs."""
        return None if self._process is None else self._process.poll()

    def stop(self, patience: float = 10.0) -> None:
        """Ask the target to end; after `patience` seconds kill it and what it started."""
        self._end(patience)
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.stdin.close()
            self._guard.wait()

    def _end(self, patience: float) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            # The session was made for the target alone, so the group holds only its own processes.
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _refuse_a_taken_port(self) -> None:
        """Raise TargetError if another process already listens on the address: the load would reach the wrong target."""
        parts = urlsplit(self._url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        if not is_loopback(parts.hostname or ""):
            return
        try:
            pid = listening_on(port)
            name = psutil.Process(pid).name()
        except (TargetError, psutil.Error):
            return
        raise TargetError(
            f"{self._key}: port {port} is held by pid {pid} ({clean(name)}); stop it, or give target.url another port"
        )

    def _said(self) -> str:
        """Return the last line of its output that reports an error, or else the last line."""
        text = self._log.read_bytes()[self._said_before :].decode(errors="replace")
        lines = [line for line in text.splitlines() if line.strip()][-_LINES:]
        errors = [line for line in lines if _ERROR.match(line)]
        return f"; it said: {clean((errors or lines)[-1])[:_SHOWN]}" if lines else ""
