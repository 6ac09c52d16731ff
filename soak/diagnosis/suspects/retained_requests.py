"""Find what is made for one request and outlives it: objects of frameworks and services, and timers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np

from soak.analysis.prepare.stretches import known_between
from soak.analysis.rules.released_requests import requests_left
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
from soak.diagnosis.suspects.class_kinds import surely_grows
from soak.diagnosis.suspects.context import RunContext, rise
from soak.diagnosis.suspects.growing_containers import (
    GrowingContainer,
    containers_of,
    entry_of,
)
from soak.diagnosis.suspects.request_keepers import RequestKeeper, request_keeper
from soak.diagnosis.thresholds import (
    LEAST_REQUESTS,
    LEAST_TIMERS,
    TIMERS_SHARE,
    WHOLE_REQUEST_BYTES,
)
from soak.model import Series
from soak.units import show_amount

#: Names of classes or constructors of objects made for one request: Flask's RequestContext, Node's
#: IncomingMessage, the JDK's HttpExchange, a service's own RequestState.
_OF_REQUEST = re.compile(
    r"(?:^|[.$])((?:[A-Z]\w*)?(?:Request|Exchange|IncomingMessage|ServerResponse)(?:[A-Z]\w*)?)$"
)
#: Innermost functions, in stacks through `SERVER_READS`, in which Go's net/http makes a request's
#: objects without constructors. Strings and buffers made there do not count: strings may be the
#: keys of a cache, and buffers are pooled.
_GO_MAKES = ("net/http.readRequest", "net/url.parse", "context.")
_GO_REQUEST = "http.Request"
#: A Go package named context in any module: gorilla/context.Set, a service's own internal/context.
_CONTEXT_PACKAGE = re.compile(r"/context\.")
#: Files of Python's servers and frameworks, whose objects are made for a request: tracebacks have
#: files, but no classes.
_SERVERS = re.compile(
    r"/(waitress|werkzeug|flask|starlette|fastapi|uvicorn|hypercorn|gunicorn|django|aiohttp|tornado|bottle)/"
)
_TIMERS = ("Timeout", "Immediate")
#: Suffix of names of objects whose class is unknown: only if they are as large as a small request
#: are they evidence.
_MADE = "'s objects"
#: How the Python hook names an exception that holds its traceback.
_RAISED = " with its traceback"
#: How the Python hook names the kind of a container in a thread-local.
_THREAD_LOCAL = "thread-local "
_NODE = "parserOnHeadersComplete"
_CONSTRUCTOR = re.compile(r"\.(?:__init__|__new__|<init>)$")


def kept_requests(case: Case, context: RunContext) -> str:
    """Say which request objects are retained in growing numbers; empty if none are, or only through other endpoints."""
    if counted := _counted(case, context) or contained_requests(case, context):
        return counted
    if any(len(series.values) for series in context.series(KEPT_REQUESTS)):
        return ""  # they are counted, and do not grow: of what stacks show, samples came and went
    cached = any(container.endpoints for container in containers_of(case, context))
    by_name: dict[str, list[tuple[AllocationSite, Stack]]] = {}
    for site in context.places:
        for stack in site.stacks:
            name = (
                next(filter(None, map(_of_request, stack.frames)), "")
                or _read_by_go(stack)
                or _parsed(stack)
            )
            # What a growing container keeps is made for its entries, unless its class says otherwise.
            if name and not (cached and name.endswith(_MADE)):
                by_name.setdefault(name, []).append((site, stack))
    sentences = [
        words for name, stacks in by_name.items() for words in _growing(name, stacks, case, context)
    ]
    return sentences[0] if sentences else ""


def _of_others(levels: Levels, name: str, unit: str, case: Case, context: RunContext) -> bool:
    """Return True if endpoints surely add to a level, and none of them is the case's."""
    if not case.endpoint:
        return False
    through = _through(levels, name, unit, context)
    return bool(through) and not through & set(case.endpoints)


def _through(levels: Levels, name: str, unit: str, context: RunContext) -> set[str]:
    """Return the endpoints that surely add to a level."""
    told = contributors(attribute_by_endpoint(context.prepared, levels, name, unit))
    return {amount.endpoint for amount in told}


def keeper_of(case: Case, context: RunContext) -> RequestKeeper | None:
    """Return what keeps the requests that Node counts on its heap; None if too few are kept, or if that is unknown.

    Nor is it known if requests to other endpoints are kept too: they may be the ones that it keeps.
    """
    grown = _grown(case, context)
    if grown < LEAST_REQUESTS:
        return None
    for series in context.series(KEPT_REQUESTS):
        levels = levels_of(context.prepared, series)
        through = (
            _through(levels, series.name, "requests", context) if levels is not None else set()
        )
        if through - set(case.endpoints) if case.endpoint else len(through) > 1:
            return None
    return request_keeper(context, grown)


