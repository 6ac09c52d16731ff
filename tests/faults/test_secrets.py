"""Canaries planted wherever a profile may hold a secret: none is in a run directory, a report, a message or a command line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.sampling.serving import free_port

#: What is never to be seen anywhere; each place has its own, so that a failure names the place.
CANARIES = {
    place: f"canary-{place.lower()}-5e1f"
    for place in ("HEADER", "QUERY", "AUTH", "BODY", "USER", "SOURCE", "COMMAND", "START", "CHECK")
}
PROFILE = """\
name: secrets
target:
  url: http://127.0.0.1:{port}
  start: {{command: ["{python}", -m, soak.demo, --port, "{port}"], ready: GET /healthz, timeout: 120s, env: {{A: "${{START}}"}}}}
sources:
  - process: {{}}
  - prometheus: {{url: "http://u:${{USER}}@127.0.0.1:{port}/metrics?token=${{SOURCE}}", headers: {{X-Api-Key: "${{SOURCE}}"}}}}
  - command: {{run: [sh, -c, "echo a_bytes 1; true ${{COMMAND}}; exit {status}"]}}
sample: 0.5s
load: {{rate: 20/s, duration: {seconds}s}}
auth: {{request: GET /products/1, headers: {{X-Password: "${{AUTH}}"}}, token: "$.price_cents"}}
endpoints:
  - GET /user?key=${{QUERY}}
  - {{name: post, request: POST /user, headers: {{Authorization: "Bearer ${{HEADER}}"}}, json: {{secret: "${{BODY}}"}},
     expect: {{body: "${{CHECK}}"}}}}
"""
PATIENCE = 180.0


@pytest.fixture(scope="module", params=["whole", "killed"])
def seen(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str, str]:
    """A run's directory, all that was printed, and every command line of its processes."""
    scratch = tmp_path_factory.mktemp("secrets")
    file, directory = scratch / "p.yaml", scratch / "run"
    port, killed = free_port(), request.param == "killed"
    file.write_text(
        PROFILE.format(
            port=port, python=sys.executable, seconds=60 if killed else 4, status=int(not killed)
        )
    )
    environment = {**os.environ, **CANARIES}
    soak = [sys.executable, "-m", "soak"]
    run = subprocess.Popen(
        [*soak, "run", str(file), "--out", str(directory)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    commands, until = set[str](), time.monotonic() + PATIENCE
    while run.poll() is None and time.monotonic() < until:
        with suppress(psutil.Error):
            for process in psutil.Process(run.pid).children(recursive=True):
                with suppress(psutil.Error):
                    words = process.cmdline()
                    # What the profile itself puts on a command line, its own shell shows.
                    commands.add(" ".join(words) if words[:1] != ["sh"] else "")
        if (
            killed and "phases" in (directory / "run.json").read_text()
            if (directory / "run.json").exists()
            else False
        ):
            time.sleep(2.0)
            run.send_signal(signal.SIGKILL)
        time.sleep(0.1)
    printed = run.communicate(timeout=PATIENCE)[0]
    report = subprocess.run(
        [*soak, "report", str(directory), "--json"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return directory, printed + report.stdout + report.stderr, "\n".join(commands)


@pytest.mark.slow
def test_no_secret_is_written_printed_or_passed_on_a_command_line(
    seen: tuple[Path, str, str],
) -> None:
    directory, printed, commands = seen
    assert (directory / "recording.sqlite").exists(), printed
    files = {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    places = files | {"printed": printed.encode(), "command lines": commands.encode()}
    leaks = [
        (secret, place)
        for secret, canary in CANARIES.items()
        for place, content in places.items()
        if canary.encode() in content
    ]
    assert leaks == []
