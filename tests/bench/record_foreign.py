"""Records software that nobody here wrote, for the labelled set in tests/data/foreign: `python -m tests.bench.record_foreign`.

Every cell is one run of `soak run`; its run directory stays in `--runs`, and its series are kept as
a small CSV file. tests/bench/foreign/README.md says what it needs. The long ones take 70 minutes,
all at once; `--only 'short-*'` leaves them out.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from itertools import count, repeat
from pathlib import Path
from typing import Any

import yaml

from soak.errors import SoakError
from tests.bench.foreign.cells import LONG, Cell
from tests.bench.foreign.exporting import export
from tests.bench.foreign.servers import Server
from tests.bench.foreign.short import SHORT, STARVED

DATA = Path(__file__).parents[1] / "data" / "foreign"


def profile(cell: Cell, server: Server) -> dict[str, Any]:
    """What soak is told to do."""
    more: dict[str, Any] = {"expect": {"status": cell.status}} if cell.status else {}
    if cell.json is not None:
        more["json"] = cell.json
    weights = cell.weights or repeat(1)
    page: dict[str, Any] = {"url": "/metrics"}
    sources: list[dict[str, Any]] = [{"process": {"pid": server.pid}}]
    if cell.keep:
        sources = [{"prometheus": page | {"keep": list(cell.keep)}}]
    elif server.metrics:
        sources.append({"prometheus": page})
    return {
        "name": cell.name,
        "target": {"url": server.url},
        "sources": sources,
        "sample": f"{cell.sample:g}s",
        "load": {
            "rate": f"{cell.rate:g}/s",
            "ramp": "5s",
            "duration": f"{cell.lasts:g}s",
            "cookies": False,
            "timeout": f"{cell.timeout:g}s",
        },
        "endpoints": [
            {"request": request, "weight": weight, **more}
            for request, weight in zip(cell.endpoints, weights, strict=False)
        ],
    }


def record(cell: Cell, runs: Path, after: float) -> str:
    """One run, so many seconds from now, for they would starve each other if all started at once; and its file."""
    time.sleep(after)
    try:
        with cell.start() as server, tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch, f"{cell.name}.yaml")
            path.write_text(yaml.safe_dump(profile(cell, server)))
            run = [sys.executable, "-m", "soak", "run", str(path), "--out", str(runs / cell.name)]
            done = subprocess.run(run, capture_output=True, text=True, check=False)
            said = f"{cell.name}: exit {done.returncode}\n{done.stdout}"
            return said + (done.stderr if done.returncode in {2, 4} else keep(cell, runs))
    except (OSError, RuntimeError, SoakError) as error:
        return f"{cell.name}: {error}"


def keep(cell: Cell, runs: Path) -> str:
    """Write the cell's file from its run directory."""
    path = DATA / f"{cell.name}.csv.gz"
    export(runs / cell.name, path, cell.sample)
    return f"{path.name}: {path.stat().st_size / 1e3:.0f} kB"


def main() -> None:
    """Record what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", default=[], metavar="GLOB")
    parser.add_argument(
        "--runs", type=Path, required=True, help="where the run directories go, or are"
    )
    parser.add_argument("--at-once", type=int, default=len(LONG))
    parser.add_argument(
        "--apart", type=float, default=4.0, help="seconds from one start to the next"
    )
    parser.add_argument(
        "--export", action="store_true", help="only write the files, of runs that are there"
    )
    asked = parser.parse_args()
    wanted = [
        c
        for c in (*LONG, *STARVED, *SHORT)
        if not asked.only or any(fnmatchcase(c.name, pattern) for pattern in asked.only)
    ]
    if asked.export:
        for cell in wanted:
            print(keep(cell, asked.runs))
        return
    with ThreadPoolExecutor(asked.at_once) as pool:
        for said in pool.map(record, wanted, repeat(asked.runs), count(0.0, asked.apart)):
            print(said, flush=True)


if __name__ == "__main__":
    main()
