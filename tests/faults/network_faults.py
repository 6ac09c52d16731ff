"""What the network between a master and its worker does to a run: `make faults-network`, as root.

Master and worker live in network namespaces of their own, each with the same service on its
loopback, and a pair of virtual interfaces joins them. The interface is taken down, or delayed and
made to lose packets where the kernel can (`tc qdisc ... netem`), in the middle of a run. A fault is
right where the run ends with the code that is named, `soak report` gives the same, and a worker that
is cut off ends by itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

MASTER, WORKER = "soak-master", "soak-worker"
PORT, ADDRESS = 18419, "10.77.0.1"
#: Seconds of load, when the fault begins, and within which a worker that is cut off has ended.
DURATION, AT, ENDED = 30, 8.0, 6.0
NETEM = "qdisc add dev eth0 root netem"


@dataclass(frozen=True)
class Fault:
    """A fault: what `tc` does (nothing: the interface is down), for so many seconds, and the codes that are right."""

    name: str
    seconds: float
    codes: tuple[int, ...]
    tc: str = ""
    lost: str = "rebalance"
    cut_off: bool = False


FAULTS = (
    Fault("partition of 1 s", 1, (0, 3)),
    Fault("partition of 12 s", 12, (0, 3), cut_off=True),
    Fault("partition, lost: break", 12, (4,), lost="break", cut_off=True),
    Fault("delay of 200 ms", 12, (0, 3), f"{NETEM} delay 200ms 50ms"),
    Fault("loss of 10%", 12, (0, 3), f"{NETEM} loss 10%"),
)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def _made() -> None:
    """Two namespaces that see each other."""
    for name in (MASTER, WORKER):
        _ip("netns", "add", name)
    ends = ["link", "add", "eth0", "netns", MASTER, "type", "veth"]
    _ip(*ends, "peer", "name", "eth0", "netns", WORKER)
    for name, address in ((MASTER, ADDRESS), (WORKER, "10.77.0.2")):
        _ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
        for interface in ("eth0", "lo"):
            _ip("-n", name, "link", "set", interface, "up")


@contextmanager
def namespaces() -> Iterator[None]:
    """The namespaces while they are needed; SystemExit where this machine allows none."""
    try:
        try:
            _made()
        except (OSError, subprocess.CalledProcessError) as error:
            raise SystemExit(f"network namespaces cannot be made here: {error}") from None
        yield
    finally:
        for name in (MASTER, WORKER):
            with suppress(OSError):
                subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def started(namespace: str, *words: str) -> subprocess.Popen[str]:
    """One of Python's modules in a namespace."""
    return subprocess.Popen(
        ["ip", "netns", "exec", namespace, sys.executable, "-m", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "SOAK_WORKER_TOKEN": "t" * 40},
    )


def run(fault: Fault) -> tuple[str, bool]:
    """The row of one run with this fault, and whether something is wrong."""
    if (
        fault.tc
        and subprocess.run(
            ["ip", "netns", "exec", MASTER, "tc", *fault.tc.split()],
            check=False,
            capture_output=True,
        ).returncode
    ):
        return f"{fault.name:24} not possible with this kernel", False
    subprocess.run(
        f"ip netns exec {MASTER} tc qdisc del dev eth0 root".split(),
        check=False,
        capture_output=True,
    )
    with TemporaryDirectory() as scratch:
        profile, directory = Path(scratch, "net.yaml"), Path(scratch, "run")
        workers = f'{{expect: 1, bind: "{ADDRESS}:5557", lost: {fault.lost}}}'
        load = f"{{rate: 40/s, duration: {DURATION}s, processes: 1, workers: {workers}}}"
        profile.write_text(
            f'name: net\ntarget: {{url: "http://127.0.0.1:{PORT}"}}\nsources: [{{prometheus: {{url: /metrics}}}}]\n'
            f"sample: 1s\nload: {load}\nendpoints: [GET /]\nlimits: {{growth: {{service_queue_length: 100/s}}}}\n"
        )
        services = [
            started(name, "tests.faults.faulty_service", "--port", str(PORT))
            for name in (MASTER, WORKER)
        ]
        try:
            master = started(MASTER, "soak", "run", str(profile), "--out", str(directory))
            worker = started(WORKER, "soak", "worker", "--master", f"{ADDRESS}:5557")
            _begun(directory / "run.json", master)
            time.sleep(AT)
            ended = _inflicted(fault, worker)
            said = master.communicate(timeout=180)[0]
            worker.communicate(timeout=60)
        finally:
            for process in services:
                process.kill()
                process.communicate()
        report = subprocess.run(
            [sys.executable, "-m", "soak", "report", str(directory), "--format", "json"],
            check=False,
            capture_output=True,
        )
        faults = []
        if master.returncode not in fault.codes:
            faults.append(f"exit {master.returncode}")
        if report.returncode != master.returncode:
            faults.append(f"report {report.returncode}")
        if "Traceback" in said:
            faults.append("traceback")
        if fault.cut_off is not (ended is not None and ended < ENDED):
            faults.append("the worker did not end" if fault.cut_off else "the worker ended")
        reason = json.loads((directory / "analysis.json").read_text())["reason"]
    return f"{fault.name:24} {master.returncode:>4}  {'; '.join(faults) or 'ok':10} {reason}", bool(
        faults
    )


def _begun(facts: Path, master: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until and master.poll() is None:
        if facts.exists() and "phases" in facts.read_text():
            return
        time.sleep(0.1)


def _inflicted(fault: Fault, worker: subprocess.Popen[str]) -> float | None:
    """Do it and undo it; after how many seconds the worker had ended, None where it had not."""
    bad = f"exec {MASTER} tc {fault.tc}" if fault.tc else ""
    began, ended = time.monotonic(), None
    _ip("netns", *bad.split()) if bad else _ip("-n", MASTER, "link", "set", "eth0", "down")
    while (passed := time.monotonic() - began) < fault.seconds:
        if ended is None and worker.poll() is not None:
            ended = passed
        time.sleep(0.05)
    good = f"exec {MASTER} tc qdisc del dev eth0 root"
    _ip("netns", *good.split()) if bad else _ip("-n", MASTER, "link", "set", "eth0", "up")
    return ended


def main() -> int:
    """Print the table; 1 when anything in it is wrong."""
    wrong = 0
    with namespaces(), suppress(KeyboardInterrupt):
        for fault in FAULTS:
            row, faulty = run(fault)
            wrong += faulty
            sys.stdout.write(f"{row}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{wrong} of {len(FAULTS)} faults said wrongly\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
