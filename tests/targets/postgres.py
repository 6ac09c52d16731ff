"""A throw-away PostgreSQL cluster on loopback, for the targets' connection pools.

`with postgres() as server:` from a script, or the session-scoped fixture `postgresql` (in
tests/conftest.py) from tests. By hand: `python -m tests.targets.postgres` prints a URL and serves
until interrupted.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.targets.building import MissingToolchainError

MAX_CONNECTIONS = 1200

#: Nothing here outlives the cluster, so nothing need be safe on disk; and what runs by itself would only be noise.
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "log_min_messages": "fatal",
}


@dataclass(frozen=True, slots=True)
class Postgres:
    """A cluster that runs, with one database `shop` that the superuser `shop` owns; no password is asked."""

    port: int
    pid: int
    directory: Path

    @property
    def url(self) -> str:
        """Over TCP, as all the targets connect."""
        return f"postgresql://shop@127.0.0.1:{self.port}/shop"

    def query(self, statement: str) -> str:
        """What psql answers over the unix socket, as the superuser: unaligned, without headings."""
        command = [
            "psql",
            "-XAtqc",
            statement,
            "-h",
            str(self.directory),
            "-p",
            str(self.port),
            "-U",
            "shop",
            "shop",
        ]
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=600
        ).stdout.strip()


def _program(name: str) -> str:
    """Debian keeps the server's programs out of the PATH, one directory a version."""
    versions = Path("/usr/lib/postgresql")
    programs = sorted(
        versions.glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]), reverse=True
    )
    path = str(programs[0]) if programs else shutil.which(name)
    if path is None:
        raise MissingToolchainError(f"needs PostgreSQL: there is no {name}")
    return path


def _owner() -> str | None:
    """Whom to run as: PostgreSQL refuses to be root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise MissingToolchainError("needs a user other than root to run PostgreSQL as")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def postgres(max_connections: int = MAX_CONNECTIONS) -> Iterator[Postgres]:
    """A new cluster that answers; stopped by its pid, and removed, at the end. MissingToolchainError where there is none."""
    initdb, server, owner = _program("initdb"), _program("postgres"), _owner()
    with tempfile.TemporaryDirectory(
        prefix="soak-pg-", dir="/tmp"
    ) as name:  # short: a socket's path has 107 bytes
        directory = Path(name)
        data = directory / "data"
        if owner is not None:
            shutil.chown(directory, owner)
        arguments = [
            "-D",
            str(data),
            "-U",
            "shop",
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C",
        ]
        subprocess.run(
            [initdb, *arguments],
            user=owner,
            cwd=directory,
            check=True,
            capture_output=True,
            text=True,
            timeout=600,
        )
        port = _free_port()
        settings = {
            **_SETTINGS,
            "max_connections": str(max_connections),
            "unix_socket_directories": str(directory),
        }
        flags = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        command = [server, "-D", str(data), "-p", str(port), "-h", "127.0.0.1", *flags]
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(command, user=owner, cwd=directory, stdout=log, stderr=log)
        try:
            running = Postgres(port, process.pid, directory)
            _create(process, running)
            yield running
        finally:
            _stop(process)


def _create(process: subprocess.Popen[bytes], server: Postgres) -> None:
    deadline = time.monotonic() + 30
    command = [
        _program("createdb"),
        "-h",
        str(server.directory),
        "-p",
        str(server.port),
        "-U",
        "shop",
        "shop",
    ]
    while subprocess.run(command, capture_output=True, check=False, timeout=600).returncode != 0:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(
                f"PostgreSQL did not start: {(server.directory / 'log').read_text()}"
            )
        time.sleep(0.2)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """SIGINT is PostgreSQL's fast shutdown: clients are cut off; SIGQUIT after 10 s ends it at once."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGQUIT)
        process.wait(10)


def main() -> None:
    """Serve until interrupted or terminated."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with postgres() as server:
        print(server.url, flush=True)
        ended.wait()


if __name__ == "__main__":
    main()
