"""Signals to every process of a run, at random moments: what outlives the supervisor, what is recorded, and what is said of it.

`make faults` runs the whole matrix and prints it; tests/faults/test_kill_matrix.py runs its fast
part.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from tests.sampling.serving import free_port

VICTIMS = ("supervisor", "load", "master", "worker", "target")
SIGNALS = ("KILL", "TERM", "HUP", "INT", "STOP")
#: The load lasts so long, in seconds; signals are sent from the start of the process to a little after its end.
DURATION = 8.0
#: No process of a run may be there so long, in seconds, after its supervisor has gone; beside other work give it longer.
OUTLIVED = 2.0
#: A stopped process goes on after so many seconds.
STOPPED = 4.0
#: A run that has not ended after so many seconds never does.
NEVER = 180.0
PASS = 0
#: The share of moments before the load begins.
EARLY = 0.2


@dataclass
class Outcome:
    """What became of one run: its exit code, None for one that never ended, and that of `soak report` afterwards."""

    victim: str
    signal: str
    moment: float
    hit: bool = False
    code: int | None = None
    report: int | None = None
    ended: str = "nothing recorded"
    scrapes: int = 0
    faults: list[str] = field(default_factory=list)

    def row(self) -> str:
        """One line of the table."""
        code, report = ("-" if value is None else str(value) for value in (self.code, self.report))
        faults = "; ".join(self.faults) or "ok"
        hit = "" if self.hit else " (was gone)"
        return (
            f"{self.victim + hit:22} {self.signal:5} {self.moment:6.1f} {code:>5} {report:>7} {self.ended:18} "
            f"{self.scrapes:7} {faults}"
        )


HEADER = f"{'victim':22} {'sig':5} {'at s':>6} {'exit':>5} {'report':>7} {'ended':18} {'scrapes':>7} faults"


def profile(port: int, processes: int) -> str:
    """A run of the bundled service, which it starts itself."""
    command = json.dumps([sys.executable, "-m", "soak.demo", "--port", str(port)])
    return (
        f"name: fault\ntarget:\n  url: http://127.0.0.1:{port}\n"
        f"  start: {{command: {command}, ready: GET /healthz, timeout: 120s}}\n"
        f"sample: 0.5s\nload: {{rate: 20/s, duration: {DURATION:g}s, processes: {processes}}}\nendpoints: [GET /]\n"
    )


def case(victim: str, name: str, moment: float, patience: float = OUTLIVED) -> Outcome:
    """One run, hit at `moment` seconds after its load began, or where that is negative, so long after its process did."""
    outcome = Outcome(victim, name, moment)
    with TemporaryDirectory() as scratch:
        directory, file = Path(scratch) / "run", Path(scratch) / "fault.yaml"
        file.write_text(profile(free_port(), 2 if victim in ("master", "worker") else 1))
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "soak", "run", str(file), "--out", str(directory)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        family = _watch(supervisor, NEVER, directory / "run.json") if moment >= 0 else set()
        family |= _watch(supervisor, abs(moment))
        process = _victim(victim, supervisor.pid)
        committed = _scrapes(directory)
        if process is not None:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(getattr(signal, f"SIG{name}"))
                outcome.hit = True
        if name == "STOP" and process is not None:
            family |= _watch(supervisor, STOPPED)
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)
        family |= _watch(supervisor, NEVER)
        outcome.code = supervisor.poll()
        if outcome.code is None:
            outcome.faults.append("never ended")
            supervisor.kill()
            supervisor.wait()
        _judge(outcome, family, directory, patience)
        if outcome.scrapes < committed:
            outcome.faults.append(f"{committed - outcome.scrapes} committed scrapes lost")
    return outcome


def _scrapes(directory: Path) -> int:
    """How many scrapes are committed."""
    with suppress(sqlite3.Error):
        database = sqlite3.connect(f"file:{directory / 'recording.sqlite'}?mode=ro", uri=True)
        try:
            (count,) = database.execute("SELECT coalesce(max(id), 0) FROM scrapes").fetchone()
            return int(count)
        finally:
            database.close()
    return 0


def _watch(
    supervisor: subprocess.Popen[bytes], seconds: float, begun: Path | None = None
) -> set[psutil.Process]:
    """All descendants seen until the supervisor ends, so many seconds have passed, or a run's facts tell of its phases."""
    seen: set[psutil.Process] = set()
    until = time.monotonic() + seconds
    while time.monotonic() < until and supervisor.poll() is None:
        with suppress(psutil.NoSuchProcess):
            seen.update(psutil.Process(supervisor.pid).children(recursive=True))
        if begun is not None and begun.exists() and "phases" in begun.read_text():
            break
        time.sleep(0.05)
    return seen


