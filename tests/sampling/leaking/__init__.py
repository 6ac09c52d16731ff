"""Small programs that leak so often a line of their standard input, and how tests run them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
HOOK = Path(__file__).parents[3] / "soak" / "hook"
#: What each of them keeps each time.
PAGE = 16 << 10


@dataclass(frozen=True, slots=True)
class Leaking:
    """A program that runs."""

    process: subprocess.Popen[str]

    @property
    def pid(self) -> int:
        return self.process.pid

    def leak(self, count: int) -> None:
        """Let it leak `count` pages and one thread, and wait until it has."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "leaked\n"


@contextmanager
def leaking(command: Sequence[str | Path], environment: Mapping[str, str]) -> Iterator[Leaking]:
    """The program once it has said that it is ready; it ends with its standard input."""
    process = subprocess.Popen(
        [str(word) for word in command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=dict(environment),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        try:
            assert process.stdout.readline() == "ready\n"
            yield Leaking(process)
        finally:
            process.kill()
            process.wait()


def python_program() -> list[str | Path]:
    """With the hook."""
    return [sys.executable, HOOK, HERE / "leaking.py"]
