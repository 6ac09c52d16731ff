"""What a target does to a run: one real run for each fault, and what soak says of it.

`make faults-target` prints the table. A fault is right where the run does not pass, `soak report`
gives the same exit code, and no load went to a host that is not allowed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from tests.sampling.serving import free_port

DURATION = 24
#: Seconds of load after which the fault begins: half of the run is good.
AT = 12.0
NEVER = 120.0
#: Where a name leads to once it has changed.
OTHER_HOST = "127.0.0.3"


@dataclass
class TargetOutcome:
    """What soak said of one run, and what of it is wrong."""

    fault: str
    code: int | None = None
    report: int | None = None
    said: str = ""
    faults: list[str] = field(default_factory=list)
    text: str = ""

    def row(self) -> str:
        """One line of the table."""
        wrong = "; ".join(self.faults) or "ok"
        return f"{self.fault:26} {self.code!s:>4} {self.report!s:>6}  {wrong:10} {self.said}"


class Service:
    """The faulty service as a process, which a fault may stop, kill or replace."""

    def __init__(self, scratch: Path, fault: str, *more: str) -> None:
        self.scratch, self.port, self._more = scratch, free_port(), more
        self.process = self.start(fault)

    def start(self, fault: str, *more: str) -> subprocess.Popen[bytes]:
        """Start it on its port, once it answers."""
        arguments = ["--port", str(self.port), "--fault", fault, "--at", str(AT)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.faulty_service", *arguments, *self._more, *more],
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        self.process.stdout.readline()
        return self.process

    def stop(self) -> None:
        """End it, whatever its state."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def _none(service: Service) -> None:
    pass


def _hang(service: Service) -> None:
    service.process.send_signal(signal.SIGSTOP)


def _killed(service: Service) -> None:
    service.stop()


def _restarted(service: Service) -> None:
    service.stop()
    service.start("none")


def _restarted_later(service: Service) -> None:
    service.stop()
    time.sleep(3)
    service.start("none")


def _taken_over(service: Service) -> None:
    service.stop()
    service.start("other")


def _moved(service: Service) -> None:
    service.stop()
    service.start("none", "--host", OTHER_HOST)
    (service.scratch / "moved").touch()


#: Each fault: the service's own, and what is done to its process from outside.
FAULTS: dict[str, tuple[str, Callable[[Service], None]]] = {
    "none (control)": ("none", _none),
    "exits by itself": ("exit", _none),
    "killed": ("none", _killed),
    "restarts at once": ("none", _restarted),
    "restarts after 3 s": ("none", _restarted_later),
    "hangs (SIGSTOP)": ("none", _hang),
    "answers garbage": ("garbage", _none),
    "resets connections": ("reset", _none),
    "serves only 503": ("503", _none),
    "answers in 3 s": ("slow", _none),
    "page missing every second": ("page missing", _none),
    "page turns to HTML": ("page html", _none),
    "page turns to garbage": ("page garbage", _none),
    "series vanish": ("series vanish", _none),
    "series every second scrape": ("series every second", _none),
    "page slower than interval": ("page slow", _none),
    "page redirects elsewhere": ("page redirect", _none),
    "port taken over": ("none", _taken_over),
    "redirects elsewhere": ("redirect", _none),
    "address changes": ("none", _moved),
    "certificate expires": ("certificate", _none),
}


def _own_address() -> str:
    """An address of this machine that is not loopback, so that no profile allows it unasked."""
    for addresses in psutil.net_if_addrs().values():
        for each in addresses:
            if each.family is socket.AF_INET and not each.address.startswith("127."):
                return each.address
    raise SystemExit(
        "this machine has no address but loopback; redirects elsewhere cannot be tried"
    )


@contextmanager
def sentinel() -> Iterator[tuple[str, list[bytes]]]:
    """A server on a host that no profile allows, and what was sent to it."""
    host = _own_address()
    listener, seen = socket.create_server((host, 0)), list[bytes]()
    listener.settimeout(0.2)
    done = threading.Event()

    def accept() -> None:
        while not done.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(1)
                try:
                    seen.append(connection.recv(300))
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                except OSError:
                    continue

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield f"http://{host}:{listener.getsockname()[1]}/", seen
    finally:
        done.set()
        thread.join()
        listener.close()


#: Makes a name resolve to one address until a file is there, and to another from then on.
RESOLVER = """
import _socket, os
_real = _socket.getaddrinfo
def _changed(host, *rest, **named):
    if host in ("service.test", b"service.test"):
        host = os.environ["LATER"] if os.path.exists(os.environ["MOVED"]) else "127.0.0.1"
    return _real(host, *rest, **named)
_socket.getaddrinfo = _changed
"""


