"""The seed's before-and-after table, by `soak gate` on the Go target: what pooling and streaming are worth here.

python -m tests.targets.seed_table [--pairs 4] [--slice 8s] [--only decoders] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.targets import build_go

PROFILE = Path(__file__).parent / "gates" / "seed.yaml"


@dataclass(frozen=True)
class Row:
    """One comparison: the flag of the candidate, what is asked, and the metrics that the seed tells of."""

    name: str
    flag: str
    request: str
    rate: str
    metrics: tuple[str, ...]
    seed: str


GC = ("gc_paused", "gc_pause", "gc_longest_pause", "gc_cycles", "allocation", "cpu")
ROWS = (
    Row("decoders", "-pool=decoders", "GET /decode", "150/s", GC, "GC pause 48.2 -> 2.1 ms"),
    Row("buffers", "-pool=buffers", "GET /report", "150/s", GC, "GC pause 36.7 -> 1.8 ms"),
    Row("contexts", "-pool=contexts", "GET /contexts", "300/s", GC, "GC pause 29.5 -> 0.9 ms"),
    Row(
        "both",
        "-pool=decoders,buffers",
        "GET /decode",
        "150/s",
        ("p99", "p95", "p50"),
        "p99 800 -> 80 ms",
    ),
    Row(
        "stream",
        "-stream",
        "GET /answer?mb=32",
        "4/s",
        ("memory_peak", "memory", "p50"),
        "peak 1.2 GB -> 80 MB",
    ),
)


def gate(row: Row, binary: Path, folder: Path, arguments: list[str]) -> dict[str, Any]:
    """One gate's comparison.json."""
    environment = {
        "SEED_BINARY": str(binary),
        "SEED_FLAG": row.flag,
        "SEED_REQUEST": row.request,
        "SEED_RATE": row.rate,
    }
    command = [
        sys.executable,
        "-m",
        "soak",
        "gate",
        str(PROFILE),
        "--out",
        str(folder / row.name),
        *arguments,
    ]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1, 3):
        raise SystemExit(f"{row.name}: exit {done.returncode}\n{done.stderr}")
    found: dict[str, Any] = json.loads((folder / row.name / "comparison.json").read_text())
    return found


def table(row: Row, comparison: dict[str, Any]) -> list[str]:
    """Markdown rows of one comparison."""
    lines = []
    for metric in row.metrics:
        for one in comparison["differences"]:
            if one["metric"] == metric:
                change, low, high = (f"{100 * one[key]:+.0f}%" for key in ("change", "low", "high"))
                value = f"{one['base']:.4g} -> {one['candidate']:.4g} {one['unit']}"
                cells = (
                    row.name,
                    metric,
                    one["subject"],
                    value,
                    f"{change} ({low} to {high})",
                    one["verdict"],
                    row.seed,
                )
                lines.append(f"| {' | '.join(cells)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", default="4")
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
