"""How fast the load is, beside others: `python -m tests.bench.bench_load [--rounds 3] [--seconds 3]`.

The generator has core 0 and a Go service core 1; all take turns in each round. Printed are medians
and, for machines that others use too, the best rounds; as rates and as soak's ratio to each. Load
goes to loopback only.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from soak.load.plan.plan import Plan, PlannedRequest
from soak.load.supervisor.compile_plan import plan_of as plan_of_profile
from soak.profile import parse_profile
from tests.bench.rivals import GENERATOR, RIVALS, TARGET, found, locust_orders, locustfile
from tests.targets import build_go, running

Run = Callable[[str, int, int], float]
PATH, ORDERS = "/constant", "/echo"

#: As rivals do it by hand; the target answers with what it is sent.
ORDER = """
target: {{url: "{url}"}}
sample: 0.5s
load: {{users: {users}, duration: {seconds}s}}
endpoints:
  - request: POST /echo
    json: {{sku: "{{{{ row.sku }}}}", ref: "{{{{ uuid() }}}}", quantity: "{{{{ randint(1, 5) }}}}", state: created}}
    expect: {{status: 200, json: {{"$.state": created}}}}
data: {{row: {{csv: skus.csv}}}}
"""


def drive(plan: Plan) -> list[dict[str, Any]]:
    """The windows of soak's own load process, pinned to the generator's core."""
    process = subprocess.run(
        [*GENERATOR, sys.executable, "-c", _HOLD_STDIN],
        input=plan.to_json() + "\n",
        capture_output=True,
        text=True,
        timeout=plan.ramp + plan.duration + 60,
        check=True,
    )
    messages = [json.loads(line) for line in process.stdout.splitlines()]
    failed = [message["reason"] for message in messages if message["kind"] == "failed"]
    assert not failed, failed
    return [message for message in messages if message["kind"] == "window"]


#: The load ends with its standard input, so that must stay open: a parent that passes on the plan and waits.
_HOLD_STDIN = """
import subprocess, sys
load = subprocess.Popen([sys.executable, "-m", "soak.load"], stdin=subprocess.PIPE)
load.stdin.write(sys.stdin.buffer.read())
load.stdin.flush()
raise SystemExit(load.wait())
"""


def plan_of(url: str, seconds: float, rate: float | None = None, users: int | None = None) -> Plan:
    headers = {"User-Agent": "soak", "Accept": "*/*"}
    request = PlannedRequest(f"GET {PATH}", "GET", PATH, 1.0, headers)
    return Plan(url, (request,), float(seconds), 0.0, 0.5, 10.0, rate=rate, users=users)


def total(windows: list[dict[str, Any]], key: str) -> int:
    return sum(int(seen[key]) for window in windows for seen in window["endpoints"])


def span(windows: list[dict[str, Any]]) -> float:
    return sum(float(window["seconds"]) for window in windows)


def soak(url: str, users: int, seconds: int) -> float:
    """soak's closed users in its real load process."""
    windows = drive(plan_of(url.removesuffix(PATH), seconds, users=users))[1:-1]
    assert not any(seen["failures"] for window in windows for seen in window["endpoints"])
    return total(windows, "requests") / span(windows)


def whole_run(url: str, users: int, seconds: int) -> float:
    """`soak run` with all of it: load, sampler, recording and live view, on the generator's core together."""
    with tempfile.TemporaryDirectory() as directory:
        asked = [
            "--url",
            url.removesuffix(PATH),
            "--endpoint",
            f"GET {PATH}",
            "--users",
            str(users),
        ]
        command = [
            *GENERATOR,
            sys.executable,
            "-m",
            "soak",
            "run",
            *asked,
            "--duration",
            f"{seconds}s",
            "--json",
        ]
        done = subprocess.run(
            [*command, "--out", f"{directory}/run"],
            capture_output=True,
            text=True,
            timeout=seconds + 90,
            check=False,
        )
    (endpoint,) = json.loads(done.stdout)["endpoints"]
    assert not endpoint["failures"]
    return float(endpoint["rate"])


