"""What a master costs: `python -m tests.bench.bench_workers [--workers 100] [--endpoints 50] [--rate 1000000] [--seconds 5]`.

Simulated workers report once a second to a real master, over real connections on loopback, as many
requests as asked for; none is sent to any target. Printed is the share of one core that the
master's process takes, which should be at most 30%. Beside it stand the merging alone (messages
read, put into slots, merged, written as a line), and what the supervisor takes to read that line.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from typing import Any

import msgpack

from soak.load.cluster.merging import Slots, packed, unpacked
from soak.load.measure.counting import Counting
from soak.load.plan.wire import window_line, window_of
from tests.bench.simulated_workers import master_share

MOST = 0.30


def window_bytes(worker: int, endpoints: int, requests: int) -> bytes:
    """One worker's window of so many requests: log-normal latencies around 5 ms, one in a thousand failed."""
    chance = random.Random(worker)
    names = tuple(f"GET /endpoint/{number}" for number in range(endpoints))
    counting = Counting(names)
    for number in range(requests):
        seconds = chance.lognormvariate(-5.3, 0.6)
        failure = "status 500" if number % 1000 == 0 else None
        counting.count(names[number % endpoints], seconds, 1000, failure, seconds / 10)
    message = ("window", packed(counting.close(1.0, 1.0, 10), 0.0), f"host_{worker}")
    return bytes(msgpack.dumps(message))


def main() -> int:
    """Print the shares; 1 when the master's is too much."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--endpoints", type=int, default=50)
    parser.add_argument(
        "--rate", type=int, default=1_000_000, help="requests a second, of all workers together"
    )
    parser.add_argument("--seconds", type=int, default=5)
    options = parser.parse_args()
    arriving = [
        window_bytes(worker, options.endpoints, options.rate // options.workers)
        for worker in range(options.workers)
    ]
    buckets = sum(len(seen[4]) + len(seen[6]) for data in arriving for seen in read(data)[3])
    slots = Slots(options.workers)
    master, supervisor = [], []
    for _ in range(options.seconds):
        began = time.process_time()
        for worker, data in enumerate(arriving):
            slots.add(worker, unpacked(read(data), 0.0))
        [window] = slots.closed(range(options.workers), [], [(1, options.workers)])
        line = window_line(window)
        master.append(time.process_time() - began)
        began = time.process_time()
        window_of(json.loads(line), 0.0)
        supervisor.append(time.process_time() - began)
        assert (
            sum(seen.requests for seen in window.endpoints)
            == options.rate // options.workers * options.workers
        )
    whole, counted = master_share(arriving, options.seconds)
    assert counted == options.rate // options.workers * options.workers * options.seconds, counted
    share, beside = sorted(master)[len(master) // 2], sorted(supervisor)[len(supervisor) // 2]
    size = sum(map(len, arriving))
    print(f"{options.workers} workers x {options.endpoints} endpoints, {options.rate:,} requests/s")
    print(f"  arriving:   {size / 1e6:.1f} MB/s, {buckets:,} counts of latency a second")
    print(f"  master:     {whole:.1%} of a core, its whole process; at most {MOST:.0%} is wanted")
    print(f"  merging:    {share:.1%} of a core ({min(master):.1%} to {max(master):.1%})")
    print(f"  supervisor: {beside:.1%} of a core for the merged line of {len(line) / 1e3:.0f} kB")
    return int(whole > MOST)


def read(data: bytes) -> list[Any]:
    """A message's window, as Locust reads messages."""
    return list(msgpack.loads(data, raw=False, strict_map_key=False, object_hook=_same)[1])


def _same(counts: dict[object, object]) -> dict[object, object]:
    """Locust looks for dates in every mapping; so does this."""
    return counts if "__datetime__" not in counts and "__ObjectId__" not in counts else {}


if __name__ == "__main__":
    raise SystemExit(main())
