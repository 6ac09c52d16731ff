"""Real services that really leak, and how tests build, start and stop them."""

from __future__ import annotations

import os
import queue
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.targets.building import MissingToolchainError, cached, call, tool

GO_SOURCE = Path(__file__).parent / "go"


@dataclass(frozen=True, slots=True)
class Target:
    """A service that runs: where it answers, and the process that tests may look at."""

    url: str
    pid: int

    def descriptors(self) -> int:
        """Open descriptors, from /proc."""
        return sum(1 for _ in Path(f"/proc/{self.pid}/fd").iterdir())


@contextmanager
def toolchain() -> Iterator[None]:
    """What is missing on this machine skips a test, but fails it in CI."""
    try:
        yield
    except MissingToolchainError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must have it: {error}")
        pytest.skip(str(error))


def build_go() -> Path:
    """The Go service that needs nothing but Go's standard library, built; skips without Go, but fails so in CI."""
    sources = [path for path in GO_SOURCE.iterdir() if path.suffix in {".go", ".mod"}]
    with toolchain():
        go = tool("go")
        return (
            cached(
                "go-leaky",
                sources,
                lambda to: call([go, "build", "-o", to / "leaky", "."], GO_SOURCE),
            )
            / "leaky"
        )


@contextmanager
def running(
    command: Sequence[str | Path],
    ready_line_prefix: str = "listening on ",
    timeout: float = 120.0,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Target]:
    """Start a service, wait up to `timeout` seconds for its ready line, which ends in its URL, and stop it afterwards.

    `environment` is added to this process's. Its standard input is a pipe that closes when this
    process dies.
    Only the process started here is stopped: by SIGTERM, or by SIGKILL after 5 seconds, and then
        the test fails.
    """
    process = subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    try:
        yield Target(_url(process, ready_line_prefix, timeout), process.pid)
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            pytest.fail(f"{command[0]} ignored SIGTERM")
        finally:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


def _url(process: subprocess.Popen[str], prefix: str, timeout: float) -> str:
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    stdout = process.stdout
    assert stdout is not None

    def look() -> None:
        line = ""
        for line in stdout:  # an agent may have its say before
            if line.startswith(prefix):
                break
        lines.put(line)

    threading.Thread(target=look, daemon=True).start()
    try:
        line = lines.get(timeout=timeout)
    except queue.Empty:
        pytest.fail(f"{process.args!r} was not ready within {timeout:g} s")
    if not line.startswith(prefix):
        pytest.fail(f"{process.args!r} printed {line!r}, exit code {process.poll()}")
    return line.removeprefix(prefix).strip()
