"""The services leak what tests/targets/known.py says, as much as it says, and nowhere else."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator

import psutil
import pytest
from requests import Session

from tests.targets import Target, toolchain
from tests.targets.building import SERVICES
from tests.targets.known import EVERY, LEAKS, WEIGHTS, Leak
from tests.targets.matrix import order_of, serving
from tests.targets.postgres import Postgres


def chosen() -> list[Leak]:
    """The first leak of each class in each target, for time's sake; all of them where the environment asks for that."""
    leaking = [leak for leak in LEAKS if leak.series]
    if os.environ.get("SOAK_EVERY_CELL") == "true":
        return leaking
    return list({(leak.target, leak.kind): leak for leak in reversed(leaking)}.values())[::-1]


COUNTED = [leak for leak in chosen() if leak.unit != "bytes"]
KEPT = [leak for leak in chosen() if leak.unit == "bytes" and "-" not in leak.target]
POOLS = "go_sql_in_use_connections", "hikaricp_connections_active", "db_pool_connections_in_use"


@pytest.fixture(scope="module")
def http() -> Iterator[Session]:
    with Session() as session:
        session.trust_env = False
        yield session


def ask(http: Session, target: Target, leak: Leak, endpoint: str, times: int) -> None:
    method, path = endpoint.split()
    for _ in range(times):
        with http.request(
            method, target.url + path, json=order_of(leak) if method == "POST" else None
        ) as answer:
            assert answer.status_code < 300, answer.text


def metrics(http: Session, target: Target) -> dict[str, float]:
    """The sum over the labels of each."""
    values: dict[str, float] = {}
    for name, value in re.findall(
        r"^(\w+)(?:\{.*\})? (\S+)", http.get(f"{target.url}/metrics").text, re.MULTILINE
    ):
        values[name] = values.get(name, 0.0) + float(value)
    return values


def collect_java(target: Target) -> None:
    """A full collection."""
    subprocess.run(
        ["jcmd", str(target.pid), "GC.run"], check=True, capture_output=True, timeout=600
    )


def settled_counts(
    http: Session, target: Target, leak: Leak, postgresql: Postgres
) -> dict[str, float]:
    """The counts once they stand still: what requests opened for themselves is closed a moment after their answers."""
    if leak.target == "java":
        collect_java(target)  # which closes what its start-up left open
    seen = counts(http, target, leak, postgresql)
    for _ in range(60):
        time.sleep(1.1 if leak.target == "java" else 0.2)  # HikariCP's numbers are up to 1 s old
        before, seen = seen, counts(http, target, leak, postgresql)
        if before == seen:
            break
    return seen


def counts(http: Session, target: Target, leak: Leak, postgresql: Postgres) -> dict[str, float]:
    of_service = metrics(http, target)
    connections = next((of_service[name] for name in POOLS if name in of_service), 0.0)
    return {
        "threads": psutil.Process(target.pid).num_threads(),
        "goroutines": of_service.get("go_goroutines", 0.0),
        "descriptors": target.descriptors(),
        "connections": connections,
        "sessions": float(
            postgresql.query("SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop'")
        ),
    }


def held_bytes(http: Session, target: Target, leak: Leak) -> float:
    """What the service holds: its heap after a collection where one can be asked for, else what is resident."""
    if leak.target == "java" and leak.name != "direct":
        collect_java(target)
        return metrics(http, target)["jvm_memory_used_bytes"]
    if leak.target == "go" and leak.name != "native":
        assert http.get(f"{target.url}/debug/pprof/heap?gc=1").content
        return metrics(http, target)["go_memstats_heap_alloc_bytes"]
    return float(psutil.Process(target.pid).memory_info().rss)


@pytest.mark.parametrize("leak", COUNTED, ids=lambda leak: leak.cell)
def test_a_leak_of_things_is_as_large_as_known(
    leak: Leak, http: Session, postgresql: Postgres
) -> None:
    with toolchain():
        SERVICES[leak.target]()
    times, stray = (
        40,
        4,
    )  # runtimes start and end a few threads, goroutines and connections of their own
    with serving(leak, postgresql.url) as target:
        for endpoint in WEIGHTS:
            ask(http, target, leak, endpoint, 2)
        before = settled_counts(http, target, leak, postgresql)
        for endpoint in WEIGHTS:
            if endpoint != leak.endpoint:
                ask(http, target, leak, endpoint, times)
        between = settled_counts(http, target, leak, postgresql)
        ask(http, target, leak, leak.endpoint, times)
        after = settled_counts(http, target, leak, postgresql)
    unit = "sessions" if leak.name == "reopen" else leak.unit
    assert between[unit] - before[unit] == pytest.approx(0, abs=stray)
    assert after[unit] - between[unit] == pytest.approx(times * leak.per_request, abs=stray)


@pytest.mark.parametrize("leak", KEPT, ids=lambda leak: leak.cell)
def test_a_leak_of_memory_is_as_large_as_known(
    leak: Leak, http: Session, postgresql: Postgres
) -> None:
    with toolchain():
        SERVICES[leak.target]()
    times = int(max(400, (16 << 20) / leak.per_request))
    endpoint = "GET /stock/7" if leak.endpoint == EVERY else leak.endpoint
    with serving(leak, postgresql.url) as target:
        ask(http, target, leak, endpoint, 300)
        before = held_bytes(http, target, leak)
        ask(http, target, leak, endpoint, times)
        after = held_bytes(http, target, leak)
    tolerance = 0.15 if leak.target != "node" else 0.5  # Node's garbage cannot be asked to go
    assert after - before == pytest.approx(times * leak.per_request, rel=tolerance)


def test_every_language_has_a_healthy_mode_and_ten_leaks() -> None:
    for target in ("go", "java", "node", "python"):
        leaks = [leak for leak in LEAKS if leak.target == target]
        assert [leak.name for leak in leaks if not leak.kind] == ["none"]
        assert len({leak.cell for leak in leaks}) == len(leaks) > 10
    assert {leak.endpoint for leak in LEAKS} - {"", EVERY, "GET /export?mb=20"} < WEIGHTS.keys()
