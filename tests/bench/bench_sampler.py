"""How late the sampler is while two busy loops saturate both cores, and whether it loses a sample.

`python -m tests.bench.bench_sampler [SECONDS]`; three sources at 5 Hz: a process, a metrics page of
500 lines, and one that hangs. Exits with 1 where lateness at the 99th percentile is over 20 ms, or
a sample of the first two is lost.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterable

from soak.model import Sample, Scrape
from soak.sampling.clock import RunClock
from soak.sampling.sampler import Sampler
from soak.sampling.sources import Source
from soak.sampling.sources.process import Process
from soak.sampling.sources.prometheus import Prometheus

INTERVAL, GOAL = 0.2, 0.020
_SERVE = """
from soak.sampling.agent import Agent
from soak.model import Sample
class Page:
    def collect(self):
        return [Sample(f"m{i}", float(i), (("a", "b"),)) for i in range(500)]
server = Agent(("127.0.0.1", 0), Page())
print(server.url, flush=True)
server.serve_forever()
"""


class Hung:
    """A source that never answers."""

    def collect(self) -> Iterable[Sample]:
        threading.Event().wait()
        return []


def main(seconds: float) -> int:
    """Lateness of each source, and what was lost."""
    served = subprocess.Popen([sys.executable, "-c", _SERVE], stdout=subprocess.PIPE, text=True)
    loops: list[subprocess.Popen[bytes]] = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)
    ]
    rows: dict[str, list[Scrape]] = defaultdict(list)
    try:
        assert served.stdout is not None
        url = served.stdout.readline().strip()
        sources: dict[str, Source] = {
            "process": Process(pid=os.getpid()),
            "prometheus": Prometheus(url),
            "hung": Hung(),
        }
        began = time.process_time()
        sampler = Sampler(sources, INTERVAL, lambda row: rows[row.source].append(row), RunClock())
        sampler.start()
        time.sleep(seconds)
        sampler.stop(0.5)
        cpu = (time.process_time() - began) / seconds
    finally:
        served.kill()
        served.wait()
        for loop in loops:
            loop.kill()
            loop.wait()
    wrong = False
    for name in ("process", "prometheus"):
        late = sorted(row.late for row in rows[name])
        lost = sum(row.error is not None for row in rows[name])
        p99 = late[int(0.99 * (len(late) - 1))]
        wrong = wrong or p99 > GOAL or lost > 0
        print(
            f"{name:12}{len(late):5} late: median {1e3 * late[len(late) // 2]:.1f} ms, p99 {1e3 * p99:.1f} ms, lost {lost}"
        )
    print(
        f"{'hung':12}{len(rows['hung']):5} rows that say so; soak's own CPU {100 * cpu:.1f}% of a core at {1 / INTERVAL:.0f} Hz"
    )
    print(
        f"load of this machine, the two loops among it: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
    print(
        f"goal: p99 at most {GOAL * 1e3:.0f} ms and nothing lost: {'MISSED' if wrong else 'kept'}"
    )
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 30.0))
