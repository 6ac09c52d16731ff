"""A small web server for views of a run: read-only pages, for this machine or for readers with the token.

A page of another site must not read them (DNS rebinding), so on loopback the Host header must name
loopback; elsewhere every request needs the token.
"""

from __future__ import annotations

import hmac
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from soak.errors import SoakError
from soak.live.address import TOKEN, Address, require_token
from soak.profile.hosts import host_asked_for, is_loopback

#: Headers of every answer, in addition to the page's own policy.
HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class PageState:
    """The current content of a page."""

    body: str
    content_type: str


Pages = Mapping[str, Callable[[Request], PageState]]


class PageServer:
    """Answers GET and HEAD for some pages from its own thread, until closed."""

    def __init__(self, option: str, address: Address, pages: Pages, token: str = "") -> None:
        """Start serving; raise UsageError for an open address without a token, SoakError if it cannot listen."""
        require_token(option, address, token, f"{TOKEN} must be set to")
        self._pages, self._token, self._loopback = (
            pages,
            "" if address.loopback else token,
            address.loopback,
        )
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        try:
            self._server = make_server(address.host, address.port, self._application, threaded=True)
        except (OSError, SystemExit) as error:
            reason = (
                error.strerror
                if isinstance(error, OSError) and error.strerror
                else "the address is in use"
            )
            raise SoakError(
                f"{option} {address.host}:{address.port}: cannot listen there: {reason.lower()}"
            ) from None
        self.host, self.port = address.host, self._server.port
        self._thread = threading.Thread(target=self._serve, name="soak-serve", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The base URL of the pages."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(2.0)

    def _serve(self) -> None:
        self._server.serve_forever(poll_interval=0.2)

    def _application(self, environ: Any, start_response: Any) -> Any:
        return self.answer(Request(environ))(environ, start_response)

    def answer(self, request: Request) -> Response:
        """Return the answer to one request."""
        page = self._pages.get(request.path)
        if self._loopback and not is_loopback(host_asked_for(request.headers.get("Host", ""))):
            response = _refused(
                421,
                "this page is served to this machine alone: ask for it by 127.0.0.1 or localhost",
            )
        elif self._token and not self._allowed(request):
            response = _refused(
                401, "give the token, as Authorization: Bearer ... or as ?token=..."
            )
            response.headers["WWW-Authenticate"] = "Bearer"
        elif page is None:
            response = _refused(404, f"no such page; there is {', '.join(self._pages)}")
        elif request.method not in ("GET", "HEAD"):
            response = _refused(405, "this page can only be read")
            response.headers["Allow"] = "GET, HEAD"
        else:
            answer = page(request)
            response = Response(answer.body, content_type=answer.content_type)
        response.headers.update(HEADERS)
        return response

    def _allowed(self, request: Request) -> bool:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        given = bearer or request.args.get("token", "")
        return hmac.compare_digest(given.encode(), self._token.encode())


def _refused(status: int, why: str) -> Response:
    return Response(why + "\n", status=status, content_type="text/plain; charset=utf-8")
