"""A master tells its plan, which holds secrets, to nobody who has not proved that it may know it."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest
import zmq

from soak import __version__
from soak.errors import LoadError
from soak.load.plan.cluster_options import number_once, proof, proven
from soak.load.supervisor.load_process import LoadProcess
from tests.load.supervisor.test_load_process import plan
from tests.sampling.serving import free_port

#: Ends a test that hangs, in seconds.
PATIENCE = 120.0


class Stranger:
    """Speaks to a master by hand."""

    def __init__(self, name: str, port: int) -> None:
        self.name, self.nonce = name, number_once()
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.setsockopt(zmq.IDENTITY, name.encode())
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.connect(f"tcp://127.0.0.1:{port}")

    def say(self, kind: str, data: Any = None) -> None:
        self._socket.send(msgpack.dumps((kind, data, self.name)))

    def hello(self, version: str = __version__) -> None:
        self.say("hello", {"soak": version, "nonce": self.nonce, "host": self.name, "pid": 1})

    def hears(self, seconds: float = PATIENCE) -> tuple[str, Any] | None:
        """The next message within so many seconds, but for acknowledgements and heartbeats."""
        until = time.monotonic() + seconds
        while self._socket.poll(max(0, int((until - time.monotonic()) * 1e3))):
            kind, data = msgpack.loads(self._socket.recv())[:2]
            if kind not in ("ack", "heartbeat"):
                return str(kind), data
        return None

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """One that waits for a worker with a token; its port."""
    port = free_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOAK_WORKER_TOKEN", "secret-token")
        asked = plan(
            "http://127.0.0.1:9",
            f"rate: 5/s, duration: 1h, workers: {{expect: 1, bind: '127.0.0.1:{port}', wait: 60s}}",
        )
        directory: Path = tmp_path_factory.mktemp("master")
        load = LoadProcess(asked, time.monotonic(), directory / "load.log", lambda _: None)
        stop = threading.Event()
        starting = threading.Thread(target=lambda: quietly(load, stop))
        starting.start()
        yield port
        stop.set()
        starting.join()


def quietly(load: LoadProcess, stop: Any) -> None:
    try:
        load.start(stop=stop)
    except LoadError:
        load.stop()


@pytest.fixture
def stranger(master: int, request: pytest.FixtureRequest) -> Iterator[Stranger]:
    peer = Stranger(request.node.name, master)
    yield peer
    peer.close()


def test_another_version_is_refused_by_name(stranger: Stranger) -> None:
    stranger.hello("0.0.1")
    answer = stranger.hears(PATIENCE)
    assert answer is not None
    assert answer[0] == "refused"
    assert "this worker is soak 0.0.1" in answer[1]["reason"]


def test_the_master_proves_itself_and_refuses_who_cannot(stranger: Stranger) -> None:
    stranger.hello()
    answer = stranger.hears(PATIENCE)
    assert answer is not None
    kind, data = answer
    assert kind == "challenge"
    assert proven(data["proof"], "secret-token", "master", stranger.nonce, data["nonce"])
    stranger.say("join", {"proof": data["proof"]})  # the master's own proof sent back
    answer = stranger.hears()
    assert answer is not None
    assert answer[0] == "refused"
    stranger.say("join", {"proof": proof("secret-token", "worker", stranger.nonce, data["nonce"])})
    answer = stranger.hears()
    assert answer is not None
    assert answer[0] == "refused", "a failed guest has to begin anew"


@pytest.mark.parametrize(
    "kind",
    [
        "client_ready",
        "join",
        "ready",
        "window",
        "done",
        "notice",
        "broken",
        "stats",
        "exception",
        "logs",
    ],
)
def test_who_skips_the_handshake_learns_nothing_and_breaks_nothing(
    stranger: Stranger, kind: str
) -> None:
    stranger.say(
        kind, {"proof": "", "reason": "", "seconds": 1.0} if kind != "client_ready" else -1
    )
    answer = stranger.hears(1.0)
    assert answer is None or answer[0] == "refused"
    stranger.hello()
    while (answer := stranger.hears(PATIENCE)) is not None and answer[0] == "refused":
        pass
    assert answer is not None
    assert answer[0] == "challenge"


MALFORMED = [
    b"",
    b"\x00",
    b"\xff\xfe not msgpack",
    msgpack.dumps(["hello"]),
    msgpack.dumps(("client_ready", {"a": 1}, "x")),
    msgpack.dumps(("hello", None, "x")),
    msgpack.dumps(("hello", {"soak": [1], "nonce": {}, "host": 0, "pid": "many"}, "x")),
    msgpack.dumps((["hello"], {}, "x")),
    msgpack.dumps(({"__datetime__": True, "as_str": "never"}, {}, "x")),
    msgpack.dumps(("window", [[]] * 6, "x")),
    msgpack.dumps(("join", {"proof": None}, "x")),
    msgpack.dumps(("heartbeat", {"state": 1}, None)),
    msgpack.dumps(("broken", {"reason": "please"}, "x")),
]


@pytest.mark.parametrize("data", MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_message_is_dropped_and_the_master_still_answers(
    stranger: Stranger, data: bytes
) -> None:
    stranger._socket.send(data)
    stranger._socket.send_multipart([data, b"", data])
    stranger.hello()
    answer = stranger.hears(PATIENCE)
    assert answer is not None
    assert answer[0] == "challenge"
