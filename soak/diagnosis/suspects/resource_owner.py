"""Find the code that opened what was never closed: descriptors and connections have no stack, but opening allocates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from soak.catalog.python import OPENINGS
from soak.diagnosis.attribution.allocation_sites import (
    MODULE,
    NAMELESS,
    AllocationSite,
    Stack,
    calls,
    is_library,
    own_frames,
    place_of,
)
from soak.diagnosis.attribution.attribution import EVERY, Amount
from soak.diagnosis.attribution.blocked_stacks import BlockedGroup
from soak.diagnosis.attribution.levels import (
    Levels,
    attribute_by_endpoint,
    contributors,
    requests_at,
)
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects.class_kinds import surely_grows
from soak.diagnosis.suspects.context import RunContext, rise
from soak.diagnosis.suspects.growing_containers import frame_of_labels
from soak.diagnosis.suspects.stack_signatures import STACK_SIGNATURES
from soak.diagnosis.thresholds import (
    HOLDS_MOST,
    LATE_SHARE,
    LEAST_CPU_SAMPLES,
    LEAST_OBJECT_BYTES,
    LEAST_OPENER_SHARE,
    MOST_OPENERS,
    TIMES_AS_MANY,
)
from soak.model import Floats

#: Functions that dial: any caller that finds no idle connection does, so they do not show who keeps
#: a connection.
CONNECTING = (*STACK_SIGNATURES["new connections"], "newClient")
#: Functions of pool libraries (pg, mysql2, generic-pool) whose caller must return the connection;
#: `query` returns it itself.
_TAKING = ("connect", "acquire", "getConnection")

#: Classes of the resources that JVM programs hold open: each object is counted, even if no stack
#: that made it was sampled.
_OPENED = {
    "connections": ("java.net.Socket", "java.net.ServerSocket", "sun.nio.ch.SocketChannelImpl"),
    "files": (
        "java.io.FileInputStream",
        "java.io.FileOutputStream",
        "java.io.RandomAccessFile",
        "sun.nio.ch.FileChannelImpl",
    ),
    "database": (
        "org.postgresql.jdbc.PgConnection",
        "com.mysql.cj.jdbc.ConnectionImpl",
        "org.mariadb.jdbc.Connection",
        "oracle.jdbc.driver.T4CConnection",
        "com.microsoft.sqlserver.jdbc.SQLServerConnection",
        "org.h2.jdbc.JdbcConnection",
        "org.apache.derby.impl.jdbc.EmbedConnection",
        "org.hsqldb.jdbc.JDBCConnection",
        "org.sqlite.jdbc4.JDBC4Connection",
    ),
    "native": ("java.nio.DirectByteBuffer",),
}


def growing_opened_class(
    context: RunContext, signatures: Sequence[str], opened: float
) -> Frame | None:
    """Return the class of opened resources whose live objects surely grow, if the runtime counts them; else None.

    They must be about as many as what is `opened` per request of any kind: soak's own recording of a JVM opens a
    file for each snapshot.
    """
    classes = {name for mark in signatures for name in _OPENED.get(mark, ())}
    return next(
        (
            site.place
            for site in context.places
            if site.sure
            and site.place.function in classes
            and site.slope[0] >= LEAST_OBJECT_BYTES * opened
        ),
        None,
    )


def kept_connections(context: RunContext) -> str:
    """Say that ever more of a driver's connections live until the end of the run, if they do; else return an empty string."""
    gained: dict[str, Floats] = {}
    for stack in (stack for site in context.places for stack in site.stacks):
        name = stack.frames[0].function
        if name in _OPENED["database"] and surely_grows(context, name):
            gained[name] = gained.get(name, 0.0) + stack.levels
    for name, levels in gained.items():
        late = float(levels[-1] - levels[2 * len(levels) // 3])
        if (
            levels[-1] >= TIMES_AS_MANY * levels[0]
            and late >= LATE_SHARE * (levels[-1] - levels[0]) > 0
        ):
            return (
                f"Ever more of {name} stay alive until the end: connections that are not returned."
            )
    return ""


def find_borrower(context: RunContext) -> Frame | None:
    """Return the only own function that was seen to take connections from a pool directly; None if several or none did."""
    borrowers = {
        _name(own[0]): own[0]
        for site in (*context.places, *context.running)
        for stack in site.stacks
        if _gain([stack]) > 0 and (own := own_frames(stack.frames)) and _takes(stack.frames)
    }
    return next(iter(borrowers.values())) if len(borrowers) == 1 else None


def find_starter(context: RunContext, group: BlockedGroup) -> Frame | None:
    """Return the own function through which a library started goroutines; None if no allocation of its start was sampled.

    Go records the creator of a goroutine but not the creator's callers. Stacks of the creator's
    allocations show them: first those that are still held, then all that were ever made.
    """
    creator = group.site.stacks[0].frames[-1].function
    for sites in (context.places, context.allocated):
        callers: dict[Frame, float] = {}
        for stack in (stack for site in sites for stack in site.stacks):
            functions = [frame.function for frame in stack.frames]
            own = (
                own_frames(stack.frames[functions.index(creator) :]) if creator in functions else []
            )
            if own and stack.levels[-1] > 0:
                callers[own[0]] = callers.get(own[0], 0.0) + float(stack.levels[-1])
        if callers:
            return max(callers, key=lambda frame: callers[frame])
    return None


def _takes(frames: Sequence[Frame]) -> bool:
    called = _inside(frames)[-1:]
    return any(frame.function in _TAKING and is_library(frame) for frame in called)


def counted_opener(context: RunContext, kind: str, endpoints: Sequence[str]) -> Frame | None:
    """Return the only own line that opens more and more descriptors of this type for `endpoints`, by Python's hook.

    None if several lines do, or none; an empty type means any.
    """
    openers = []
    for series in context.series(OPENINGS):
        labels = dict(series.labels)
        # What a module's own line runs, such as an event loop, opens for whoever it runs.
        runs = labels.get("function") == MODULE
        if runs or kind not in ("", labels.get("type")):
            continue
        if rise(series, context.prepared.judged_from) <= 0:
            continue
        inside = series.times >= context.prepared.judged_from
        times, counts = series.times[inside], series.values[inside]
        levels = Levels(times, counts, requests_at(context.prepared, times))
        told = contributors(
            attribute_by_endpoint(context.prepared, levels, series.key, "openings", integer=True)
        )
        if any(amount.endpoint in endpoints for amount in told):
            openers.append(frame_of_labels(labels, own=True))
    return openers[0] if len(openers) == 1 else None


def find_opener(
    context: RunContext, signatures: Sequence[str], endpoints: Sequence[str]
) -> Frame | None:
    """Return the own function that opens such resources for `endpoints`; None if several are possible or none is seen.

    Of the functions seen to open any, it is the one whose opened resources are most of what the heap
    gained; else the one whose callers allocate because of these endpoints' requests; else the only one
    left; else the only one whose opened resources are still held in growing numbers. Functions whose
    callers allocate because of other endpoints' requests are excluded first, since the one sought may
    open too few to be seen.
    """
    functions = [function for mark in signatures for function in STACK_SIGNATURES[mark]]
    if (holder := _holds_most(context, functions)) is not None:
        return holder
    openers = [
        (site, stacks) for site in _allocating(context) if (stacks := _opening(site, functions))
    ]
    openers = sorted(openers, key=lambda pair: -_gain(pair[1]))[:MOST_OPENERS]
    if not openers:
        return _met_opening(context, functions)
    if any(endpoint not in ("", EVERY) for endpoint in endpoints):
        told = [_callers(context, *pair) for pair in openers]
        share = [sum(a.share for a in amounts if a.endpoint in endpoints) for amounts in told]
        if max(share) > LEAST_OPENER_SHARE:
            return openers[share.index(max(share))][0].place
        rest = [
            sum(a.share for a in amounts if a.endpoint not in (*endpoints, EVERY))
            for amounts in told
        ]
        openers = [
            pair for pair, others in zip(openers, rest, strict=True) if others <= LEAST_OPENER_SHARE
        ]
    # If only some allocations are sampled, a single function seen proves nothing.
    held = {site.place for site in context.places}
    if len(openers) == 1 and (context.language == "Go" or openers[0][0].place in held):
        return openers[0][0].place
    kept = {_name(site.place): _gain(_opening(site, functions)) for site in context.places}
    still = [site for site, _ in openers if kept.get(_name(site.place), 0.0) > 0]
    return still[0].place if len(still) == 1 else None


def _holds_most(context: RunContext, functions: Sequence[str]) -> Frame | None:
    """Return the own function whose opened resources hold most of what all own places gained; None if none does."""
    gained = {
        site.place: _gain(site.stacks) for site in context.places if own_frames((site.place,))
    }
    opened = {site.place: _gain(_opening(site, functions)) for site in context.places}
    whole = sum(max(gain, 0.0) for gain in gained.values())
    return next((place for place, gain in opened.items() if 0 < whole <= HOLDS_MOST * gain), None)


def _met_opening(context: RunContext, functions: Sequence[str]) -> Frame | None:
    """Return the only own function that CPU samples show opening such resources, if there are enough samples of it.

    Stacks in which a library opens the resource are left out: the library has to close it.
    """
    met = []
    for site in context.running:
        stacks = [
            stack
            for stack in _opening(site, functions)
            if not any(map(is_library, _inside(stack.frames)))
        ]
        if stacks:
            met.append((site.place, _gain(stacks)))
    return met[0][0] if len(met) == 1 and met[0][1] >= LEAST_CPU_SAMPLES else None


def _inside(frames: Sequence[Frame]) -> Sequence[Frame]:
    """Return the frames of the calls that the innermost own function made."""
    own = own_frames(frames)
    return frames[: frames.index(own[0])] if own else frames


def _allocating(context: RunContext) -> Sequence[AllocationSite]:
    """Return the sites of all allocations ever made; for runtimes other than Go also sites known only for held memory."""
    if context.language == "Go":
        return context.allocated
    by_place: dict[Frame, AllocationSite] = {}
    for site in (*context.allocated, *context.places):
        by_place.setdefault(site.place, site)
    return list(by_place.values())


def find_maker(context: RunContext, made: Frame) -> Frame | None:
    """Return the only own function that was seen to allocate objects of an own class; None if several were, or none."""
    makers = {
        place_of(stack.frames)
        for site in context.allocated
        for stack in site.stacks
        if stack.frames[0].function == made.function and own_frames(stack.frames)
    }
    return makers.pop() if len({_name(maker) for maker in makers}) == 1 else None


def find_wrapper(context: RunContext, endpoints: Sequence[str]) -> Frame | None:
    """Return the own function whose retained objects, however small, grow with these endpoints' requests alone.

    Memory outside of the heap has a small object on it, by which the program refers to that memory.
    """
    for site in [site for site in context.places if site.sure and own_frames((site.place,))][
        :MOST_OPENERS
    ]:
        told = contributors(
            attribute_by_endpoint(
                context.prepared, Levels(site.times, site.levels, site.requests), "wrapped", "bytes"
            )
        )
        if {amount.endpoint for amount in told} == set(endpoints):
            return site.place
    return None


def _name(frame: Frame) -> str:
    """Return what tells a function from others: its name, and where that is none also its file and line."""
    return f"{frame}" if frame.function == NAMELESS else frame.function


def _opening(site: AllocationSite, functions: Sequence[str]) -> list[Stack]:
    """Return the stacks through which an own place opens resources, if they gain; empty for other places."""
    if not own_frames((site.place,)):
        return []
    stacks = [
        stack
        for stack in site.stacks
        if calls(stack.frames, functions) and not calls(stack.frames, CONNECTING)
    ]
    return stacks if _gain(stacks) > 0 else []


def _gain(stacks: Sequence[Stack]) -> float:
    return sum(float(stack.levels[-1] - stack.levels[0]) for stack in stacks)


def _callers(
    context: RunContext, site: AllocationSite, stacks: Sequence[Stack]
) -> tuple[Amount, ...]:
    """Return the endpoints whose requests make a place's caller allocate, and how much; empty if unknown.

    The caller is the outermost own function, usually a handler. It allocates more than it opens, so
    its endpoints can be separated better.
    """
    callers = {_name(own_frames(stack.frames)[-1]) for stack in stacks}
    through = [
        stack.levels
        for site in _allocating(context)
        for stack in site.stacks
        if (own := own_frames(stack.frames)) and _name(own[-1]) in callers
    ]
    levels = Levels(site.times, np.sum(through, axis=0), site.requests)
    return contributors(attribute_by_endpoint(context.prepared, levels, "opened", "bytes"))
