"""What leaks, where, through which endpoint and how much: the truth that verdicts and diagnoses are checked against."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

#: Requests a second of each endpoint in the matrix's profile, and what they add up to.
WEIGHTS = {
    "GET /products/7": 15,
    "GET /orders": 12,
    "POST /orders": 10,
    "GET /search?q=lamp": 10,
    "GET /stock/7": 6,
    "GET /invoices/latest": 4,
    "GET /shipping/is": 2,
    "GET /export?mb=1": 1,
}
EVERY = "*"  # every endpoint of WEIGHTS

PRODUCTS, ORDERS, PLACE, SEARCH, STOCK, INVOICE, SHIPPING, EXPORT = WEIGHTS
BIG_EXPORT = "GET /export?mb=20"


@dataclass(frozen=True, slots=True)
class Leak:
    """One cell: `name` is the target's --leak, `kind` a class of the diagnosis.

    `per_request` counts `unit`s that one request to `endpoint` keeps for good (bytes: the payload,
    without what the keeping itself costs; for what is a peak or churn, the bytes allocated); 0
    where it is not the requests that cost. `place` is the function that allocates or blocks; of a
    pool that nobody's stack shows, the series that tells of it. At least one of `series` must fail;
    with none the run must pass, for it does not grow.
    """

    target: str
    name: str
    kind: str
    endpoint: str
    place: str
    unit: Literal["bytes", "goroutines", "threads", "descriptors", "connections", "handles", ""]
    per_request: float
    series: tuple[str, ...]
    beside: Leak | None = None  # another leak of the same target at the same time

    @property
    def each(self) -> tuple[Leak, ...]:
        """It, and the one beside it."""
        return (self,) if self.beside is None else (self, self.beside)

    @property
    def cell(self) -> str:
        """How the matrix and tests call it."""
        return f"{self.target}/{self.name}"

    @property
    def healthy(self) -> bool:
        """Whether it must pass."""
        return not self.series


PAGE, REQUEST_PAGE, NATIVE, MIB = 16 << 10, 4 << 10, 64 << 10, 1 << 20
JAVA_PAGE, JAVA_REQUEST_PAGE = 64 << 10, 16 << 10
#: Large enough that full collections come several times a minute, without which growth may be garbage.
NODE_PAGE = 64 << 10

RSS = "process_resident_memory_bytes"
FDS = "process_open_fds"
THREADS = "process_threads"
POOL = "db_pool_connections_in_use"
GO_HEAP = (
    RSS,
    "go_memstats_heap_alloc_bytes",
    "go_memstats_heap_inuse_bytes",
    "go_memstats_heap_objects",
    "go_gc_heap_live_bytes",
)
JVM_HEAP = (RSS, "jvm_memory_used_bytes", "jvm_gc_live_data_size_bytes")
NODE_HEAP = (RSS, "nodejs_heap_size_used_bytes", "nodejs_heap_space_size_used_bytes")
HANDLES = ("nodejs_active_handles_total", "nodejs_active_resources_total", FDS)
GO_POOL = ("go_sql_in_use_connections", "go_sql_open_connections", FDS)
JDBC = "org.postgresql.jdbc.PgConnection"
HIKARI = ("hikaricp_connections_active", "hikaricp_connections", FDS, "process_files_open_files")

_GO = (
    Leak("go", "none", "", "", "", "", 0, ()),
    Leak(
        "go",
        "map",
        "unbounded-cache",
        SEARCH,
        "main.rememberSearch leaks.go",
        "bytes",
        PAGE,
        GO_HEAP,
    ),
    Leak(
        "go", "slice", "unbounded-cache", PLACE, "main.appendAudit leaks.go", "bytes", PAGE, GO_HEAP
    ),
    Leak(
        "go",
        "middleware",
        "closure-retention",
        EVERY,
        "main.(*shop).audited.func1",
        "bytes",
        REQUEST_PAGE,
        GO_HEAP,
    ),
    Leak(
        "go", "timer", "request-context", PLACE, "main.expireLater leaks.go", "bytes", PAGE, GO_HEAP
    ),
    Leak(
        "go",
        "request-context",
        "request-context",
        ORDERS,
        "main.(*shop).watchRequest",
        "bytes",
        PAGE,
        GO_HEAP,
    ),
    Leak(
        "go",
        "channel",
        "goroutine-leak",
        STOCK,
        "main.countStock healthy.go",
        "goroutines",
        1,
        ("go_goroutines",),
    ),
    Leak(
        "go",
        "context",
        "goroutine-leak",
        STOCK,
        "main.awaitCancel leaks.go",
        "goroutines",
        1,
        ("go_goroutines",),
    ),
    Leak(
        "go",
        "body",
        "descriptor-leak",
        SHIPPING,
        "main.(*shop).askCarrier",
        "descriptors",
        2,
        (FDS,),
    ),
    Leak(
        "go",
        "file",
        "descriptor-leak",
        INVOICE,
        "main.(*shop).invoice healthy.go",
        "descriptors",
        1,
        (FDS,),
    ),
    Leak(
        "go", "native", "native-growth", SEARCH, "main.mapPages leaks.go", "bytes", NATIVE, (RSS,)
    ),
    Leak(
        "go",
        "rows",
        "pool-misuse",
        SHIPPING,
        "main.(*shop).firstTariffUnclosed",
        "connections",
        1,
        GO_POOL,
    ),
    Leak(
        "go",
        "transaction",
        "pool-misuse",
        SHIPPING,
        "main.(*shop).tariffUncommitted",
        "connections",
        1,
        GO_POOL,
    ),
    Leak(
        "go",
        "reopen",
        "pool-misuse",
        SHIPPING,
        "main.(*shop).tariffFromNewPool",
        "connections",
        1,
        (FDS, "go_goroutines"),
    ),
    Leak("go", "pool-large", "pool-misuse", "", "main.openPool pool.go", "", 0, ()),
    Leak("go", "idle-kept", "pool-misuse", "", "main.openPool pool.go", "", 0, ()),
    Leak("go", "churn", "gc-pressure", SEARCH, "main.churn leaks.go", "bytes", 8 * MIB, ()),
    Leak(
        "go",
        "buffered",
        "buffered-response",
        BIG_EXPORT,
        "main.wholeExport leaks.go",
        "bytes",
        20 * MIB,
        (),
    ),
)

#: The routers differ in the frames between net/http and the handlers, and so need only what is found by frames.
_ROUTERS = tuple(
    replace(leak, target=f"go-{router}")
    for router in ("mux", "gin", "echo")
    for leak in _GO
    if leak.name in {"none", "map", "middleware", "request-context", "channel"}
)


def _both(either: str, other: str) -> Leak:
    first, second = (next(leak for leak in _GO if leak.name == name) for name in (either, other))
    return replace(first, name=f"{either}+{other}", beside=second)


#: Two at once: of different kinds, of one kind at different speeds, and behind endpoints of which one is rare.
_PAIRS = (_both("map", "channel"), _both("map", "slice"), _both("request-context", "file"))

_JAVA = (
    Leak("java", "none", "", "", "", "", 0, ()),
    Leak(
        "java",
        "map",
        "unbounded-cache",
        SEARCH,
        "Leaks.rememberSearch",
        "bytes",
        JAVA_PAGE,
        JVM_HEAP,
    ),
    Leak(
        "java",
        "listeners",
        "unbounded-cache",
        PLACE,
        "Leaks.listenForever",
        "bytes",
        JAVA_PAGE,
        JVM_HEAP,
    ),
    Leak(
        "java",
        "threadlocal",
        "request-context",
        ORDERS,
        "Leaks.keepInThread",
        "bytes",
        JAVA_PAGE,
        JVM_HEAP,
    ),
    Leak(
        "java",
        "closure",
        "closure-retention",
        EVERY,
        "Leaks.rememberRequest",
        "bytes",
        JAVA_REQUEST_PAGE,
        JVM_HEAP,
    ),
    Leak(
        "java",
        "threads",
        "goroutine-leak",
        STOCK,
        "Leaks.awaitReply",
        "threads",
        1,
        (THREADS, "jvm_threads_live_threads"),
    ),
    Leak(
        "java",
        "executors",
        "goroutine-leak",
        STOCK,
        "Leaks.startExecutor",
        "threads",
        1,
        (THREADS, "jvm_threads_live_threads"),
    ),
    Leak(
        "java",
        "streams",
        "descriptor-leak",
        INVOICE,
        "Leaks.openUnclosed or java.io.FileInputStream",
        "descriptors",
        1,
        (FDS, "process_files_open_files"),
    ),
    Leak(
        "java",
        "sockets",
        "descriptor-leak",
        INVOICE,
        "Leaks.connectAndForget or java.net.Socket",
        "descriptors",
        2,
        (FDS, "process_files_open_files"),
    ),
    Leak(
        "java",
        "connections",
        "pool-misuse",
        SHIPPING,
        f"Leaks.tariffUnreturned or {JDBC}",
        "connections",
        1,
        HIKARI,
    ),
    Leak(
        "java",
        "transaction",
        "pool-misuse",
        SHIPPING,
        f"Leaks.tariffUncommitted or {JDBC}",
        "connections",
        1,
        HIKARI,
    ),
    Leak(
        "java",
        "direct",
        "native-growth",
        SEARCH,
        "Leaks.keepDirectBuffer or java.nio.DirectByteBuffer",
        "bytes",
        NATIVE,
        (RSS, "jvm_buffer_memory_used_bytes"),
    ),
    Leak("java", "pool-large", "pool-misuse", "", "hikaricp_connections_max", "", 0, ()),
    Leak("java", "idle-kept", "pool-misuse", "", "hikaricp_connections_idle", "", 0, ()),
    Leak("java", "churn", "gc-pressure", SEARCH, "Leaks.churn", "bytes", 64 * JAVA_PAGE, ()),
    Leak("java", "buffered", "buffered-response", BIG_EXPORT, "Leaks.whole", "bytes", 20 * MIB, ()),
)

_NODE = (
    Leak("node", "none", "", "", "", "", 0, ()),
    Leak(
        "node",
        "map",
        "unbounded-cache",
        SEARCH,
        "rememberSearch leaks.js",
        "bytes",
        NODE_PAGE,
        NODE_HEAP,
    ),
    Leak(
        "node",
        "array",
        "unbounded-cache",
        PLACE,
        "appendAudit leaks.js",
        "bytes",
        NODE_PAGE,
        NODE_HEAP,
    ),
    Leak(
        "node",
        "closure",
        "closure-retention",
        EVERY,
        "remember leaks.js",
        "bytes",
        REQUEST_PAGE,
        NODE_HEAP,
    ),
    Leak(
        "node",
        "timers",
        "request-context",
        ORDERS,
        "refreshOften leaks.js",
        "bytes",
        NODE_PAGE,
        (*NODE_HEAP, "nodejs_active_resources_total"),
    ),
    Leak(
        "node",
        "listeners",
        "unbounded-cache",
        PLACE,
        "listenForever leaks.js",
        "bytes",
        NODE_PAGE,
        NODE_HEAP,
    ),
    Leak(
        "node",
        "request",
        "request-context",
        ORDERS,
        "keepRequest leaks.js",
        "bytes",
        NODE_PAGE,
        NODE_HEAP,
    ),
    Leak(
        "node",
        "promise",
        "request-context",
        STOCK,
        "awaitForever leaks.js",
        "bytes",
        NODE_PAGE,
        NODE_HEAP,
    ),
    Leak(
        "node",
        "sockets",
        "descriptor-leak",
        STOCK,
        "connectAndForget leaks.js",
        "descriptors",
        2,
        HANDLES,
    ),
    Leak("node", "file", "descriptor-leak", INVOICE, "invoice shop.js", "descriptors", 1, (FDS,)),
    Leak(
        "node",
        "connections",
        "pool-misuse",
        SHIPPING,
        "tariffUnreleased leaks.js",
        "connections",
        1,
        (POOL, "db_pool_connections_open", *HANDLES),
    ),
    Leak(
        "node",
        "buffers",
        "native-growth",
        SEARCH,
        "keepBuffer leaks.js",
        "bytes",
        NATIVE,
        (RSS, "nodejs_external_memory_bytes"),
    ),
    Leak("node", "pool-large", "pool-misuse", "", "db_pool_connections_max", "", 0, ()),
    Leak("node", "idle-kept", "pool-misuse", "", "db_pool_connections_open", "", 0, ()),
    Leak("node", "churn", "gc-pressure", SEARCH, "churn leaks.js", "", 0, ()),
    Leak(
        "node", "buffered", "buffered-response", BIG_EXPORT, "whole leaks.js", "bytes", 20 * MIB, ()
    ),
)

_PYTHON = (
    Leak("python", "none", "", "", "", "", 0, ()),
    Leak(
        "python", "list", "unbounded-cache", SEARCH, "keep_result leaks.py", "bytes", PAGE, (RSS,)
    ),
    Leak("python", "dict", "unbounded-cache", PLACE, "keep_order leaks.py", "bytes", PAGE, (RSS,)),
    Leak(
        "python",
        "lru-cache",
        "unbounded-cache",
        PLACE,
        "Pricing.__init__ leaks.py or Pricing.total leaks.py",  # what is made, or the cached method
        "bytes",
        PAGE,
        (RSS,),
    ),
    Leak(
        "python",
        "closure",
        "closure-retention",
        EVERY,
        "remember_request leaks.py",
        "bytes",
        REQUEST_PAGE,
        (RSS,),
    ),
    # The frames' frames come along, as far as the server's: 12 KiB more.
    Leak(
        "python",
        "exceptions",
        "request-context",
        ORDERS,
        "_check leaks.py or keep_exception leaks.py",  # where it is raised, or kept
        "bytes",
        28 << 10,
        (RSS,),
    ),
    Leak(
        "python",
        "threadlocal",
        "request-context",
        ORDERS,
        "keep_in_thread leaks.py",
        "bytes",
        PAGE,
        (RSS,),
    ),
    Leak(
        "python",
        "threads",
        "goroutine-leak",
        STOCK,
        "await_reply leaks.py",
        "threads",
        1,
        (THREADS,),
    ),
    Leak(
        "python",
        "sessions",
        "pool-misuse",
        SHIPPING,
        "tariff_unclosed pool.py",
        "connections",
        1,
        (POOL, FDS),
    ),
    Leak("python", "file", "descriptor-leak", INVOICE, "invoice shop.py", "descriptors", 1, (FDS,)),
    Leak(
        "python", "native", "native-growth", SEARCH, "map_pages leaks.py", "bytes", NATIVE, (RSS,)
    ),
    Leak("python", "pool-large", "pool-misuse", "", "db_pool_connections_max", "", 0, ()),
    Leak("python", "idle-kept", "pool-misuse", "", "db_pool_connections_open", "", 0, ()),
    Leak("python", "churn", "gc-pressure", SEARCH, "churn leaks.py", "bytes", MIB, ()),
    Leak(
        "python",
        "buffered",
        "buffered-response",
        BIG_EXPORT,
        "whole leaks.py",
        "bytes",
        20 * MIB,
        (),
    ),
)

LEAKS: tuple[Leak, ...] = (*_GO, *_PAIRS, *_ROUTERS, *_JAVA, *_NODE, *_PYTHON)


def leak_of(cell: str) -> Leak:
    """The row that `target/name` calls."""
    return next(leak for leak in LEAKS if leak.cell == cell)
