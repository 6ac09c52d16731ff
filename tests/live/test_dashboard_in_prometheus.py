"""The dashboard's queries, asked of a real Prometheus that scrapes a run under way."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from soak.live.address import Address
from soak.live.exporter import Exporter
from soak.live.prometheus_metrics import RunCollector
from tests.live.test_lines import LEAK, STEADY, judged
from tests.live.test_metrics import live

#: What Grafana puts in the place of its own variables.
VARIABLES = {"$__rate_interval": "10s", "$__interval": "5s", "$__range": "1m", "$job": ".*"}


def answer(port: int, path: str, **query: str) -> Any:
    address = f"http://127.0.0.1:{port}{path}?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(address, timeout=10) as response:
        return json.loads(response.read())


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.mark.slow
def test_a_real_prometheus_answers_every_query_of_the_dashboard(tmp_path: Path) -> None:
    program = shutil.which("prometheus")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must have prometheus: apt-get install prometheus")
        pytest.skip("no prometheus here")
    dashboard = json.loads((files("soak") / "dashboards" / "grafana.json").read_text())
    queries = [
        target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())
    ]
    judgement, port = judged(LEAK, STEADY), free_port()
    exporter = Exporter(RunCollector("orders", live(), lambda: judgement), Address("127.0.0.1", 0))
    target = urllib.parse.urlsplit(exporter.url).netloc
    config = tmp_path / "prometheus.yaml"
    config.write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        f"scrape_configs: [{{job_name: soak, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    flags = [
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    process = subprocess.Popen(
        [program, *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        scraped: list[Any] = []
        for _ in range(240):  # rates need two samples
            with suppress(OSError):  # it is not up yet
                scraped = answer(port, "/api/v1/query", query="count_over_time(soak_run_info[1m])")[
                    "data"
                ]["result"]
            if scraped and float(scraped[0]["value"][1]) >= 3:
                break
            time.sleep(0.25)
        assert scraped
        nothing = []
        for query in queries:
            asked = query
            for variable, value in VARIABLES.items():
                asked = asked.replace(variable, value)
            answers = answer(
                port, "/api/v1/query", query=asked
            )  # an error of the query is an HTTPError here
            if not answers["data"]["result"]:
                nothing.append(query)
        assert nothing == []
    finally:
        process.terminate()
        process.wait(30)
        exporter.close()
