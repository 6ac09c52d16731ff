"""A real Chromium, driven as a person would: pages opened, the mouse moved and dragged, by its DevTools protocol."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

PATH = "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: Seconds for the browser to start, or to answer one question.
PATIENCE = 120


def installed() -> str:
    """The browser's path; without one the test is skipped, and in CI it fails."""
    if not shutil.which(PATH):
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must have {PATH}: apt-get install chromium")
        pytest.skip(f"no {PATH} here")
    return PATH


class Chromium:
    """One browser with one page, until it is closed."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._session = ""
        with ExitStack() as opened:
            folder = opened.enter_context(TemporaryDirectory(ignore_cleanup_errors=True))
            command = [installed(), *FLAGS, "--remote-debugging-port=0"]
            process = subprocess.Popen(
                [*command, f"--user-data-dir={folder}", "about:blank"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            opened.callback(process.wait)
            opened.callback(process.kill)
            port, path = _address(Path(folder, "DevToolsActivePort"), process)
            url = f"ws://127.0.0.1:{port}{path}"
            self._socket = opened.enter_context(connect(url, max_size=None))
            opened.callback(self._end, process)
            page = self.call("Target.createTarget", url="about:blank")["targetId"]
            attached = self.call("Target.attachToTarget", targetId=page, flatten=True)
            self._session = attached["sessionId"]
            self._opened = opened.pop_all()

    def close(self) -> None:
        """End the browser."""
        self._opened.close()

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        self._session = ""
        with suppress(ConnectionClosed):
            self.call("Browser.close")
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Ask the browser for something, and wait for its answer."""
        number = next(self._numbers)
        question: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session:
            question["sessionId"] = self._session
        self._socket.send(json.dumps(question))
        while True:
            answer = json.loads(self._socket.recv(timeout=PATIENCE))
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer["error"])
                result: dict[str, Any] = answer["result"]
                return result

    def run(self, script: str) -> Any:
        """The value of a script; a promise's once it is kept."""
        done = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def open(self, url: str, width: int, height: int, ready: str) -> None:
        """Show a page in a window of this size, and wait until a script says that it is `ready`."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.call("Page.navigate", url=url)
        give_up = time.monotonic() + PATIENCE
        while not self.run(f"document.readyState === 'complete' && Boolean({ready})"):
            assert time.monotonic() < give_up, f"never {ready}"
            time.sleep(0.02)
        # A swipe to the side must not lead back to the page before.
        self.call("Page.resetNavigationHistory")

    def drag(self, begin: tuple[float, float], end: tuple[float, float]) -> None:
        """Press the mouse's left button at one point of the window, and let go of it at another."""

        def mouse(kind: str, share: float, held: int) -> None:
            x, y = (first + share * (last - first) for first, last in zip(begin, end, strict=True))
            self.call(
                "Input.dispatchMouseEvent",
                type=kind,
                x=x,
                y=y,
                buttons=held,
                button="left" if held or kind == "mouseReleased" else "none",
                clickCount=0 if kind == "mouseMoved" else 1,
            )

        mouse("mouseMoved", 0, 0)
        mouse("mousePressed", 0, 1)
        for step in (0.25, 0.5, 0.75, 1):
            mouse("mouseMoved", step, 1)
        mouse("mouseReleased", 1, 0)

    def touch(self, *, screen: bool) -> None:
        """Have a `screen` that fingers touch, as a phone has; without it, a mouse again."""
        self.call("Emulation.setTouchEmulationEnabled", enabled=screen)

    def swipe(self, begin: tuple[float, float], by: tuple[float, float]) -> None:
        """Put a finger on a point of the window, and move it by so much before it is lifted."""
        self.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[_point(begin)])
        for share in (0.2, 0.4, 0.6, 0.8, 1):
            x, y = (first + share * way for first, way in zip(begin, by, strict=True))
            self.call("Input.dispatchTouchEvent", type="touchMove", touchPoints=[_point((x, y))])
        self.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])


def _point(place: tuple[float, float]) -> dict[str, float]:
    return {"x": place[0], "y": place[1]}


def _address(said: Path, process: subprocess.Popen[bytes]) -> list[str]:
    """Port and path of a browser's protocol, once it has written them down."""
    give_up = time.monotonic() + PATIENCE
    while not (said.exists() and len(lines := said.read_text().splitlines()) == 2):
        if process.poll() is not None or time.monotonic() > give_up:
            raise RuntimeError("the browser did not start")
        time.sleep(0.02)
    return lines
