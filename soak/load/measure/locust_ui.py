"""Locust's own web UI for a load that soak drives: read-only, and for this machine alone.

Locust's UI has no access control for starting, stopping or editing a load, and pages of any origin
may read it. Therefore each request is checked before Locust sees it: its Host header must name
loopback (against DNS rebinding), other sites may not request data, and requests that would change
the load are refused.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from gevent.pywsgi import WSGIServer
from locust.env import Environment
from locust.runners import STATE_RUNNING, Runner
from locust.stats import HISTORY_STATS_INTERVAL_SEC, update_stats_history
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request

from soak.load.measure.locust_stats import BoundedStatistics
from soak.load.plan.plan import Plan
from soak.profile.hosts import is_loopback
from soak.windows import Window

#: Locust's own read-only routes; a route that a later Locust adds is refused until it has been
#: reviewed.
READING = frozenset(
    f"locust.{view}"
    for view in (
        "index",
        "send_assets",
        "stats_report",
        "request_stats_csv",
        "request_stats_full_history_csv",
        "failures_stats_csv",
        "request_stats",
        "exceptions",
        "exceptions_csv",
        "tasks",
        "logs",
        "get_worker_count",
    )
)
REFUSED = (
    "soak drives this load: Locust's web UI can be read here, and can start, stop, edit or reset nothing. "
    "Ctrl-C where soak runs ends the run; the profile says how many users there are.\n"
)
#: CSS added to the page: Locust's buttons New, Edit, Stop and Reset are the contained buttons in
#: its header.
HIDDEN = "<style>header .MuiButton-contained { display: none }</style>"
NOTE = (
    "<body><p style='font: 14px sans-serif; margin: 0; padding: 6px 16px; background: #fff3cd; color: #333'>"
    "soak drives this load, so this page can only be read. Locust counts here every request of the run; "
    "soak's verdict is in the terminal, in <code>--live</code> and in the report.</p>"
)
#: Security and cache headers of every response.
HEADERS = (
    ("Cache-Control", "no-store"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
)


class LocustUiError(ValueError):
    """The web UI cannot be served; the message says why."""


class WatchedRunner(Runner):
    """A runner without users of its own; its user count comes from windows."""

    users = 0

    @property
    def user_count(self) -> int:
        """The number of users in the last window."""
        return self.users


class LocustUi:
    """Serves Locust's web UI for an environment at the plan's `locust_ui`, while the load process lives.

    Without an environment, because soak or workers make the requests, the UI has an environment of
    its own, and its statistics come from the windows passed to `take`.
    """

    def __init__(self, plan: Plan, environment: Environment | None = None) -> None:
        """Listen; raise LocustUiError if that fails. Requests are answered only after `start`."""
        where = plan.locust_ui or ""
        self.told = environment is None
        if environment is None:
            environment = Environment(
                host=plan.url,
                locustfile=", ".join(Path(path).name for path in plan.locustfiles) or "endpoints",
            )
            environment.stats = BoundedStatistics()
            environment.runner = WatchedRunner(environment)
            environment.runner.update_state(STATE_RUNNING)
        self.environment, self._next_history = environment, 0.0
        host, _, port = where.rpartition(":")
        # `delayed_start`: otherwise Locust would serve at once, without the checks of `guarded`.
        self._ui = environment.create_web_ui(host, int(port), delayed_start=True)
        self._ui.app.debug = False
        self._ui.app.after_request(_without_buttons)
        logging.getLogger("locust.web").setLevel(logging.ERROR)
        self._ui.server = self._server = WSGIServer(
            (host.strip("[]"), int(port)), guarded(self._ui.app), log=None, error_log=None
        )
        try:
            self._server.init_socket()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise LocustUiError(f"--locust-ui {where}: cannot listen there: {reason}") from None
        self.said = f"Locust's web UI, to be read, at http://{host}:{self._server.address[1]}/"

    def start(self) -> None:
        """Begin to answer requests; called when the load begins."""
        if self.told:
            self.environment.stats.clear_all()
        self._server.start()

    def take(self, window: Window) -> None:
        """Show a window. Its requests are added only if the environment does not count them itself."""
        statistics, runner = self.environment.stats, self.environment.runner
        if self.told:
            assert isinstance(statistics, BoundedStatistics)
            assert isinstance(runner, WatchedRunner)
            statistics.add_window(window)
            statistics.prune(runner)
            runner.users = window.users
        if runner is not None and window.time >= self._next_history:
            self._next_history = window.time + HISTORY_STATS_INTERVAL_SEC
            update_stats_history(runner)


def _without_buttons(response: Response) -> Response:
    """Remove the refused buttons from Locust's page, and add a note that explains it."""
    if request.endpoint == "locust.index":
        page = response.get_data(as_text=True)
        response.set_data(page.replace("</head>", f"{HIDDEN}</head>", 1).replace("<body>", NOTE, 1))
    return response


Answer = Callable[[Any, Any], Iterable[bytes]]


def guarded(app: Flask) -> Answer:
    """Wrap the application: refuse requests before Flask sees them, and let no other site read a response."""

    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            own = [(name, value) for name, value in headers if not _is_cors(name)]
            names = {name for name, _ in HEADERS}
            return start_response(
                status, [*((n, v) for n, v in own if n not in names), *HEADERS], *more
            )

        return (refusal(app, Request(environ)) or app)(environ, start)

    return application


def _is_cors(header: str) -> bool:
    return header.lower().startswith("access-control-")


def refusal(app: Flask, asked: Request) -> Response | None:
    """Return the response that refuses a request; None if the request may be answered."""
    if not is_loopback(_host_of(asked)):
        return _plain(
            421, "this page is served to this machine alone: ask for it by 127.0.0.1 or localhost\n"
        )
    site = asked.headers.get("Sec-Fetch-Site", "none")
    visits = asked.headers.get("Sec-Fetch-Mode") == "navigate"
    if site not in ("none", "same-origin") and not visits:
        return _plain(403, "another site may not ask for this\n")
    if asked.method not in ("GET", "HEAD"):
        return _plain(403, REFUSED)
    try:
        endpoint, _ = app.create_url_adapter(asked).match()  # type: ignore[union-attr, arg-type]
    except HTTPException:
        return None  # Flask's own answer is better: not found, or a redirect
    # A locustfile may add routes of its own (`environment.web_ui.app`), as under Locust.
    ours = endpoint.partition(".")[0] != "locust" or endpoint in READING
    return None if ours else _plain(403, REFUSED)


def _host_of(asked: Request) -> str:
    """Return the host that the client requested, without its port."""
    host = asked.headers.get("Host", "")
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def _plain(status: int, why: str) -> Response:
    return Response(why, status=status, content_type="text/plain; charset=utf-8")
