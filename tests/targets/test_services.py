"""The services end when they should, and say what they should."""

from __future__ import annotations

import os
import socket
import subprocess

import pytest
from requests import Session

from tests.targets import running, toolchain
from tests.targets.building import SERVICES, java_service
from tests.targets.postgres import Postgres, postgres


@pytest.mark.parametrize("target", ["go", "java", "node", "python"])
def test_a_service_ends_with_its_parents_pipe(target: str, postgresql: Postgres) -> None:
    with toolchain():
        service = SERVICES[target]()
    command = [*service.command, "--database", postgresql.url, "--until-eof"]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **service.environment},
    )
    assert process.stdout is not None
    assert process.stdin is not None
    with process.stdout:
        assert process.stdout.readline().startswith("listening on http://127.0.0.1:")
        process.stdin.close()
        assert process.wait(10) == 0


def test_the_jolokia_agent_answers_beside_the_java_service(postgresql: Postgres) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    with toolchain():
        service = java_service(jolokia_port=port)
    command = [*service.command, "--database", postgresql.url, "--until-eof"]
    with running(command, timeout=60), Session() as http:
        http.trust_env = False
        answer = http.get(
            f"http://127.0.0.1:{port}/jolokia/read/java.lang:type=Threading/ThreadCount", timeout=10
        ).json()
    assert answer["value"] > 8


def test_a_cluster_is_gone_afterwards() -> None:
    with toolchain(), postgres(max_connections=20) as server:
        assert server.query("SHOW max_connections") == "20"
    assert not server.directory.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)
