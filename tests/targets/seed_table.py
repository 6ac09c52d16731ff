"""The seed's before-and-after table, by `soak gate` on the Go target: what pooling and streaming are worth here.

python -m tests.targets.seed_table [--pairs 8] [--slice 8s] [--only decoders] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.targets import build_go

PROFILE = Path(__file__).parent / "gates" / "seed.yaml"


#: The cores of the targets and of soak with its load, where there are two: neither is made to wait by the other.
TARGET_CORE, OWN_CORE = "1", "0"
GC = ("gc_paused", "gc_pause", "gc_longest_pause", "gc_cycles", "allocation", "cpu", "p99")


@dataclass(frozen=True)
class Row:
    """One comparison: the flag of the candidate, what is asked how often, and the metrics that the seed tells of."""

    name: str
    flag: str
    requests: tuple[str, ...]
    rate: str
    metrics: tuple[str, ...]
    seed: str


ROWS = (
    Row("decoders", "-pool=decoders", ("GET /decode",), "150/s", GC, "GC pause 48.2 -> 2.1 ms"),
    Row("buffers", "-pool=buffers", ("GET /report",), "150/s", GC, "GC pause 36.7 -> 1.8 ms"),
    Row("contexts", "-pool=contexts", ("GET /contexts",), "300/s", GC, "GC pause 29.5 -> 0.9 ms"),
    Row(
        "both",
        "-pool=decoders,buffers",
        ("GET /decode", "GET /report"),
        "1200/s",
        ("p99", "p95", "p50", "cpu"),
        "p99 800 -> 80 ms",
    ),
    Row(
        "stream",
        "-stream",
        ("GET /answer?mb=32",),
        "4/s",
        ("memory_peak", "memory", "p50"),
        "peak 1.2 GB -> 80 MB",
    ),
)


def gate(row: Row, binary: Path, folder: Path, arguments: list[str]) -> dict[str, Any]:
    """One gate's comparison.json."""
    two_cores = len(os.sched_getaffinity(0)) > 1 and shutil.which("taskset") is not None
    environment = {
        "SEED_BINARY": str(binary),
        "SEED_FLAG": row.flag,
        "SEED_RATE": row.rate,
        "SEED_CORES": TARGET_CORE if two_cores else "0-1023",
    }
    command = [
        *(["taskset", "-c", OWN_CORE] if two_cores else []),
        sys.executable,
        "-m",
        "soak",
        "gate",
        str(PROFILE),
        "--set",
        f"endpoints={json.dumps(row.requests)}",
        "--out",
        str(folder / row.name),
        *arguments,
    ]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1, 3):
        raise SystemExit(f"{row.name}: exit {done.returncode}\n{done.stderr}")
    comparison: dict[str, Any] = json.loads((folder / row.name / "comparison.json").read_text())
    return comparison


def table(row: Row, comparison: dict[str, Any]) -> list[str]:
    """Markdown rows of one comparison."""
    lines = []
    for metric in row.metrics:
        for difference in comparison["differences"]:
            if difference["metric"] == metric:
                change, low, high = (
                    f"{100 * difference[key]:+.0f}%" for key in ("change", "low", "high")
                )
                value = f"{difference['base']:.4g} -> {difference['candidate']:.4g} {difference['unit']}"
                cells = (
                    row.name,
                    metric,
                    difference["subject"],
                    value,
                    f"{change} ({low} to {high})",
                    difference["verdict"],
                    row.seed,
                )
                lines.append(f"| {' | '.join(cells)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", default="8")
    parser.add_argument("--slice", default="8s")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    folder = given.out or Path(tempfile.mkdtemp(prefix="seed-"))
    binary = build_go()
    print(
        "| pooled | metric | of | base -> candidate | change (95% interval) | verdict | seed |\n|---|---|---|---|---|---|---|"
    )
    for row in ROWS:
        if not given.only or row.name in given.only:
            comparison = gate(row, binary, folder, ["--pairs", given.pairs, "--slice", given.slice])
            print("\n".join(table(row, comparison)), flush=True)


if __name__ == "__main__":
    main()
