"""Short made runs, one for each thing that a verdict may rest on, each with what its profile adds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from soak.model import (
    Aborted,
    Analysis,
    Ending,
    Event,
    EventKind,
    Exemplar,
    Phase,
    Recording,
    Series,
)
from soak.pipeline import judge
from soak.profile import parse_profile
from soak.snapshots import Snapshot
from soak.windows import Arrivals, EndpointWindows, GeneratorWindows, WorkerCoverages
from tests.analysis.recordings import counter, gauge, health, noise, recording, windows

TEXT = """
name: shop
target: {url: "http://127.0.0.1:1"}
load: {LOAD}
endpoints: [GET /]
"""
SCENARIOS = """
scenarios:
  - name: browse
    load: {users: 5}
    endpoints: [{request: GET /, tags: [read]}]
    limits: {p99: 100ms}
  - {name: imports, load: {rate: 5/s}, endpoints: [{request: POST /x, tags: [write]}]}
limits: {tags: {write: {p99: 100ms, errors: 1%}}}
"""
OPEN, CLOSED = "rate: 50/s, duration: 5m", "users: 5, duration: 5m"
SECONDS = 300
T = np.arange(SECONDS, dtype=np.float64)
MIB, GIB = 2.0**20, 2.0**30
RSS, FDS = "process_resident_memory_bytes", "process_open_fds"
MEMORY = gauge(RSS, 50e6 + noise(2e4))
BIG = gauge(RSS, 500e6 + noise(2e5))
CREEP = gauge(RSS, 50e6 + 2e4 * T + noise(1e4))
HEAP = gauge("go_gc_heap_live_bytes", 10e6 + noise(1e4, 3))
COLLECTED = counter("go_gc_cycles_total_gc_cycles_total", T // 3)
LIMIT = "container_spec_memory_limit_bytes"


def memory(values: Any) -> Series:
    return gauge(RSS, values)


def steady(phase: str, load: float, drain: float) -> tuple[Phase, ...]:
    return Phase(phase, 0.0, load), Phase("drain", load, load + drain)


def generator(**columns: Any) -> GeneratorWindows:
    usual: dict[str, Any] = {
        "cpu_ratio": 0.2,
        "cpu_seconds": 0.2,
        "lag": 0.002,
        "memory": 2e8,
        "asked": 50,
        "made": 50,
        "queued": 0,
        **dict.fromkeys(("connections", "users_asked", "machine_load"), np.nan),
        **dict.fromkeys(("machine_busy", "machine_processors"), np.nan),
    }
    ones = np.ones(SECONDS)
    return GeneratorWindows(
        np.arange(1.0, SECONDS + 1),
        ones,
        *(ones * column for column in (usual | columns).values()),
    )


def scheduled(seen: EndpointWindows, late: Any = 0, dropped: Any = 0) -> EndpointWindows:
    whole = np.ones(SECONDS, np.int64)
    return replace(
        seen,
        arrivals=Arrivals(whole * late, whole * dropped, seen.offsets, seen.buckets, seen.counts),
    )


def driven(
    own: GeneratorWindows, seen: EndpointWindows | None = None, *series: Series, **more: Any
) -> Recording:
    whole = recording(
        *(series or (MEMORY,)), requests=(scheduled(windows()) if seen is None else seen,)
    )
    return replace(whole, generator=own, **more)


def _workers(missing: int) -> WorkerCoverages:
    present = np.where(SECONDS - missing > T, 4, 3)
    return WorkerCoverages(
        T + 1, np.ones(SECONDS), present, np.full(SECONDS, 4), np.where(present < 4, 0.75, 1.0)
    )


def _snapshots(cost: float) -> Recording:
    taken = tuple(Snapshot(at + 0.3, 1.5, "heap", "steady") for at in range(5, SECONDS, 15))
    level = 50e6 + noise(2e4)
    for each in taken:
        level[(each.time <= T) & (each.time + each.took >= T)] += cost
    return replace(recording(memory(level)), snapshots=taken)


def _restarted(times: int = 1) -> Recording:
    lives = np.floor(T * (times + 1) / SECONDS)
    began = 1.7e9 + lives * SECONDS / (times + 1)
    level = 50e6 + 1e5 * (T % (SECONDS / (times + 1))) + noise(2e4)
    cpu = 0.1 * (T % (SECONDS / (times + 1))) + 1
    return recording(
        memory(level),
        gauge("process_start_time_seconds", began),
        counter("process_cpu_seconds_total", cpu),
        events=[Event(150.0, EventKind.TARGET, "the target ended by itself with code -9")],
    )


def _drained(after: float) -> Recording:
    used = gauge("go_sql_in_use_connections", np.where(T < 200, 8.0, after))
    whole = recording(MEMORY, used, gauge("go_sql_max_open_connections", 20))
    return replace(whole, phases=steady("steady", 200.0, 100.0))


def _requests(**more: Any) -> Recording:
    return recording(MEMORY, requests=[windows("GET /", **more), windows("POST /cart", 0.05, 7)])


def _aborted(of_target: bool) -> Recording:
    why = "process_open_fds went above 500"
    rule = Aborted(99.0, "process_open_fds > 500", FDS, (), 512.0, 500.0, "", of_target, why)
    whole = recording(MEMORY, ended=Ending.ABORTED)
    return replace(whole, run=replace(whole.run, aborted=rule, seconds=100.0))


def _exemplars() -> Recording:
    kept = [
        Exemplar(
            20.0 + at, "GET /", 0.5 - at / 1000, "status 500" * (at % 3 == 0), 200, f"{at:032x}"
        )
        for at in range(0, 200, 7)
    ]
    return replace(_requests(failures=1, spread=0.4), exemplars=tuple(kept))


def _jvm() -> Recording:
    def used(values: Any, pool: str, area: str = "heap") -> Series:
        return gauge("jvm_memory_used_bytes", values, area=area, id=pool)

    return recording(
        BIG,
        used(20e6 + 1e6 * (T % 10), "G1 Old Gen"),
        used(30e6 * np.ones(SECONDS), "G1 Eden Space"),
        used(5e6 + 3e4 * T, "Metaspace", "nonheap"),
        gauge("jvm_gc_live_data_size_bytes", 6e6 + 1e3 * (T // 10 % 7)),
        gauge("jvm_memory_max_bytes", 700 * MIB, area="heap", id="G1 Old Gen"),
        gauge("jvm_memory_committed_bytes", 250 * MIB, area="heap", id="G1 Old Gen"),
        counter("jvm_gc_pause_seconds_count", T // 3, action="end of minor GC"),
        counter("jvm_gc_pause_seconds_sum", T / 30, action="end of minor GC"),
        gauge(LIMIT, 800 * MIB),
        gauge("jvm_threads_live_threads", 30 + T // 10),
    )


def _go() -> Recording:
    sizes = {"sys": 300.0, "heap_inuse": 60.0, "heap_idle": 130.0, "heap_released": 12.0}
    return recording(
        gauge(RSS, 400 * MIB + noise(1e4)),
        *(
            gauge(f"go_memstats_{name}_bytes", np.full(SECONDS, size * MIB))
            for name, size in (sizes | {"stack_inuse": 4.0}).items()
        ),
        gauge("go_gc_gomemlimit_bytes", 660 * MIB),
        gauge(LIMIT, 800 * MIB),
        gauge("go_goroutines", np.round(12 + noise(1.0, 9))),
        counter("go_gc_cycles_total_gc_cycles_total", 3 * T),
        gauge("go_gc_duration_seconds", np.where(T == 150, 0.25, 0.001), quantile="1"),
        HEAP,
        COLLECTED,
    )


def _database() -> Recording:
    values = {"process_children": 10.0, "process_unique_memory_bytes": 55 * MIB}
    values |= {RSS: 600 * MIB, LIMIT: 1000 * MIB}
    return recording(
        *(gauge(name, value, instance="postgres") for name, value in values.items()),
        gauge("hikaricp_max_connections", 120, pool="orders"),
        gauge("hikaricp_active_connections", np.minimum(120, np.round(100 + noise(20, 4)))),
        gauge("pg_settings_max_connections", 100),
    )


def _sawtooth(climb: float) -> Recording:
    since = (T - 6) % 25
    return recording(memory(50e6 + since * 1e6 + climb * T + noise(2e4)), COLLECTED)


#: What a run is called: the run, what its profile adds, and its load.
SITUATIONS: dict[str, tuple[Callable[[], Recording], str, str]] = {
    "steady": (lambda: recording(MEMORY, sources=[health()]), "", OPEN),
    "leak": (lambda: recording(CREEP, sources=[health()]), "", OPEN),
    "small leak of a large process": (
        lambda: recording(memory(2e9 + 2e3 * T + noise(1e4))),
        "",
        OPEN,
    ),
    "limit of growth kept": (
        lambda: recording(CREEP),
        f"limits: {{growth: {{{RSS}: 80MiB/h}}}}",
        OPEN,
    ),
    "limit of growth not kept": (
        lambda: recording(CREEP),
        f"limits: {{growth: {{{RSS}: 60MiB/h}}}}",
        OPEN,
    ),
    "limit of growth that nothing matches": (
        lambda: recording(MEMORY),
        "limits: {growth: {nothing_bytes: 1MiB/h}, max: {none_total: 3}}",
        OPEN,
    ),
    "short horizon at production's rate": (
        lambda: recording(CREEP),
        "limits: {survive: {for: 12h, at: 5/s}}",
        OPEN,
    ),
    "must vouch": (lambda: recording(MEMORY), "limits: {vouch: 30d}", OPEN),
    "warming up": (
        lambda: recording(memory(50e6 - 8e6 * np.exp(-T / 25) + noise(2e4))),
        "",
        OPEN.replace("5m", "5m, warmup: 20s"),
    ),
    "slow warm-up": (
        lambda: recording(memory(50e6 - 8e6 * np.exp(-T / 200) + noise(2e4))),
        "",
        OPEN,
    ),
    "logarithm": (lambda: recording(memory(50e6 + 4e6 * np.log1p(T) + noise(2e4))), "", OPEN),
    "steps": (lambda: recording(memory(50e6 + noise(2e4) + 3e6 * (T > 139))), "", OPEN),
    "steps on and on": (lambda: recording(memory(50e6 + 1e6 * (T // 30) + noise(2e4))), "", OPEN),
    "late onset": (
        lambda: recording(memory(50e6 + 5e4 * np.maximum(T - 200, 0) + noise(2e4))),
        "",
        OPEN,
    ),
    "cycle": (lambda: recording(memory(50e6 + 2e6 * np.sin(T / 8) + noise(2e4))), "", OPEN),
    "sawtooth": (lambda: _sawtooth(0.0), "", OPEN),
    "sawtooth that climbs": (lambda: _sawtooth(4e4), "", OPEN),
    "outliers": (lambda: recording(memory(50e6 + noise(2e4) + 3e7 * (T % 60 == 7))), "", OPEN),
    "counts": (lambda: recording(gauge(FDS, np.floor(20 + T / 20))), "", OPEN),
    "few counts": (lambda: recording(gauge(FDS, 20 + (T > 100) + (T > 220))), "", OPEN),
    "never moved": (lambda: recording(gauge(FDS, 20), gauge("process_max_fds", 1024)), "", OPEN),
    "descriptors near their limit": (
        lambda: recording(gauge(FDS, np.floor(900 + T / 10)), gauge("process_max_fds", 1024)),
        "",
        OPEN,
    ),
    "several leaks": (
        lambda: recording(
            CREEP,
            gauge(FDS, np.floor(20 + T / 5)),
            gauge("go_goroutines", np.floor(12 + T)),
            gauge("node_filesystem_avail_bytes", 5e9 - 1e6 * T, mountpoint="/"),
        ),
        "",
        OPEN,
    ),
    "pages of files": (
        lambda: recording(
            CREEP, gauge("process_resident_anonymous_bytes", 30e6 + noise(1e4, 5)), COLLECTED
        ),
        "",
        OPEN,
    ),
    "below the runtime's total": (
        lambda: recording(
            CREEP,
            HEAP,
            gauge("go_memstats_sys_bytes", np.full(SECONDS, 80e6) + noise(10, 4)),
            COLLECTED,
        ),
        "",
        OPEN,
    ),
    "over a steady heap": (lambda: recording(CREEP, HEAP, COLLECTED), "", OPEN),
    "Go in a container": (_go, "limits: {gc: {cycles: 100/m, pause: 100ms, live: 80%}}", OPEN),
    "Go without limits": (_go, "", OPEN),
    "JVM": (_jvm, "", OPEN),
    "JVM without a collection": (
        lambda: recording(
            gauge(RSS, 120e6 + 5e4 * T + noise(2e4)),
            gauge("jvm_gc_live_data_size_bytes", 6e6),
            gauge("jvm_memory_used_bytes", 20e6 + 5e4 * T, area="heap", id="Tenured Gen"),
            counter("jvm_gc_pause_seconds_count", T // 3, action="end of minor GC"),
        ),
        "",
        OPEN,
    ),
    "peaks near a container's limit": (
        lambda: recording(
            memory((100 + 5 * np.random.default_rng(4).normal(size=SECONDS)) * MIB),
            gauge(LIMIT, 119 * MIB),
        ),
        "",
        OPEN,
    ),
    "killed at its limit": (_restarted, "", OPEN),
    "restarts again and again": (lambda: _restarted(4), "", OPEN),
    "limits of values": (
        lambda: recording(MEMORY, gauge(FDS, 20 + 3 * (T == 100))),
        f"limits: {{max: {{{RSS}: 60MB, {FDS}: 22}}}}",
        OPEN,
    ),
    "slow and failing": (
        lambda: _requests(latency=0.3, failures=2, spread=0.3),
        "limits: {p50: 1ms, p90: 1ms, p95: 5s, p99: 250ms, p999: 10s, errors: 0.1%, rate: 100/s}",
        OPEN,
    ),
    "hardly any failure": (lambda: _requests(failures=0), "limits: {errors: 0.001%}", OPEN),
    "windows of a limit": (
        lambda: _requests(latency=np.where(T < 60, 0.4, 0.01)),
        "limits: {p99: {at: 250ms, in: 75% of minutes}, p50: {at: 250ms, in: 99% of 10s}}",
        OPEN,
    ),
    "becoming slower": (
        lambda: _requests(latency=0.01 * (1 + T / SECONDS)),
        "limits: {drift: {p50: 10%, p99: 200%, errors: 1%, rate: 10%}}",
        OPEN,
    ),
    "more processor time a request": (
        lambda: recording(
            MEMORY, counter("process_cpu_seconds_total", np.cumsum(0.1 * (1 + T / SECONDS)))
        ),
        "limits: {drift: {cpu: 10%}}",
        OPEN,
    ),
    "more processor time, a request a second": (
        lambda: recording(
            MEMORY,
            counter("process_cpu_seconds_total", np.cumsum(0.1 * (1 + T / SECONDS))),
            requests=[windows(requests=1)],
        ),
        "limits: {drift: {cpu: 10%, p50: 10%, p99: 10%}}",
        OPEN,
    ),
    "scrapes lost": (
        lambda: recording(
            MEMORY, sources=[health(failing=range(150, 171), error="answered 503"), health("page")]
        ),
        "",
        OPEN,
    ),
    "source gone": (
        lambda: recording(
            replace(MEMORY, times=MEMORY.times[:200], values=MEMORY.values[:200]),
            sources=[health(failing=range(200, 300), gone=True)],
        ),
        "",
        OPEN,
    ),
    "pool not given back": (lambda: _drained(3.0), "", OPEN.replace("5m", "200s, drain: 100s")),
    "pool given back": (lambda: _drained(0.0), "", OPEN.replace("5m", "200s, drain: 100s")),
    "pool at its maximum": (
        lambda: recording(
            MEMORY,
            gauge("hikaricp_connections_active", 10, pool="orders"),
            gauge("hikaricp_connections_max", 10, pool="orders"),
            gauge("hikaricp_connections_pending", T % 2, pool="orders"),
            counter("hikaricp_connections_timeout_total", T // 100, pool="orders"),
        ),
        "",
        OPEN,
    ),
    "pool far too large": (
        lambda: recording(
            MEMORY,
            gauge("go_sql_in_use_connections", np.clip(np.round(3 + noise(1.0, 3)), 0, None)),
            gauge("go_sql_max_open_connections", 500),
            gauge("go_sql_idle_connections", 30),
        ),
        "",
        OPEN,
    ),
    "sessions of a database": (_database, "", OPEN),
    "generator with time to spare": (lambda: driven(generator()), "", OPEN),
    "generator saturated": (
        lambda: driven(generator(cpu_ratio=0.97, made=30), scheduled(windows(requests=30))),
        "",
        OPEN,
    ),
    "generators saturated": (
        lambda: driven(
            generator(cpu_ratio=0.97, cpu_seconds=3.5, made=30),
            scheduled(windows(requests=30)),
            coverages=_workers(5),
        ),
        "",
        OPEN,
    ),
    "generator saturated for a while": (
        lambda: driven(
            generator(cpu_ratio=np.where(abs(T - 200) < 30, 0.99, 0.2)),
            scheduled(windows(), dropped=np.where(abs(T - 200) < 30, 9, 0)),
        ),
        "limits: {p99: 1ms, rate: 60/s}",
        OPEN,
    ),
    "generator late": (
        lambda: driven(generator(lag=0.2, machine_load=1.7), scheduled(windows(), late=9)),
        "",
        OPEN,
    ),
    "generator without connections": (
        lambda: driven(generator(queued=20, connections=30 + T // 30), windows(latency=0.9)),
        "",
        OPEN,
    ),
    "generator that leaks": (
        lambda: driven(generator(memory=2e8 + 3e6 * T, connections=14.0)),
        "",
        OPEN,
    ),
    "rate not kept": (
        lambda: driven(generator(made=np.where(T > 150, 30, 50)), scheduled(windows(requests=44))),
        "limits: {rate: 49/s}",
        OPEN,
    ),
    "users not reached": (
        lambda: replace(
            driven(generator(asked=np.nan, users_asked=5)),
            users=gauge("users", np.where(T > 150, 3, 5)),
        ),
        "",
        CLOSED,
    ),
    "worker lost": (lambda: driven(generator(), coverages=_workers(5)), "", OPEN),
    "worker lost for long": (lambda: driven(generator(), coverages=_workers(120)), "", OPEN),
    "endpoint never asked": (
        lambda: recording(MEMORY),
        "flows: [{name: checkout, steps: [GET /cart, GET /pay]}]",
        OPEN,
    ),
    "no request at all": (lambda: recording(MEMORY, requests=[windows(requests=0)]), "", OPEN),
    "no series at all": (recording, "", OPEN),
    "series that nobody knows": (
        lambda: recording(gauge("shop_cache_entries", 100 + T), gauge("shop_price", 7.0)),
        "",
        OPEN,
    ),
    "interrupted": (lambda: recording(MEMORY, ended=Ending.INTERRUPTED), "", OPEN),
    "crashed": (lambda: recording(MEMORY, ended=Ending.CRASHED), "", OPEN),
    "aborted by a limit of the target": (lambda: _aborted(True), "", OPEN),
    "aborted by a limit of the load": (lambda: _aborted(False), "", OPEN),
    "too short": (
        lambda: recording(
            replace(MEMORY, times=T[:12], values=MEMORY.values[:12]), seconds=12, requests=[]
        ),
        "",
        OPEN.replace("5m", "12s"),
    ),
    "ramp and gap": (
        lambda: replace(
            recording(MEMORY, ramp=30.0),
            phases=(
                Phase("ramp", 0.0, 30.0),
                Phase("steady", 30.0, 300.0),
                Phase("gap", 120.0, 160.0),
            ),
        ),
        "",
        "rate: 50/s, ramp: 30s, duration: 270s",
    ),
    "snapshots disturb": (lambda: _snapshots(4e7), "", OPEN),
    "known leak": (
        lambda: recording(CREEP),
        f'accept: [{{series: {RSS}, until: "2099-01-01", reason: ORD-1, growth: 90MiB/h}}]',
        OPEN,
    ),
    "known leak that is worse": (
        lambda: recording(CREEP),
        f'accept: [{{series: {RSS}, until: "2099-01-01", reason: ORD-1, growth: 1MiB/h}}]',
        OPEN,
    ),
    "examples of requests": (_exemplars, "", OPEN),
    "scenarios and tags": (
        lambda: recording(
            MEMORY, requests=[windows("browse / GET /"), windows("imports / POST /x", 0.2, 5)]
        ),
        SCENARIOS,
        "duration: 5m",
    ),
}


def judged(name: str) -> Analysis:
    """A situation as the pipeline judges it."""
    made, more, load = SITUATIONS[name]
    text = TEXT.replace("{LOAD}", f"{{{load}}}")
    if more is SCENARIOS:
        text = text.replace("endpoints: [GET /]\n", "")
    return judge(made(), parse_profile(f"{text}{more}\n", "p.yaml")[0])
