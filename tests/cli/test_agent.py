"""`soak agent`: what it refuses, and a whole life of it."""

import os
import signal
import subprocess
import sys

import pytest

from soak.sampling.sources.prometheus import Prometheus
from tests.cli.calling import run


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "name it by one of pid, pidfile, port or name"),
        (["--pid", "1", "--port", "80"], 2, "not by pid and port"),
        (["--port", "0"], 2, "--port"),
        (["--pid", "1", "--listen", "a b:1"], 2, "--listen 'a b:1': expected HOST:PORT"),
        (
            ["--pid", "1", "--listen", "127.0.0.1:99999"],
            2,
            "--listen '127.0.0.1:99999': expected HOST:PORT",
        ),
        (["--pid", "1", "--listen", "203.0.113.7"], 2, "--listen 203.0.113.7"),
        (
            ["--pid", "1", "--listen", "203.0.113.7", "--token-from", "AGENT_TOKEN"],
            4,
            "--listen 203.0.113.7: ",
        ),
        (
            ["--pid", "1", "--token-from", "NOBODY_SET_THIS"],
            2,
            "environment variable NOBODY_SET_THIS is not set",
        ),
        (
            ["--pid", "1", "--listen", "203.0.113.7:9256", "--token-from", "AGENT_TOKEN"],
            4,
            "--listen 203.0.113.7:9256: ",
        ),
    ],
)
def test_what_is_refused(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    monkeypatch.setenv("AGENT_TOKEN", "a token of more than 16 characters")
    exit_code, _, err = run(capsys, "agent", *arguments)
    assert exit_code == code
    assert said in err


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_interrupted_also_where_a_shell_ignores_interrupts(
    ending: signal.Signals,
) -> None:
    arguments = [
        "agent",
        "--pid",
        str(os.getpid()),
        "--listen",
        "127.0.0.1:0",
        "--token-from",
        "AGENT_TOKEN",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "soak", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "AGENT_TOKEN": "s3cret", "PYTHONUNBUFFERED": "1"},
        preexec_fn=lambda: signal.signal(ending, signal.SIG_IGN),  # noqa: PLW1509 - as `soak agent … &` starts it
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = next(word for word in line.split() if word.startswith("http://127.0.0.1:")).rstrip(
            ";"
        )
        names = {
            sample.name
            for sample in Prometheus(
                url, headers={"Authorization": "Bearer s3cret"}, timeout=60
            ).collect()
        }
        assert "process_resident_memory_bytes" in names
        process.send_signal(ending)
        _, err = process.communicate(timeout=600)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in err
