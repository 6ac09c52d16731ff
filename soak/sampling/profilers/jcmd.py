"""Run `jcmd`, the JDK's tool for querying a local JVM, with limits on time and output."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import psutil

from soak.errors import TargetError

MAX_BYTES = 64 * 2**20
PATIENCE = 60.0
#: Seconds between checks of a command's output size, so that one that prints too much does not run
#: for a minute.
_LOOK = 0.2
#: Options for the JDK's tools, which are Java programs themselves: with these they take half the
#: processor time.
LIGHT = ("-J-XX:TieredStopAtLevel=1", "-J-XX:+UseSerialGC", "-J-Xshare:auto")
#: jcmd's error messages, and what they mean.
_FAILURES = (
    ("No such process", "has ended"),
    ("DisableAttachMechanism", "is started with -XX:+DisableAttachMechanism: leave that out"),
    (
        "Unable to open socket file",
        "lets nobody attach: it does not answer, or is in another container",
    ),
    ("not allowed", "is another user's: run soak as that user"),
    ("is not secure", "is another user's: run soak as that user"),
)


class TooMuchSaidError(TargetError):
    """A command printed more than MAX_BYTES."""


def ask(pid: int, *command: str) -> str:
    """Return what `jcmd PID command` prints, without its first line; each line of `command` is a command.

    On failure TargetError says what to do. To attach, jcmd sends SIGQUIT, which would end a process that is
    not a JVM, so that is checked first.
    """
    check_jvm(pid)
    output = told([tool("jcmd"), *LIGHT, str(pid), *command], f"process {pid}")
    return output.partition("\n")[2]


def check_jvm(pid: int) -> None:
    """Raise TargetError unless the process is a JVM to which jcmd may attach."""
    try:
        process = psutil.Process(pid)
        owner = process.uids().effective
        if os.geteuid() not in (0, owner):
            raise TargetError(
                f"process {pid} is user {process.username()}'s: run soak as that user to have jcmd attach"
            )
        if not is_jvm(process):
            raise TargetError(
                f"process {pid} ({process.name()}) is no JVM: name one by diagnose.jvm.pid or port"
            )
    except psutil.NoSuchProcess:
        raise TargetError(f"process {pid} has ended") from None
    except psutil.AccessDenied:
        raise TargetError(
            f"process {pid}: not allowed to look at it; run soak as its user"
        ) from None


def is_jvm(process: psutil.Process) -> bool:
    """Return True for Java's launcher and programs that have loaded a JVM; psutil's errors are raised if unknown."""
    return process.name() == "java" or (
        psutil.LINUX
        and any(mapping.path.endswith("/libjvm.so") for mapping in process.memory_maps())
    )


def tool(name: str) -> str:
    """Return the path of one of the JDK's tools; raise TargetError if it is not installed."""
    path = shutil.which(name)
    if path is None:
        raise TargetError(
            f"{name} is not on the PATH: install a JDK (not a JRE) of the target's version, or newer"
        )
    return path


def _ended(running: subprocess.Popen[bytes], too_much: Callable[[], bool]) -> int | None:
    """Wait for a command, and kill it if it prints too much; return its exit code, or None after PATIENCE."""
    until = time.monotonic() + PATIENCE
    try:
        while time.monotonic() < until and not too_much():
            with suppress(subprocess.TimeoutExpired):
                return running.wait(_LOOK)
        return -signal.SIGKILL if too_much() else None
    finally:
        if running.poll() is None:
            running.kill()
            running.wait()


def told(command: Sequence[str], whom: str) -> str:
    """Return what a command prints; TargetError if it fails, takes over PATIENCE or prints more than MAX_BYTES."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            running = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        except OSError as error:
            raise TargetError(f"{command[0]}: cannot be run: {error.strerror}") from None
        code = _ended(running, lambda: os.fstat(out.fileno()).st_size > MAX_BYTES)
        if code is None:
            raise TargetError(f"{whom}: {_name(command)} did not end within {PATIENCE:g} s")
        out.seek(0)
        err.seek(0)
        text = out.read(MAX_BYTES + 1)
        if code != 0 and len(text) <= MAX_BYTES:
            raise TargetError(
                f"{whom} {_meaning((err.read(4096) or text[:4096]).decode(errors='replace'), command)}"
            )
    if len(text) > MAX_BYTES:
        raise TooMuchSaidError(f"{whom}: {_name(command)} says more than {MAX_BYTES >> 20} MiB")
    return text.decode(errors="replace")


def _name(command: Sequence[str]) -> str:
    return os.path.basename(command[0])  # noqa: PTH119 - a name, not a file


def _meaning(output: str, command: Sequence[str]) -> str:
    first = next((line.strip() for line in output.splitlines() if line.strip()), "nothing")
    return next(
        (meaning for part, meaning in _FAILURES if part in output),
        f"gave {_name(command)} only: {first[:200]}",
    )
