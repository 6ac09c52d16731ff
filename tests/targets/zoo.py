"""Goroutines, threads and tasks stranded in every usual way: `python -m tests.targets.zoo --only 'go/*' --seconds 90`.

Each kind is run leaking and fixed, beside the fixed handlers of three other kinds. A leaking run
must fail with one suspect of class goroutine-leak at the kind's place, through its endpoint; a
fixed one must not fail and suspects nobody.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.driving import soak
from tests.sampling.serving import free_port
from tests.targets import Target, running
from tests.targets.building import HERE, JVM, cached, call, tool
from tests.targets.diagnosis import same_place

CODES = {0: "pass", 1: "fail", 3: "inconclusive"}


@dataclass(frozen=True, slots=True)
class Stranded:
    """One kind: what a request strands (`unit`, `per_request` of them), and the function at which they wait or were made."""

    target: str
    kind: str
    place: str
    per_request: float = 1.0
    unit: str = "goroutines"

    @property
    def cell(self) -> str:
        """How it is called."""
        return f"{self.target}/{self.kind}"


ZOO: tuple[Stranded, ...] = (
    Stranded("go", "blocked-send", "main.sendResult kinds.go"),
    Stranded("go", "blocked-receive", "main.awaitOrder kinds.go"),
    Stranded("go", "missing-close", "main.drainRows kinds.go"),
    Stranded("go", "double-lock", "main.lockTwice kinds.go"),
    Stranded("go", "lock-order", "main.lockPair kinds.go", 2.0),
    Stranded("go", "missing-unlock", "main.lockOnce kinds.go"),
    Stranded("go", "waitgroup", "main.awaitGroup kinds.go"),
    Stranded("go", "select", "main.choose kinds.go"),
    Stranded("go", "context", "main.untilDone kinds.go"),
    Stranded("go", "condition", "main.awaitSignal kinds.go"),
    Stranded("go", "ticker", "main.onEachTick kinds.go"),
    Stranded("go", "pipe", "main.pipeNotClosed kinds.go"),
    Stranded("go", "nil-channel", "main.awaitOrder kinds.go"),
    Stranded("go", "two-channels", "main.exchange kinds.go", 2.0),
    Stranded("go", "read-write-locks", "main.upgrade kinds.go"),
    Stranded("java", "latch", "Zoo.awaitLatch", unit="threads"),
    Stranded("java", "queue-take", "Zoo.takeJob", unit="threads"),
    Stranded("java", "hand-over", "Zoo.handOver", unit="threads"),
    Stranded("java", "join", "Zoo.joinWorker", unit="threads"),
    Stranded("java", "missing-unlock", "Zoo.lockOnce", unit="threads"),
    Stranded("java", "read-write-locks", "Zoo.upgrade", unit="threads"),
    Stranded("java", "lock-order", "Zoo.lockPair", 2.0, unit="threads"),
    Stranded("java", "future", "Zoo.awaitReply", unit="threads"),
    Stranded("java", "condition", "Zoo.awaitSignal", unit="threads"),
    Stranded("java", "wait", "Zoo.awaitNotice", unit="threads"),
    Stranded("java", "semaphore", "Zoo.acquirePermit", unit="threads"),
    Stranded("java", "park", "Zoo.parkForGood", unit="threads"),
    Stranded("java", "barrier", "Zoo.meetOthers", unit="threads"),
    Stranded("java", "phaser", "Zoo.awaitPhase", unit="threads"),
    Stranded("java", "exchanger", "Zoo.exchangeWithNobody", unit="threads"),
    Stranded("java", "executor", "Zoo.startExecutor", unit="threads"),
    Stranded("java", "schedule", "Zoo.startSchedule", unit="threads"),
    Stranded("java", "timer", "Zoo.startTimer", unit="threads"),
    Stranded("python", "queue-get", "take_job zoo.py", unit="threads"),
    Stranded("python", "event-wait", "await_event zoo.py", unit="threads"),
    Stranded("python", "join", "join_worker zoo.py", unit="threads"),
    Stranded("python", "double-lock", "lock_twice zoo.py", unit="threads"),
    Stranded("python", "executor", "start_executor zoo.py or worker zoo.py", unit="threads"),
    Stranded("python", "task-future", "await_reply zoo.py", unit="tasks"),
    Stranded("python", "task-queue", "consume zoo.py", unit="tasks"),
    Stranded("python", "task-event", "await_shutdown zoo.py", unit="tasks"),
)


def command(target: str) -> tuple[list[str], dict[str, Any], dict[str, str]]:
    """How a target is started, what `diagnose` then says, and its environment."""
    if target == "go":
        source = HERE / "go" / "zoo"
        sources = [path for path in source.iterdir() if path.suffix in {".go", ".mod"}]
        go = tool("go")
        built = cached(
            "go-zoo", sources, lambda to: call([go, "build", "-o", to / "zoo", "."], source)
        )
        return [str(built / "zoo")], {"pprof": "/debug/pprof"}, {}
    if target == "java":
        source, java, javac = HERE / "java" / "zoo", tool("java"), tool("javac")
        classes = cached(
            "java-zoo",
            [source / "Zoo.java"],
            lambda to: call([javac, "-Xlint:all", "-d", to, source / "Zoo.java"], source),
        )
        return [java, *JVM, "-cp", str(classes), "Zoo"], {"jvm": True}, {}
    address = f"127.0.0.1:{free_port()}"
    hook = HERE.parents[1] / "soak" / "hook"
    return (
        [sys.executable, str(hook), str(HERE / "python" / "zoo.py")],
        {"python": address},
        {"SOAK_HOOK": address},
    )


def kinds_of(target: str) -> list[str]:
    """All kinds of a target."""
    return [stranded.kind for stranded in ZOO if stranded.target == target]


def profile(
    stranded: Stranded, target: Target, diagnose: dict[str, Any], seconds: float, rate: float
) -> str:
    """The kind's endpoint, and three others that strand nothing."""
    kinds = kinds_of(stranded.target)
    at = kinds.index(stranded.kind)
    beside = [kinds[(at + step) % len(kinds)] for step in range(4)]
    return yaml.safe_dump(
        {
            "name": stranded.cell.replace("/", "-"),
            "target": {"url": target.url},
            "sources": [{"process": {"pid": target.pid}}, {"prometheus": {"url": "/metrics"}}],
            "load": {"rate": f"{rate:g}/s", "ramp": "3s", "duration": f"{seconds:g}s"},
            "endpoints": [f"GET /{kind}" for kind in beside],
            "limits": {"errors": "5%"},
            "diagnose": {**diagnose, "attribute": True},
        },
        sort_keys=False,
    )


