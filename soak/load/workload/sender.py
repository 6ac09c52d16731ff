"""How a plan's users connect and send: one request after another, checked, captured from, and counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from soak.load.http.client import NOT_ALLOWED, Client, ClientOptions
from soak.load.http.connection_options import Origin, Timeouts, context_of
from soak.load.http.response import Response
from soak.load.http.trace_context import next_trace
from soak.load.measure.counting import Counting
from soak.load.plan.plan import Plan
from soak.load.scenario.expectations import Checks, FailedCheck
from soak.load.scenario.extractors import CapturedFrom, CaptureError
from soak.load.scenario.rendering import RenderedRequest
from soak.load.scenario.token_refresh import TokenRefresher
from soak.load.scenario.virtual_user import VirtualUser
from soak.load.workload.failure_examples import FailureExamples
from soak.load.workload.mix import Scenario, ScenarioStep
from soak.load.workload.request_builder import FlowEnded, RequestBuilder
from soak.profile.hosts import may_load

#: The failure that `walk` returns for a request that could not be built; it is already counted.
NOT_MADE = "template"
#: A function that pauses after a step, and returns True if the next step is to follow.
Pause = Callable[[VirtualUser, ScenarioStep], bool]
_NO_HEADERS: Mapping[str, str] = {}


def client_options(plan: Plan) -> ClientOptions:
    """Return how a plan's users connect. Raise OSError at once if the TLS files cannot be used."""
    context_of(plan.tls)
    return ClientOptions(
        Origin.of(plan.url),
        Timeouts(plan.connect_timeout or plan.timeout, plan.timeout, plan.read_timeout),
        plan.tls,
        plan.cookies,
        plan.redirects,
        lambda host: may_load(host, plan.allow),
        digest=plan.digest,
    )


