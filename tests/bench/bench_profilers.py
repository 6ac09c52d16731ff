"""What each profiler costs its target, in processor time per request and per snapshot: `make bench-profilers`.

Each service of tests/targets answers a fixed number of requests without its profiler, then as many
with it at work, then takes snapshots at rest. Processor time is the process's own, so that other
work on the machine hardly changes it.
"""

from __future__ import annotations

import argparse
import http.client
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import psutil

from soak.profile.diagnose import Diagnose
from soak.sampling.profilers import PROFILERS, ProfiledTarget, Profiler
from tests.sampling.serving import free_port
from tests.targets import Target
from tests.targets.known import leak_of
from tests.targets.matrix import serving
from tests.targets.postgres import postgres
from tests.targets.profiling import profiled

#: Requests of one measurement, answered before it so that code is compiled, and snapshots of which the mean is told.
REQUESTS, FIRST, SNAPSHOTS = 1500, 300, 5
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


def measured(name: str, database: str, requests: int) -> str:
    """One row: milliseconds a request without and with the profiler, and a snapshot's."""
    service, diagnose = profiled(name, free_port())
    with serving(leak_of(f"{name}/none"), database, service) as target:
        per_request(target, FIRST)
        without = per_request(target, requests)
        profiler = profiler_of(diagnose, target)
        list(profiler.take("start"))
        within = per_request(target, requests)
        before = processor_time(target.pid)
        for _ in range(SNAPSHOTS):
            list(profiler.take("steady"))
        snapshot = 1000 * (processor_time(target.pid) - before) / SNAPSHOTS
        profiler.close()
    more = (within - without) / without
    return f"{name:8} {without:10.2f} {within:10.2f} {more:8.0%} {snapshot:12.0f}"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=["go", "java", "node", "python"])
    parser.add_argument("--requests", type=int, default=REQUESTS)
    asked = parser.parse_args()
    print(
        f"{'target':8} {'without':>10} {'with':>10} {'more':>8} {'snapshot':>12}   (ms of processor time)"
    )
    with postgres() as server:
        for name in asked.only or ["go", "java", "node", "python"]:
            print(measured(name, server.url, asked.requests), flush=True)


if __name__ == "__main__":
    main()
