"""Soak's own processes, judged by soak: `python -m tests.bench.bench_self [--minutes 60] [--rate 1000] [--days 30]`.

A run of so many minutes drives a Go service with a master and two workers while resident memory,
descriptors and threads of each of soak's processes are read every second. Then so many days of
scrapes and windows go through what the supervisor, the load's process and its master keep them
with, each in a process of its own that says its memory once an hour of the simulated clock. All of
it is judged by `soak analyze`.
"""

from __future__ import annotations

import argparse
import csv
import gc
import json
import multiprocessing
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil

from soak.abort import AbortWatch
from soak.live.failures import FailureNews
from soak.live.progress import Live
from soak.load.cluster.merging import Slots, packed, unpacked
from soak.load.measure.counting import Counting
from soak.load.plan.wire import window_line
from soak.profile import parse_profile
from soak.recording import Recorder
from soak.sampling.clock import RunClock
from soak.sampling.sampler import scrape
from soak.sampling.sources.prometheus import Prometheus
from soak.steady_memory import keep_steady
from soak.target_watch import TargetWatch
from soak.windows import Window
from tests.targets import build_go, running

COLUMNS = ("t", "process_resident_memory_bytes", "process_open_fds", "process_threads")
#: A run of over a day is sampled every 15 s unless told otherwise.
INTERVAL = 15
SERIES, ENDPOINTS, REQUESTS = 60, 20, 10
HOUR = 3600
PROFILE = """
name: self
target: {{url: "{url}"}}
load: {{rate: {rate:g}/s, duration: {minutes:g}m, processes: 2}}
endpoints: [GET /constant]
"""
ABORT = 'abort: ["errors > 50% for 30s", "process_resident_memory_bytes > 900GiB"]\n'


def parts(supervisor: psutil.Process) -> dict[str, psutil.Process]:
    """Soak's processes by their part: supervisor, judge, master, and workers in the order of their ids."""
    named = {"supervisor": supervisor}
    for child in supervisor.children():
        words = child.cmdline()
        if "soak.live" in words:
            named["judge"] = child
        elif "soak.load" in words:
            named["master"] = child
            workers = sorted(child.children(), key=lambda worker: worker.pid)
            named |= {f"worker {number}": worker for number, worker in enumerate(workers, 1)}
    return named


def watch(supervisor: psutil.Process, until: Callable[[], bool], directory: Path) -> None:
    """A CSV file a part, a row a second."""
    began = time.monotonic()
    while until():
        with suppress(psutil.Error):
            for part, process in parts(supervisor).items():
                with suppress(psutil.Error):
                    resident = process.memory_info().rss
                    row = (resident, process.num_fds(), process.num_threads())
                    _append(directory / f"{part}.csv", round(time.monotonic() - began, 2), *row)
        time.sleep(1.0)


def _append(path: Path, *row: float) -> None:
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(COLUMNS[: len(row)])
        writer.writerow(row)


