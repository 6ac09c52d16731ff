"""A profile's limits as Prometheus' alert rules: well formed, and they fire where they should."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from soak.alert_rules import alert_rules
from soak.profile import parse_profile

TEXT = """
name: orders-nightly
target: {url: "http://127.0.0.1:8080"}
load: {rate: 10/s, duration: 10m}
endpoints: [GET /]
limits:
  growth: {process_resident_memory_bytes: 1MiB/h, go_goroutines: 0/h}
  max: {process_open_fds: 500}
  gc: {pause: 50ms, cycles: 30/m, live: 70%}
  survive: 10d
"""
ONLY = 'job="orders"'
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool")


def rules(matchers: str = "") -> list[dict[str, Any]]:
    profile, _ = parse_profile(TEXT, "orders.yaml", environment={})
    groups: list[dict[str, Any]] = alert_rules(profile, matchers)["groups"]
    return groups


def test_there_is_an_alert_for_each_kind_of_limit() -> None:
    assert {rule["alert"] for group in rules() for rule in group["rules"]} == {
        "SoakGrowthLimit",
        "SoakMaximum",
        "SoakRestart",
        "SoakRunsOut",
        "SoakNearlyFull",
        "SoakGrowth",
        "SoakPoolNearlyFull",
        "SoakPoolWaiting",
        "SoakPoolTimeouts",
        "SoakGcPause",
        "SoakGcCycles",
        "SoakLiveShare",
    }


def test_every_straight_line_says_how_weak_it_is() -> None:
    for group in rules():
        for rule in group["rules"]:
            if "predict_linear" in rule["expr"] or "deriv(" in rule["expr"].partition(" and ")[0]:
                assert "warm-up" in rule["annotations"]["description"]


def test_the_matchers_stand_in_every_selector() -> None:
    for group in rules(ONLY):
        for rule in group["rules"]:
            assert ONLY in rule["expr"]
            assert rule["expr"].count("{") == rule["expr"].count(ONLY), rule["expr"]


def test_the_profiles_own_limits_are_in_them() -> None:
    text = yaml.safe_dump(rules())
    for part in ("> 1048576", "process_open_fds > 500", "> 0.05", "> 0.5", "> 0.7", ", 864000)"):
        assert part in text


@needs_promtool
@pytest.mark.parametrize("matchers", ["", ONLY])
def test_promtool_accepts_them(tmp_path: Path, matchers: str) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": rules(matchers)}))
    done = subprocess.run(
        ["promtool", "check", "rules", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout


#: Eight hours at a minute: a leak, a steady one, a full set of descriptors, a pool, pauses, and a restart at the end.
SERIES = {
    'process_resident_memory_bytes{job="leaking"}': "100000000+200000x480",
    'process_resident_memory_bytes{job="steady"}': "100000000+0x480",
    'process_open_fds{job="leaking"}': "100+1x480",
    'process_max_fds{job="leaking"}': "600+0x480",
    'process_open_fds{job="steady"}': "100+0x480",
    'process_max_fds{job="steady"}': "600+0x480",
    'hikaricp_connections_active{job="leaking", pool="main"}': "10+0x480",
    'hikaricp_connections_max{job="leaking", pool="main"}': "10+0x480",
    'hikaricp_connections_active{job="steady", pool="main"}': "3+0x480",
    'hikaricp_connections_max{job="steady", pool="main"}': "10+0x480",
    'go_gc_duration_seconds{job="leaking", quantile="1"}': "0.2+0x480",
    'go_gc_duration_seconds{job="steady", quantile="1"}': "0.01+0x480",
    'process_start_time_seconds{job="leaking"}': "1000+0x475 2000+0x5",
    'process_start_time_seconds{job="steady"}': "1000+0x480",
}
FIRING = (
    "SoakGrowthLimit",
    "SoakGrowth",
    "SoakRunsOut",
    "SoakMaximum",
    "SoakPoolNearlyFull",
    "SoakGcPause",
    "SoakRestart",
)


@needs_promtool
def test_they_fire_on_what_leaks_and_on_nothing_else(tmp_path: Path) -> None:
    """Each alert must be there, or not, after eight hours; the labels and texts are those of the rule that fires."""
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": rules()}))
    cases = [
        {
            "expr": f'count(ALERTS{{alertname="{name}", alertstate="firing", job="{job}"}}) > bool 0',
            "eval_time": "8h",
            "exp_samples": [{"labels": "{}", "value": 1}] if job == "leaking" else [],
        }
        for name in FIRING
        for job in ("leaking", "steady")
    ]
    test = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "5m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": name, "values": values} for name, values in SERIES.items()
                ],
                "promql_expr_test": cases,
            }
        ],
    }
    path = tmp_path / "test.yaml"
    path.write_text(yaml.safe_dump(test))
    done = subprocess.run(
        ["promtool", "test", "rules", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
