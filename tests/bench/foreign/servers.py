"""Starts each server on loopback, and says which process is to be watched and where the load goes."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent / "services"
#: Where the packages are; README.md says how they come there.
PACKAGES = Path(
    os.environ.get("FOREIGN_PACKAGES", Path(tempfile.gettempdir(), f"soak-foreign-{os.getuid()}"))
)
PYTHON = PACKAGES / "py" / "bin"


@dataclass(frozen=True, slots=True)
class Server:
    """One that answers: where the load goes, whose process is watched, and its page of metrics, if it has one."""

    url: str
    pid: int
    metrics: bool = False


Command = Sequence[str | Path]
Start = Callable[[], contextlib.AbstractContextManager[Server]]


def free_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def process(
    command: Command,
    port: int,
    environment: Mapping[str, str] | None = None,
    directory: Path = HERE,
    user: str | None = None,
    stop: signal.Signals = signal.SIGTERM,
) -> Iterator[int]:
    """The id of a process that listens on this port; it is stopped afterwards by its id."""
    started = subprocess.Popen(
        [str(part) for part in command],
        env={**os.environ, **(environment or {})},
        cwd=directory,
        user=user,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(port, started)
        yield started.pid
    finally:
        started.send_signal(stop)
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def _wait(port: int, started: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 240
    while started.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.2)
    raise RuntimeError(f"{started.args!r} does not listen on {port}")


def _http(command: Callable[[int], Command], metrics: bool = False, **environment: str) -> Start:
    @contextmanager
    def start() -> Iterator[Server]:
        port = free_port()
        with process(command(port), port, environment) as pid:
            yield Server(f"http://127.0.0.1:{port}", pid, metrics)

    return start


def node(script: str, *arguments: str, **environment: str) -> Start:
    """A script of services/ in Node, with its default heap."""
    modules = str(PACKAGES / "node" / "node_modules")
    return _http(
        lambda port: ["node", HERE / script, str(port), *arguments],
        metrics=True,
        NODE_PATH=modules,
        **environment,
    )


def java(name: str, *flags: str) -> Start:
    """A class of services/ in a JVM with a container's heap."""
    path = f"{PACKAGES}/java:{PACKAGES}/java/*"
    return _http(
        lambda port: ["java", "-Xmx128m", *flags, "-cp", path, name, str(port)], metrics=True
    )


def go(name: str, *flags: str) -> Start:
    """A Go program that was built from services/."""
    return _http(
        lambda port: [PACKAGES / name / name, "-addr", f"127.0.0.1:{port}", *flags], metrics=True
    )


def gunicorn(workers: int, *flags: str) -> Start:
    """Flask under gunicorn; the arbiter is watched, and its workers with it."""
    fixed: Command = [PYTHON / "gunicorn", "--workers", str(workers), *flags]
    return _http(lambda port: [*fixed, "--bind", f"127.0.0.1:{port}", "flask_app:app"])


def uvicorn() -> Start:
    """FastAPI under uvicorn."""
    return _http(
        lambda port: [
            PYTHON / "uvicorn",
            "--port",
            str(port),
            "--log-level",
            "error",
            "fastapi_app:app",
        ]
    )


def aiohttp(version: str) -> Start:
    """aiohttp of this version."""
    own = str(PACKAGES / f"aiohttp-{version}")  # where it is not the usual one
    return _http(lambda port: [PYTHON / "python", "aiohttp_app.py", str(port)], PYTHONPATH=own)


_ITEMS = """CREATE TABLE items (id int PRIMARY KEY, text text, seen int NOT NULL DEFAULT 0);
INSERT INTO items SELECT i, repeat('x', 80) FROM generate_series(0, 19999) i;"""


@contextmanager
def _database(lifetime: float) -> Iterator[Server]:
    programs = max(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parts[-2])
    )
    port, front = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="foreign-pg-", dir="/tmp") as scratch:
        at = Path(scratch)
        owner = "postgres" if os.geteuid() == 0 else None
        if owner:
            shutil.chown(at, owner)
        made: Command = [programs / "initdb", "-D", at / "data", "-U", "soak", "--auth=trust"]
        subprocess.run(made, user=owner, cwd=at, check=True, capture_output=True, timeout=600)
        command: Command = [
            programs / "postgres",
            "-D",
            at / "data",
            "-p",
            str(port),
            "-h",
            "127.0.0.1",
            "-k",
            at,
        ]
        address = f"postgresql://soak@127.0.0.1:{port}/postgres"
        with process(command, port, directory=at, user=owner, stop=signal.SIGINT) as pid:
            time.sleep(3)
            subprocess.run(
                ["psql", "-Xqc", _ITEMS, address], check=True, capture_output=True, timeout=300
            )
            environment = {"POSTGRES": address, "LIFETIME": str(lifetime)}
            with process([PYTHON / "python", "gateway.py", str(front)], front, environment):
                yield Server(f"http://127.0.0.1:{front}", pid)