def _victim(victim: str, supervisor: int) -> psutil.Process | None:
    """The process that plays a part now; None when there is none."""
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(supervisor)
        if victim == "supervisor":
            return root
        module = "soak.demo" if victim == "target" else "soak.load"
        processes = [child for child in root.children() if module in child.cmdline()]
        if victim == "worker":
            processes = [worker for master in processes for worker in master.children()]
        return processes[0] if processes else None
    return None


def _judge(outcome: Outcome, family: set[psutil.Process], directory: Path, patience: float) -> None:
    """Fill in what is left of the run, and what of it is wrong."""
    alive = psutil.wait_procs(family, timeout=patience)[1]
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            outcome.faults.append(f"outlived: {' '.join(process.cmdline()[1:4])}")
            process.kill()
    if not (directory / "run.json").exists():
        if outcome.moment >= 0:
            outcome.faults.append("never began")
        return
    outcome.ended = str(json.loads((directory / "run.json").read_text()).get("ended", "crashed"))
    with sqlite3.connect(directory / "recording.sqlite") as database:
        (outcome.scrapes,) = database.execute("SELECT coalesce(max(id), 0) FROM scrapes").fetchone()
        if database.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            outcome.faults.append("database damaged")
    report = subprocess.run(
        [sys.executable, "-m", "soak", "report", str(directory)],
        capture_output=True,
        check=False,
        timeout=NEVER,
    )
    outcome.report = report.returncode
    if b"Traceback" in report.stderr:
        outcome.faults.append("report: traceback")
    if outcome.report == PASS and outcome.ended != "completed":
        outcome.faults.append("a run that was cut short passes")
    if (
        outcome.code is not None
        and outcome.code >= 0
        and outcome.ended != "crashed"
        and outcome.code != outcome.report
    ):
        outcome.faults.append(f"run said {outcome.code}, report {outcome.report}")
    if left := [path.name for path in directory.rglob("*") if path.name.startswith(".")]:
        outcome.faults.append(f"left over: {', '.join(left)}")
    outcome.faults += _half_reports(directory)


def _half_reports(directory: Path) -> Iterator[str]:
    """Reports that are not whole."""
    whole = {
        "analysis.json": "}",
        "report.html": "</html>",
        "junit.xml": ">",
        "suspects.sarif": "}",
    }
    for name, end in whole.items():
        path = directory / name
        if path.exists() and not path.read_text().rstrip().endswith(end):
            yield f"half a {name}"


def cases(
    moments: int, seed: int, victims: Sequence[str] = VICTIMS, signals: Sequence[str] = SIGNALS
) -> Iterator[tuple[str, str, float]]:
    """So many moments of each victim and signal, spread over a run from its start to its sealing."""
    chance = random.Random(seed)
    for victim in victims:
        for name in signals:
            for _ in range(moments):
                early = chance.random() < EARLY
                yield (
                    victim,
                    name,
                    -chance.uniform(0.1, 3.0) if early else chance.uniform(0.0, DURATION + 4.0),
                )


def main() -> int:
    """Print the table; 1 when anything in it is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=10, help="moments of each victim and signal")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--patience", type=float, default=OUTLIVED, help="seconds that may pass until all is gone"
    )
    parser.add_argument("--victims", nargs="+", default=VICTIMS, choices=VICTIMS)
    parser.add_argument("--signals", nargs="+", default=SIGNALS, choices=SIGNALS)
    given = parser.parse_args()
    sys.stdout.write(f"{HEADER}\n")
    wrong = total = 0
    for victim, name, moment in cases(given.moments, given.seed, given.victims, given.signals):
        outcome = case(victim, name, moment, given.patience)
        total += 1
        wrong += bool(outcome.faults)
        sys.stdout.write(f"{outcome.row()}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{wrong} of {total} runs with a fault\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
