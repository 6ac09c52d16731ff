"""Group goroutines or threads by the place where they are blocked, as Uber's LeakProf does (Saioc et al., Unveiling and
vanquishing goroutine leaks in enterprise microservices, CGO 2024): a group that grows with the
requests leaks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from soak.diagnosis.attribution.allocation_sites import (
    AllocationSite,
    Stack,
    allocation_sites,
    own_frames,
    place_of,
)
from soak.diagnosis.attribution.site_growth import ProfileSnapshot
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.profiles.go_stacks import Created
from soak.diagnosis.profiles.thread_dumps import TASK

#: Functions that show what a goroutine or thread waits for. The innermost frame that matches
#: decides, by its first row.
BLOCKED: tuple[tuple[tuple[str, ...], str], ...] = (
    (("runtime.chansend",), "sending to a channel"),
    (("runtime.chanrecv",), "receiving from a channel"),
    (("runtime.selectgo", "runtime.block"), "in a select"),
    (("sync.(*WaitGroup).Wait",), "waiting for a group"),
    (("sync.(*Cond).Wait", "sync.runtime_notifyListWait"), "waiting for a condition"),
    (
        (
            "sync.runtime_Semacquire",
            "internal/sync.runtime_Semacquire",
            "sync.(*Mutex)",
            "sync.(*RWMutex)",
        ),
        "at a lock",
    ),
    (("runtime.netpollblock", "internal/poll.runtime_pollWait"), "waiting for input or output"),
    (("time.Sleep", "java.lang.Thread.sleep"), "sleeping"),
    (
        ("java.util.concurrent.locks.LockSupport", "jdk.internal.misc.Unsafe.park"),
        "parked, at a lock or a queue",
    ),
    (("java.lang.Object.wait",), "waiting for a condition"),
    (("sun.nio.ch.", "java.net."), "waiting for input or output"),
    (("syscall.", "internal/runtime/syscall.", "runtime.notetsleepg"), "in a system call"),
)
_TELLING = 12


@dataclass(frozen=True, eq=False)
class BlockedGroup:
    """Goroutines that wait in the same way at the same place, entered through the same function.

    `place` is the innermost own frame. `entry` is the outermost own frame, with which the goroutine
    was started. `proven` is how many of them Go's own leak profile names, 0 if it was not taken.
    `noun` is goroutines, threads or tasks.
    """

    blocked: str
    place: Frame
    entry: Frame
    site: AllocationSite
    noun: str = "goroutines"
    proven: float = 0.0

    @cached_property
    def blocked_at(self) -> Frame:
        """The innermost frame outside of the runtime: it shows the wait if the place is only the code that started it."""
        return _telling(self.site.stacks[0].frames)

    @cached_property
    def own(self) -> bool:
        """True if any frame of the group is the target's own."""
        return any(own_frames(stack.frames) for stack in self.site.stacks)


def groups(
    snapshots: Sequence[ProfileSnapshot], column: str = "goroutine", created: Sequence[Created] = ()
) -> list[BlockedGroup]:
    """Return every group, fastest growth first; none from fewer than three snapshots.

    A stack without a frame of the target's own belongs to the function that `created` its goroutine.
    """
    creators = _creators(created)
    by_key: dict[tuple[str, str, str], list[Stack]] = {}
    sites = allocation_sites(snapshots, column)
    for site in sites:
        for stack in site.stacks:
            frames = _with_creator(stack.frames, creators)
            key = (waiting(frames), place_of(frames).function, entry(frames).function)
            by_key.setdefault(key, []).append(Stack(frames, stack.levels))
    noun = "goroutines" if column.startswith("goroutine") else column
    made = [_group(stacks, sites[0], noun) for stacks in by_key.values()]
    return sorted(made, key=lambda group: -group.site.slope[0])


def _creators(created: Sequence[Created]) -> dict[tuple[str, ...], Frame]:
    """Return, for each stack, the function that created most of its goroutines."""
    most: dict[tuple[str, ...], Created] = {}
    for row in created:
        known = most.get(row.functions)
        if known is None or row.count > known.count:
            most[row.functions] = row
    return {functions: row.creator for functions, row in most.items()}


def _with_creator(
    frames: tuple[Frame, ...], creators: Mapping[tuple[str, ...], Frame]
) -> tuple[Frame, ...]:
    """Append the creator of the goroutine if no frame is the target's own; Go's text has no frames of the runtime."""
    if own_frames(frames) or not creators:
        return frames
    functions = tuple(
        frame.function for frame in frames if not frame.function.startswith("runtime.")
    )
    creator = creators.get(functions)
    return (*frames, creator) if creator is not None else frames


def waiting(frames: Sequence[Frame]) -> str:
    """Describe what a stack waits for; `running` if no frame shows that it waits."""
    for frame in frames[:_TELLING]:
        for functions, words in BLOCKED:
            if frame.function.startswith(functions):
                return words
    return "running"


def entry(frames: Sequence[Frame]) -> Frame:
    """Return the outermost own frame; if there is none, the outermost of all."""
    own = own_frames(frames)
    return own[-1] if own else frames[-1] if frames else Frame("unknown")


def with_leak_profile(
    ungraded: Sequence[BlockedGroup], last: ProfileSnapshot | None, column: str = "goroutineleak"
) -> list[BlockedGroup]:
    """Return the groups with the counts of Go's leak profile, which lists goroutines that nothing can ever wake."""
    if last is None:
        return list(ungraded)
    leaked: dict[str, float] = {}
    for sample, count in enumerate(last.profile.column(column)):
        place = _place(last.profile.stack(sample))
        leaked[place] = leaked.get(place, 0.0) + float(count)
    return [replace(group, proven=leaked.get(group.place.function, 0.0)) for group in ungraded]


def _place(frames: Sequence[Frame]) -> str:
    own = own_frames(frames)
    return own[0].function if own else ""


def _group(stacks: list[Stack], like: AllocationSite, noun: str) -> BlockedGroup:
    stacks.sort(key=lambda stack: float(stack.levels[0] - stack.levels[-1]))
    frames = stacks[0].frames
    own = own_frames(frames)
    levels = np.sum([stack.levels for stack in stacks], axis=0)
    library = next((frame for frame in frames if frame.own), None)
    place = own[0] if own else library or _telling(frames)
    noun = "tasks" if any(frame.function == TASK for frame in frames) else noun
    return BlockedGroup(
        waiting(frames),
        place,
        entry(frames),
        AllocationSite(place, like.times, like.requests, levels, tuple(stacks)),
        noun,
    )


def _telling(frames: Sequence[Frame]) -> Frame:
    """Return the innermost frame outside of Go's runtime and its network poller."""
    aside = ("runtime.", "internal/", "sync.", "syscall.", "net.(", "bufio.")
    told = [frame for frame in frames if not frame.function.startswith(aside)]
    return (told or list(frames) or [Frame("unknown")])[0]