def real(minutes: float, rate: float, scratch: Path) -> None:
    """Drive a Go service, and watch who does it."""
    seen = scratch / "real"
    seen.mkdir()
    with running([build_go(), "-addr", "127.0.0.1:0"]) as target:
        profile = scratch / "self.yaml"
        profile.write_text(PROFILE.format(url=target.url, rate=rate, minutes=minutes))
        run = subprocess.Popen(
            [sys.executable, "-m", "soak", "run", str(profile), "--out", str(scratch / "run")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        sealed = scratch / "run" / "analysis.json"
        watch(psutil.Process(run.pid), lambda: run.poll() is None and not _ended(sealed), seen)
        code = run.wait()
    endpoints = json.loads(sealed.read_text())["endpoints"]
    requests = sum(endpoint["requests"] for endpoint in endpoints)
    print(f"{minutes:g} min at {rate:g}/s: {requests:,} requests, exit code {code}", flush=True)
    print(json.loads(sealed.read_text())["reason"])
    _judged(seen)


def _ended(sealed: Path) -> bool:
    """Whether the load is over, and only the end is judged now."""
    facts = sealed.parent / "run.json"
    return sealed.exists() or (facts.exists() and '"ended"' in facts.read_text())


def _judged(directory: Path) -> None:
    for path in sorted(directory.iterdir()):
        answer = subprocess.run(
            [sys.executable, "-m", "soak", "analyze", "--json", str(path)],
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode not in (0, 1, 3):
            print(f"{path.stem}: {answer.stderr}")
            continue
        with path.open() as file:
            rows = list(csv.DictReader(file))
        highest = max(float(row[COLUMNS[1]]) for row in rows) / 2**20
        print(f"{path.stem}: at most {highest:.1f} MiB")
        for finding in json.loads(answer.stdout)["findings"]:
            slopes = [finding[key] for key in ("slope_per_hour", "slope_low", "slope_high")]
            said = finding["reason"]
            if None not in slopes:
                unit = 2**20 if finding["series"].endswith("_bytes") else 1
                slope, low, high = (value / unit for value in slopes)
                said = f"{slope:+.4g}/h ({low:+.4g} to {high:+.4g}); {said}"
            print(f"  {finding['verdict']:12} {finding['series']}: {said}")


class _Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet
    asked = 0

    def do_GET(self) -> None:
        _Page.asked += 1
        lines = [f"cache_{number}_bytes {5e7 + _Page.asked % 97}" for number in range(SERIES)]
        body = ("\n".join(lines) + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextmanager
def page() -> Iterator[str]:
    """A metrics page of this process."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/metrics"
    server.shutdown()


def windows(count: int) -> Iterator[Window]:
    """Windows with requests, a failure of another kind each, and names beyond those that are planned."""
    endpoints = tuple(f"GET /{number}" for number in range(ENDPOINTS))
    counting = Counting(endpoints)
    for number in range(count):
        for place, endpoint in enumerate(endpoints):
            for request in range(REQUESTS):
                latency = 0.001 * (1 + (7 * number + place + 13 * request) % 500)
                counting.count(endpoint, latency, 100, None, 0.0, 200, number)
        counting.count(f"GET /{number}", 0.001, 1, f"error {number}", status=500)
        yield counting.close((number + 1) * INTERVAL, float(INTERVAL), 50)


def _supervisor(url: str, days: float, say: Callable[[float], None]) -> None:
    """Scrapes and windows through all that the supervisor keeps of them, and into a recording."""
    keep_steady()
    source, clock, live, news = (
        Prometheus(url=url),
        RunClock(time.monotonic()),
        Live(),
        FailureNews(),
    )
    aborting = PROFILE.format(url=url, rate=1, minutes=1) + ABORT
    profile, _ = parse_profile(aborting, "self.yaml")
    dead = TargetWatch(30.0)
    abort = AbortWatch(profile.abort_rules, float(INTERVAL), lambda _: None)
    with tempfile.TemporaryDirectory() as scratch:
        recorder = Recorder(Path(scratch, "run"), {"name": "days"}, None)
        for window in windows(round(days * 24 * HOUR / INTERVAL)):
            taken = scrape("prometheus", source, clock, window.time)
            for record in (taken, window):
                dead.saw(record)
                recorder.add(record)
                abort.saw(record)
                live.saw(record)
                list(news.saw(record))
            recorder.commit()
            live.progress()
            say(window.time)
        recorder.close()


def _load(_url: str, days: float, say: Callable[[float], None]) -> None:
    for window in windows(round(days * 24 * HOUR / INTERVAL)):
        window_line(window)
        say(window.time)


def _master(_url: str, days: float, say: Callable[[float], None]) -> None:
    slots = Slots(2)
    for window in windows(round(days * 24 * HOUR / INTERVAL)):
        for worker in range(2):
            slots.add(worker, unpacked(packed(window, 0.0), 0.0))
        for whole in slots.closed(range(2), (), [(1, 2)]):
            window_line(whole)
        say(window.time)


def _simulated(part: Callable[..., None], url: str, days: float, path: str) -> None:
    process, last = psutil.Process(), [0.0]

    def say(moment: float) -> None:
        if moment - last[0] >= HOUR:
            last[0] = moment
            gc.collect()
            row = (process.memory_info().rss, process.num_fds(), process.num_threads())
            _append(Path(path), moment, *row)

    part(url, days, say)


def simulate(days: float, scratch: Path) -> None:
    """So many days of each part, one after the other."""
    seen = scratch / "simulated"
    seen.mkdir()
    with page() as url:
        for name, part in (("supervisor", _supervisor), ("load", _load), ("master", _master)):
            began = time.monotonic()
            child = multiprocessing.get_context("spawn").Process(
                target=_simulated, args=(part, url, days, str(seen / f"{name}.csv"))
            )
            child.start()
            child.join()
            print(f"{days:g} days of the {name} in {time.monotonic() - began:.0f} s", flush=True)
    _judged(seen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=1000.0)
    parser.add_argument("--days", type=float, default=30.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if given.minutes:
            real(given.minutes, given.rate, Path(scratch))
        if given.days:
            simulate(given.days, Path(scratch))


if __name__ == "__main__":
    main()
