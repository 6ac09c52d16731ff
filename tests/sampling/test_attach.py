"""A JVM asked over its own socket, by the attach protocol."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from soak.sampling.profilers import attach
from soak.sampling.profilers.attach import ask_attached, socket_of


@contextmanager
def listening(place: Path, answer: bytes) -> Iterator[list[bytes]]:
    """A socket that answers one request; what it was asked."""
    asked: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place))
        server.listen(1)

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                while asked[-1:] == [] or b"".join(asked).count(b"\0") < 5:
                    asked.append(connection.recv(100))
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield asked
        thread.join(30)


@pytest.mark.parametrize(
    ("answer", "said"), [(b"0\nTotal 7 99\n", "Total 7 99\n"), (b"1\nno\n", None), (b"", None)]
)
def test_a_command_is_asked_and_only_a_good_answer_counts(
    answer: bytes, said: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attach, "socket_of", lambda pid: tmp_path / "s")
    with listening(tmp_path / "s", answer) as asked:
        assert ask_attached(1, "GC.class_histogram", 30) == said
    assert b"".join(asked) == b"1\0jcmd\0GC.class_histogram\0\0\0"


def test_where_nothing_listens_there_is_no_answer() -> None:
    assert socket_of(os.getpid()) == Path(f"/proc/{os.getpid()}/root/tmp/.java_pid{os.getpid()}")
    assert ask_attached(os.getpid(), "GC.class_histogram", 1) is None
    assert ask_attached(2**22 + 1, "GC.class_histogram", 1) is None
