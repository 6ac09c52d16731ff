"""What is recorded: which software, how it is loaded, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.bench.foreign import servers
from tests.bench.foreign.servers import Start

HOUR, LESS = 4080.0, 3000.0
STEADY = "does the same small work for every request, and keeps nothing"


@dataclass(frozen=True, slots=True)
class Cell:
    """One recording. `why` says how it is known to be healthy, or to leak; `leak` what leaks, empty where nothing does.

    Times are in seconds. `weights` are the endpoints', all alike unless given. `status` is what the
    answers are to have, where that is no success; `json` is their body. With `keep` nothing is
    watched but these series of the page of metrics.
    """

    name: str
    software: str
    start: Start
    endpoints: tuple[str, ...]
    rate: float
    why: str
    leak: str = ""
    weights: tuple[int, ...] = ()
    status: int = 0
    json: object = None
    keep: tuple[str, ...] = ()
    lasts: float = HOUR
    sample: float = 5.0
    timeout: float = 10.0


_PROMETHEUS = (
    "GET /api/v1/query?query=sum(rate(prometheus_http_requests_total%5B1m%5D))%20by%20(handler)",
    "GET /api/v1/query?query=max_over_time(process_resident_memory_bytes%5B5m%5D)",
)
_ALERTS = [{"labels": {"alertname": "a{{ randint(1, 30) }}"}}]
_BLOCKS = ("--storage.tsdb.min-block-duration=5m", "--storage.tsdb.max-block-duration=5m")

LONG = (
    Cell(
        "postgres-healthy",
        "PostgreSQL 15.18",
        servers.database(),
        ("GET /row",),
        5,
        "reads and updates in eight sessions; each levels off when it has touched all of the table in shared memory",
    ),
    Cell(
        "postgres-prepared",
        "PostgreSQL 15.18",
        servers.database(86400.0),
        ("GET /row", "GET /prepared"),
        5,
        "its manual: a prepared statement lasts until the session ends, or DEALLOCATE; the first 54 minutes of postgres-recycled",
        "statements prepared under ever-new names in kept sessions",
        weights=(3, 1),
        lasts=3240.0,
    ),
    Cell(
        "postgres-recycled",
        "PostgreSQL 15.18",
        servers.database(),
        ("GET /row", "GET /prepared"),
        5,
        "the same, with a pool that replaces each session before it is an hour old: no statement lasts longer",
        weights=(3, 1),
    ),
    Cell(
        "redis-expiring",
        "Redis 7.0.15",
        servers.redis(),
        ("GET /expiring",),
        5,
        "every key expires after a minute",
    ),
    Cell(
        "redis-evicting",
        "Redis 7.0.15",
        servers.redis("--maxmemory", "24mb", "--maxmemory-policy", "allkeys-lru"),
        ("GET /ever-new/3000",),
        5,
        "fills to maxmemory in twenty to thirty minutes, and evicts from then on",
    ),
    Cell(
        "redis-filling",
        "Redis 7.0.15",
        servers.redis(),
        ("GET /among/4000",),
        5,
        "4,000 keys drawn at random: full but for 1% after an hour",
    ),
    Cell(
        "redis-growing",
        "Redis 7.0.15",
        servers.redis(),
        ("GET /ever-new/1000",),
        5,
        "its manual: with neither maxmemory nor an expiry every new key stays",
        "ever-new keys that never expire",
    ),
    Cell(
        "nginx-files",
        "nginx 1.22.1",
        servers.nginx,
        ("GET /page.txt",),
        10,
        "compresses and serves one file",
    ),
    Cell(
        "prometheus-healthy",
        "Prometheus 2.42.0",
        servers.prometheus("prometheus"),
        _PROMETHEUS,
        3,
        "its number of series is constant; the head block fills for three hours by design, and is then cut",
    ),
    Cell(
        "prometheus-blocks",
        "Prometheus 2.42.0",
        servers.prometheus("prometheus", *_BLOCKS),
        _PROMETHEUS,
        3,
        "memory is level, for the head is cut every five minutes; but no blocks are merged, and each is kept open",
        "the descriptors of a block every five minutes, until the retention of fifteen days",
    ),
    Cell(
        "alertmanager-0.32.1",
        "Alertmanager 0.32.1",
        servers.alertmanager("0.32.1"),
        ("POST /api/v2/alerts",),
        5,
        "issue 5182 of its repository: 0.32.0 and 0.32.1 leak a goroutine when an alert comes back to a group that is done",
        "the goroutine of every group of alerts that is replaced",
        json=_ALERTS,
        lasts=720.0,
    ),
    Cell(
        "gorilla-context",
        "gorilla/sessions 1.1.1, Go 1.26",
        servers.go("gorilla"),
        ("GET /visit",),
        8,
        "its manual, and issue 59 of its repository: without gorilla/mux or context.ClearHandler you will leak memory",
        "an entry in gorilla/context's global map, for every request",
    ),
    Cell(
        "jetty-healthy",
        "Jetty 12.1.14, Java 17",
        servers.java("JettyServer"),
        ("GET /report/a",),
        5,
        STEADY,
    ),
    Cell(
        "jetty-sessions",
        "Jetty 12.1.14, Java 17",
        servers.java("JettyServer"),
        ("GET /report/a", "GET /session"),
        5,
        "its manual: a session has no longest idle time unless one is set",
        "sessions that never expire, of callers that keep no cookie",
    ),
    Cell(
        "undertow-healthy",
        "Undertow 2.3.27, Java 17",
        servers.java("UndertowServer", "-XX:+UseSerialGC"),
        ("GET /report/a",),
        5,
        STEADY,
    ),
    Cell(
        "express-healthy",
        "Express 5.3.0, Node 20",
        servers.node("express.js", "healthy"),
        ("GET /items/1",),
        5,
        STEADY,
        lasts=LESS,
    ),
    Cell(
        "express-session",
        "express-session 1.19.0, Node 20",
        servers.node("express.js", "session"),
        ("GET /items/1",),
        5,
        "its manual: the default MemoryStore will leak memory under most conditions",
        "sessions in MemoryStore, of callers that keep no cookie",
        lasts=LESS,
    ),
    Cell(
        "express-lru",
        "lru-cache 11.5.3, Node 20",
        servers.node("express.js", "healthy", ENTRIES="4000"),
        ("GET /cached",),
        5,
        "4,000 entries of four kilobytes drawn at random: full but for 1% after an hour",
        lasts=LESS,
    ),
    Cell(
        "gunicorn-flask",
        "gunicorn 27.0.1, Flask 3.1.3",
        servers.gunicorn(2),
        ("GET /items/1",),
        5,
        STEADY,
        lasts=LESS,
    ),
    Cell(
        "uvicorn-fastapi",
        "uvicorn 0.54.0, FastAPI 0.165.0",
        servers.uvicorn(),
        ("GET /items/1",),
        5,
        STEADY,
    ),
    Cell(
        "aiohttp-3.10.10",
        "aiohttp 3.10.10",
        servers.aiohttp("3.10.10"),
        ("GET /missing",),
        5,
        "CVE-2024-52303: with a middleware, every request that is not found adds an entry to a cache",
        "an entry in a cache, for every request that is not found",
        status=404,
    ),
    Cell(
        "aiohttp-3.10.11",
        "aiohttp 3.10.11",
        servers.aiohttp("3.10.11"),
        ("GET /missing",),
        5,
        "the release that corrects CVE-2024-52303",
        status=404,
    ),
)
