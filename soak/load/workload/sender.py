"""How a plan's users connect, and how they send: one request after another, checked, captured from, and counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from soak.load.http.client import Client, ClientOptions
from soak.load.http.options import Origin, Timeouts, TlsOptions, context_of
from soak.load.http.response import Answer
from soak.load.http.trace_context import next_trace
from soak.load.measure.counting import Counting
from soak.load.plan.plan import Plan
from soak.load.scenario.extractors import CaptureError
from soak.load.scenario.rendering import Rendered
from soak.load.scenario.token_refresh import Authorizing
from soak.load.scenario.virtual_user import Visitor
from soak.load.workload.mix import Course, Step
from soak.load.workload.request_builder import Maker
from soak.profile.checking import may_load

#: What `walk` says of a request that could not be made; it is counted already.
NOT_MADE = "template"
_NO_HEADERS: Mapping[str, str] = {}


def client_options(plan: Plan) -> ClientOptions:
    """How a plan's users connect; OSError when the TLS files cannot be used, before any user needs them."""
    tls = TlsOptions(**plan.tls)
    context_of(tls)
    return ClientOptions(
        Origin.of(plan.url),
        Timeouts(plan.connect_timeout or plan.timeout, plan.timeout, plan.read_timeout),
        tls,
        plan.cookies,
        plan.redirects,
        lambda host: may_load(host, plan.allow),
    )


class Sender:
    """One user's requests: sent over its client, their answers checked, and counted."""

    __slots__ = ("_authorizing", "_client", "_count", "_maker", "_send", "_timeouts")

    def __init__(
        self, options: ClientOptions, counting: Counting, maker: Maker, authorizing: Authorizing | None = None
    ) -> None:
        self._client, self._count = Client(options), counting.count
        self._maker, self._authorizing = maker, authorizing
        self._send = self._client.send
        self._timeouts = options.timeouts

    def connect(self) -> None:
        """Connect now and not with the first request; where that fails, the first request will say so."""
        self._client.connect()

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def forget(self) -> None:
        """Another visitor is served from now on."""
        self._client.forget()

    def walk(self, course: Course, visitor: Visitor, pause: Callable[[Visitor], bool]) -> str | None:
        """All of a course that the visitor has begun; the failure that ended it, if one did."""
        rendered = self._maker.make(course.first, visitor)
        if rendered is None:
            return NOT_MADE
        failure = self.send(course.first, rendered, None, visitor)
        if failure is None and course.more:
            failure = self.go_on(course, visitor, pause)
        return failure

    def go_on(self, course: Course, visitor: Visitor, pause: Callable[[Visitor], bool]) -> str | None:
        """The steps of a flow after its first; `pause` comes before each, and says whether there is to be another."""
        for step in course.more:
            if not pause(visitor):
                break
            rendered = self._maker.make(step, visitor)
            if rendered is None:
                return NOT_MADE
            failure = self.send(step, rendered, None, visitor)
            if failure is not None:
                return failure
        return None

    def send(
        self,
        step: Step,
        rendered: Rendered | None = None,
        intended: float | None = None,
        visitor: Visitor | None = None,
    ) -> str | None:
        """Send, check and count one request, and let the visitor keep what its answer holds; the failure if it failed.

        Latency runs from `intended` (monotonic seconds) where given. Only a step that has a `head` goes without `rendered`.
        """
        trace = next_trace() if step.traced else 0
        if step.head is None:
            assert rendered is not None
            head, body = self._head(step, rendered, trace), rendered.body
        else:
            head, body = step.head % ((trace,) * step.traced) if trace else step.head, step.body
        if step.timeouts is not self._timeouts:
            self._timeouts = step.timeouts
            self._client.limit(step.timeouts)
        began = time.monotonic()
        answer = self._send(head, body, step.needs_body)
        ended = time.monotonic()
        failure = answer.failure
        if failure is None:
            if step.only_status:
                status = answer.status
                if (status not in step.statuses) if step.statuses else status >= 400:
                    failure = f"status {status}"
            else:
                failure = _examined(step, answer, ended - (began if intended is None else intended), visitor)
            if failure is not None and answer.status == 401 and step.authorized and self._authorizing is not None:
                self._authorizing.refused()
        if intended is None:
            self._count(step.endpoint, ended - began, answer.size, failure, None, answer.status, trace)
        else:
            wait = began - intended
            self._count(step.endpoint, ended - intended, answer.size, failure, wait, answer.status, trace)
        return failure

    def _head(self, step: Step, rendered: Rendered, trace: int) -> bytes:
        """The head of a request that was rendered, with the token where there is one, and its trace."""
        token = self._authorizing.header if self._authorizing is not None and step.authorized else None
        head = step.heads.of(rendered.path, rendered.headers, len(rendered.body), token)
        return b"%b%b\r\n" % (head[:-2], step.trace_lines % ((trace,) * step.traced)) if trace else head


def _examined(step: Step, answer: Answer, seconds: float, visitor: Visitor | None) -> str | None:
    """Why an answer fails; where it does not, the visitor keeps what is captured."""
    headers = answer.headers if step.needs_headers else _NO_HEADERS
    try:
        failure = step.expectations.check(answer.status, headers, answer.body, seconds)
        if failure is None and step.keeps and visitor is not None:
            visitor.keep(step.captures.take(headers, answer.body))
    except CaptureError as error:
        return error.kind
    except Exception as error:  # noqa: BLE001 - an expression met an answer that it was not made for
        return f"expect: {type(error).__name__}"
    return failure
