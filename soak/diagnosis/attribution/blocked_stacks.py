"""Goroutines or threads by the place where they are blocked, as Uber's LeakProf groups them (Saioc et al., Unveiling and
vanquishing goroutine leaks in enterprise microservices, CGO 2024): those of one place that grow with the requests leak.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from soak.diagnosis.attribution.allocation_sites import Holding, Stack, holdings, own_frames
from soak.diagnosis.attribution.site_growth import Snapshot
from soak.diagnosis.profiles.frames import Frame

#: What the innermost frames that tell say that a goroutine or a thread waits for; the first row that matches counts.
BLOCKED: tuple[tuple[tuple[str, ...], str], ...] = (
    (("runtime.chansend",), "sending to a channel"),
    (("runtime.chanrecv",), "receiving from a channel"),
    (("runtime.selectgo", "runtime.block"), "in a select"),
    (("sync.(*WaitGroup).Wait",), "waiting for a group"),
    (("sync.(*Cond).Wait", "sync.runtime_notifyListWait"), "waiting for a condition"),
    (("sync.runtime_Semacquire", "internal/sync.runtime_Semacquire", "sync.(*Mutex)", "sync.(*RWMutex)"), "at a lock"),
    (("runtime.netpollblock", "internal/poll.runtime_pollWait"), "waiting for input or output"),
    (("time.Sleep", "java.lang.Thread.sleep"), "sleeping"),
    (("java.util.concurrent.locks.LockSupport", "jdk.internal.misc.Unsafe.park"), "parked, at a lock or a queue"),
    (("java.lang.Object.wait",), "waiting for a condition"),
    (("sun.nio.ch.", "java.net."), "waiting for input or output"),
    (("syscall.", "internal/runtime/syscall.", "runtime.notetsleepg"), "in a system call"),
)
_TELLING = 12


@dataclass(frozen=True, eq=False)
class Group:
    """Goroutines that wait in the same way at the same place, entered through the same function.

    `place` is the first own frame, `entry` the outermost one: what the goroutine was started with. `proven` is how many of
    them Go's own leak profile names, 0 where it was not taken. `noun` is goroutines or threads.
    """

    blocked: str
    place: Frame
    entry: Frame
    holding: Holding
    noun: str = "goroutines"
    proven: float = 0.0

    @cached_property
    def own(self) -> bool:
        """Whether any of its frames is the target's own."""
        return any(own_frames(stack.frames) for stack in self.holding.stacks)


def groups(snapshots: Sequence[Snapshot], column: str = "goroutine") -> list[Group]:
    """Every group, the one that grows fastest first; none from fewer than three snapshots."""
    found: dict[tuple[str, str, str], list[Stack]] = {}
    whole = holdings(snapshots, column)
    for holding in whole:
        for stack in holding.stacks:
            key = (waiting(stack.frames), holding.place.function, entry(stack.frames).function)
            found.setdefault(key, []).append(stack)
    noun = "goroutines" if column.startswith("goroutine") else column
    made = [_group(stacks, whole[0], noun) for stacks in found.values()]
    return sorted(made, key=lambda group: -group.holding.slope[0])


def waiting(frames: Sequence[Frame]) -> str:
    """What a stack waits for, in words; `running` where nothing says that it waits."""
    for frame in frames[:_TELLING]:
        for functions, words in BLOCKED:
            if frame.function.startswith(functions):
                return words
    return "running"


def entry(frames: Sequence[Frame]) -> Frame:
    """The outermost own frame; the outermost of all where none is its own."""
    own = own_frames(frames)
    return own[-1] if own else frames[-1] if frames else Frame("unknown")


def proven(found: Sequence[Group], last: Snapshot | None, column: str = "goroutineleak") -> list[Group]:
    """The groups with what Go's leak profile says of them: it names goroutines that nothing can ever wake."""
    if last is None:
        return list(found)
    leaked: dict[str, float] = {}
    for sample, count in enumerate(last.profile.column(column)):
        place = _place(last.profile.stack(sample))
        leaked[place] = leaked.get(place, 0.0) + float(count)
    return [replace(group, proven=leaked.get(group.place.function, 0.0)) for group in found]


def _place(frames: Sequence[Frame]) -> str:
    own = own_frames(frames)
    return own[0].function if own else ""


def _group(stacks: list[Stack], like: Holding, noun: str) -> Group:
    stacks.sort(key=lambda stack: float(stack.levels[0] - stack.levels[-1]))
    frames = stacks[0].frames
    own = own_frames(frames)
    levels = np.sum([stack.levels for stack in stacks], axis=0)
    place = own[0] if own else _telling(frames)
    return Group(
        waiting(frames),
        place,
        entry(frames),
        Holding(place, like.times, like.requests, levels, tuple(stacks)),
        noun,
    )


def _telling(frames: Sequence[Frame]) -> Frame:
    """The innermost frame outside of Go's runtime and its network poller, for a stack without an own one."""
    aside = ("runtime.", "internal/", "sync.", "syscall.", "net.(", "bufio.")
    told = [frame for frame in frames if not frame.function.startswith(aside)]
    return (told or list(frames) or [Frame("unknown")])[0]
