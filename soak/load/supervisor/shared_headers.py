"""The headers that all requests share, and those that soak adds."""

from __future__ import annotations

from dataclasses import replace

from soak import __version__
from soak.load.plan.plan import Headers, Plan, PlannedBlock, PlannedStep, requests_in
from soak.load.scenario.templates import Template

#: Headers sent with every request that does not set them itself.
ADDED_HEADERS = {"User-Agent": f"soak/{__version__}", "Accept": "*/*"}


def with_headers(plan: Plan, headers: Headers) -> Plan:
    """Return a plan whose requests all send `headers`, except if a request has its own header of the same name.

    A header that uses a value captured in `setup` is sent only once the value is captured: the login
    that obtains a token cannot send it.
    """
    missing = {extractor.name for step in requests_in(plan.setup) for extractor in step.extractors}

    def with_them(steps: tuple[PlannedStep, ...]) -> tuple[PlannedStep, ...]:
        return tuple(
            replace(step, steps=with_them(step.steps))
            if isinstance(step, PlannedBlock)
            else replace(step, headers=_below(headers, step.headers))
            for step in steps
        )

    def within_setup(steps: tuple[PlannedStep, ...]) -> tuple[PlannedStep, ...]:
        done: list[PlannedStep] = []
        for step in steps:
            if isinstance(step, PlannedBlock):
                done.append(replace(step, steps=within_setup(step.steps)))
                continue
            known = {name: value for name, value in headers.items() if not _names(value) & missing}
            done.append(replace(step, headers=_below(known, step.headers)))
            missing.difference_update(extractor.name for extractor in step.extractors)
        return tuple(done)

    return replace(
        plan,
        requests=tuple(
            replace(request, headers=_below(headers, request.headers)) for request in plan.requests
        ),
        flows=tuple(replace(flow, steps=with_them(flow.steps)) for flow in plan.flows),
        setup=within_setup(plan.setup),
        teardown=with_them(plan.teardown),
        scenarios=tuple(with_headers(scenario, headers) for scenario in plan.scenarios),
    )


def _names(value: str | tuple[str, ...]) -> frozenset[str]:
    """Return the names used in the templates of a header's value or values."""
    values = (value,) if isinstance(value, str) else value
    return frozenset().union(*(Template("text", text).names for text in values))


def _below(shared: Headers, own: Headers) -> Headers:
    """Merge headers: a request's own override shared ones, which override those that soak adds."""
    named = {name.lower() for name, value in own.items() if ADDED_HEADERS.get(name) != value}
    kept = {name: value for name, value in shared.items() if name.lower() not in named}
    replaced = {name.lower() for name in kept}
    return {name: value for name, value in own.items() if name.lower() not in replaced} | kept
