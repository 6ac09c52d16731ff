"""Damaged input of every kind that soak reads: a refusal in one line, or a value; never another exception, never for long.

`make fuzz` runs many mutations of each surface and prints a table; tests/faults/test_fuzzing.py
runs a few, seeded.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import numpy as np

from soak.diagnosis.profiles.formats import READERS, read_profile
from soak.errors import SoakError, TargetError
from soak.formats import Options, read_recording
from soak.latency import Histogram
from soak.load.cluster import messages
from soak.load.plan.wire import window_line, window_of
from soak.profile import parse_profile
from soak.recording import read_run
from soak.sampling.exposition import Exposition
from soak.sampling.exposition_protobuf import PROTOBUF
from soak.sampling.fetch import Answer
from soak.windows import EndpointWindow, GeneratorWindow, Window
from tests.diagnosis.writing import profile as pprof
from tests.faults.stored_surfaces import stored_surfaces
from tests.formats.samples import WRITERS, leak
from tests.profile_texts import GOOD

#: No single input may take longer than so many seconds of processor time.
LONGEST = 5.0
#: And none more than so many bytes of address space.
MOST_MEMORY = 500 * 2**20
#: What breaks readers: ends of types, of text, of numbers.
ODD = (
    b"\x00", b"\xff\xfe", b"NaN", b"Infinity", b"-1", b"1e999", b"9" * 400, b"[" * 2000, b"{" * 500, b"\n" * 50, b'"',
    b"\\u0000", b"${X}", b"{{ 9**9**9 }}", b"null", b"true", b"''", b"\xf0\x9f", b"2**64", b"<", b"&a [*a]", b",,,,", b"=",
)  # fmt: skip


@dataclass(slots=True)
class Outcome:
    """What became of the mutations of one surface: read, refused, and what went wrong, with its seed."""

    surface: str
    read: int = 0
    refused: int = 0
    slowest: float = 0.0
    faults: list[str] = field(default_factory=list)

    def row(self) -> str:
        """One line of the table."""
        total = self.read + self.refused + len(self.faults)
        return f"{self.surface:24} {total:8} {self.read:8} {self.refused:8} {self.slowest:8.2f} {len(self.faults):7}"


HEADER = f"{'surface':24} {'inputs':>8} {'read':>8} {'refused':>8} {'slowest':>8} {'faults':>7}"

Reader = Callable[[bytes, Path], object]


def mutated(seed_text: bytes, chance: random.Random) -> bytes:
    """One input: bytes changed, cut, doubled, moved, or something odd put in."""
    data = bytearray(seed_text)
    for _ in range(chance.choice((1, 1, 1, 2, 4, 12))):
        if not data:
            break
        at, to = sorted((chance.randrange(len(data)), chance.randrange(len(data) + 1)))
        to = min(to, at + chance.choice((1, 4, 40, 4000)))
        match chance.randrange(6):
            case 0:
                data[at] = chance.randrange(256)
            case 1:
                del data[at:to]
            case 2:
                data[at:at] = data[at:to]
            case 3:
                data[at:to] = chance.choice(ODD)
            case 4:
                data[at:at] = chance.choice(ODD)
            case _:
                del data[at + chance.randrange(2) * (len(data) - at) :]
    return bytes(data)


def surfaces() -> Iterator[tuple[str, list[bytes], Reader]]:
    """Every kind of input: its name, good ones to begin with, and what reads it."""
    yield (
        "profile",
        [GOOD.encode(), *(path.read_bytes() for path in sorted(Path("profiles").glob("*.yaml")))],
        _profile,
    )
    times, values = leak(0.1)
    for name, write in WRITERS.items():
        content = write(times, values)
        yield f"format {name}", [content.encode() if isinstance(content, str) else content], _file
    page = (
        b'# HELP a_bytes Text.\n# TYPE a_bytes gauge\na_bytes{x="1",y="q\\""} 5e6 1754000000000\n'
        b'# TYPE h histogram\nh_bucket{le="0.1"} 3\nh_bucket{le="+Inf"} 4\nh_sum 1.5\nh_count 4\nc_total 7\nc_created 1\n# EOF\n'
    )
    yield "metrics page", [page], _page
    messages = [path.read_bytes() for path in sorted(Path("tests/data/pages").glob("*.pb"))]
    yield "metrics page, protobuf", messages, _messages
    stacks = pprof(
        [(["main.leak", "main.main"], [3, 4096]), (["main.main"], [1, 10])],
        ("inuse_objects", "inuse_space"),
    )
    texts = {
        "classes": b" num     #instances         #bytes  class name\n   1:        100       4096  [B\nTotal 100 4096\n",
        "tracemalloc": json.dumps(
            {
                "libraries": ["/usr"],
                "tracebacks": [{"frames": [["a.py", 3, "f"]], "count": 1, "size": 5}],
                "rest": {"count": 0, "size": 0},
            }
        ).encode(),
        "v8heap": json.dumps(
            {
                "head": {
                    "callFrame": {"functionName": "f", "url": "a.js", "lineNumber": 1},
                    "selfSize": 9,
                    "children": [],
                }
            }
        ).encode(),
    }
    for kind in READERS:
        yield f"snapshot {kind}", [texts.get(kind, stacks), stacks, b"{}", b"[]"], _snapshot(kind)
    served = EndpointWindow(
        "GET /", 3, {"timeout": 1}, 9, Histogram({200: 2}), Histogram({300: 1}), Histogram({200: 2})
    )
    window = window_line(
        Window(5.0, 1.0, 3, (served,), GeneratorWindow(0.1, 0.1, 0.0, 10**7, 3.0, 3, 0))
    )
    yield "load's messages", [window.encode()], _message
    worker = {
        "kind": "window",
        "reason": "x",
        "at": 1.0,
        "share": {"index": 0, "of": 2},
        "plan": "{}",
        "fingerprints": {"a": "b"},
    }
    yield "workers' messages", [json.dumps(worker).encode(), b"{}", b"null", b"[1, 2]"], _worker
    run = {
        "format_version": 1,
        "name": "x",
        "started": "2026-01-01T00:00:00Z",
        "seconds": 5,
        "phases": [{"name": "steady", "start": 0, "end": 5}],
    }
    yield "run.json", [json.dumps(run).encode()], _run
    yield from stored_surfaces()


def _profile(data: bytes, _scratch: Path) -> object:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise SoakError("not UTF-8") from None
    return parse_profile(text, "p.yaml", environment={"X": "1"})


def _file(data: bytes, scratch: Path) -> object:
    path = scratch / "in"
    path.write_bytes(data)
    return read_recording(path, Options())


def _page(data: bytes, _scratch: Path) -> object:
    return Exposition().read(
        Answer(200, "text/plain", data, whole=True), "http://127.0.0.1/metrics"
    )


def _messages(data: bytes, _scratch: Path) -> object:
    """After a whole page, of which the reader remembers what it can."""
    reader, whole = Exposition(), Path("tests/data/pages/go.pb").read_bytes()
    for _ in range(2):
        reader.read(Answer(200, PROTOBUF, whole), "http://127.0.0.1/metrics")
    return reader.read(Answer(200, PROTOBUF, data), "http://127.0.0.1/metrics")


def _snapshot(kind: str) -> Reader:
    return lambda data, _scratch: read_profile(kind, data)  # type: ignore[arg-type]


def _message(data: bytes, _scratch: Path) -> object:
    # As the supervisor's reader does: what is no window breaks the load, in one line.
    try:
        return window_of(json.loads(data.decode("utf-8", "replace")), 0.0)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise SoakError(str(error)) from None


def _worker(data: bytes, _scratch: Path) -> object:
    try:
        value = json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise SoakError("no message") from None
    for message in get_args(messages.FromWorker | messages.FromMaster):
        try:
            messages.read(message, value)
        except messages.MessageError:
            continue
    return value


def _run(data: bytes, scratch: Path) -> object:
    (scratch / "run.json").write_bytes(data)
    return read_run(scratch)


def fuzz(name: str, seeds: list[bytes], reader: Reader, count: int, seed: int) -> Outcome:
    """So many mutations of one surface."""
    outcome = Outcome(name)
    with TemporaryDirectory() as scratch, np.errstate(all="ignore"):
        for number in range(count):
            chance = random.Random(f"{seed}/{name}/{number}")
            data = mutated(chance.choice(seeds), chance)
            began = time.process_time()
            try:
                reader(data, Path(scratch))
                outcome.read += 1
            except (SoakError, TargetError):
                outcome.refused += 1
            except Exception as error:  # noqa: BLE001 - that is what is looked for
                outcome.faults.append(
                    f"{name} {seed}/{number}: {type(error).__name__}: {str(error)[:100]}"
                )
            took = time.process_time() - began
            outcome.slowest = max(outcome.slowest, took)
            if took > LONGEST:
                outcome.faults.append(f"{name} {seed}/{number}: took {took:.1f} s")
    return outcome


def bound_memory() -> None:
    """Let no input take more than `MOST_MEMORY` beyond what this process has by now: its MemoryError is a fault."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    most = pages * resource.getpagesize() + MOST_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def main() -> int:
    """Print the table; 1 when anything in it is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="mutations of each surface")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="surfaces whose name begins so")
    given = parser.parse_args()
    sys.stdout.write(f"{HEADER}\n")
    began, outcomes = time.monotonic(), []
    bound_memory()
    for name, seeds, reader in surfaces():
        if not name.startswith(given.only):
            continue
        outcome = fuzz(name, seeds, reader, given.count, given.seed)
        outcomes.append(outcome)
        sys.stdout.write(
            "\n".join([outcome.row(), *(f"    {fault}" for fault in outcome.faults[:5])]) + "\n"
        )
        sys.stdout.flush()
    faults = sum(len(outcome.faults) for outcome in outcomes)
    total = sum(outcome.read + outcome.refused + len(outcome.faults) for outcome in outcomes)
    sys.stdout.write(f"{faults} faults in {total:,} inputs in {time.monotonic() - began:.0f} s\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
