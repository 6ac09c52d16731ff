"""`soak run` with `diagnose: {attribute: true}`: from traffic that varies on purpose to the endpoint that leaks."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from soak.analysis.prepare.prepare import prepare
from soak.diagnosis.attribution.attribution import attribute
from soak.diagnosis.attribution.retained_level import retained_levels
from soak.recording import load_recording
from tests.e2e.driving import soak

#: Of a service's endpoints, how many goroutines a request leaves behind; the rarest one leaks.
KEPT = {"/a": 0, "/b": 0, "/c": 0, "/d": 2}


@contextmanager
def leaking() -> Iterator[str]:
    """A service that counts what it leaks; its URL."""
    asked: Counter[str] = Counter()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with lock:
                asked[self.path] += 1
                kept = sum(each * asked[path] for path, each in KEPT.items())
            body = f"# TYPE go_goroutines gauge\ngo_goroutines {20 + kept}\n".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


PROFILE = """
target: {{url: "{url}"}}
sources: [{{prometheus: {{url: /metrics}}}}]
sample: 0.25s
load: {{rate: 80/s, duration: 7s, drain: 0s, seed: 2}}
endpoints: [{{request: GET /a, weight: 8}}, {{request: GET /b, weight: 4}}, {{request: GET /c, weight: 3}}, GET /d]
diagnose: {{attribute: true}}
"""


def test_the_endpoint_that_leaks_is_told_from_the_others_in_seconds(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    with leaking() as url:
        path.write_text(PROFILE.format(url=url))
        done = soak("run", path, directory=tmp_path / "run")
    assert done.code in (1, 3), done.explain()
    assert [
        text for text in done.analysis["warnings"] if "varied on purpose, in 8 slots" in text
    ], done.explain()
    recording = load_recording(done.directory)
    prepared = prepare(recording, 0.0)
    [series] = prepared.named("go_goroutines")
    times, levels = retained_levels(prepared, series)
    told = attribute(
        times, levels, recording.windows, key=series.key, unit="goroutines", integer=True
    )
    [contributors] = told.contributors
    assert contributors.endpoint == "GET /d"
    assert 1.8 < contributors.per_request < 2.2
