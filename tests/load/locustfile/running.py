"""A locustfile driven by a load process against a real server that counts what it is asked."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from soak.load.supervisor.compile_plan import plan_of
from soak.load.supervisor.load_process import LoadProcess
from soak.model import Event
from soak.profile import parse_profile
from soak.windows import Window

#: Ends a test that hangs, in seconds.
PATIENCE = 120.0


@contextmanager
def counting_server() -> Iterator[tuple[str, Counter[str]]]:
    """Its address, and how often each path was asked for; /fail answers 500 and /slow takes 3 s."""
    asked: Counter[str] = Counter()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            asked[path] += 1
            if path == "/slow":
                time.sleep(3)
            self.send_response(500 if path == "/fail" else 200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Result:
    load: LoadProcess
    log: Path
    windows: list[Window] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def requests(self) -> Counter[str]:
        counted: Counter[str] = Counter()
        for window in self.windows:
            for endpoint in window.endpoints:
                counted[endpoint.endpoint] += endpoint.requests
        return counted

    def failures(self) -> Counter[str]:
        counted: Counter[str] = Counter()
        for window in self.windows:
            for endpoint in window.endpoints:
                counted.update(endpoint.failures)
        return counted

    def said(self, kind: str = "warning") -> list[str]:
        return [event.text for event in self.events if event.kind == kind]

    def printed(self) -> list[str]:
        """What the locustfile printed after `# `, in order."""
        return [
            text.removeprefix("# ").strip()
            for text in self.log.read_text().splitlines()
            if text.startswith("# ")
        ]


def run(
    tmp_path: Path,
    source: str,
    url: str = "http://127.0.0.1:9",
    load: str = "users: 2, duration: 3s",
) -> Result:
    """Drive a locustfile to its end; LoadError where it cannot start."""
    path = tmp_path / "mine.py"
    path.write_text(source)
    text = f"target: {{url: '{url}'}}\nsample: 0.5s\nload: {{{load}, locustfile: {path}}}\n"
    plan = plan_of(parse_profile(text, str(tmp_path / "p.yaml"), environment={})[0])
    result = Result(None, tmp_path / "load.log")  # type: ignore[arg-type]
    result.load = LoadProcess(
        plan, time.monotonic(), result.log, result.windows.append, result.events.append
    )
    try:
        result.load.start(PATIENCE)
        assert result.load.wait(PATIENCE)
    finally:
        result.load.stop()
    return result
