"""What a profile can say of its traffic, through `soak run`: against a service that remembers what it was asked."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from soak.recording import load_recording
from tests.e2e.driving import Outcome, soak
from tests.targets.orders import orders


def run(directory: Path, text: str, *settings: str) -> Outcome:
    path = directory / "shop.yaml"
    path.write_text(text)
    return soak("run", path, *settings, directory=directory / "run", SHOP_PASSWORD="open-sesame-9")


CHECKOUT = """
target: {{url: "{url}"}}
sample: 0.5s
load: {{stages: [{{rate: 20/s, for: 2s}}, {{rate: 60/s, for: 2s}}], think: 20ms, seed: 7}}
endpoints:
  - {{request: "GET /products/{{{{ row.sku }}}}", expect: {{json: {{"$.state": created}}}}}}
  - {{request: "GET /reviews/{{{{ row.sku }}}}", name: reviews, expect: {{body: never}}}}
flows:
  - name: checkout
    steps:
      - {{request: POST /cart, json: {{sku: "{{{{ row.sku }}}}"}}, capture: {{cart: $.id}}, expect: {{status: 201}}}}
      - GET /cart/{{{{ cart }}}}
data: {{row: {{csv: skus.csv, order: unique}}}}
auth: {{request: POST /token, json: {{password: "${{SHOP_PASSWORD}}"}}, token: $.access_token}}
limits: {{errors: 50%}}
"""


def test_flows_rows_tokens_stages_and_expectations_in_one_run(tmp_path: Path) -> None:
    (tmp_path / "skus.csv").write_text("sku\n" + "".join(f"s{n}\n" for n in range(500)))
    with orders(lifetime=1.5) as shop:
        done = run(tmp_path, CHECKOUT.format(url=shop.url))
        assert done.code in (0, 3), done.explain()
        skus = [request.path.rpartition("/")[2] for request in shop.of("/products", "/reviews")]
        skus += [request.json["sku"] for request in shop.of("/cart") if request.method == "POST"]
        assert len(skus) == len(set(skus)) == 160
        assert len(shop.issued) in (3, 4)
        assert {request.json["password"] for request in shop.of("/token")} == {"open-sesame-9"}
    endpoints = {seen["name"]: seen for seen in done.analysis["endpoints"]}
    assert set(endpoints) == {
        "GET /products/{row.sku}",
        "reviews",
        "checkout / POST /cart",
        "checkout / GET /cart/{cart}",
    }
    assert sum(seen["whole_requests"] for seen in endpoints.values()) == len(
        shop.of("/products", "/reviews", "/cart")
    )
    recording = load_recording(done.directory)
    kinds = {seen.endpoint: seen.failure_kinds for seen in recording.windows}
    assert set(kinds["reviews"]) <= {"expect body", "status 401"}
    assert kinds["reviews"]["expect body"] > 30
    assert all(set(failed) <= {"status 401"} for name, failed in kinds.items() if name != "reviews")
    arrived: Counter[bool] = Counter()
    for seen in recording.windows:
        if "{cart}" not in seen.endpoint:
            for moment, requests in zip(seen.times, seen.requests, strict=True):
                arrived[bool(moment < recording.phases[0].start + 2.2)] += int(requests)
    assert arrived[True] < 65 < 95 < arrived[False]
    for file in done.directory.iterdir():
        assert b"open-sesame-9" not in file.read_bytes(), file.name


def test_a_template_that_never_works_breaks_the_run(tmp_path: Path) -> None:
    with orders() as shop:
        text = f"target: {{url: '{shop.url}'}}\nload: {{users: 2, duration: 1h}}\n"
        done = run(tmp_path, text + "endpoints: ['GET /{{ 1 // (user - user) }}']\n")
        assert shop.of("/1") == []
    assert done.code == 4, done.explain()
    assert "none of the first 20 requests of GET /" in done.analysis["reason"]
    assert "could be made (template: ZeroDivisionError)" in done.analysis["reason"]
    assert any(
        "could not be made of its template" in warning for warning in done.analysis["warnings"]
    )


def test_a_whole_list_with_a_secret_in_it_is_not_set(tmp_path: Path) -> None:
    text = (
        "target: {url: 'http://127.0.0.1:9'}\nload: {users: 1, duration: 1s}\nendpoints: [GET /]\n"
    )
    done = run(
        tmp_path, text, "--set", "endpoints=[{request: GET /, headers: {X-Key: open-sesame-9}}]"
    )
    assert done.code == 2, done.explain()
    assert "open-sesame-9" not in done.err
    assert (
        "set headers by a key of its own, such as endpoints.0.headers, or use ${VAR}"
        in " ".join(done.err.split())
    )
    assert not done.directory.exists()
