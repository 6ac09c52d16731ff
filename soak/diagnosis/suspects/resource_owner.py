"""Who opened what was never closed: descriptors and connections leave no stack behind, but their making allocates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from soak.diagnosis.attribution.allocation_sites import Holding, Stack, calls, is_library, own_frames
from soak.diagnosis.attribution.attribution import EVERY
from soak.diagnosis.attribution.signals import Levels, guilty, told_apart
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects.context import Scene
from soak.diagnosis.suspects.stack_signatures import MARKS

_MOST, _MOSTLY = 6, 0.5
#: Met at it less often than this while they ran, others may open as well.
_OFTEN = 5
#: Making a new connection falls to whoever finds none idle, and says nothing of who keeps one.
CONNECTING = ("database/sql.(*DB).conn", "database/sql.(*DB).openNewConnection", "newClient")
#: Who calls these of a pool's library (pg, mysql2, generic-pool) has to give back what it gets; `query` gives it back itself.
_TAKING = ("connect", "acquire", "getConnection")

#: What a JVM's programs hold open, by its class: counted one by one, even where no stack of its making was sampled.
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
    ),
    "native": ("java.nio.DirectByteBuffer",),
}


def opened_class(scene: Scene, marks: Sequence[str]) -> Frame | None:
    """The class of what is opened of which ever more are alive, where a runtime counts them; None where none surely grows."""
    classes = {name for mark in marks for name in _OPENED.get(mark, ())}
    return next((one.place for one in scene.places if one.sure and one.place.function in classes), None)


def borrower(scene: Scene) -> Frame | None:
    """The only own function that was seen to take connections out of a pool by itself; None where several do, or none."""
    found = {
        own[0].function: own[0]
        for one in (*scene.places, *scene.running)
        for stack in one.stacks
        if _gain([stack]) > 0 and (own := own_frames(stack.frames)) and _takes(stack.frames)
    }
    return next(iter(found.values())) if len(found) == 1 else None


def _takes(frames: Sequence[Frame]) -> bool:
    called = _inside(frames)[-1:]
    return any(one.function in _TAKING and is_library(one) for one in called)


def opener(scene: Scene, marks: Sequence[str], endpoint: str) -> Frame | None:
    """The own function that opens such things on behalf of `endpoint`; None where several could be it, or none is seen.

    Of those seen to open any, it is the only one, or the one called by whom the endpoint's requests make allocate, or the
    one that ever more of what was opened still belongs to.
    """
    functions = [function for mark in marks for function in MARKS[mark]]
    found = [(one, stacks) for one in _allocating(scene) if (stacks := _opening(one, functions))]
    found = sorted(found, key=lambda pair: -_gain(pair[1]))[:_MOST]
    if not found:
        return _met_opening(scene, functions)
    # Where only some allocations are sampled, that one alone was seen proves nothing.
    if len(found) == 1 and (scene.language == "Go" or found[0][0] in scene.places):
        return found[0][0].place
    if endpoint and endpoint != EVERY:
        share = [_share(scene, holding, stacks, endpoint) for holding, stacks in found]
        if share and max(share) > _MOSTLY:
            return found[share.index(max(share))][0].place
    kept = {one.place.function: _gain(_opening(one, functions)) for one in scene.places}
    still = [one for one, _ in found if kept.get(one.place.function, 0.0) > 0]
    return still[0].place if len(still) == 1 else None


def _met_opening(scene: Scene, functions: Sequence[str]) -> Frame | None:
    """The only own function that was met while it opened such things, if it was so often enough.

    What it lets a library open is the library's to close.
    """
    met = []
    for one in scene.running:
        stacks = [stack for stack in _opening(one, functions) if not any(map(is_library, _inside(stack.frames)))]
        if stacks:
            met.append((one.place, _gain(stacks)))
    return met[0][0] if len(met) == 1 and met[0][1] >= _OFTEN else None


def _inside(frames: Sequence[Frame]) -> Sequence[Frame]:
    """The calls that the innermost own function made."""
    own = own_frames(frames)
    return frames[: frames.index(own[0])] if own else frames


def _allocating(scene: Scene) -> Sequence[Holding]:
    """Where all was allocated that ever was; of a runtime that does not tell that, or not of all, also what is still held."""
    if scene.language == "Go":
        return scene.allocated
    found: dict[Frame, Holding] = {}
    for one in (*scene.places, *scene.allocated):
        found.setdefault(one.place, one)
    return list(found.values())


def wrapper(scene: Scene, endpoint: str) -> Frame | None:
    """The own function whose objects, however small, are kept by ever more of an endpoint's requests and of no other's.

    Memory outside of the heap leaves a little inside: the object by which the program has it.
    """
    for one in [one for one in scene.places if one.sure and own_frames((one.place,))][:_MOST]:
        told = guilty(told_apart(scene.prepared, Levels(one.times, one.levels, one.requests), "wrapped", "bytes"))
        if endpoint and [amount.endpoint for amount in told] == [endpoint]:
            return one.place
    return None


def _opening(holding: Holding, functions: Sequence[str]) -> list[Stack]:
    """The stacks through which an own place opens, and what they allocate grows; none where the place is nobody's own."""
    if not own_frames((holding.place,)):
        return []
    stacks = [
        stack for stack in holding.stacks if calls(stack.frames, functions) and not calls(stack.frames, CONNECTING)
    ]
    return stacks if _gain(stacks) > 0 else []


def _gain(stacks: Sequence[Stack]) -> float:
    return sum(float(stack.levels[-1] - stack.levels[0]) for stack in stacks)


def _share(scene: Scene, holding: Holding, stacks: Sequence[Stack], endpoint: str) -> float:
    """How much of what a place's caller allocates one endpoint explains; 0 where that cannot be told.

    The caller is the outermost own function, a handler as a rule. It allocates more than what it opens, so that its requests
    are told apart better.
    """
    callers = {own_frames(stack.frames)[-1].function for stack in stacks}
    through = [
        stack.levels
        for one in _allocating(scene)
        for stack in one.stacks
        if (own := own_frames(stack.frames)) and own[-1].function in callers
    ]
    levels = Levels(holding.times, np.sum(through, axis=0), holding.requests)
    told = told_apart(scene.prepared, levels, "opened", "bytes")
    return next((amount.share for amount in guilty(told) if amount.endpoint == endpoint), 0.0)