def own_locustfile(url: str, users: int, seconds: int) -> float:
    """The same FastHttpUser that Locust is measured with, driven and recorded by soak."""
    with tempfile.TemporaryDirectory() as directory:
        path = str(locustfile(directory, url))
        windows = drive(
            Plan(url, (), float(seconds), 0.0, 0.5, 10.0, users=users, locustfiles=(path,))
        )[1:-1]
    return total(windows, "requests") / span(windows)


def soak_orders(url: str, users: int, seconds: int) -> float:
    """The same, of orders made of a template and a row of data each, and their answers looked at."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "skus.csv").write_text("sku\n" + "".join(f"sku-{n}\n" for n in range(1000)))
        text = ORDER.format(url=url.removesuffix(ORDERS), users=users, seconds=seconds)
        windows = drive(plan_of_profile(parse_profile(text, f"{directory}/orders.yaml")[0]))[1:-1]
    assert not any(seen["failures"] for window in windows for seen in window["endpoints"])
    return total(windows, "requests") / span(windows)


def cost(run: Run, url: str, users: int) -> float:
    """Microseconds of the generator's processor per request, which others on the machine disturb less than its rate.

    From two runs of different lengths, so that what starting costs is left out.
    """
    spent, requests = [], []
    for seconds in (2, 5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        requests.append(run(url, users, seconds) * seconds)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return (spent[1] - spent[0]) / (requests[1] - requests[0]) * 1e6


def arrivals(url: str, rate: float, seconds: int) -> None:
    windows = drive(plan_of(url, seconds, rate=rate))
    sent = total(windows, "requests")
    late, dropped = total(windows, "late") / max(1, sent), total(windows, "dropped")
    busy = max(window["users"] for window in windows)
    share = (
        f"{sent / (rate * seconds):.2%} of the arrivals sent, {late:.2%} late, {dropped} dropped"
    )
    print(f"open model at {rate:,.0f}/s: {share}, {busy} at once at most", flush=True)


def compare(url: str, runs: Mapping[str, Run], given: argparse.Namespace, what: str) -> None:
    """All of them in turn, soak first; then what each costs."""
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(given.rounds):
        for name, run in runs.items():
            rates[name].append(run(url, given.users, given.seconds))
    print(f"{what}, {given.users} connections, {given.rounds} rounds of {given.seconds} s:")
    for name, each in rates.items():
        median, best = statistics.median(each), max(each)
        ratios = f"{statistics.median(rates['soak']) / median:.2f}, by the best rounds {max(rates['soak']) / best:.2f}"
        print(
            f"  {name:14} median {median:>8,.0f}/s, best {best:>8,.0f}/s; soak / {name} = {ratios}"
        )
    print("processor time of the generator per request:")
    costs = {name: cost(run, url, given.users) for name, run in runs.items()}
    for name, micros in costs.items():
        print(
            f"  {name:14} {micros:6.1f} µs; {name} / soak = {micros / costs['soak']:.2f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--only", default="", help="names of rivals, by commas")
    given = parser.parse_args()
    if (os.cpu_count() or 1) < 2 or not shutil.which("taskset"):
        print("needs two cores and taskset")
        return
    wanted = given.only.split(",") if given.only else list(RIVALS)
    present = {name: RIVALS[name] for name in wanted if name == "FastHttpUser" or found(name)}
    for name in set(wanted) - set(present):
        print(f"{name}: not installed, left out")
    with running([*TARGET, build_go(), "-addr", "127.0.0.1:0"]) as target:
        own = {"whole soak run": whole_run} | (
            {"own locustfile": own_locustfile} if "FastHttpUser" in present else {}
        )
        compare(f"{target.url}{PATH}", {"soak": soak, **present, **own}, given, "constant GET")
        if "FastHttpUser" in present:
            rivals = {"soak": soak_orders, "FastHttpUser": locust_orders}
            compare(
                f"{target.url}{ORDERS}",
                rivals,
                given,
                "JSON POST from a template, answers looked at",
            )
        for rate in (100, 1_000, 10_000):
            arrivals(target.url, rate, given.seconds)


if __name__ == "__main__":
    main()
