"""What `soak check --probe` sends, against a small shop that asks for a token."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from soak.load.supervisor.compile_plan import plan_of
from soak.probing import probe
from soak.profile import parse_profile


class Shop(BaseHTTPRequestHandler):
    """Gives a token for the right password; a cart has an id with a blank in it."""

    def answer(self, status: int, document: object = None, **headers: str) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/token":
            right = sent == {"password": "hunter2{{"}
            self.answer(200, {"access_token": "t1"}) if right else self.answer(403)
        else:
            self.answer(
                201, {"id": "a b", "sent": sent}, Location=f"http://elsewhere{self.path}/a%20b"
            )

    def do_GET(self) -> None:
        known = self.path == "/cart/a%20b" and self.headers["Authorization"] == "Bearer t1"
        self.answer(200, {"state": "open"}) if known else self.answer(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
        """Be quiet."""


@pytest.fixture
def shop() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


PROFILE = """\
target: {url: "$URL"}
load: {rate: 1/s, duration: 1m}
endpoints:
  - request: POST /orders
    json: {sku: "{{ row.sku }}", n: "{{ randint(3, 3) }}"}
    expect: {status: 201, json: {"$.sent": {equals: {sku: 'A "1"', n: 3}}}}
flows:
  - name: checkout
    steps:
      - {request: POST /cart, json: {}, capture: {cart: $.id, place: {header: Location}}}
      - {request: "GET /cart/{{ cart }}", expect: {json: {$.state: open}, within: 5s}}
      - {request: "GET {{ place | path }}", expect: {body: "open"}}
  - {name: lost, steps: [{request: POST /cart, json: {}, capture: {cart: $.number}}, "GET /cart/{{ cart }}"]}
data: {row: {csv: a.csv, order: unique}}
auth: {request: POST /token, json: {password: "${PASSWORD}"}}
"""


def probed(url: str, folder: Path, password: str) -> list[tuple[str, str, bool]]:
    (folder / "a.csv").write_text('sku\n"A ""1"""\n')
    text = PROFILE.replace("$URL", url)
    profile, _ = parse_profile(text, str(folder / "p.yaml"), environment={"PASSWORD": password})
    return list(probe(plan_of(profile)))


def test_each_request_and_flow_is_made_once_with_its_templates_captures_and_token(
    shop: str, tmp_path: Path
) -> None:
    probes = probed(shop, tmp_path, "hunter2{{")
    assert [(label, ok) for label, _, ok in probes] == [
        ("auth", True),
        ("POST /orders", True),
        ("checkout / POST /cart", True),
        ("checkout / GET /cart/{cart}", True),
        ("checkout / GET {place | path}", True),
        ("lost / POST /cart", False),
    ]
    said = 'capture cart: expected a value to capture, found "{\\"id\\": \\"a b\\", \\"sent\\": {}}"; 201, 25 bytes in '
    assert probes[-1][1].startswith(said)


def test_no_token_is_told_without_a_word_of_it(shop: str, tmp_path: Path) -> None:
    probes = probed(shop, tmp_path, "wrong")
    assert probes[0] == ("auth", "status 403", False)
    assert ("checkout / GET /cart/{cart}", False) in [(label, ok) for label, _, ok in probes]
