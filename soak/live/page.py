"""The live page: the report of the judgement so far, updated in place, and the state of the run in one line."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable

from werkzeug.wrappers import Request

from soak.live.address import Address
from soak.live.judge import Judge
from soak.live.server import PageServer, PageState
from soak.reporters.html import waiting

_HTML, _JSON = "text/html; charset=utf-8", "application/json"
#: Seconds since its last request for which a reader counts as present.
STILL_THERE = 8.0
#: Maximum seconds that the page waits at its end for readers to take the final report.
LINGER = 6.0


class LivePage:
    """Serves the report of the judge's last result; `said` returns the line with the current state of the run."""

    def __init__(
        self, name: str, judge: Judge, said: Callable[[], str], address: Address, token: str = ""
    ) -> None:
        self._name, self._judge, self._said = name, judge, said
        self._final: tuple[str, str] | None = None
        self._asked, self._taken = 0.0, threading.Event()
        self._id = secrets.token_hex(4)  # a restarted page counts its versions anew
        pages = {"/": self._page, "/report": self._page, "/state": self._state}
        self._server = PageServer("--live", address, pages, token)

    @property
    def url(self) -> str:
        """The URL of the page."""
        return self._server.url

    def finish(self, html: str, text: str) -> None:
        """Show the final report, and wait until a present reader has taken it."""
        self._final = (html, text)
        if time.monotonic() - self._asked < STILL_THERE:
            self._taken.wait(LINGER)

    def close(self) -> None:
        """Stop serving."""
        self._server.close()

    def _version(self) -> int:
        latest = self._judge.latest
        return (
            (latest.number if latest and latest.html else 0)
            if self._final is None
            else self._judge.number + 1
        )

    def _page(self, _request: Request) -> PageState:
        version, latest = self._version(), self._judge.latest
        html = (
            self._final[0]
            if self._final
            else latest.html
            if latest and latest.html
            else waiting(self._name)
        )
        if self._final:
            self._taken.set()
        known = f'<html data-page="{self._id}" data-version="{version}" '
        return PageState(html.replace("<html ", known, 1), _HTML)

    def _state(self, _request: Request) -> PageState:
        self._asked = time.monotonic()
        final = self._final
        text = final[1] if final else self._said()
        state = {
            "page": self._id,
            "version": self._version(),
            "final": final is not None,
            "text": text,
        }
        return PageState(json.dumps(state), _JSON)
