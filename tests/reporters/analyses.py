"""Analyses as they come out of real runs, made in memory: one of each kind that a report must carry."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from soak.analysis.lead import lead_of
from soak.growth_views import Flame, FlameBox, PlaceRow, PlaceTable
from soak.model import (
    Analysis,
    Basis,
    Chart,
    Curve,
    Ending,
    EndpointSummary,
    Event,
    EventKind,
    Exemplar,
    Finding,
    Floats,
    HeatMap,
    JudgedClock,
    Line,
    Phase,
    Place,
    RuleName,
    RunInfo,
    SourceHealth,
    Suspect,
    Trend,
    Verdict,
    Vouched,
)
from soak.reporters.wording import worst_first
from soak.traces import Coverage, ServiceTime, TraceReport, TraceTimes

MIB = float(2**20)
HOURS = 8.0
SECONDS = HOURS * 3600
PHASES = (
    Phase("ramp", 0, 60),
    Phase("warmup", 60, 1800),
    Phase("steady", 1800, SECONDS - 120),
    Phase("drain", SECONDS - 120, SECONDS),
)
PASS, FAIL, INCONCLUSIVE = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE


def trend(
    slope: float,
    spread: float,
    level: float,
    settled: float | None = 1800.0,
    doubt: str | None = None,
) -> Trend:
    """A trend over the steady phase with one fitted line, `slope` and `spread` in units per hour."""
    hours = (SECONDS - 1800) / 3600
    line = Line(
        1800,
        SECONDS - 120,
        level - slope * hours,
        level,
        level - spread * hours,
        level + spread * hours,
    )
    return Trend(
        slope,
        slope - spread,
        slope + spread,
        spread * 1.5,
        settled,
        level,
        doubt,
        (line,) if settled else (),
    )


def curve(
    label: str,
    level: float,
    slope: float,
    noise: float,
    points: int = 1000,
    fit: Trend | None = None,
) -> Curve:
    """A sawtooth that warms up and then grows by `slope` an hour to end at `level`."""
    times: Floats = np.linspace(0, SECONDS, points)
    hours = times / 3600
    rise = level - slope * (HOURS - hours)
    saw = noise * ((times / 420) % 1.0)
    wave = noise * 0.2 * np.sin(times / 77.0)
    values = rise * (1 - 0.4 * np.exp(-times / 500)) + saw + wave
    return Curve(label, times, values, values - noise * 0.3, values + noise * 0.5, fit, label)


#: Counts by latency (rising) and time: most requests are quick, and some cells are empty.
HEAT: Floats = np.outer(np.arange(20, 0, -1) ** 3, np.arange(60) % 7 > 0).astype(np.float64)
MEMORY = trend(3.1 * MIB, 0.2 * MIB, 212 * MIB)
#: Requests to one endpoint come twice as fast in the first half of the judged stretch.
CLOCK = JudgedClock(
    (1800.0, 15240.0, 28680.0), (1800.0, 19720.0, 28680.0), (0.0, 2000.0, 3000.0), ("GET /user",)
)
GOROUTINES = replace(trend(120.0, 1.5, 1104.0), clock=CLOCK)
HEAP = trend(0.02 * MIB, 0.05 * MIB, 31 * MIB)
DESCRIPTORS = trend(0.0, 0.01, 24.0)
POOL = {"pool": "orders"}

ENDPOINTS = (
    EndpointSummary(
        "GET /user",
        5_760_000,
        12,
        200.0,
        0.0021,
        0.0048,
        0.0091,
        0.021,
        0.31,
        (("timeout", 12),),
        0.0041,
        True,
    ),
    EndpointSummary(
        "create order",
        1_920_311,
        2113,
        66.7,
        0.0062,
        0.019,
        0.26,
        0.8,
        4.2,
        (("status 500", 2101), ("timeout", 12)),
    ),
    EndpointSummary(
        "GET /gone", 40, 40, 0.0014, None, None, None, None, None, (("connection refused", 40),)
    ),
)


FLAME = (
    FlameBox("all that changes", "all that changes", 0, 0.0, 1.0, 512.0),
    FlameBox("net/http.(*conn).serve", "net/http.(*conn).serve server.go:2075", 1, 0.0, 1.0, 512.0),
    FlameBox("main.handler.func1", "main.handler.func1 main.go:72", 2, 0.0, 2 / 3, 1024.0),
    FlameBox("main.cache.drop", "main.cache.drop cache.go:9", 2, 2 / 3, 1 / 3, -512.0),
)

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
EXEMPLARS = (
    Exemplar(5401.25, "create order", 4.2, "", 201, TRACE),
    Exemplar(12_000.0, "GET /user", 0.31, "", 200, TRACE[::-1]),
    Exemplar(60.5, "create order", 0.02, "status 500", 500),
    Exemplar(3600.0, "GET /user", 10.0, "timeout", 0, TRACE),
)

LINKS = (
    ("trace", "http://127.0.0.1:16686/trace/{trace_id}"),
    ("logs", "https://logs.example.com/?q={trace_id}&x=<y>"),
)
TRACES = TraceReport(
    3,
    1,
    1,
    (ServiceTime("db", 3.6, reports=False), ServiceTime("orders", 0.4), ServiceTime("", 0.2)),
    (
        Coverage("db", 1, 0, ("orders",)),
        Coverage("", 2, 1, (), ("orders",)),
        Coverage("orders", 2, 2, ("soak",)),
    ),
    (
        TraceTimes(
            TRACE,
            (
                ServiceTime("db", 3.6, reports=False),
                ServiceTime("orders", 0.4),
                ServiceTime("", 0.2),
            ),
            "db",
        ),
    ),
)


def failing() -> Analysis:
    """A night in which memory and goroutines leaked, latency broke its limit, and one rule could not tell."""
    findings = (
        Finding(
            RuleName.MAX,
            "process_open_fds",
            PASS,
            "Open descriptors stayed at or below 24; the limit is 500.",
            limit=500.0,
            observed=24.0,
            trend=DESCRIPTORS,
        ),
        Finding(
            RuleName.GROWTH,
            "process_resident_memory_bytes",
            FAIL,
            "Resident memory grows by 3.1 MiB/h (2.9 to 3.3) and would reach the container's 512 MiB in 4 days.",
            limit=1 * MIB,
            observed=3.1 * MIB,
            unit="bytes/h",
            trend=MEMORY,
            exhausts_in_hours=96.8,
        ),
        Finding(
            RuleName.RESTART,
            "go_goroutines",
            FAIL,
            "Goroutines grow by 120 an hour and never come back: one for every 2,000 requests to GET /user.",
            observed=120.0,
            unit="goroutines/h",
            trend=GOROUTINES,
        ),
        Finding(
            RuleName.LATENCY,
            "http_request_p99_seconds",
            FAIL,
            "The 99th percentile of create order was 260 ms, above the limit of 250 ms.",
            labels=(("endpoint", "create order"),),
            limit=0.25,
            observed=0.26,
            unit="seconds",
        ),
        Finding(
            RuleName.GROWTH,
            "db_pool_connections",
            INCONCLUSIVE,
            "Pool connections had not settled after 8 h; about 6 h more would tell.",
            labels=tuple(POOL.items()),
            limit=0.0,
            unit="connections/h",
            trend=trend(0.8, 1.4, 18.0, None, "had not settled"),
        ),
        Finding(
            RuleName.GROWTH,
            "go_memstats_heap_alloc_bytes",
            PASS,
            "The live heap is flat: growth beyond 77 KiB/h would have been seen.",
            limit=0.5 * MIB,
            observed=0.02 * MIB,
            unit="bytes/h",
            trend=HEAP,
        ),
        Finding(
            RuleName.ERRORS,
            "http_request_error_ratio",
            PASS,
            "0.028% of requests failed; the limit is 0.1%.",
            limit=0.001,
            observed=0.00028,
            unit="ratio",
        ),
    )
    in_use, stacks = curve("heap in use", 44 * MIB, 0, 2 * MIB), curve("stacks", 2 * MIB, 0, 0)
    charts = (
        Chart(
            "Resident memory",
            "bytes",
            (curve("process_resident_memory_bytes", 212 * MIB, 3.1 * MIB, 4 * MIB, fit=MEMORY),),
            FAIL,
            512 * MIB,
        ),
        Chart(
            "Goroutines",
            "goroutines",
            (curve("go_goroutines", 1104, 120, 8, fit=GOROUTINES),),
            FAIL,
        ),
        Chart(
            "Latency by endpoint",
            "seconds",
            (
                curve('http_request_p99_seconds{endpoint="GET /user"}', 0.0091, 0.0, 0.002),
                curve('http_request_p99_seconds{endpoint="create order"}', 0.26, 0.004, 0.03),
            ),
            FAIL,
            0.25,
        ),
        Chart(
            "Pool",
            "connections",
            (curve('db_pool_connections{pool="orders"}', 18, 0.8, 3),),
            INCONCLUSIVE,
        ),
        Chart(
            "Heap",
            "bytes",
            (
                curve("go_memstats_heap_alloc_bytes", 31 * MIB, 0.02 * MIB, 9 * MIB, fit=HEAP),
                curve("go_memstats_heap_inuse_bytes", 44 * MIB, 0.02 * MIB, 2 * MIB),
            ),
            PASS,
        ),
        Chart(
            "Open descriptors",
            "descriptors",
            (curve("process_open_fds", 24, 0, 2, fit=DESCRIPTORS),),
            PASS,
            500.0,
        ),
        Chart(
            "Go's memory by part",
            "bytes",
            (
                replace(in_use, low=0 * in_use.values, high=in_use.values),
                replace(stacks, low=in_use.values, high=in_use.values + stacks.values),
            ),
            group="Memory",
            stacked=True,
            capacity=128 * MIB,
        ),
        Chart("Request rate", "requests/s", (curve("http_request_rate", 266.7, 0, 5),)),
        Chart(
            "Heat map", "seconds", (), group="Latency", heat=HeatMap(0, SECONDS, 1e-3, 4.0, HEAT)
        ),
    )
    suspect = Suspect(
        "goroutine-leak",
        0.93,
        Place("main.handler.func1", "main.go", 72),
        "GET /user",
        0.0005,
        0.00045,
        0.00055,
        "goroutines",
        (
            "+120 goroutines/h at main.handler.func1, blocked on a channel receive",
            "0 at every other place",
        ),
        "request-context",
        "Give the goroutine started in main.handler a context that ends with the request.",
    )
    return Analysis(
        RunInfo("orders-nightly", "2026-11-22T22:00:00Z", SECONDS, Ending.COMPLETED),
        FAIL,
        "Resident memory grows by 3.1 MiB/h and runs out in 4 days; goroutines and one latency limit fail as well.",
        findings,
        (suspect,),
        ENDPOINTS,
        (
            "3 of 28,800 scrapes of process failed, the last with: no such process",
            "The generator was 71% busy.",
        ),
        charts,
        PHASES,
        (
            Event(7200, EventKind.PROBE, "config map reloaded"),
            Event(16000, EventKind.SCRAPING, "prometheus: timed out after 1 s"),
            Event(16100, EventKind.RESTART, "process 4121 became process 9917"),
        ),
        exemplars=EXEMPLARS,
        links=LINKS,
        traces=TRACES,
        flame=Flame("bytes", 512.0, 2, FLAME, 1),
        places=PlaceTable(
            ("GET /user", "create order", "GET /gone"),
            (
                PlaceRow("go_goroutines", "goroutines", (0.0005, 0.0, 0.0)),
                PlaceRow("main.keep", "bytes", (0.0, 1536.0, 0.0)),
            ),
        ),
        lead=lead_of(worst_first(findings), None, charts),
        basis=Basis(
            (("Load", "3,600 requests."), ("Verdict", "1 fails: one proven fail is enough.")),
            (SourceHealth("process", 28800, 3, 0.21, "timed out"),),
            ("process 4711: its memory is watched",),
            ("Which endpoint leaks: `--attribute` varies the mix.",),
        ),
    )


def passing() -> Analysis:
    """A healthy night."""
    full = failing()
    healthy = tuple(finding for finding in full.findings if finding.verdict is PASS)
    charts = tuple(chart for chart in full.charts if chart.verdict in (PASS, None))
    reason = "Nothing grows fast enough to matter within 30 days, and every limit held for 8 h."
    hidden = HEAP.slope_high
    vouched = Vouched(
        30 * 86400.0, "go_memstats_heap_alloc_bytes", hidden, "bytes/h", 30 * 86400.0, 0.0, 0
    )
    lead = lead_of(healthy, vouched, charts)
    return Analysis(
        full.run,
        PASS,
        reason,
        healthy,
        (),
        ENDPOINTS[:1],
        (),
        charts,
        PHASES,
        vouched=vouched,
        lead=lead,
    )


def undecided() -> Analysis:
    """Too short a run to tell, interrupted by hand."""
    short = trend(40 * MIB, 95 * MIB, 130 * MIB, None, "too short")
    finding = Finding(
        RuleName.GROWTH,
        "process_resident_memory_bytes",
        INCONCLUSIVE,
        "Resident memory was still warming up when the run ended; 20 min more would tell.",
        unit="bytes/h",
        trend=short,
    )
    memory = curve("process_resident_memory_bytes", 130 * MIB, 0, MIB, 40)
    chart = Chart("Resident memory", "bytes", (memory,), INCONCLUSIVE)
    run = RunInfo("orders-nightly", "2026-11-22T22:00:00Z", 240.0, Ending.INTERRUPTED)
    reason = "The run ended before any resource had settled: nothing was proven."
    warnings = ("interrupted after 4 min of 8 h",)
    return Analysis(run, INCONCLUSIVE, reason, (finding,), warnings=warnings, charts=(chart,))


def empty() -> Analysis:
    """A run that broke before anything was recorded."""
    run = RunInfo("orders-nightly", "2026-11-22T22:00:00Z", 0.0, Ending.CRASHED)
    return Analysis(
        run, INCONCLUSIVE, "No source gave a single sample: there is nothing to judge.", ()
    )


SCRIPT = "</script><img src=x onerror=\"document.documentElement.dataset.hacked='yes'\">"
NASTY = (
    SCRIPT
    + "'\"`|*_{{7*7}}{%x%}$$x^2$$<!--<script>\n\r\t\x00\x1b[31mred\x07\u202e\ud800\ufffe ]]> 😀 &amp; @all"
)
LONG = "x" * 600


def hostile() -> Analysis:
    """A target that names everything to break a report; one of its curves has a point, one has only gaps."""
    odd = Trend(float("nan"), float("-inf"), float("inf"), float("nan"), None, float("nan"), NASTY)
    findings = (
        Finding(
            RuleName.MAX,
            NASTY,
            FAIL,
            NASTY,
            ((NASTY, NASTY),),
            1e300,
            float("nan"),
            NASTY,
            odd,
            float("inf"),
        ),
        Finding(
            RuleName.GROWTH, LONG, PASS, LONG, (("endpoint", NASTY),), unit="bytes/h", trend=MEMORY
        ),
    )
    nan = np.full(5, np.nan)
    point = np.array([5.0])
    gap = np.array([1.0, 2.0, np.nan, 4.0, 3.0])
    points = (
        Curve(NASTY, point, point * 3, point * 2, point * 4, odd),
        Curve(LONG, point, point, point, point),
    )
    gaps = (
        Curve("none", np.arange(5.0), nan, nan, nan),
        Curve("some", np.arange(5.0), gap, gap, gap),
    )
    charts = (
        Chart(NASTY, NASTY, points, FAIL, 1e300),
        Chart("gaps", "bytes", gaps),
        Chart("nothing", "", ()),
    )
    suspect = Suspect(
        NASTY, 0.5, Place(NASTY), NASTY, 1.0, 0.9, 1.1, NASTY, (NASTY, LONG), NASTY, NASTY
    )
    endpoint = EndpointSummary(NASTY, 1, 1, 0.1, None, None, None, None, None, ((NASTY, 1),))
    run = RunInfo(
        NASTY, NASTY, 10.0, facts=(("command", NASTY),), failure=NASTY, profile=f"a: {NASTY}"
    )
    events = (Event(3.0, EventKind.WARNING, NASTY),)
    phases = (Phase(NASTY, 0.0, 2.0), Phase("warmup", 2.0, 4.0))
    exemplars = (
        Exemplar(1.0, NASTY, 9.0, "", 200, NASTY),
        Exemplar(2.0, LONG, float("inf"), NASTY),
        Exemplar(3.0, NASTY, 1.0, "", 200, TRACE),
    )
    times = (ServiceTime(NASTY, float("nan")), ServiceTime(LONG, 1.0, reports=False))
    coverage = (
        Coverage(NASTY, 3, 1, (NASTY, LONG), (NASTY,)),
        Coverage("", 1, 0, (NASTY,), (NASTY,)),
    )
    return Analysis(
        run,
        INCONCLUSIVE,
        NASTY,
        findings,
        (suspect,),
        (endpoint,),
        (NASTY, LONG),
        charts,
        phases,
        events,
        exemplars,
        links=(("trace", "http://x/'\"><img src=x onerror=alert(1)>)|`{trace_id}"),),
        traces=TraceReport(2, 1, 1, times, coverage, (TraceTimes(TRACE, times, NASTY),)),
        flame=Flame(
            NASTY,
            1.0,
            1,
            (FlameBox(NASTY, NASTY, 0, 0.0, 1.0, 1.0), FlameBox(LONG, LONG, 1, 0.5, 0.5, 0.5)),
        ),
        places=PlaceTable(
            (NASTY,), (PlaceRow(NASTY, NASTY, (float("nan"),)), PlaceRow(LONG, "bytes", (1e300,)))
        ),
        basis=Basis(
            ((NASTY, f"`{NASTY}`"), (LONG, LONG)),
            (SourceHealth(NASTY, 2, 1, float("nan"), NASTY),),
            (NASTY,),
            (f"`{NASTY}",),
        ),
    )


def crowded() -> Analysis:
    """Sixty curves of a thousand points, in charts of four."""
    curves = [
        curve(f'queue_depth{{shard="{shard}"}}', 50 + shard, 0.1 * shard, 6) for shard in range(60)
    ]
    charts = tuple(
        Chart(f"Queue depth {i // 4}", "items", tuple(curves[i : i + 4]), PASS)
        for i in range(0, 60, 4)
    )
    full = failing()
    reason = "Sixty queues, none of which grows."
    return Analysis(full.run, PASS, reason, full.findings[:1], charts=charts, phases=PHASES)


ANALYSES = {
    "pass": passing,
    "fail": failing,
    "inconclusive": undecided,
    "empty": empty,
    "hostile": hostile,
    "crowded": crowded,
}
