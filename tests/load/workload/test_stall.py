"""A real target frozen for two seconds: every request that was due meanwhile must show its wait."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from soak.latency import Histogram, bucket_seconds
from soak.load.measure.counting import Counting
from soak.load.plan.plan import Plan, PlannedRequest
from soak.load.plan.warnings import Warnings
from soak.load.workload import open_model as arrivals
from soak.load.workload.mix import TrafficMix
from soak.load.workload.open_model import OpenLoad
from soak.load.workload.request_builder import RequestBuilder
from soak.load.workload.sender import Sender, client_options
from soak.windows import EndpointWindow
from tests.targets import Target, running

RATE, FREEZE, DURATION = 200.0, 2.0, 4.5  # a rate that a crowded machine makes, too
FEW = 20  # connections, far fewer than are due during the freeze
SERVER = """
import asyncio
ANSWER = b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok"
class Answering(asyncio.Protocol):
    def connection_made(self, transport): self.transport = transport
    def data_received(self, data): self.transport.write(ANSWER * data.count(b"\\r\\n\\r\\n"))
async def main():
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0, backlog=4096)
    print(f"listening on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


@pytest.fixture
def target() -> Iterator[Target]:
    with running([sys.executable, "-c", SERVER]) as target:
        yield target


def freeze(pid: int, frozen: list[float]) -> None:
    time.sleep(1.2)
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    time.sleep(FREEZE)
    frozen.append(time.monotonic() - began)
    os.kill(pid, signal.SIGCONT)


def slower_than(histogram: Histogram, seconds: float) -> int:
    return sum(
        count for bucket, count in histogram.counts.items() if bucket_seconds(bucket) > seconds
    )


def drive(target: Target) -> tuple[EndpointWindow, float, OpenLoad]:
    asked = PlannedRequest("GET /", "GET", "/", 1.0, {})
    plan = Plan(target.url, (asked,), DURATION, 0.0, 1.0, 10.0, rate=RATE)
    counting, options, frozen = Counting(("GET /",)), client_options(plan), [0.0]
    warnings = Warnings(lambda _: None)
    builder = RequestBuilder(counting, warnings)
    load = OpenLoad(
        plan,
        counting,
        TrafficMix(plan),
        builder,
        warnings,
        lambda: Sender(options, counting, builder),
    )
    freezing = threading.Thread(target=freeze, args=(target.pid, frozen))
    freezing.start()
    load.drive()
    load.finish(10.0)
    freezing.join()
    (seen,) = counting.close(time.monotonic(), DURATION, 0).endpoints
    return seen, frozen[-1], load


@pytest.mark.parametrize("connections", [arrivals.MAX_CONNECTIONS + 500, FEW])
def test_a_stall_is_in_the_latency_of_all_that_were_due_meanwhile(
    target: Target, monkeypatch: pytest.MonkeyPatch, connections: int
) -> None:
    monkeypatch.setattr(arrivals, "MAX_CONNECTIONS", connections)
    seen, frozen, load = drive(target)
    assert (seen.requests, seen.failures, seen.dropped) == (int(RATE * DURATION), {}, 0)
    # The truth: what was due `s` seconds before the thaw waited `s` at least, and all the same
    # number of them each second.
    for wait in (0.25, 0.5, 1.0, 1.5, 1.9):
        waited = slower_than(seen.latency, wait)
        assert waited >= 0.95 * RATE * (frozen - wait) - 10, (wait, waited)
    share = RATE * frozen / seen.requests
    for part in (0.5, 0.9, 0.99):  # of those that waited, which spread evenly over the freeze
        latency = seen.latency.quantile(1 - share * (1 - part)) or 0.0
        assert latency >= part * frozen * 0.95 - 0.05
    if connections == FEW:
        # Most could not even be sent: service times know nothing of it, and latency does. A busy machine
        # answers some slowly after the thaw; those that waited unsent are far more.
        assert slower_than(seen.service, 1.0) <= slower_than(seen.latency, 1.0) / 2
        assert load.queued >= 0.9 * (RATE * frozen - connections)
        assert seen.late >= 0.9 * (RATE * frozen - connections)
    else:
        assert slower_than(seen.service, 1.0) >= 0.9 * RATE * (frozen - 1.0) - seen.late
