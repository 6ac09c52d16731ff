"""Whether the generator's memory stays put: `python -m tests.bench.bench_memory [--seconds 60] [--hours 72]`.

The load's process drives a Go service over loopback, as fast as it can and then in the open model,
and its resident memory is read every second. Then a run of so many hours is simulated: its windows
are counted, closed, and put on the wire.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time

import psutil

from soak.load.measure.counting import Counting
from soak.load.plan.plan import Plan
from soak.load.plan.wire import window_line
from tests.bench.bench_load import plan_of
from tests.targets import build_go, running


def measure(plan: Plan, name: str) -> None:
    """Drive, and say how far resident memory went after the first quarter."""
    load = subprocess.Popen(
        [sys.executable, "-m", "soak.load"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert load.stdin is not None
    assert load.stdout is not None
    load.stdin.write(plan.to_json() + "\n")
    load.stdin.flush()
    resident: list[tuple[float, int]] = []

    def watch() -> None:
        process = psutil.Process(load.pid)
        while load.poll() is None:
            try:
                resident.append((time.monotonic(), process.memory_info().rss))
            except psutil.NoSuchProcess:
                return
            time.sleep(0.5)

    watching = threading.Thread(target=watch)
    watching.start()
    requests = 0
    for text in load.stdout:
        message = json.loads(text)
        if message["kind"] == "window":
            requests += sum(seen["requests"] for seen in message["endpoints"])
    load.stdin.close()
    load.wait(10)
    watching.join()
    start, end = resident[0][0], resident[-1][0]
    settled = [
        (moment, rss)
        for moment, rss in resident
        if rss and start + 0.25 * (end - start) < moment < end - 1.0
    ]
    grown = settled[-1][1] - settled[0][1]
    print(
        f"{name}: {requests:,} requests, resident {settled[-1][1] / 2**20:.1f} MiB,"
        f" {grown / 1024:+,.0f} KiB in the last {settled[-1][0] - settled[0][0]:.0f} s",
        flush=True,
    )


def simulate(hours: float) -> None:
    """All windows of a long run, one a second, of 20 endpoints of which each sees 50 latencies."""
    endpoints = tuple(f"GET /{number}" for number in range(20))
    counting = Counting(endpoints)

    def drive(seconds: int) -> None:
        for second in range(seconds):
            for number, endpoint in enumerate(endpoints):
                counting.count(endpoint, 0.001 * (1 + (second * 7 + number) % 50), 100, None, 0.0)
            counting.count(f"GET /{second}", 0.001, 1, f"error {second}")
            window_line(counting.close(float(second), 1.0, 50))

    process = psutil.Process()
    drive(3600)
    before, began = process.memory_info().rss, time.monotonic()
    drive(round(3600 * (hours - 1)))
    grown = process.memory_info().rss - before
    print(
        f"{hours:g} h of windows in {time.monotonic() - began:.0f} s: {grown / 1024:+,.0f} KiB after the first hour"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--hours", type=float, default=72.0)
    given = parser.parse_args()
    with running([build_go(), "-addr", "127.0.0.1:0"]) as target:
        measure(plan_of(target.url, given.seconds, users=50), "50 closed users")
        measure(plan_of(target.url, given.seconds, rate=5000.0), "5,000 arrivals/s")
    simulate(given.hours)


if __name__ == "__main__":
    main()
