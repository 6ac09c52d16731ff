"""Runs each program leaking and fixed: `python -m tests.targets.programs --only 'aiohttp*' --seconds 90`.

A leaking one must fail with one suspect of its class, at one of its places and through its
endpoint; a fixed one must not fail and suspects nobody. Releases come from the registries, into the
cache that tests/targets/building.py keeps.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.driving import soak
from tests.sampling.serving import free_port
from tests.targets import running
from tests.targets.building import cached, call, tool

HERE = Path(__file__).parent
HOOK = HERE.parents[2] / "soak" / "hook"
CODES = {0: "pass", 1: "fail", 3: "inconclusive"}


@dataclass(frozen=True, slots=True)
class Program:
    """One library: the packages of its leaking and of its fixed run, the public issue, and what a diagnosis must say.

    `places` are any part of where it may be said to be; `requests` what is asked for, of which
    `endpoint` leaks.
    """

    name: str
    runtime: str
    file: str
    leaking: tuple[str, ...]
    fixed: tuple[str, ...]
    issue: str
    leak_class: str
    places: tuple[str, ...]
    endpoint: str
    requests: tuple[str, ...]
    expect: int = 200


PROGRAMS = (
    Program(
        "aiohttp-middlewares",
        "python",
        "middlewares.py",
        ("aiohttp==3.10.10",),
        ("aiohttp==3.10.11",),
        "https://github.com/aio-libs/aiohttp/security/advisories/GHSA-27mf-ghqm-j3j8",
        "unbounded-cache",
        ("web_app.py", "web_urldispatcher.py", "web_middlewares.py", "web_protocol.py"),
        "PUT /item",
        ("PUT /item", "GET /other", "GET /item"),
        405,
    ),
    Program(
        "mem-max-age",
        "node",
        "memoize.js",
        ("mem@3.0.1",),
        ("mem@4.0.0",),
        "https://github.com/advisories/GHSA-4xcv-9jjx-gfj3",
        "unbounded-cache",
        ("price memoize.js", "mem", "index.js", "memoize.js"),
        "GET /price",
        ("GET /price", "GET /other", "GET /third"),
    ),
    Program(
        "express-session-memory-store",
        "node",
        "sessions.js",
        ("express@4.21.2", "express-session@1.18.1", "memorystore@1.6.7"),
        ("express@4.21.2", "express-session@1.18.1", "memorystore@1.6.7"),
        "https://github.com/expressjs/session#compatible-session-stores",
        "unbounded-cache",
        ("memory.js", "session", "cart sessions.js", "index.js"),
        "GET /cart",
        ("GET /cart", "GET /other"),
    ),
    Program(
        "prometheus-client-labels",
        "python",
        "labels.py",
        ("prometheus_client==0.21.1",),
        ("prometheus_client==0.21.1",),
        "https://prometheus.io/docs/practices/naming/#labels",
        "unbounded-cache",
        ("label path of visits", "labels.py", "metrics.py"),
        "GET /visit",
        ("GET /visit", "GET /other", "GET /third"),
    ),
    Program(
        "gorilla-context",
        "go",
        "user",
        (),
        (),
        "https://github.com/gorilla/context#readme",
        "request-context",
        ("context.Set", "rememberUser"),
        "GET /user",
        ("GET /user", "GET /other", "GET /quote"),
    ),
    Program(
        "golang-lru-expirable",
        "go",
        "quote",
        (),
        (),
        "https://pkg.go.dev/github.com/hashicorp/golang-lru/v2/expirable#NewLRU",
        "goroutine-leak",
        ("expirable", "quote"),
        "GET /quote",
        ("GET /quote", "GET /other", "GET /user"),
    ),
)


def command(
    program: Program, port: int, *, leaking: bool
) -> tuple[list[str], dict[str, str], dict[str, Any]]:
    """How a program is started, its environment, and what `diagnose` says."""
    packages = program.leaking if leaking else program.fixed
    mode = "leak" if leaking else "fixed"
    address = f"127.0.0.1:{free_port()}"
    if program.runtime == "python":
        installed = cached(
            f"{program.name}-{packages[0]}", [HERE / program.file], lambda to: _pip(packages, to)
        )
        environment = {"PYTHONPATH": str(installed), "SOAK_HOOK": address}
        return (
            [sys.executable, str(HOOK), str(HERE / program.file), str(port), mode],
            environment,
            {"python": address},
        )
    if program.runtime == "node":
        installed = cached(
            f"{program.name}-{packages[0]}", [HERE / program.file], lambda to: _npm(packages, to)
        )
        environment = {"NODE_PATH": str(installed / "node_modules")}
        return (
            [tool("node"), f"--inspect={address}", str(HERE / program.file), str(port), mode],
            environment,
            {"node": address},
        )
    source = HERE / "go"
    sources = [path for path in source.iterdir() if path.suffix in {".go", ".mod", ".sum"}]
    built = cached(
        "go-programs",
        sources,
        lambda to: call([tool("go"), "build", "-o", to / "programs", "."], source),
    )
    environment = {"LEAK": program.file}
    return (
        [str(built / "programs"), f"127.0.0.1:{port}", mode],
        environment,
        {"pprof": "/debug/pprof"},
    )


def _pip(packages: Sequence[str], to: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    call([*pip, *packages, "--target", to], to)


def _npm(packages: Sequence[str], to: Path) -> None:
    call(
        [
            tool("npm"),
            "install",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--no-save",
            *packages,
        ],
        to,
    )


def run(
    program: Program, directory: Path, seconds: float, rate: float, *, leaking: bool
) -> tuple[bool, str]:
    """Whether one run came out as it must, and what it said."""
    words, environment, diagnose = command(program, port := free_port(), leaking=leaking)
    with running(words, timeout=300, environment=environment) as target:
        endpoints = [
            {
                "request": request,
                "expect": {"status": program.expect if request == program.endpoint else 200},
            }
            for request in program.requests
        ]
        document = {
            "name": program.name,
            "target": {"url": f"http://127.0.0.1:{port}"},
            "sources": [{"process": {"pid": target.pid}}, {"prometheus": {"url": "/metrics"}}],
            "load": {"rate": f"{rate:g}/s", "ramp": "3s", "duration": f"{seconds:g}s"},
            "endpoints": endpoints,
            "limits": {"errors": "5%"},
            "diagnose": {**diagnose, "attribute": True},
        }
        path = directory.with_suffix(".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(document, sort_keys=False))
        done = soak("run", path, directory=directory, timeout=seconds + 600)
    if done.code not in CODES:
        return False, done.explain()
    suspects = json.loads((directory / "analysis.json").read_text())["suspects"]
    said = "; ".join(
        f"{suspect['class']} {suspect['confidence']:.2f} {suspect['where']} [{suspect['endpoint']}] "
        f"{suspect['per_request']:.4g} {suspect['unit']}"
        for suspect in suspects
    )
    verdict = CODES[done.code]
    if not leaking:
        return verdict != "fail" and not suspects, f"{verdict}: {said or 'nobody'}"
    first = suspects[0] if suspects else {"class": "", "where": "", "endpoint": ""}
    right = (
        verdict == "fail"
        and len(suspects) == 1
        and first["class"] == program.leak_class
        and any(place in first["where"] for place in program.places)
        and first["endpoint"] == program.endpoint
    )
    return right, f"{verdict}: {said or 'nobody'}"


def main() -> None:
    """Prints a line a run; exit 1 when one is not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", action="append", metavar="GLOB", help="programs by name; repeatable"
    )
    parser.add_argument("--seconds", type=float, default=90.0, help="of full load")
    parser.add_argument("--rate", type=float, default=100.0, help="requests a second")
    parser.add_argument(
        "--out", type=Path, help="where run directories go; left out, they are not kept"
    )
    asked = parser.parse_args()
    wrong = 0
    for program in PROGRAMS:
        if not any(fnmatchcase(program.name, glob) for glob in asked.only or ["*"]):
            continue
        for leaking in (True, False):
            with tempfile.TemporaryDirectory() as scratch:
                name = f"{program.name}-{'leak' if leaking else 'fixed'}"
                directory = (asked.out or Path(scratch)) / name
                right, said = run(program, directory, asked.seconds, asked.rate, leaking=leaking)
            wrong += not right
            print(f"{'ok   ' if right else 'WRONG'} {name:36} {said}", flush=True)
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
