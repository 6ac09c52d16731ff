"""Load generators to measure soak against: how each is found or built, and how its rate is read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

#: Those that Go can build are built once, outside the tree.
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "soak-bench"
GO_TOOLS = {"vegeta": "github.com/tsenart/vegeta/v12@latest", "k6": "go.k6.io/k6@latest"}
GENERATOR, TARGET = ["taskset", "-c", "0"], ["taskset", "-c", "1"]


def found(name: str) -> str | None:
    """The path of a tool; Go builds it where it is missing and can be built."""
    here = shutil.which(name) or shutil.which(name, path=str(CACHE / "bin"))
    if here is None and name in GO_TOOLS and shutil.which("go"):
        print(f"building {name} into {CACHE / 'bin'} (minutes, once)", flush=True)
        environment = os.environ | {"GOBIN": str(CACHE / "bin"), "GOFLAGS": "-mod=mod"}
        subprocess.run(
            ["go", "install", GO_TOOLS[name]], env=environment, capture_output=True, check=False
        )
        here = shutil.which(name, path=str(CACHE / "bin"))
    return here


def output(command: list[str], **more: str | Mapping[str, str]) -> str:
    """What a command pinned to the generator's core says."""
    result = subprocess.run(
        [*GENERATOR, *command], capture_output=True, text=True, timeout=600, check=False, **more
    )  # type: ignore[call-overload]
    return str(result.stdout)


_FAST_USER = """\
import random, uuid
from locust import FastHttpUser, constant, task
SKUS = [f"sku-{n}" for n in range(1000)]
class Fast(FastHttpUser):
    wait_time = constant(0)
    @task
    def go(self):
"""


def locustfile(directory: str, url: str, task: str = "") -> Path:
    """A file with a FastHttpUser that does this again and again: asks for the URL, unless told otherwise."""
    path = Path(directory, "locustfile.py")
    path.write_text(_FAST_USER + (task or f"        self.client.get({url!r})\n"))
    return path


def locust(url: str, users: int, seconds: int) -> float:
    """Locust's FastHttpUser."""
    return _locust("", url, users, seconds)


def locust_orders(url: str, users: int, seconds: int) -> float:
    """Locust's FastHttpUser, which by hand makes orders as JSON and looks at the answers."""
    task = f"""
        order = {{"sku": random.choice(SKUS), "ref": str(uuid.uuid4()), "quantity": random.randint(1, 5), "state": "created"}}
        with self.client.post({url!r}, json=order, catch_response=True) as answer:
            if answer.status_code != 200 or answer.json()["state"] != "created":
                answer.failure("not created")
"""
    return _locust(task, url, users, seconds)


def _locust(task: str, url: str, users: int, seconds: int) -> float:
    with tempfile.TemporaryDirectory() as directory:
        path = locustfile(directory, url, task)
        command = [
            "-m",
            "locust",
            "-f",
            str(path),
            "--headless",
            "--only-summary",
            "--json",
            "-H",
            url,
        ]
        said = output(
            [sys.executable, *command, "-u", str(users), "-r", str(users), "-t", f"{seconds}s"]
        )
    stats = json.loads(said[said.index("[") :])[0]
    assert stats["num_failures"] == 0, stats
    return float(stats["num_requests"] / (stats["last_request_timestamp"] - stats["start_time"]))


def wrk(url: str, users: int, seconds: int) -> float:
    """wrk with one thread."""
    said = output([found("wrk") or "wrk", "-t1", f"-c{users}", f"-d{seconds}", url])
    return float(
        next(line.split()[1] for line in said.splitlines() if line.startswith("Requests/sec"))
    )


def vegeta(url: str, users: int, seconds: int) -> float:
    """vegeta without a rate: as fast as its workers can."""
    with tempfile.NamedTemporaryFile() as results:
        attack = f"-rate=0 -max-workers={users} -workers={users} -duration={seconds}s -output={results.name}".split()
        output([found("vegeta") or "vegeta", "attack", *attack], input=f"GET {url}\n")
        said = output([found("vegeta") or "vegeta", "report", "-type=json", results.name])
    return float(json.loads(said)["throughput"])


def k6(url: str, users: int, seconds: int) -> float:
    """k6, which drops the body as the others do."""
    with tempfile.TemporaryDirectory() as directory:
        script, summary = Path(directory, "get.js"), Path(directory, "summary.json")
        script.write_text(
            "import http from 'k6/http';\n"
            "export const options = {discardResponseBodies: true};\n"
            f"export default function () {{ http.get({url!r}); }}\n"
        )
        options = [
            "--quiet",
            f"--vus={users}",
            f"--duration={seconds}s",
            f"--summary-export={summary}",
        ]
        output([found("k6") or "k6", "run", *options, str(script)])
        return float(json.loads(summary.read_text())["metrics"]["http_reqs"]["rate"])


def oha(url: str, users: int, seconds: int) -> float:
    """oha, which only cargo can build."""
    said = output(
        [
            found("oha") or "oha",
            "--no-tui",
            "--output-format",
            "json",
            "-c",
            str(users),
            "-z",
            f"{seconds}s",
            url,
        ]
    )
    return float(json.loads(said)["summary"]["requestsPerSec"])


RIVALS: dict[str, Callable[[str, int, int], float]] = {
    "FastHttpUser": locust,
    "wrk": wrk,
    "vegeta": vegeta,
    "k6": k6,
    "oha": oha,
}
