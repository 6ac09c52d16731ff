"""Workers that only say what workers say: hundreds of them in one process, over real connections to a real master."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from typing import Any

import msgpack
import psutil
import zmq

from soak import __version__
from soak.load.plan.cluster_options import ClusterOptions, proof
from soak.load.plan.plan import Plan

NONCE = "0" * 32


class Crowd:
    """So many connections, each with a window that it sends every second."""

    def __init__(self, port: int, windows: list[bytes]) -> None:
        self._names: dict[zmq.Socket[bytes], str] = {}
        self._context, self._poller = zmq.Context(), zmq.Poller()
        self._began: set[zmq.Socket[bytes]] = set()
        self._windows: dict[zmq.Socket[bytes], bytes] = {}
        for number, window in enumerate(windows):
            socket = self._context.socket(zmq.DEALER)
            self._names[socket] = f"host_{number}"
            socket.setsockopt(zmq.IDENTITY, self._names[socket].encode())
            socket.setsockopt(zmq.LINGER, 0)
            socket.connect(f"tcp://127.0.0.1:{port}")
            self._windows[socket] = window
            self._poller.register(socket, zmq.POLLIN)
            said = {"soak": __version__, "nonce": NONCE, "host": f"host-{number}", "pid": 0}
            self._say(socket, "hello", said)

    def run(self, seconds: float) -> None:
        """Answer the master and send windows and heartbeats for so long after the load has begun, then be done."""
        end = slot = None
        while end is None or time.monotonic() < end:
            for socket, _ in self._poller.poll(20):
                self._answer(socket, *msgpack.loads(socket.recv())[:2])
            if len(self._began) == len(self._windows) and end is None:
                slot = time.monotonic()
                end = slot + seconds
            if slot is not None and time.monotonic() >= slot + 1.0:
                slot += 1.0
                for socket, window in self._windows.items():
                    socket.send(window)
                    self._say(socket, "heartbeat", {"state": "running", "current_cpu_usage": 50.0})
        for socket in self._windows:
            self._say(socket, "done", {"seconds": seconds})
        time.sleep(0.5)
        self._context.destroy(linger=0)

    def _answer(self, socket: zmq.Socket[bytes], kind: str, data: Any) -> None:
        match kind:
            case "challenge":
                self._say(socket, "join", {"proof": proof("", "worker", NONCE, data["nonce"])})
            case "assignment":
                self._say(socket, "ready", None)
            case "begin":
                self._began.add(socket)

    def _say(self, socket: zmq.Socket[bytes], kind: str, data: Any) -> None:
        socket.send(msgpack.dumps((kind, data, self._names[socket])))


def master_share(windows: list[bytes], seconds: int, port: int = 15579) -> tuple[float, int]:
    """What share of a core a real master takes while they report to it, and how many requests it has written down."""
    told = ClusterOptions(expect=len(windows), bind=f"127.0.0.1:{port}")
    plan = Plan("http://127.0.0.1:9", (), seconds, 0.0, 1.0, 5.0, rate=1.0, distributed=told)
    process = subprocess.Popen(
        [sys.executable, "-m", "soak.load"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(plan.to_json() + "\n")
    process.stdin.flush()
    crowd = threading.Thread(target=lambda: Crowd(port, windows).run(seconds + 0.5), daemon=True)
    crowd.start()
    used, times, requests = [], [], 0
    for text in process.stdout:
        message = json.loads(text)
        assert message["kind"] != "failed", message
        if message["kind"] == "window":
            spent = psutil.Process(process.pid).cpu_times()
            used.append(spent.user + spent.system)
            times.append(time.monotonic())
            requests += sum(seen["requests"] for seen in message["endpoints"])
    process.stdin.close()
    process.wait()
    process.stdout.close()
    crowd.join(5.0)
    return (used[-1] - used[0]) / (times[-1] - times[0]), requests
