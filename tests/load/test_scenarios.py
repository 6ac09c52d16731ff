"""Scenarios as the service sees them: each its own users and rate, at its own time, with rows and numbers shared."""

from pathlib import Path

from soak.load.supervisor.compile_plan import plan_of
from soak.probing import probe
from soak.profile import parse_profile
from tests.load.test_driver import Driven, rows
from tests.targets.orders import orders

MIX = """
scenarios:
  - name: browsers
    load: {users: 3, think: 20ms}
    setup: [{request: "POST /login/{{ user }}"}]
    endpoints: ["GET /items/{{ user }}/{{ seq() }}/{{ row.sku }}"]
    teardown: ["POST /logout/{{ user }}"]
  - {name: orders, load: {rate: 40/s}, flows: [{name: order, steps: ["POST /orders/{{ user }}/{{ seq() }}/{{ row.sku }}"]}]}
  - {name: late, load: {rate: 50/s, after: 1s, duration: 500ms}, endpoints: [GET /late]}
data: {row: {csv: skus.csv, order: unique}}
"""


def test_each_scenario_drives_its_own_load(tmp_path: Path) -> None:
    rows(tmp_path, 1000)
    with orders() as shop:
        driven = Driven(tmp_path, shop.url, "duration: 2s", MIX)
        assert (driven.failure, driven.warnings) == (None, [])
        counts = driven.requests()
        assert counts["orders / order / POST /orders/{user}/{seq()}/{row.sku}"] == 80
        assert counts["late / GET /late"] == 25
        late = [request.time - driven.started for request in shop.of("/late")]
        assert min(late) > 0.99
        browsing, ordering = shop.of("/items"), shop.of("/orders")
        assert len(browsing) == counts["browsers / GET /items/{user}/{seq()}/{row.sku}"] > 40
        split = [request_.path.split("/") for request_ in (*browsing, *ordering)]
        assert len({sku for *_, sku in split}) == len(split)  # unique over all scenarios
        assert len({number for *_, number, _ in split}) == len(split)
        browsers = {flow.path.split("/")[2] for flow in browsing}
        assert len(browsers) == 3
        assert not browsers & {request_.path.split("/")[2] for request_ in ordering}
        assert {request.path.rpartition("/")[2] for request in shop.of("/login")} == browsers
        assert {request.path.rpartition("/")[2] for request in shop.of("/logout")} == browsers
        assert sum(counts.values()) == len(shop.asked)
        in_steady = [window for window in driven.windows[1:7] if window.generator]
        assert {window.users for window in in_steady} == {3}
        asked = sum(window.generator.asked or 0.0 for window in driven.windows if window.generator)
        assert 104 < asked < 106
        assert sum(window.generator.made for window in driven.windows if window.generator) == 105

        text = f"target: {{url: '{shop.url}'}}\nload: {{duration: 1s}}\nsample: 1s\n{MIX}".replace(
            "late, load: {rate: 50/s, after: 1s, duration: 500ms}", "late, load: {rate: 50/s}"
        )
        plan = plan_of(parse_profile(text, str(tmp_path / "p.yaml"), environment={})[0])
        probed = [(label, ok) for label, _, ok in probe(plan)]
        assert sorted(probed) == sorted((label, True) for label in plan.labels)
