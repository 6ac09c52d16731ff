"""Short recordings of kinds that were once judged wrongly."""

from __future__ import annotations

from dataclasses import replace

from tests.bench.foreign import servers
from tests.bench.foreign.cells import HOUR, LONG, STEADY, Cell

_YOUNG = (
    "process_resident_memory_bytes",
    "go_memstats_sys_bytes",
    "go_memstats_heap_inuse_bytes",
    "go_memstats_heap_alloc_bytes",
    "go_memstats_heap_objects",
)
_FILLS = "1,000 entries of 4 KiB drawn at random by a fifth of the requests: 93% full at the end"
_BRIEF = "so few seconds of a healthy service that a pass says little"

SHORT = (
    Cell(
        "short-go-filling",
        "net/http, Go 1.26",
        servers.go("filling"),
        ("GET /hello", "GET /cached"),
        150,
        _FILLS,
        weights=(4, 1),
        lasts=90,
        sample=1,
    ),
    Cell(
        "short-flask-filling",
        "gunicorn 27.0.1, Flask 3.1.3",
        servers.gunicorn(1, "--threads", "4"),
        ("GET /items/1", "GET /cached"),
        150,
        _FILLS,
        weights=(4, 1),
        lasts=90,
        sample=1,
    ),
    Cell(
        "short-go-young-20",
        "net/http, Go 1.26",
        servers.go("filling"),
        ("GET /hello",),
        20,
        STEADY + "; of its page only what some exporters have",
        lasts=240,
        sample=1,
        keep=_YOUNG,
    ),
    Cell(
        "short-go-young-300",
        "net/http, Go 1.26",
        servers.go("filling"),
        ("GET /hello",),
        300,
        STEADY + "; of its page only what some exporters have",
        lasts=240,
        sample=1,
        keep=_YOUNG,
    ),
    Cell(
        "short-express-listeners",
        "Express 5.3.0, Node 20",
        servers.node("express.js", "healthy"),
        ("GET /listen",),
        40,
        "Node's manual: more listeners than ten warn of a leak",
        "a listener added by every request",
        lasts=120,
        sample=1,
    ),
    Cell(
        "short-jetty-exit-files",
        "Jetty 12.1.14, Java 17",
        servers.java("JettyServer"),
        ("GET /temporary",),
        30,
        "long reported of the JDK: File.deleteOnExit keeps a path until the JVM ends, be the file there or not",
        "a path kept for every temporary file",
        lasts=90,
        sample=1,
    ),
    Cell(
        "short-gunicorn-overloaded",
        "gunicorn 27.0.1, Flask 3.1.3",
        servers.gunicorn(1, "--threads", "400"),
        ("GET /slow",),
        5,
        "answers take 20 to 45 seconds, 160 are under way at once, and nothing is kept",
        lasts=240,
        sample=1,
        timeout=300,
    ),
    Cell(
        "short-express-12s",
        "Express 5.3.0, Node 20",
        servers.node("express.js", "healthy"),
        ("GET /items/1",),
        20,
        _BRIEF,
        lasts=12,
        sample=1,
    ),
    Cell(
        "short-gunicorn-12s",
        "gunicorn 27.0.1, Flask 3.1.3",
        servers.gunicorn(2),
        ("GET /items/1",),
        20,
        _BRIEF,
        lasts=12,
        sample=1,
    ),
    Cell(
        "short-jetty-12s",
        "Jetty 12.1.14, Java 17",
        servers.java("JettyServer"),
        ("GET /report/a",),
        20,
        _BRIEF,
        lasts=12,
        sample=1,
    ),
)

#: Some were recorded twice: the first time on a machine so busy that a third of the requests timed out, or nearly all.
STARVED = tuple(
    replace(cell, name=f"{cell.name}-starved", lasts=HOUR if cell in LONG else cell.lasts)
    for cell in (*LONG, *SHORT)
    if cell.name
    in {
        "express-healthy",
        "express-session",
        "express-lru",
        "gunicorn-flask",
        "short-flask-filling",
    }
)
