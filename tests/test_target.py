"""The target that soak starts: its port, its directory, its environment, and what it said."""

import os
import socket
import sys
import threading
from pathlib import Path

import pytest

from soak.errors import TargetError
from soak.profile.start import Start
from soak.target import StartedTarget, reach
from tests.sampling.serving import free_port


def started(tmp_path: Path, program: str, port: int, **options: object) -> StartedTarget:
    start = Start.model_validate(
        {"command": [sys.executable, "-c", program], "timeout": "300s", **options}
    )
    return StartedTarget(
        start, f"http://127.0.0.1:{port}", tmp_path / "target.log", str(tmp_path / "p.yaml")
    )


def failure(target: StartedTarget) -> str:
    """Why a target could not be started."""
    try:
        with pytest.raises(TargetError) as caught:
            target.start(threading.Event())
    finally:
        target.stop()
    return str(caught.value)


def test_a_port_that_a_stranger_holds_is_told_with_who_holds_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        assert f"port {port} is held by pid {os.getpid()} (" in failure(started(tmp_path, "", port))


def test_it_runs_in_the_profiles_directory_with_its_own_variables(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").touch()
    program = "import os, sys; sys.exit(' '.join(['Error:', os.getcwd(), os.environ['GREETING']]))"
    said = failure(started(tmp_path, program, free_port(), env={"GREETING": "hello"}))
    assert said.endswith(f"it said: Error: {tmp_path} hello")
    assert (tmp_path / "target.log").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        (
            "Traceback (most recent call last):\n  File x\nOSError: address in use\n  goodbye\n",
            "OSError: address in use",
        ),
        (
            "Error: listen EADDRINUSE\n    at Server\n  code: 1\n\nNode.js v20\n",
            "Error: listen EADDRINUSE",
        ),
        ("just\nwords\n", "words"),
        ("\x1b[31mfatal: no\x1b[0m\n", "[31mfatal: no[0m"),
    ],
)
def test_what_it_said_last_of_an_error_is_shown(tmp_path: Path, printed: str, said: str) -> None:
    program = f"import sys; sys.stdout.write({printed!r}); sys.exit(3)"
    assert failure(started(tmp_path, program, free_port())).endswith(
        f"ended with code 3; it said: {said}"
    )


ONE_ANSWER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
server = http.server.HTTPServer(("127.0.0.1", {port}), Handler)
server.handle_request()
sys.exit("Error: one answer is enough")
"""


def test_one_that_does_not_survive_the_first_questions_is_told_by_its_own_words(
    tmp_path: Path,
) -> None:
    port = free_port()
    target = started(tmp_path, ONE_ANSWER.replace("{port}", str(port)), port)
    try:
        target.start(threading.Event())
        ended = threading.Event()
        while target.exit_code() is None:
            ended.wait(0.01)
        with pytest.raises(
            TargetError, match="ended with code 1; it said: Error: one answer is enough"
        ):
            target.require_alive()
    finally:
        target.stop()


def test_what_is_waited_for_is_said_once_while_nothing_answers() -> None:
    said: list[str] = []
    with pytest.raises(TargetError, match=r"the target cannot be reached"):
        reach(f"http://127.0.0.1:{free_port()}", patience=0.6, waiting=said.append)
    assert len(said) == 1
    assert "does not answer (connection refused)" in said[0]
