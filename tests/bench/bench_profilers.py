"""What each profiler costs its target, in processor time per request and per snapshot: `make bench-profilers`.

Each service of tests/targets answers requests without its profiler until its code is compiled, then as many with it at work,
then takes snapshots at rest. A profiler that has just started makes its runtime compile again what it had compiled, so requests
count from when they cost the same again; what was spent until then is told as the start. Processor time is the process's
own, so that other work on the machine hardly changes it.
"""

from __future__ import annotations

import argparse
import http.client
import statistics
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import psutil

from soak.profile.diagnose import LEAST_EVERY, Diagnose
from soak.sampling.profilers import PROFILERS, ProfiledTarget, Profiler
from tests.sampling.serving import free_port
from tests.targets import Target
from tests.targets.known import leak_of
from tests.targets.matrix import serving
from tests.targets.postgres import postgres
from tests.targets.profiling import profiled

#: Requests of one block, blocks before, with, and as the last of both those that count, and snapshots of which the mean is told.
REQUESTS, BLOCKS, COUNTED, SNAPSHOTS = 2000, 8, 4, 6
#: Seconds between two snapshots in a run of two minutes.
EVERY = LEAST_EVERY
PATHS = ("/products/7", "/orders", "/search?q=lamp", "/stock/7")


def processor_time(pid: int) -> float:
    """Seconds that the process has used."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def per_request(target: Target, requests: int) -> float:
    """Milliseconds of processor time a request, over one kept connection."""
    parts = urlsplit(target.url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    before = processor_time(target.pid)
    for number in range(requests):
        connection.request("GET", PATHS[number % len(PATHS)])
        connection.getresponse().read()
    connection.close()
    return 1000 * (processor_time(target.pid) - before) / requests


def profiler_of(diagnose: Mapping[str, Any], target: Target) -> Profiler:
    """The profiler that a profile's `diagnose` names."""
    [key] = diagnose
    value = getattr(Diagnose.model_validate(diagnose), key)
    return PROFILERS[key].named(value, ProfiledTarget(target.url, pid=target.pid))


def blocks(target: Target, requests: int) -> tuple[float, float]:
    """Milliseconds a request once that is steady, and in all blocks beyond it."""
    each = [per_request(target, requests) for _ in range(BLOCKS)]
    steady = statistics.median(each[-COUNTED:])
    return steady, requests * sum(one - steady for one in each[:-COUNTED])


def measured(name: str, database: str, requests: int) -> str:
    """One row: milliseconds a request without and with the profiler, its start's, a snapshot's, and the share of a processor."""
    service, diagnose = profiled(name, free_port())
    with serving(leak_of(f"{name}/none"), database, service) as target:
        without, _ = blocks(target, requests)
        profiler = profiler_of(diagnose, target)
        before = processor_time(target.pid)
        list(profiler.take("start"))
        start = 1000 * (processor_time(target.pid) - before)
        within, compiled = blocks(target, requests)
        before = processor_time(target.pid)
        for _ in range(SNAPSHOTS):
            list(profiler.take("steady"))
        snapshot = 1000 * (processor_time(target.pid) - before) / SNAPSHOTS
        profiler.close()
    more = (within - without) / without
    share = snapshot / EVERY / 1000
    return (
        f"{name:8} {without:10.3f} {within:10.3f} {more:8.0%} {start + max(compiled, 0.0):10.0f} "
        f"{snapshot:10.0f} {share:8.1%}"
    )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=["go", "java", "node", "python"])
    parser.add_argument("--requests", type=int, default=REQUESTS)
    asked = parser.parse_args()
    print(
        f"{'target':8} {'without':>10} {'with':>10} {'more':>8} {'start':>10} {'snapshot':>10} {'share':>8}"
        f"   (ms of processor time; the share of one processor, by a snapshot every {EVERY:g} s)"
    )
    with postgres() as server:
        for name in asked.only or ["go", "java", "node", "python"]:
            print(measured(name, server.url, asked.requests), flush=True)


if __name__ == "__main__":
    main()
