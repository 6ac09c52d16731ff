"""How fast a metrics page of 5,000 lines is read, as text and as protobuf, beside Prometheus's own client library.

`python -m tests.bench.bench_parse`; exits with 1 where a page that was seen before takes over 50 ms
of processor time (which other programs on a busy machine do not lengthen), or in protobuf more than
in text.
"""

from __future__ import annotations

import statistics
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from soak.sampling.exposition import Exposition
from soak.sampling.exposition_protobuf import PROTOBUF
from soak.sampling.fetch import Answer
from tests.diagnosis.writing import number, sized, varint

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


def messages() -> bytes:
    """The same page in protobuf."""
    families = b""
    for metric in range(LINES // 50):
        name = f"orders_{metric}_bytes".encode()
        rows = b""
        for row in range(50):
            labels = {"area": "heap", "id": f"G1 Old Gen {row}", "path": f"/orders/{{id}}/{row}"}
            pairs = (
                sized(1, sized(1, key.encode()) + sized(2, value.encode()))
                for key, value in labels.items()
            )
            value = b"\x09" + struct.pack("<d", row * 1e6 + metric)
            rows += sized(4, b"".join(pairs) + sized(2, value))
        body = sized(1, name) + sized(2, b"What it is.") + varint(3, 1) + rows
        families += number(len(body)) + body
    return families


def theirs(text: str) -> list[Any]:
    """The client library's families."""
    return list(text_string_to_metric_families(text))


def main() -> int:
    """A table, each way's readings taken in turn with those of the others."""
    text, data = page(), messages()
    answer, protobuf = Answer(200, "text/plain", text.encode()), Answer(200, PROTOBUF, data)
    if Exposition().read(answer, "u") != Exposition().read(protobuf, "u"):
        print("the two pages do not give the same samples")
        return 1
    reader, dropping = Exposition(), Exposition(keep=("orders_1_*",))
    its_reader, its_dropping = Exposition(), Exposition(keep=("orders_1_*",))
    ways: dict[str, Callable[[], object]] = {
        "text, not seen before": lambda: Exposition().read(answer, "u"),
        "protobuf, not seen before": lambda: Exposition().read(protobuf, "u"),
        "text, of which keep takes 50 lines": lambda: dropping.read(answer, "u"),
        "protobuf, the same": lambda: its_dropping.read(protobuf, "u"),
        "prometheus_client, text": lambda: theirs(text),
        "text, seen before": lambda: reader.read(answer, "u"),
        "protobuf, seen before": lambda: its_reader.read(protobuf, "u"),
    }
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(TIMES):
        for name, read in ways.items():
            began = time.process_time()
            read()
            took[name].append(time.process_time() - began)
    for name, all_took in took.items():
        print(
            f"{name:36} median {statistics.median(all_took[2:]) * 1e3:6.1f} ms"
            f"   least {min(all_took) * 1e3:6.1f} ms   worst {max(all_took[2:]) * 1e3:6.1f} ms"
        )
    print(f"the page: {len(answer.body):,} bytes of text, {len(data):,} of protobuf")
    of_text, of_protobuf = (
        statistics.median(took[f"{name}, seen before"][2:]) for name in ("text", "protobuf")
    )
    kept = of_text <= GOAL and of_protobuf <= of_text
    print(
        f"goal: {LINES:,} lines in {GOAL * 1e3:.0f} ms or less, and protobuf no slower than text: "
        f"{'kept' if kept else 'MISSED'}"
    )
    return int(not kept)


if __name__ == "__main__":
    sys.exit(main())
