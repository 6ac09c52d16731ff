"""How fast a metrics page of 5,000 lines is read, beside Prometheus's own client library.

`python -m tests.bench.bench_parse`; exits with 1 where a page that was seen before takes over 50 ms
of processor time (which other programs on a busy machine do not lengthen).
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from soak.sampling.exposition import Exposition
from soak.sampling.fetch import Answer

LINES, GOAL, TIMES = 5000, 0.050, 30


def page() -> str:
    """As a service of a hundred metrics with fifty series each gives it."""
    metrics = []
    for metric in range(LINES // 50):
        name = f"orders_{metric}_bytes"
        rows = "".join(
            f'{name}{{area="heap",id="G1 Old Gen {row}",path="/orders/{{id}}/{row}"}} {row * 1e6 + metric}\n'
            for row in range(50)
        )
        metrics.append(f"# HELP {name} What it is.\n# TYPE {name} gauge\n{rows}")
    return "".join(metrics)


def theirs(text: str) -> list[Any]:
    """The client library's families."""
    return list(text_string_to_metric_families(text))


def main() -> int:
    """A table of three."""
    text = page()
    answer = Answer(200, "text/plain", text.encode())
    reader, dropping = Exposition(), Exposition(keep=("orders_1_*",))
    ways: dict[str, Callable[[], object]] = {
        "a page not seen before": lambda: Exposition().read(answer, "u"),
        "one of which keep takes 50 lines": lambda: dropping.read(answer, "u"),
        "prometheus_client": lambda: theirs(text),
        "a page seen before": lambda: reader.read(answer, "u"),
    }
    middle = 0.0
    for name, read in ways.items():
        took = []
        for _ in range(TIMES):
            began = time.process_time()
            read()
            took.append(time.process_time() - began)
        middle = statistics.median(took[1:])
        print(f"{name:34} median {middle * 1e3:6.1f} ms   worst {max(took[1:]) * 1e3:6.1f} ms")
    print(
        f"goal: {LINES:,} lines in {GOAL * 1e3:.0f} ms or less: {'kept' if middle <= GOAL else 'MISSED'}"
    )
    return int(middle > GOAL)


if __name__ == "__main__":
    sys.exit(main())
