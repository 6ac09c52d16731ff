"""Every target with every leak through `soak run`: `python -m tests.targets.matrix --only 'go/*' --repeat 3`.

A leaking cell must fail, by a series that this leak moves; a healthy one, and one whose fault is no
growth, must pass. Each cell's run directory stays in --out, for diagnosis to be tried on. With
--diagnose the first suspect must be right as well: class, place, endpoint and amount.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.driving import soak
from tests.sampling.serving import free_port
from tests.targets import Target, running
from tests.targets.building import SERVICES, Service
from tests.targets.diagnosis import checked, line
from tests.targets.known import BIG_EXPORT, EXPORT, LEAKS, WEIGHTS, Leak
from tests.targets.postgres import postgres
from tests.targets.profiling import profiled

CODES = {0: "pass", 1: "fail", 3: "inconclusive"}


@dataclass(frozen=True, slots=True)
class Result:
    """How one cell came out; `failing` as the analysis orders it."""

    cell: str
    verdict: str
    expected: bool
    failing: tuple[str, ...]
    reason: str
    seconds: float
    text: str
    suspects: str = ""
    rightly: bool = True

    @property
    def line(self) -> str:
        """One row of the table."""
        mark = "ok   " if self.expected else "WRONG"
        why = ", ".join(dict.fromkeys(self.failing)) or (
            "" if self.verdict == "pass" else self.reason
        )
        return f"{mark} {self.cell:24} {self.verdict:13} {why}"


@contextmanager
def serving(leak: Leak, database: str, service: Service | None = None) -> Iterator[Target]:
    """The target of that cell, started and stopped; it also ends when this process does."""
    service = service or SERVICES[leak.target]()
    command = [*service.command, "--database", database, "--leak", leak.name, "--until-eof"]
    with running(command, timeout=300, environment=service.environment) as target:
        yield target


def order_of(leak: Leak) -> dict[str, Any]:
    """What each target takes as an order: Go's products have names, the others' numbers."""
    return {"id": 1, "product": "7" if leak.target.startswith("go") else 7, "quantity": 2}


def profile(
    leak: Leak,
    target: Target,
    seconds: float,
    rate: float,
    profiler: Mapping[str, Any] | None = None,
) -> str:
    """An open model over all endpoints; `rate` requests a second in all, coded where `profiler` says what `diagnose` needs."""
    endpoints: list[dict[str, object]] = []
    for request, weight in WEIGHTS.items():
        endpoint: dict[str, object] = {"request": request, "weight": weight}
        if request == EXPORT and leak.endpoint == BIG_EXPORT:
            endpoint["request"] = BIG_EXPORT
        if request.startswith("POST"):
            endpoint["json"] = order_of(leak)
        endpoints.append(endpoint)
    return yaml.safe_dump(
        {
            "name": leak.cell.replace("/", "-").replace("+", "-and-"),
            "target": {"url": target.url},
            "sources": [{"process": {"pid": target.pid}}, {"prometheus": {"url": "/metrics"}}],
            "load": {"rate": f"{rate:g}/s", "ramp": "3s", "duration": f"{seconds:g}s"},
            "endpoints": endpoints,
            "limits": {"errors": "1%"},
            **diagnosing(profiler),
        },
        sort_keys=False,
    )


def diagnosing(profiler: Mapping[str, Any] | None) -> dict[str, Any]:
    """The profile's `diagnose`; nothing without a profiler."""
    if profiler is None:
        return {}
    return {"diagnose": {**profiler, "attribute": True}}


def run_cell(
    leak: Leak,
    database: str,
    directory: Path,
    seconds: float,
    rate: float,
    *,
    diagnose: bool = False,
) -> Result:
    """One run, and whether it came out as it must; `directory` becomes the run directory."""
    began = time.monotonic()
    service, profiler = profiled(leak.target, free_port()) if diagnose else (None, None)
    with serving(leak, database, service) as target:
        path = directory.with_name(f"{directory.name}.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(profile(leak, target, seconds, rate, profiler))
        done = soak("run", path, directory=directory, timeout=seconds + 300)
    verdict = CODES.get(done.code, f"exit {done.code}")
    path = directory / "analysis.json"
    analysis = json.loads(path.read_text()) if path.exists() else {}
    failing = tuple(
        finding["series"]
        for finding in analysis.get("findings", ())
        if finding["verdict"] == "fail"
    )
    seen = all(set(failing) & set(leak_.series) for leak_ in leak.each)
    expected = verdict == "pass" if leak.healthy else verdict == "fail" and seen
    reason = str(analysis.get("reason", done.err))
    took = time.monotonic() - began
    if not diagnose:
        return Result(leak.cell, verdict, expected, failing, reason, took, done.explain())
    suspects = analysis.get("suspects", [])
    rightly = all(checked(leak, suspects).values())
    return Result(
        leak.cell,
        verdict,
        expected,
        failing,
        reason,
        took,
        done.explain(),
        line(leak, suspects),
        rightly,
    )


def main() -> None:
    """Prints the table; exit 1 when a cell is not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", action="append", metavar="GLOB", help="cells such as go/* or */none; repeatable"
    )
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument(
        "--seconds", type=float, help="of full load in each cell; 60, or 180 with --diagnose"
    )
    parser.add_argument(
        "--diagnose", action="store_true", help="name class, place, endpoint and amount, too"
    )
    parser.add_argument(
        "--jobs", type=int, default=1, help="cells at once; a cell needs about a third of a core"
    )
    parser.add_argument(
        "--rate", type=float, default=sum(WEIGHTS.values()), help="requests a second"
    )
    parser.add_argument(
        "--out", type=Path, help="where run directories go; left out, they are not kept"
    )
    asked = parser.parse_args()
    chosen = [
        leak for leak in LEAKS if any(fnmatchcase(leak.cell, glob) for glob in asked.only or ["*"])
    ]
    if not chosen:
        parser.error("no such cell")
    wrong = 0
    with (
        tempfile.TemporaryDirectory() as scratch,
        postgres() as server,
        ThreadPoolExecutor(asked.jobs) as pool,
    ):

        def stop(*_: object) -> None:
            """An orderly end: no further cell begins, and those that run end first, with their targets and the cluster."""
            pool.shutdown(wait=False, cancel_futures=True)
            sys.exit(143)

        signal.signal(signal.SIGTERM, stop)

        def run(take: int, leak: Leak) -> Result:
            directory = (asked.out or Path(scratch)) / f"{leak.cell.replace('/', '-')}-{take}"
            seconds = asked.seconds or (180.0 if asked.diagnose else 60.0)
            return run_cell(
                leak, server.url, directory, seconds, asked.rate, diagnose=asked.diagnose
            )

        every = [
            pool.submit(run, take, leak) for take in range(1, asked.repeat + 1) for leak in chosen
        ]
        for future in every:
            result = future.result()
            wrong += not (result.expected and result.rightly)
            print(f"{result.line}  ({result.seconds:.0f} s)", flush=True)
            if result.suspects:
                print(f"      {result.suspects}", flush=True)
    total = len(chosen) * asked.repeat
    print(f"{total - wrong} of {total} cells as they must be")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
