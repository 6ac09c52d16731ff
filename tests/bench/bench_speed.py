"""How long judging takes: `python -m tests.bench.bench_speed`.

A day of 50 series at 1 Hz (4.3 million samples) is written as a recording, then loaded and judged
in a process of its own; so is half a day, which shows how the cost grows. A CSV file of 3,000 rows
is judged alone, and 500 of them in one call.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from soak.model import Sample, Scrape
from soak.recording import Recorder

JUDGE = """
import resource, sys, time
from pathlib import Path
from soak.analysis import analyze
from soak.profile import Limits
from soak.recording import load_recording
began = time.perf_counter()
recording = load_recording(Path(sys.argv[1]))
loaded = time.perf_counter()
analysis = analyze(recording, Limits(), judge_unknown=True)
done = time.perf_counter()
samples = sum(len(series.times) for series in recording.series)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{samples:,} samples: loaded in {loaded - began:.2f} s, judged in {done - loaded:.2f} s, "
      f"{done - began:.2f} s together, {peak:.0f} MiB at most; verdict {analysis.verdict.value}")
"""


def write_day(directory: Path, seconds: int, series: int = 50) -> None:
    recorder = Recorder(directory, {"name": "day", "ended": "completed", "seconds": seconds}, None)
    rng = np.random.default_rng(7)
    for start in range(0, seconds, 3600):
        table = 50e6 + rng.normal(0, 1e5, (3600, series))
        for second, row in enumerate(table):
            samples = tuple(
                Sample(f"cache_{number}_bytes", float(value)) for number, value in enumerate(row)
            )
            recorder.add(Scrape("prometheus", float(start + second), 0.0, 0.01, samples))
        recorder.commit()
    recorder.close()


def write_csv(path: Path, seed: int, rows: int = 3000) -> None:
    rng = np.random.default_rng(seed)
    lines = [f"{row},{value:.0f}" for row, value in enumerate(50e6 + rng.normal(0, 1e5, rows))]
    path.write_text("\n".join(["t,process_resident_memory_bytes", *lines]) + "\n")


def timed(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, capture_output=True, check=False)
    return time.perf_counter() - began


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        for hours in (12, 24):
            directory = Path(scratch, str(hours))
            write_day(directory, hours * 3600)
            print(
                subprocess.run(
                    [sys.executable, "-c", JUDGE, str(directory)],
                    capture_output=True,
                    text=True,
                    check=True,
                ).stdout,
                end="",
            )
        files = [Path(scratch, f"{number}.csv") for number in range(500)]
        for number, path in enumerate(files):
            write_csv(path, number)
        analyze = [sys.executable, "-m", "soak", "analyze", "--json"]
        print(
            f"one CSV of 3,000 rows: {min(timed([*analyze, str(files[0])]) for _ in range(5)):.2f} s, start included (best of 5)"
        )
        print(f"500 of them in one call: {timed([*analyze, *map(str, files)]):.1f} s")
        print(
            f"soak --help: {min(timed([sys.executable, '-m', 'soak', '--help']) for _ in range(5)):.3f} s (best of 5)"
        )
        print(
            f"largest child: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MiB"
        )


if __name__ == "__main__":
    main()
