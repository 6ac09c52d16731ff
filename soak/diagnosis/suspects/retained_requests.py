"""What is made for one request and outlives it: objects of frameworks and services, and timers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from soak.catalog.node import ACTIVE_RESOURCES, KEPT_REQUESTS
from soak.diagnosis.attribution.allocation_sites import (
    SERVER_READS,
    AllocationSite,
    Stack,
    calls,
    own_frames,
)
from soak.diagnosis.attribution.levels import (
    Levels,
    attribute_by_endpoint,
    contributors,
    levels_of,
)
from soak.diagnosis.attribution.signals import PLACE
from soak.diagnosis.attribution.site_growth import lasting, slope_and_error
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import RunContext, rise
from soak.diagnosis.thresholds import LEAST_REQUESTS, LEAST_TIMERS, WHOLE_REQUEST_BYTES
from soak.units import show_amount

#: What is made for one request, by the name of its class or of its constructor: Flask's RequestContext, Node's
#: IncomingMessage, the JDK's HttpExchange, a service's own RequestState.
_OF_REQUEST = re.compile(
    r"(?:^|[.$])((?:[A-Z]\w*)?(?:Request|Exchange|IncomingMessage|ServerResponse)(?:[A-Z]\w*)?)$"
)
#: What Go's net/http makes of a request are no constructors, but the innermost functions of stacks through `SERVER_READS`. The
#: strings that are made there as well may be the keys of a cache, and the buffers are pooled: they do not count.
_GO_MAKES = ("net/http.readRequest", "net/url.parse", "context.")
_GO_REQUEST = "http.Request"
#: A Go package of that name, of whatever module: gorilla/context.Set, a service's own internal/context.
_CONTEXT_PACKAGE = re.compile(r"/context\.")
#: Python's tracebacks name no classes of libraries, but files: what servers and frameworks make, they make for a request.
_SERVERS = re.compile(
    r"/(waitress|werkzeug|flask|starlette|fastapi|uvicorn|hypercorn|gunicorn|django|aiohttp|tornado|bottle)/"
)
_TIMERS = ("Timeout", "Immediate")
#: Objects whose class is unknown: what is kept per request must be as large as a small request, in bytes.
_MADE = "'s objects"
_NODE = "parserOnHeadersComplete"
_CONSTRUCTOR = re.compile(r"\.(?:__init__|__new__|<init>)$")


def kept_requests(case: Case, context: RunContext) -> str:
    """Which request objects are retained in growing numbers, in words; empty where another endpoint retains them."""
    if counted := _counted(case, context):
        return counted
    by_name: dict[str, list[tuple[AllocationSite, Stack]]] = {}
    for site in context.places:
        for stack in site.stacks:
            name = (
                next(filter(None, map(_of_request, stack.frames)), "")
                or _read_by_go(stack)
                or _parsed(stack)
            )
            if name:
                by_name.setdefault(name, []).append((site, stack))
    said = [
        words for name, stacks in by_name.items() for words in _growing(name, stacks, case, context)
    ]
    return said[0] if said else ""


def _of_others(levels: Levels, name: str, unit: str, case: Case, context: RunContext) -> bool:
    """Whether only other endpoints than the case's surely add to a level."""
    if not case.endpoint:
        return False
    through = contributors(attribute_by_endpoint(context.prepared, levels, name, unit))
    return bool(through) and not any(amount.endpoint in case.endpoints for amount in through)


def _counted(case: Case, context: RunContext) -> str:
    """How many more requests are kept than at first, in words; empty where they are not, or nobody counted."""
    own = [
        series
        for series in context.series(KEPT_REQUESTS)
        if (levels := levels_of(context.prepared, series)) is not None
        and not _of_others(levels, series.name, "requests", case, context)
    ]
    grown = sum(rise(series, context.prepared.judged_from) for series in own)
    return (
        f"{grown:,.0f} more requests than at first are still on the heap after a collection: "
        "something keeps them beyond their answer."
        if grown >= LEAST_REQUESTS
        else ""
    )


def _requests_to(case: Case, context: RunContext) -> float:
    """Requests of the judged stretch to the case's endpoints; to all where none is known."""
    windows = context.prepared.windows()
    own = [endpoint for endpoint in windows if endpoint.endpoint in case.endpoints] or windows
    return float(sum(endpoint.requests.sum() for endpoint in own))


def _parsed(stack: Stack) -> str:
    """Node's and Python's, by who makes them before anything of the target's own is called."""
    if own_frames(stack.frames):
        return ""
    served = next(filter(None, (_SERVERS.search(frame.file) for frame in stack.frames)), None)
    if served is not None:
        return f"{served[1]}{_MADE}"
    return "IncomingMessage" if calls(stack.frames, (_NODE,)) else ""


def timers_grow(context: RunContext) -> str:
    """How many more timers wait than at first, in words, where the runtime counts them; empty where they are not more."""
    waiting = [series for kind in _TIMERS for series in context.series(ACTIVE_RESOURCES, type=kind)]
    grown = sum(rise(series, context.prepared.judged_from) for series in waiting)
    return (
        f"{grown:,.0f} more timers wait than at first: nobody clears them."
        if grown >= LEAST_TIMERS
        else ""
    )


def _read_by_go(stack: Stack) -> str:
    made = calls(stack.frames[:1], _GO_MAKES) and calls(stack.frames, SERVER_READS)
    return _GO_REQUEST if made and not own_frames(stack.frames) else ""


def context_package(case: Case) -> str:
    """The function of a package named context that allocates what grows, in words; empty where none does.

    Only the innermost frame counts: a router or a middleware of such a package is among the callers
        of everything.
    """
    for signal in case.of(PLACE):
        for stack in signal.site.stacks if signal.site is not None else ():
            function = stack.frames[0].function if stack.frames else ""
            if stack.levels[-1] > stack.levels[0] and _CONTEXT_PACKAGE.search(function):
                return f"Part of what grows was made by {function}: something registered for a request that stays registered."
    return ""


def _of_request(frame: Frame) -> str:
    match = _OF_REQUEST.search(_CONSTRUCTOR.sub("", frame.function))
    return match[1] if match else ""


def _growing(
    name: str, stacks: list[tuple[AllocationSite, Stack]], case: Case, context: RunContext
) -> Iterator[str]:
    site = stacks[0][0]
    levels = np.sum([stack.levels for _, stack in stacks], axis=0)
    slope, error = slope_and_error(site.requests, levels, site.period)
    # A surely growing handful may still be a few that happen to be in flight: it must be known to a
    # half. Of Go's sampled objects one is enough that is still there after several snapshots, for
    # no request takes so long; Node keeps what it parsed with a connection, so that a sample of it
    # that stays says nothing.
    stayed = name == _GO_REQUEST and site.period > 0 and lasting(levels) > 0
    if slope <= 2 * error and not stayed:
        return
    if name.endswith(_MADE) and slope * np.ptp(site.requests) < WHOLE_REQUEST_BYTES * _requests_to(
        case, context
    ):
        return
    if _of_others(Levels(site.times, levels, site.requests), name, "bytes", case, context):
        return
    gained = show_amount(float(levels[-1] - levels[0]), "bytes")
    yield f"Ever more of {name} stay alive, {gained} of them: made for one request each, and kept beyond it."
