"""Apply `load.timeout` to a locustfile's HTTP users, if a request or class does not set its own timeout."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from locust import FastHttpUser, User
from locust.clients import HttpSession

from soak.load.plan.plan import Plan


def apply_timeouts(plan: Plan, users: Iterable[type[User]]) -> None:
    """Limit the time to connect and each wait for data, as requests and FastHttpUser define timeouts.

    Without `load.timeout` in the profile Locust's own timeouts apply: none for HttpUser, 60 s for
    FastHttpUser.
    """
    if not plan.timeout_given:
        return
    connect, read = plan.connect_timeout or plan.timeout, plan.read_timeout or plan.timeout
    for user in users:
        if issubclass(user, FastHttpUser):
            if user.connection_timeout == FastHttpUser.connection_timeout:
                user.connection_timeout = connect
            if user.network_timeout == FastHttpUser.network_timeout:
                user.network_timeout = read
    request = HttpSession.request

    def bounded(session: HttpSession, *arguments: Any, **options: Any) -> Any:
        if options.get("timeout") is None:
            options["timeout"] = (connect, read)
        return request(session, *arguments, **options)

    HttpSession.request = bounded  # for the sessions of every user class