class Sender:
    """Sends one user's requests over its client, checks their responses, and counts them."""

    __slots__ = (
        "_builder",
        "_client",
        "_count",
        "_examples",
        "_send",
        "_timeouts",
        "_token_refresher",
        "last",
    )

    def __init__(
        self,
        options: ClientOptions,
        counting: Counting,
        builder: RequestBuilder,
        token_refresher: TokenRefresher | None = None,
        examples: FailureExamples | None = None,
    ) -> None:
        self._client, self._count = Client(options), counting.count
        self._builder, self._token_refresher = builder, token_refresher
        self._examples = examples or FailureExamples(lambda _endpoint, _failed: None)
        self._send = self._client.send
        self._timeouts = options.timeouts
        #: The last step of a flow that was sent.
        self.last: ScenarioStep | None = None

    def connect(self) -> None:
        """Connect now instead of with the first request. If this fails, the first request reports it."""
        self._client.connect()

    def close(self) -> None:
        """Close the user's connections."""
        self._client.close()

    def forget(self) -> None:
        """Forget the visitor's state, because another visitor is served from now on."""
        self._client.forget()

    def walk(self, scenario: Scenario, virtual_user: VirtualUser, pause: Pause) -> str | None:
        """Run all of a scenario that the virtual user has begun; return the failure that ended it, or None."""
        if scenario.flow:
            return self.go_on(
                self._builder.steps(scenario.steps, virtual_user), virtual_user, pause
            )
        rendered = self._builder.make(scenario.first, virtual_user)
        return (
            NOT_MADE
            if rendered is None
            else self.send(scenario.first, rendered, None, virtual_user)
        )

    def go_on(
        self,
        steps: Iterator[ScenarioStep],
        virtual_user: VirtualUser,
        pause: Pause,
        last: ScenarioStep | None = None,
    ) -> str | None:
        """Run the steps of a flow that follow `last`. `pause` is called between two, and may end the flow."""
        self.last = last
        try:
            for step in steps:
                if self.last is not None and not pause(virtual_user, self.last):
                    break
                rendered = self._builder.make(step, virtual_user)
                if rendered is None:
                    return NOT_MADE
                self.last = step
                failure = self.send(step, rendered, None, virtual_user)
                if failure is not None:
                    return failure
        except FlowEnded:
            return NOT_MADE
        return None

    def send(
        self,
        step: ScenarioStep,
        rendered: RenderedRequest | None = None,
        intended: float | None = None,
        virtual_user: VirtualUser | None = None,
    ) -> str | None:
        """Send, check and count one request, and keep the values captured from its response; return the failure or None.

        Latency runs from `intended` (monotonic seconds) if given. `rendered` may be None only for a step
        that has a `head`.
        """
        trace = next_trace() if step.traced else 0
        if step.head is None:
            assert rendered is not None
            head, body = self._head(step, rendered, trace), rendered.body
        else:
            head, body = step.head % ((trace,) * step.traced) if trace else step.head, step.body
        if step.timeouts is not self._timeouts:
            self._timeouts = step.timeouts
            self._client.limit(step.timeouts, step.redirects)
        began = time.monotonic()
        response = self._send(head, body, step.needs_body)
        ended = time.monotonic()
        failure = response.failure
        if failure is None and 300 < response.status < 309:
            failure = self._sent_away(step, rendered, head, response)
        if failure is None:
            if step.only_status:
                status = response.status
                if (status not in step.statuses) if step.statuses else status >= 400:
                    failure = f"status {status}"
                    if step.statuses and self._examples.wants(step.endpoint, failure):
                        self._examples.tell(step.endpoint, step.checks.wrong_status(status))
            else:
                checks = step.checks if rendered is None else rendered.checks or step.checks
                seconds = ended - (began if intended is None else intended)
                failure = self._examined(step, checks, head, response, seconds, virtual_user)
            if (
                failure is not None
                and response.status == 401
                and step.authorized
                and self._token_refresher is not None
            ):
                self._token_refresher.refused()
        if intended is None:
            self._count(
                step.endpoint, ended - began, response.size, failure, None, response.status, trace
            )
        else:
            wait = began - intended
            self._count(
                step.endpoint,
                ended - intended,
                response.size,
                failure,
                wait,
                response.status,
                trace,
            )
        return failure

    def _sent_away(
        self,
        step: ScenarioStep,
        rendered: RenderedRequest | None,
        head: bytes,
        response: Response,
    ) -> str | None:
        """Return a failure if the response redirects to a host that is not allowed, and no status is expected."""
        checks = step.checks if rendered is None else rendered.checks or step.checks
        expected = step.statuses if step.only_status else checks.statuses
        return NOT_ALLOWED if not expected and self._client.leads_away(head, response) else None

    def _head(self, step: ScenarioStep, rendered: RenderedRequest, trace: int) -> bytes:
        """Return the head of a rendered request, with its trace, and with the token if there is one."""
        token = (
            self._token_refresher.header
            if self._token_refresher is not None and step.authorized
            else None
        )
        head = step.heads.of(rendered.path, rendered.headers, len(rendered.body), token)
        return (
            b"%b%b\r\n" % (head[:-2], step.trace_lines % ((trace,) * step.traced))
            if trace
            else head
        )

    def _examined(
        self,
        step: ScenarioStep,
        checks: Checks,
        head: bytes,
        response: Response,
        seconds: float,
        virtual_user: VirtualUser | None,
    ) -> str | None:
        """Return why a response fails, or None; if it does not fail, the user keeps what is captured."""
        headers = response.headers if step.needs_headers else _NO_HEADERS
        try:
            failed = checks.check(response.status, headers, response.body, seconds)
            if failed is None and step.keeps and virtual_user is not None:
                url = response.url or self._client.url_of(head)
                cookie = self._client.cookie
                source = CapturedFrom(headers, response.body, url, cookie, virtual_user.random)
                virtual_user.keep(step.extractors.take(source))
        except CaptureError as error:
            failed = FailedCheck(error.kind, "a value to capture", response.body)
        except Exception as error:  # noqa: BLE001 - an expression met an answer that it was not made for
            return f"expect: {type(error).__name__}"
        if failed is None:
            return None
        self._examples.tell(step.endpoint, failed)
        return failed.kind
