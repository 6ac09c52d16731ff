"""What soak reads back of its own and of runtimes: recordings, analyses, baselines, profiles of JVM and V8, HTTP answers."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from soak.analysis import analyze
from soak.baseline import Baseline, decode, encode
from soak.comparison.analysis_file import from_analysis
from soak.diagnosis.profiles.formats import read_profile
from soak.history.index import read_folder
from soak.load.http.response import ResponseParser
from soak.profile import Limits
from soak.recording import load_recording
from soak.reporters.json import render
from soak.sampling.profilers.flight_recording import Flight
from tests.comparison.runs import measurement
from tests.comparison.runs import run as measured_run
from tests.diagnosis.profiles.test_formats import DOCUMENTS
from tests.diagnosis.writing import profile as pprof
from tests.history.folders import night, write
from tests.recording.test_damage import recorded

Reader = Callable[[bytes, Path], object]

#: SQLite's pages have so many bytes.
_PAGE = 4096
_METHOD = {"type": {"name": "Shop"}, "name": "search"}
_STACK = {
    "frames": [{"method": _METHOD, "lineNumber": 12}, {"method": _METHOD, "lineNumber": None}]
}
FLIGHT = {
    "recording": {
        "events": [
            {
                "type": "jdk.OldObjectSample",
                "values": {"object": {"type": {"name": "[B"}}, "stackTrace": _STACK},
            },
            {
                "type": "jdk.ObjectAllocationSample",
                "values": {
                    "startTime": "2026-01-01",
                    "objectClass": {"name": "Shop$Line"},
                    "weight": 4096,
                    "stackTrace": _STACK,
                },
            },
            {
                "type": "jdk.ThreadStart",
                "values": {"thread": {"javaThreadId": 7}, "stackTrace": None},
            },
        ]
    }
}
ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nTrailer: x\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Busy\r\nConnection: close\r\nSet-Cookie: a=b\r\n\r\nno",
]


def stored_surfaces() -> Iterator[tuple[str, list[bytes], Reader]]:
    """Each surface: its name, good inputs to begin with, and what reads it."""
    with TemporaryDirectory() as scratch:
        database = (recorded(Path(scratch) / "run") / "recording.sqlite").read_bytes()
    yield "recording.sqlite", [database], _recording
    pages = [database[start : start + _PAGE] for start in range(_PAGE, len(database), _PAGE)]
    yield (
        "recording.sqlite, a page",
        pages,
        lambda data, scratch: _recording(_with_page(database, data), scratch),
    )
    analysis = night(3, 2e8) | {"suspects": [], "warnings": []}
    yield "analysis.json, compared", [json.dumps(analysis).encode()], _compared
    yield "analysis.json, a night", [json.dumps(analysis).encode()], _night
    run = measured_run(measurement(5e7), measurement(0.01, "p99", "GET /"))
    yield "baseline", [encode(Baseline("b", "2026-01-01T00:00:00Z", (run,))).encode()], _baseline
    yield "JFR, as jfr prints it", [json.dumps(FLIGHT).encode()], _flight
    for kind, document in DOCUMENTS:
        yield f"document {kind}", [json.dumps(document).encode()], _document(kind)
    stacks = pprof([(["main.leak", "main.main"], [3, 4096])], ("inuse_objects", "inuse_space"))
    yield "pprof, packed", [gzip.compress(stacks, mtime=0), stacks], _document("heap")
    yield "HTTP answers", ANSWERS, _answer


def _recording(data: bytes, scratch: Path) -> object:
    run = scratch / "run"
    if not run.is_dir():
        recorded(run)
    for file in run.glob("recording.sqlite-*"):
        file.unlink()
    (run / "recording.sqlite").write_bytes(data)
    return render(analyze(load_recording(run), Limits()))


def _with_page(database: bytes, data: bytes) -> bytes:
    """The database with one of its pages, but never the first, replaced by these bytes: which one, they say themselves."""
    page = data[:_PAGE].ljust(_PAGE, b"\0")
    start = _PAGE * (1 + zlib.crc32(data) % (len(database) // _PAGE - 1))
    return database[:start] + page + database[start + _PAGE :]


def _compared(data: bytes, _scratch: Path) -> object:
    return from_analysis(data.decode("utf-8", "replace"), "analysis.json")


def _night(data: bytes, scratch: Path) -> object:
    folder = scratch / "nights"
    if not folder.is_dir():
        write(folder, "night", None)
    (folder / "night" / "analysis.json").write_bytes(data)
    (folder / ".soak-history.json").unlink(missing_ok=True)
    read_folder(folder)
    # And once more from the index that was just written of it.
    return read_folder(folder)


def _baseline(data: bytes, _scratch: Path) -> object:
    return decode(data.decode("utf-8", "replace"), "b.json")


class _Printed(Flight):
    """A flight recording of which the JDK's tool prints this text."""

    text = ""

    def _text(self, file: Path, events: Sequence[str], depth: int) -> str:
        return self.text


def _flight(data: bytes, _scratch: Path) -> object:
    flight = _Printed(7)
    flight.text = data.decode("utf-8", "replace")
    return flight.objects(Path("recording.jfr"))


def _document(kind: str) -> Reader:
    return lambda data, _scratch: read_profile(kind, data)  # type: ignore[arg-type]


def _answer(data: bytes, _scratch: Path) -> object:
    parser = ResponseParser()
    parser.begin(head_only=False, keep=True)
    half = len(data) // 2
    return parser.feed(data[:half]) or parser.ended or parser.feed(data[half:])
