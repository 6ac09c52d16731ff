"""Records real services, healthy and leaking, for the labelled set in tests/data/real: `python -m tests.bench.record_real`.

Every cell is one run of `soak run` at a target of tests/targets or at the demo service; its series
are kept as a small CSV file
whose name says what it is: `<target>-<kind>-<rate>-<minutes>-<take>.csv.gz`. It takes about an hour
of wall time in all, several cells at once.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from soak.model import Series
from soak.recording import load_recording
from tests.targets import build_go, running

DATA = Path(__file__).parents[1] / "data" / "real"
KEPT = (
    "process_resident_memory_bytes",
    "process_resident_anonymous_bytes",
    "process_open_fds",
    "process_threads",
    "go_goroutines",
    "go_memstats_heap_alloc_bytes",
    "go_memstats_next_gc_bytes",
    "go_memstats_sys_bytes",
    "go_memstats_heap_released_bytes",
    "go_gc_cycles_total_gc_cycles_total",
    "db_pool_connections_in_use",
)
GO_ENDPOINTS = {
    "healthy": ["GET /healthy"],
    "stream": ["GET /stream", "GET /healthy"],
    "cache": ["GET /cache/bounded", "GET /healthy"],
    "memory": ["GET /leak/memory", "GET /healthy", "GET /stream"],
    "slowmemory": ["GET /leak/memory?kb=1", "GET /healthy", "GET /stream"],
    "goroutine": ["GET /leak/goroutine", "GET /healthy", "GET /stream"],
    "descriptor": ["GET /leak/descriptor", "GET /healthy", "GET /stream"],
}
SHOP = [
    "GET /products/7",
    "GET /orders",
    "GET /search?q=lamp",
    "GET /invoices/latest",
    "GET /shipping/de",
    "GET /shipping/is",
]


@dataclass(frozen=True)
class Cell:
    target: str
    kind: str
    rate: int
    minutes: int
    take: int

    @property
    def name(self) -> str:
        return f"{self.target}-{self.kind}-{self.rate}-{self.minutes}-{self.take}"


def cells() -> Iterator[Cell]:
    """Low and high rates, 4 to 10 minutes, two takes of what must stay healthy."""
    for take in (1, 2):
        for kind in ("healthy", "cache", "stream"):
            yield Cell("go", kind, 5, 8, take)
            yield Cell("go", kind, 100, 5, take)
    yield Cell("go", "healthy", 20, 10, 1)
    yield Cell("go", "cache", 20, 10, 1)
    for take in (1, 2):
        yield Cell("go", "memory", 5, 8, take)
        yield Cell("go", "memory", 60, 4, take)
        yield Cell("go", "slowmemory", 30, 8, take)
        yield Cell("go", "goroutine", 5, 6, take)
        yield Cell("go", "goroutine", 60, 4, take)
        yield Cell("go", "descriptor", 6, 5, take)
    for take in (1, 2):
        yield Cell("demo", "none", 20, 8, take)
        yield Cell("demo", "none", 100, 4, take)
        yield Cell("demo", "memory", 10, 6, take)
    yield Cell("demo", "descriptors", 10, 4, 1)
    yield Cell("demo", "pool", 10, 4, 1)


def record(cell: Cell) -> str:
    """One run, and its file."""
    if cell.target == "go":
        command: list[str | Path] = [build_go(), "-addr", "127.0.0.1:0"]
        endpoints = GO_ENDPOINTS[cell.kind]
    else:
        command, endpoints = (
            [sys.executable, "-m", "soak.demo", "--port", "0", "--leak", cell.kind],
            SHOP,
        )
    with running(command) as target, tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch, "run")
        flags = [flag for endpoint in endpoints for flag in ("--endpoint", endpoint)]
        load = [
            "--rate",
            f"{cell.rate}/s",
            "--ramp",
            "5s",
            "--duration",
            f"{cell.minutes}m",
            "--out",
            str(out),
        ]
        run = [sys.executable, "-m", "soak", "run", "--url", target.url, *flags, *load]
        done = subprocess.run(run, capture_output=True, text=True, check=False)
        recording = load_recording(out)
        requests = np.sum([windows.requests for windows in recording.windows], axis=0)
        total = Series(
            "http_requests_total", recording.windows[0].times, np.cumsum(requests).astype(float)
        )
        kept = [series for series in recording.series if series.name in KEPT]
        write(DATA / f"{cell.name}.csv.gz", [*kept, total])
    return f"{cell.name}: exit {done.returncode}"


def write(path: Path, series: list[Series]) -> None:
    """Columns on the times of the first series; another source's samples are taken at the nearest earlier time."""
    times = series[0].times
    columns = {}
    for each in series:
        if each.name not in columns:
            index = np.searchsorted(each.times, times + 0.25, side="right") - 1
            columns[each.name] = np.where(index >= 0, each.values[np.maximum(index, 0)], np.nan)
    rows = [",".join(["t", *columns])]
    for row, time in enumerate(times):
        values = (column[row] for column in columns.values())
        rows.append(
            ",".join(
                [f"{time:.2f}", *("" if np.isnan(value) else f"{value:.10g}" for value in values)]
            )
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(("\n".join(rows) + "\n").encode(), mtime=0))


def main() -> None:
    wanted = [cell for cell in cells() if not (DATA / f"{cell.name}.csv.gz").exists()]
    wanted.sort(key=lambda cell: -cell.minutes)
    with ThreadPoolExecutor(int(os.environ.get("AT_ONCE", "6"))) as pool:
        for said in pool.map(record, wanted):
            print(said, flush=True)


if __name__ == "__main__":
    main()