def run(
    stranded: Stranded, directory: Path, seconds: float, rate: float, *, leaking: bool
) -> tuple[bool, str]:
    """Whether one run came out as it must, and what it said."""
    words, diagnose, environment = command(stranded.target)
    leak = stranded.kind if leaking else "none"
    with running(
        [*words, "-leak", leak, "-until-eof"], timeout=300, environment=environment
    ) as target:
        path = directory.with_suffix(".yaml")
        path.write_text(profile(stranded, target, diagnose, seconds, rate))
        done = soak("run", path, directory=directory, timeout=seconds + 600)
    if done.code not in CODES:
        return False, done.explain()
    document = directory / "analysis.json"
    analysis = json.loads(document.read_text()) if document.exists() else {}
    return judge(
        stranded,
        CODES.get(done.code, f"exit {done.code}"),
        analysis.get("suspects", []),
        leaking=leaking,
    )


def judge(
    stranded: Stranded, verdict: str, suspects: Sequence[dict[str, Any]], *, leaking: bool
) -> tuple[bool, str]:
    """Whether a verdict and its suspects are right, and both in one line."""
    said = "; ".join(
        f"{suspect['class']} {suspect['confidence']:.2f} {suspect['where']} [{suspect['endpoint']}] "
        f"{suspect['per_request']:.3g} {suspect['unit']}"
        for suspect in suspects
    )
    if not leaking:
        return verdict != "fail" and not suspects, f"{verdict}: {said or 'nobody'}"
    first = suspects[0] if suspects else {}
    right = (
        verdict == "fail"
        and len(suspects) == 1
        and first["class"] == "goroutine-leak"
        and any(same_place(place, first["where"]) for place in stranded.place.split(" or "))
        and first["endpoint"] == f"GET /{stranded.kind}"
        and abs(first["per_request"] / stranded.per_request - 1) <= 0.1
    )
    return right, f"{verdict}: {said or 'nobody'}"


def main() -> None:
    """Prints a line a run; exit 1 when one is not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", action="append", metavar="GLOB", help="kinds such as go/*; repeatable"
    )
    parser.add_argument("--seconds", type=float, default=90.0, help="of full load")
    parser.add_argument("--rate", type=float, default=60.0, help="requests a second")
    parser.add_argument("--fixed", action="store_true", help="the fixed twins, too")
    asked = parser.parse_args()
    wrong = 0
    for stranded in ZOO:
        if not any(fnmatchcase(stranded.cell, glob) for glob in asked.only or ["*"]):
            continue
        for leaking in (True, False) if asked.fixed else (True,):
            with tempfile.TemporaryDirectory() as scratch:
                right, said = run(
                    stranded, Path(scratch, "run"), asked.seconds, asked.rate, leaking=leaking
                )
            wrong += not right
            print(
                f"{'ok   ' if right else 'WRONG'} {stranded.cell:26} {'leak ' if leaking else 'fixed'} {said}",
                flush=True,
            )
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