def certificate(file: Path, days: int) -> None:
    """A certificate for 127.0.0.1 that is its own authority, good for so many days (-1: expired), and its key, in one file."""
    key, request = file.with_name("own.key"), file.with_name("own.csr")
    names = file.with_name("names")
    names.write_text("subjectAltName = IP:127.0.0.1\n")
    new = ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1"]
    sign = ["x509", "-req", "-in", str(request), "-signkey", str(key), "-extfile", str(names)]
    if not key.exists():
        command = ["openssl", *new, "-keyout", str(key), "-out", str(request)]
        subprocess.run(command, check=True, capture_output=True)
    issued = subprocess.run(
        ["openssl", *sign, "-days", str(days)], check=True, capture_output=True, text=True
    ).stdout
    file.write_text(key.read_text() + issued)


def run(fault: str, duration: int = DURATION) -> TargetOutcome:
    """One run with this fault."""
    outcome = TargetOutcome(fault)
    own, outside = FAULTS[fault]
    with TemporaryDirectory() as folder, sentinel() as (elsewhere, strayed):
        scratch = Path(folder)
        more, url, extra, environment = ["--elsewhere", elsewhere], "http://127.0.0.1", "", {}
        if fault == "certificate expires":
            good, expired = scratch / "good.pem", scratch / "expired.pem"
            certificate(good, 1)
            certificate(expired, -1)
            more += ["--certificate", str(good), "--later", str(expired)]
            url, extra = "https://127.0.0.1", f", tls: {{ca: {good}}}"
        if fault == "address changes":
            (scratch / "sitecustomize.py").write_text(RESOLVER)
            environment = {"PYTHONPATH": f"{scratch}:{Path.cwd()}", "LATER": OTHER_HOST}
            environment["MOVED"] = str(scratch / "moved")
            url, extra = "http://service.test", ", allow: [service.test]"
        service = Service(scratch, own, *more)
        directory, profile = scratch / "run", scratch / "fault.yaml"
        watched = f"  - process: {{port: {service.port}}}\n"
        if fault == "address changes":  # no process here is the service for good
            watched = ""
        profile.write_text(
            f'name: fault\ntarget: {{url: "{url}:{service.port}"{extra}}}\n'
            f"sources:\n{watched}  - prometheus: {{url: /metrics}}\n"
            f"sample: 1s\nload: {{rate: 20/s, duration: {duration}s}}\nendpoints: [GET /]\n"
            "limits: {growth: {service_queue_length: 100/s}}\n"
        )
        command = [sys.executable, "-m", "soak", "run", str(profile), "--out", str(directory)]
        supervisor = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **environment},
        )
        begun, phases = time.monotonic(), directory / "run.json"
        while time.monotonic() - begun < 60 and supervisor.poll() is None:
            if phases.exists() and "phases" in phases.read_text():
                break
            time.sleep(0.1)
        time.sleep(AT)
        outside(service)
        try:
            outcome.text = supervisor.communicate(timeout=NEVER)[0]
        except subprocess.TimeoutExpired:
            supervisor.kill()
            outcome.text = supervisor.communicate()[0]
            outcome.faults.append("never ended")
        outcome.code = supervisor.returncode
        service.stop()
        _judge(outcome, directory, strayed, environment)
        if keep := os.environ.get("KEEP"):
            shutil.copytree(directory, Path(keep) / fault.replace(" ", "-"), dirs_exist_ok=True)
    return outcome


def _judge(
    outcome: TargetOutcome, directory: Path, strayed: list[bytes], environment: dict[str, str]
) -> None:
    """Fill in what the report says, and what is wrong."""
    report = subprocess.run(
        [sys.executable, "-m", "soak", "report", str(directory), "--format", "json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=NEVER,
        env={**os.environ, **environment},
    )
    outcome.report = report.returncode
    if outcome.report != outcome.code:
        outcome.faults.append("report differs")
    if (outcome.code == 0) is not (outcome.fault == "none (control)"):
        outcome.faults.append("PASSES" if outcome.code == 0 else "control fails")
    if "Traceback" in outcome.text + report.stderr:
        outcome.faults.append("traceback")
    if strayed:
        outcome.faults.append(f"{len(strayed)} requests went elsewhere")
    file = directory / "analysis.json"
    if file.exists():
        analysis = json.loads(file.read_text())
        outcome.said = str(analysis.get("reason") or analysis.get("broken"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 when anything in it is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", default=list(FAULTS), choices=list(FAULTS))
    parser.add_argument("--together", type=int, default=2, help="so many runs at a time")
    given = parser.parse_args(arguments)
    sys.stdout.write(f"{'fault':26} {'exit':>4} {'report':>6}  {'':10} said\n")
    wrong = 0
    with ThreadPoolExecutor(given.together) as pool:
        for outcome in pool.map(run, given.only):
            wrong += bool(outcome.faults)
            sys.stdout.write(f"{outcome.row()}\n")
            sys.stdout.flush()
            if outcome.faults:
                sys.stdout.write(outcome.text[-3000:])
    sys.stdout.write(f"{wrong} of {len(given.only)} faults said wrongly\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
