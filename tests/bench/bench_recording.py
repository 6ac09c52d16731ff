"""What days take on disk and to load: `python -m tests.bench.bench_recording --hours 72`.

60 series and six endpoints (200 requests/s, open model) at 1 s are written by the recorder itself,
then loaded, judged and rendered in a process of its own. Of the series a third are whole bytes,
a third counters of whole things, and a third have all digits that a double has.
"""

from __future__ import annotations

import argparse
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from soak.latency import Histogram, bucket_of
from soak.model import Kind, Sample, Scrape
from soak.recording import Recorder
from soak.windows import EndpointWindow, GeneratorWindow, Window

SERIES = 60
#: Median latency of each endpoint, in seconds.
ENDPOINTS = {"GET /": 0.0008, "GET /user": 0.002, "GET /list": 0.012, "POST /order": 0.02}
ENDPOINTS |= {"GET /search": 0.05, "GET /report": 0.3}
RATE = 200.0
PROFILE = """
name: days
target: {url: "http://127.0.0.1:1"}
load: {rate: 200/s, duration: 72h}
endpoints: [GET /, GET /user, GET /list, POST /order, GET /search, GET /report]
"""
HOUR = 3600

LOAD = """
import resource, sys, time
from pathlib import Path
from soak.recording import load_recording
began = time.process_time(), time.perf_counter()
recording = load_recording(Path(sys.argv[1]))
spent = time.process_time() - began[0], time.perf_counter() - began[1]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
samples = sum(len(series.times) for series in recording.series)
requests = sum(int(windows.requests.sum()) for windows in recording.windows)
print(f"{samples:,} samples and {requests:,} requests loaded in {spent[1]:.2f} s "
      f"({spent[0]:.2f} s of CPU), {peak:.0f} MiB at most")
"""


def write_hours(directory: Path, hours: int) -> float:
    """Write a recording; the CPU seconds that the recorder took for it."""
    rng = np.random.default_rng(19)
    facts = {"name": "days", "ended": "completed", "seconds": hours * HOUR}
    facts["phases"] = [{"name": "steady", "start": 0.0, "end": float(hours * HOUR)}]
    recorder = Recorder(directory, facts, PROFILE)
    third, level, spent = SERIES // 3, np.zeros(SERIES // 3), 0.0
    for hour in range(hours):
        whole = np.round(12_000 + rng.normal(0, 40, (HOUR, third))) * 4096
        counted = level + np.cumsum(rng.poisson(30, (HOUR, third)), axis=0)
        level = counted[-1]
        digits = 5e7 + rng.normal(0, 1e5, (HOUR, third))
        rows = np.concatenate([whole, counted, digits], axis=1).tolist()
        windows = [_endpoint_windows(rng, name, median) for name, median in ENDPOINTS.items()]
        for second, row in enumerate(rows):
            moment = float(hour * HOUR + second)
            samples = tuple(
                Sample(f"part_{number}_bytes", value)
                if number < third or number >= 2 * third
                else Sample(f"part_{number}_total", value, kind=Kind.COUNTER)
                for number, value in enumerate(row)
            )
            recorder.add(Scrape("prometheus", moment, 0.0004, 0.0112, samples))
            seen = tuple(windows[place][second] for place in range(len(windows)))
            health = GeneratorWindow(0.21, 0.21, 0.003, 9 << 23, RATE, int(RATE), 3, 12)
            recorder.add(Window(moment + 1, 1.0, 24, seen, health))
            began = time.process_time()
            recorder.commit()
            spent += time.process_time() - began
    recorder.close()
    return spent


def _endpoint_windows(rng: np.random.Generator, name: str, median: float) -> list[EndpointWindow]:
    """An hour of one endpoint's windows."""
    asked = rng.poisson(RATE / len(ENDPOINTS), HOUR)
    service = rng.lognormal(np.log(median), 0.35, int(asked.sum()))
    latency = service + rng.exponential(0.0004, len(service))
    pairs, place = list(zip(latency.tolist(), service.tolist(), strict=True)), 0
    result = []
    for count in asked.tolist():
        seen, sent = Histogram(), Histogram()
        for whole, part in pairs[place : place + count]:
            seen.record(whole)
            sent.record(part)
        place += count
        failures = {"timeout": 1} if rng.random() < 0.01 else {}
        failed = Histogram({bucket_of(1.0): 1} if failures else {})
        result.append(EndpointWindow(name, count, failures, count * 1234, seen, failed, sent, 0))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=int, default=72)
    parser.add_argument("--keep", type=Path, help="leave the recording here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        directory = options.keep or Path(scratch, "run")
        if not directory.exists():
            spent = write_hours(directory, options.hours)
            print(f"written with {spent:.1f} s of CPU")
        file = directory / "recording.sqlite"
        print(f"{file.stat().st_size / 1e6:.0f} MB")
        with closing(sqlite3.connect(file)) as database:
            query = "SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC"
            try:
                for table, size in database.execute(query):
                    print(f"  {table}: {size / 1e6:.1f} MB")
            except sqlite3.Error:  # SQLite may be built without this table
                pass
        run = [sys.executable, "-c", LOAD, str(directory)]
        print(subprocess.run(run, capture_output=True, text=True, check=True).stdout, end="")
        began = time.perf_counter()
        report = [sys.executable, "-m", "soak", "report", str(directory)]
        subprocess.run(report, capture_output=True, check=False)
        size = (directory / "report.html").stat().st_size / 1e6
        print(f"soak report: {time.perf_counter() - began:.1f} s, {size:.2f} MB")


if __name__ == "__main__":
    main()