def _counted(case: Case, context: RunContext) -> str:
    """Say how many more requests are kept than at first; empty if not enough more, or if they were not counted."""
    grown = _grown(case, context)
    if grown < LEAST_REQUESTS:
        return ""
    keeper = keeper_of(case, context)
    by = (
        "something keeps them beyond their answer"
        if keeper is None
        else f"{keeper.holder.function} keeps {keeper.count:,} of the {keeper.total:,} that are there after the drain"
    )
    return (
        f"{grown:,.0f} more requests than at first are still on the heap after a collection: {by}."
    )


def containers_of_requests(case: Case, context: RunContext) -> list[GrowingContainer]:
    """Return the growing containers of the service that hold objects of requests, or what requests leave in their threads."""
    return [
        each
        for each in containers_of(case, context)
        if _requests_in(each) or each.kind.startswith(_THREAD_LOCAL)
    ]


def _requests_in(container: GrowingContainer) -> str:
    """Return the first of a container's entries that is of requests, or keeps their frames; empty if none does."""
    return entry_of(container, lambda entry: _OF_REQUEST.search(entry) or entry.endswith(_RAISED))


def contained_requests(case: Case, context: RunContext) -> str:
    """Say which growing container of the service holds objects of requests; empty if none does."""
    for container in containers_of_requests(case, context):
        entry = _requests_in(container)
        if not entry:
            return f"{container.holder} ({container.kind}) gains entries: what a request leaves in its thread outlives it."
        held = f"{container.holder} ({container.kind}) holds ever more of {entry}"
        if entry.endswith(_RAISED):
            return f"{held}: each keeps the frames of one request, and their variables."
        return f"{held}: made for one request each, and kept beyond it."
    return ""


def _grown(case: Case, context: RunContext) -> float:
    """Return by how many requests the heap gained in the judged stretch, without those of other endpoints."""
    own = [
        series
        for series in context.series(KEPT_REQUESTS)
        if (levels := levels_of(context.prepared, series)) is not None
        and not _of_others(levels, series.name, "requests", case, context)
    ]
    return sum(_kept(series, context) for series in own)


def _kept(series: Series, context: RunContext) -> float:
    """Return by how many requests a count rose, at most by those that are left when none is under way."""
    start = context.prepared.judged_from
    left = requests_left(context.prepared, series)
    _, under_load = known_between(series, start)
    most = math.inf if left is None or not len(under_load) else left - float(under_load.min())
    return max(min(rise(series, start), most), 0.0)


def _requests_to(case: Case, context: RunContext) -> float:
    """Return the requests of the judged stretch to the case's endpoints; to all if none is known."""
    windows = context.prepared.windows()
    own = [endpoint for endpoint in windows if endpoint.endpoint in case.endpoints] or windows
    return float(sum(endpoint.requests.sum() for endpoint in own))


def _parsed(stack: Stack) -> str:
    """Name the request objects that Node, or a Python server, makes before it calls the target's own code."""
    if own_frames(stack.frames):
        return ""
    served = next(filter(None, (_SERVERS.search(frame.file) for frame in stack.frames)), None)
    if served is not None:
        return f"{served[1]}{_MADE}"
    return "IncomingMessage" if calls(stack.frames, (_NODE,)) else ""


def timers_grow(context: RunContext) -> str:
    """Say how many more timers wait than at first, if the runtime counts them; empty if not enough more."""
    waiting = [series for kind in _TIMERS for series in context.series(ACTIVE_RESOURCES, type=kind)]
    grown = sum(rise(series, context.prepared.judged_from) for series in waiting)
    requests = sum(float(endpoint.requests.sum()) for endpoint in context.prepared.windows())
    return (
        f"{grown:,.0f} more timers wait than at first: nobody clears them."
        if grown >= max(LEAST_TIMERS, TIMERS_SHARE * requests)
        else ""
    )


def _read_by_go(stack: Stack) -> str:
    made = calls(stack.frames[:1], _GO_MAKES) and calls(stack.frames, SERVER_READS)
    return _GO_REQUEST if made and not own_frames(stack.frames) else ""


def context_package(case: Case) -> str:
    """Name the function of a package named context that allocates what grows; empty if there is none.

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
    # A few objects that surely grow may be requests in flight, so the half-width of the interval
    # must be less than half of the slope. For Go's sampled objects, one that stays over several
    # snapshots is enough, since no request takes so long. Node keeps what it parsed with its
    # connection, so a sample that stays proves nothing.
    stayed = name == _GO_REQUEST and site.period > 0 and lasting(levels) > 0
    if slope <= 2 * error and not stayed:
        return
    if name.endswith(_MADE) and slope * np.ptp(site.requests) < WHOLE_REQUEST_BYTES * _requests_to(
        case, context
    ):
        return
    if _of_others(Levels(site.times, levels, site.requests), name, "bytes", case, context):
        return
    if not surely_grows(context, name):
        return
    gained = show_amount(float(levels[-1] - levels[0]), "bytes")
    yield f"Ever more of {name} stay alive, {gained} of them: made for one request each, and kept beyond it."
