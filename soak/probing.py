"""Make each request of a plan once and without load, for `soak check --probe`, over the load's own client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from soak.load.measure.counting import Counting
from soak.load.plan.plan import Plan
from soak.load.plan.warnings import Warnings
from soak.load.scenario.expectations import FailedCheck
from soak.load.scenario.token_refresh import TokenRefresher
from soak.load.workload.failure_examples import FailureExamples
from soak.load.workload.mix import SharedData, TrafficMix
from soak.load.workload.request_builder import RequestBuilder
from soak.load.workload.sender import Sender, client_options

#: Label, the result in a few words, and whether it is a success.
Probed = tuple[str, str, bool]


class _Once(Counting):
    """Keeps each request as it is counted, instead of adding them up."""

    def __init__(self) -> None:
        super().__init__(())
        self.probed: list[Probed] = []

    def count(
        self,
        endpoint: str,
        seconds: float,
        size: int,
        failure: str | None = None,
        waited: float | None = None,  # noqa: ARG002 - as a load counts
        status: int = 0,
        trace: int = 0,  # noqa: ARG002
    ) -> None:
        """Record one request that ended."""
        answered = f"{status}, {size:,} bytes in {seconds * 1e3:.0f} ms"
        parts = [answered] * bool(status)
        if failure is not None and failure != f"status {status}":
            parts.insert(0, failure)
        result = "; ".join(parts)
        self.probed.append((endpoint, result, failure is None))


def probe(plan: Plan) -> Iterator[Probed]:
    """Make each request in turn and yield its result; a flow stops at its first failure."""
    plan = replace(
        plan,
        rows=tuple(replace(rows, order="sequential") for rows in plan.rows),
        before=0,
        attribute=False,
    )
    warnings = Warnings(lambda _text: None)
    once = _Once()
    refresher = TokenRefresher(plan, plan.auth, warnings) if plan.auth is not None else None
    if refresher is not None:
        problem = refresher.renew()
        yield "auth", problem or "a token", not problem
    builder = RequestBuilder(once, warnings)
    options = client_options(plan)
    shared = SharedData(plan)

    def new_sender(failed: dict[str, FailedCheck]) -> Sender:
        return Sender(options, once, builder, refresher, FailureExamples(failed.__setitem__))

    for part in plan.parts:
        yield from _probe(TrafficMix(part, shared=shared), once, builder, new_sender)


def _probe(
    mix: TrafficMix,
    once: _Once,
    builder: RequestBuilder,
    new_sender: Callable[[dict[str, FailedCheck]], Sender],
) -> Iterator[Probed]:
    """Make the requests of one mix; with a setup, one user makes them all."""
    failed: dict[str, FailedCheck] = {}
    scenarios = [
        scenario for scenario in (mix.setup, *mix.scenarios, mix.teardown) if scenario is not None
    ]
    virtual_user = sender = None
    for number, scenario in enumerate(scenarios):
        failed.clear()
        if sender is None or virtual_user is None or mix.setup is None:
            virtual_user = mix.virtual_user(number + 1)
            sender = new_sender(failed)
        if builder.begin(scenario, virtual_user):
            sender.walk(scenario, virtual_user, lambda _user, _step: True)
        if scenario is mix.setup:
            virtual_user.keep_for_good()
        for label, said, ok in once.probed:
            why = failed.get(label)
            yield label, f"{why.text}; {said.partition('; ')[2]}" if why and not ok else said, ok
        once.probed.clear()
        if mix.setup is None or scenario is scenarios[-1]:
            sender.close()