def database(lifetime: float = 3600.0) -> Start:
    """PostgreSQL with its default settings, behind the gateway: the postmaster is watched, and its backends with it.

    The gateway's pool replaces its sessions when they are about so many seconds old.
    """
    return lambda: _database(lifetime)


def redis(*flags: str) -> Start:
    """Redis with these settings, behind the gateway."""

    @contextmanager
    def start() -> Iterator[Server]:
        port, front = free_port(), free_port()
        with tempfile.TemporaryDirectory() as scratch:
            settings = f"--port {port} --bind 127.0.0.1 --dir {scratch}".split()
            command: Command = ["redis-server", *settings, "--save", ""]
            gateway: Command = [PYTHON / "python", "gateway.py", str(front)]
            with (
                process([*command, *flags], port) as pid,
                process(gateway, front, {"REDIS_PORT": str(port)}),
            ):
                yield Server(f"http://127.0.0.1:{front}", pid)

    return start


_NGINX = """daemon off; pid {at}/nginx.pid; error_log {at}/error.log; worker_processes 2; events {{}}
http {{ access_log {at}/access.log; server {{ listen 127.0.0.1:{port}; root {at}; gzip on; gzip_types text/plain; }} }}
"""


@contextmanager
def nginx() -> Iterator[Server]:
    """nginx that serves files; the master is watched, and its workers with it."""
    with tempfile.TemporaryDirectory() as scratch:
        at, port = Path(scratch), free_port()
        at.chmod(0o755)
        (at / "page.txt").write_text("A line of text that compresses well.\n" * 400)
        (at / "nginx.conf").write_text(_NGINX.format(at=at, port=port))
        with process(
            [shutil.which("nginx") or "nginx", "-p", at, "-c", at / "nginx.conf"], port
        ) as pid:
            yield Server(f"http://127.0.0.1:{port}", pid)


_PROMETHEUS = """global: {{scrape_interval: 2s}}
scrape_configs:
  - {{job_name: own, static_configs: [{{targets: ["127.0.0.1:{port}"]}}]}}
  - {{job_name: others, static_configs: [{{targets: [{others}]}}]}}
"""


def prometheus(binary: str | Path, *flags: str) -> Start:
    """Prometheus that scrapes itself and a small Node service."""

    @contextmanager
    def start() -> Iterator[Server]:
        with node("fastify.js")() as other, tempfile.TemporaryDirectory() as scratch:
            at, port = Path(scratch), free_port()
            others = f'"{other.url.removeprefix("http://")}"'
            (at / "prometheus.yml").write_text(_PROMETHEUS.format(port=port, others=others))
            files = [f"--config.file={at}/prometheus.yml", f"--storage.tsdb.path={at}/data"]
            with process(
                [binary, *files, f"--web.listen-address=127.0.0.1:{port}", *flags], port
            ) as pid:
                time.sleep(5)
                yield Server(f"http://127.0.0.1:{port}", pid, metrics=True)

    return start


_ALERTMANAGER = """global: {resolve_timeout: 1s}
route: {receiver: nobody, group_by: [alertname], group_wait: 1s, group_interval: 2s}
receivers: [{name: nobody}]
"""


def alertmanager(version: str) -> Start:
    """Alertmanager alone, that tells nobody of alerts which are resolved after a second."""

    @contextmanager
    def start() -> Iterator[Server]:
        with tempfile.TemporaryDirectory() as scratch:
            at, port = Path(scratch), free_port()
            (at / "alertmanager.yml").write_text(_ALERTMANAGER)
            files = [
                f"--config.file={at}/alertmanager.yml",
                f"--storage.path={at}",
                "--cluster.listen-address=",
            ]
            binary = PACKAGES / "alertmanager" / f"alertmanager-{version}"
            with process([binary, *files, f"--web.listen-address=127.0.0.1:{port}"], port) as pid:
                yield Server(f"http://127.0.0.1:{port}", pid, metrics=True)

    return start
