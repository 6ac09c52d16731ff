"""Real services that really leak, and how tests build, start and stop them."""

from __future__ import annotations

import hashlib
import os
import queue
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

GO_SOURCE = Path(__file__).parent / "go"


@dataclass(frozen=True, slots=True)
class Target:
    """A service that runs: where it answers, and the process that tests may look at."""

    url: str
    pid: int

    def descriptors(self) -> int:
        """Open descriptors, from /proc."""
        return sum(1 for _ in Path(f"/proc/{self.pid}/fd").iterdir())


def build_go() -> Path:
    """The Go service's binary, built once for each state of its sources; skips without Go, but fails so in CI."""
    go = shutil.which("go")
    if go is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must have Go: the Go target cannot be built")
        pytest.skip("needs Go on the PATH")
    sources = sorted(path for path in GO_SOURCE.iterdir() if path.suffix in {".go", ".mod"})
    state = hashlib.sha256(b"\0".join(path.name.encode() + b"\0" + path.read_bytes() for path in sources)).hexdigest()
    directory = Path(tempfile.gettempdir(), f"soak-test-targets-{os.getuid()}")
    directory.mkdir(mode=0o700, exist_ok=True)
    binary = directory / f"leaky-{state[:16]}"
    if not binary.exists():
        with tempfile.TemporaryDirectory(dir=directory) as scratch:
            built = Path(scratch, "leaky")
            command = [go, "build", "-o", str(built), "."]
            result = subprocess.run(command, cwd=GO_SOURCE, capture_output=True, text=True, timeout=300, check=False)
            if result.returncode != 0:
                pytest.fail(f"go build: {result.stderr}")
            built.replace(binary)  # whole or not at all: another test process may be building the same
    return binary


@contextmanager
def running(
    command: Sequence[str | Path],
    ready_line_prefix: str = "listening on ",
    timeout: float = 15.0,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Target]:
    """Start a service, wait up to `timeout` seconds for its ready line, which ends in its URL, and stop it afterwards.

    `environment` is added to this process's. Its standard input is a pipe that closes when this process dies.
    Only the process started here is stopped: by SIGTERM, or by SIGKILL after 5 seconds, and then the test fails.
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
    threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
    try:
        line = lines.get(timeout=timeout)
    except queue.Empty:
        pytest.fail(f"{process.args!r} was not ready within {timeout:g} s")
    if not line.startswith(prefix):
        pytest.fail(f"{process.args!r} printed {line!r}, exit code {process.poll()}")
    return line.removeprefix(prefix).strip()
