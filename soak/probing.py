"""The requests of a plan, each made once and with no load: what `soak check --probe` sends."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import urlsplit

from soak.load.http.options import TlsOptions, context_of
from soak.load.plan.plan import Plan, PlannedAuth, PlannedRequest
from soak.load.scenario.auth import FetchedToken, Token, TokenReader
from soak.load.scenario.checks import Checks
from soak.load.scenario.extractors import CaptureError, Extractors
from soak.load.scenario.feeder import Feeder
from soak.load.scenario.rendering import RenderedRequest, RequestTemplate, fixed
from soak.load.scenario.templates import RenderError
from soak.load.scenario.virtual_user import VirtualUser


class Answer(NamedTuple):
    """What came back; headers by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


def probe(plan: Plan) -> Iterator[tuple[str, str, bool]]:
    """Of each request in turn: its label, what came of it in a few words, and whether that is a success."""
    rows = {rows.name: Feeder.load(replace(rows, order="sequential")) for rows in plan.rows}
    virtual_user = VirtualUser(1, plan.seed, rows)
    extra: dict[str, str] = {}
    if plan.auth is not None:
        said, extra = _authorized(plan, plan.auth)
        yield "auth", said, bool(extra)
    for request in plan.requests:
        virtual_user.begin(frozenset(rows))
        yield request.endpoint, *_probe(plan, request, virtual_user, extra)
    for flow in plan.flows:
        virtual_user.begin(frozenset(rows))
        for step in flow.steps:
            said, ok = _probe(plan, step, virtual_user, extra)
            yield step.endpoint, said, ok
            if not ok:
                break


def _probe(plan: Plan, request: PlannedRequest, virtual_user: VirtualUser, extra: dict[str, str]) -> tuple[str, bool]:
    """One request; what it captures is kept for the next."""
    try:
        rendered = RequestTemplate(request).render(virtual_user.context)
        answer = send(plan, plan.url, request, rendered, extra)
        failure = Checks(request).check(*answer)
        if failure is None:
            virtual_user.keep(Extractors(request).take(answer.headers, answer.body))
    except (RenderError, CaptureError) as error:
        return error.kind, False
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__, False
    wanted = f", expected {' or '.join(map(str, request.statuses))}" if request.statuses else ""
    what = "" if failure is None else wanted if failure.startswith("status") else f", {failure}"
    return f"{answer.status}{what}, {len(answer.body):,} bytes in {answer.seconds * 1e3:.0f} ms", failure is None


def _authorized(plan: Plan, auth: PlannedAuth) -> tuple[str, dict[str, str]]:
    """What came of asking for a token, and the header that carries it."""
    template = fixed(auth.request)

    def fetch() -> FetchedToken:
        answer = send(plan, auth.url or plan.url, auth.request, template, {})
        return TokenReader(auth).read(answer.status, answer.body)

    token = Token(auth, fetch, time.monotonic)
    token.renew()
    return (token.problem, {}) if token.header is None else ("a token", dict([token.header]))


def send(plan: Plan, url: str, request: PlannedRequest, rendered: RenderedRequest, extra: dict[str, str]) -> Answer:
    """One request on a connection of its own; OSError or HTTPException where there is no answer."""
    parts = urlsplit(url)
    timeout = request.timeout or plan.timeout
    connection = http.client.HTTPConnection(parts.netloc, timeout=timeout)
    named = {name.lower() for name in rendered.headers}
    more = {name: value for name, value in extra.items() if name.lower() not in named}  # its own go before the token
    began = time.monotonic()
    try:
        if parts.scheme == "https":
            context = context_of(TlsOptions(**plan.tls))
            connection = http.client.HTTPSConnection(parts.netloc, timeout=timeout, context=context)
        connection.request(request.method, parts.path + rendered.path, rendered.body or None, rendered.headers | more)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    headers = {name.lower(): value for name, value in answer.getheaders()}
    return Answer(answer.status, headers, body, time.monotonic() - began)
