"""A JVM's flight recording (JFR): who allocates, who allocated the objects still alive, and who started threads.

jdk.OldObjectSample samples up to 256 long-lived objects with the stack that allocated each, at almost no
cost. jdk.ObjectAllocationSample (JDK 16 and newer) samples some allocations per second, each of which
stands for the bytes since the one before. A recording is read with the JDK's own `jfr print --json`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from soak.errors import OTHER_SHAPE, SoakError, TargetError
from soak.sampling.profilers.jcmd import LIGHT, MAX_BYTES, TooMuchSaidError, ask, told, tool

#: Innermost frames of each stack that are printed. The JDK's tool prints 2 KB per frame: 256
#: objects with 64 frames of a web server each are 32 MB, which takes seconds. A service's callees
#: are seldom 32 deep, its callers often.
_DEPTH = 32
#: If the output is too large, as when a service starts a thread per request or dumps are minutes
#: apart, allocations are printed separately from then on, with this depth; the depth for live
#: objects is halved, down to this. A pool's own calls are four deep, the handler that created it is
#: the next.
_LEAST_DEPTH = 8
_OBJECTS, _ALLOCATIONS, _THREADS = (
    "jdk.OldObjectSample",
    "jdk.ObjectAllocationSample",
    "jdk.ThreadStart",
)
_EVENTS = (_OBJECTS, _ALLOCATIONS, _THREADS)
#: The JDK's tool takes a fifth of a millisecond and 64 KB to print an allocation with its stack.
_ALLOCATIONS_A_SECOND = 10
_MOST_THREADS, _MOST_STACKS = 20_000, 2_000
#: The bit of a field's modifiers that marks a static one.
_IS_STATIC = 0x8
#: Most steps of a way to an object that are read, and how a description of a java.lang.Class begins.
_LONGEST_WAY, _STATIC = 200, "Class Name: "
Called = tuple[tuple[str, int], ...]


@dataclass(slots=True)
class Flight:
    """One recording in one JVM, from `start` until `stop` or the JVM's end.

    `started` is who started each thread, by thread number, as calls (method and line), innermost first;
    `allocated` is the bytes of each class allocated through each such stack, according to the samples.
    """

    pid: int
    started: dict[int, Called] = field(default_factory=dict)
    allocated: dict[tuple[str, Called], float] = field(default_factory=dict)
    _last: str = ""
    _depth: int = _DEPTH
    _apart: bool = False
    _dumped: float = field(default_factory=time.monotonic)

    @property
    def _name(self) -> str:
        return f"soak-{os.getpid()}"

    def start(self) -> None:
        """Start recording; raise TargetError if this JVM cannot."""
        wanted = [f"+{event}#{key}=true" for event in _EVENTS for key in ("enabled", "stackTrace")]
        wanted.append(f"+{_ALLOCATIONS}#throttle={_ALLOCATIONS_A_SECOND}/s")
        output = ask(
            self.pid, "JFR.start", f"name={self._name}", "settings=none", "maxsize=32M", *wanted
        )
        if "Started recording" not in output:
            raise TargetError(
                f"process {self.pid} cannot record: {output.strip()[:200] or 'it says nothing'}"
            )
        self._dumped = time.monotonic()

    def stop(self) -> None:
        """Stop recording and discard it; do nothing if the JVM has ended."""
        try:
            ask(self.pid, "JFR.stop", f"name={self._name}")
        except SoakError:
            return

    def dump(self, file: Path, *, ways: bool = False) -> str:
        """Return jcmd's command that writes the records since the last dump, and always all sampled objects.

        With `ways`, also what keeps each object alive: the JVM then stands still while it searches its heap.
        """
        since, self._dumped = time.monotonic() - self._dumped, time.monotonic()
        also = " path-to-gc-roots=true" if ways else ""
        return f"JFR.dump name={self._name} begin=-{since + 2:.0f}s filename={file}{also}"

    def objects(self, file: Path) -> list[dict[str, Any]]:
        """Return the sampled live objects: `class` in the JVM's notation, `frames`, innermost first, and `age` in seconds.

        If the dump has it, `way` is what keeps an object alive, from the root to it: the class of each owner, the field
        that it keeps the next by, and a number that identifies it.
        """
        objects = []
        last = self._last
        try:
            for event in self._events(file):
                values = event["values"]
                frames = _frames(values)
                if event["type"] == _OBJECTS:
                    kept = {"class": values["object"]["type"]["name"], "frames": frames}
                    if values.get("allocationTime"):
                        kept["age"] = _seconds_between(
                            values["allocationTime"], values["startTime"]
                        )
                    way = _way(values["object"])
                    objects.append(kept | ({"way": way} if way else {}))
                elif event["type"] == _ALLOCATIONS:
                    # A dump overlaps the previous one a little, so earlier events are skipped.
                    if values["startTime"] > last:
                        self._last = max(self._last, values["startTime"])
                        made = str((values.get("objectClass") or {}).get("name", "")), frames
                        self._allocation(made, float(values["weight"]))
                elif len(self.started) < _MOST_THREADS:
                    self.started[values["thread"]["javaThreadId"]] = frames
        except OTHER_SHAPE as error:
            raise TargetError(
                f"process {self.pid}'s recording is not as jfr prints them: {error!r:.100}"
            ) from None
        return objects

    def _allocation(self, made: tuple[str, Called], size: float) -> None:
        known = made in self.allocated
        if made[1] and (known or len(self.allocated) < _MOST_STACKS):
            self.allocated[made] = self.allocated.get(made, 0.0) + size

    def _events(self, file: Path) -> list[dict[str, Any]]:
        """Return all events of a recording; leave out allocations if their output is too large even at least depth."""
        if not self._apart:
            try:
                return self._printed(file, _EVENTS, self._depth)
            except TooMuchSaidError:
                self._apart = True
        kept = self._kept(file)
        with suppress(TargetError):
            kept += self._printed(file, (_ALLOCATIONS,), _LEAST_DEPTH)
        return kept

    def _kept(self, file: Path) -> list[dict[str, Any]]:
        while True:
            try:
                return self._printed(file, (_OBJECTS, _THREADS), self._depth)
            except TooMuchSaidError:
                if self._depth <= _LEAST_DEPTH:
                    raise TooMuchSaidError(
                        f"process {self.pid}: what its flight recording says of this snapshot is more than soak reads "
                        f"({MAX_BYTES >> 20} MiB, with {self._depth} calls of each stack), so it is not known who "
                        "allocated what it holds"
                    ) from None
                self._depth //= 2

    def _printed(self, file: Path, events: Sequence[str], depth: int) -> list[dict[str, Any]]:
        text = self._text(file, events, depth)
        printed: list[dict[str, Any]] = json.loads(text)["recording"]["events"]
        return printed

    def _text(self, file: Path, events: Sequence[str], depth: int) -> str:
        if not file.is_file():
            raise TargetError(
                f"process {self.pid} wrote no flight recording, so nobody knows who allocated what"
            )
        what = ["--json", "--stack-depth", str(depth), "--events", ",".join(events)]
        command = [tool("jfr"), *LIGHT, "print", *what, str(file)]
        return told(command, f"process {self.pid}'s recording")


def _way(kept: dict[str, Any]) -> list[tuple[str, str, int]]:
    """Return the owners on the way from the root to an object, without elements of arrays; of a static field, its class."""
    way = []
    for _ in range(_LONGEST_WAY):
        referrer = kept.get("referrer") or {}
        owner = referrer.get("object")
        if not owner:
            break
        if field := referrer.get("field"):
            about = str(owner.get("description") or "")
            static = about.startswith(_STATIC)
            name = about.removeprefix(_STATIC) if static else owner["type"]["name"]
            # The JVM looks a field up by its offset, and may take a static one at the same offset.
            mistaken = not static and int(field.get("modifiers") or 0) & _IS_STATIC
            called = "" if mistaken else str(field["name"])
            way.append((_with_dots(name), called, int(owner["address"])))
        kept = owner
    return way[::-1]


def _seconds_between(first: str, last: str) -> float:
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()


def _frames(values: dict[str, Any]) -> Called:
    """Return methods and lines of a stack, without the other fields."""
    frames = (values.get("stackTrace") or {}).get("frames") or ()
    return tuple(
        (f"{_dotted(frame['method'])}.{frame['method']['name']}", int(frame["lineNumber"] or 0))
        for frame in frames
    )


def _dotted(method: dict[str, Any]) -> str:
    return _with_dots(method["type"]["name"])


def _with_dots(name: object) -> str:
    return str(name).replace("/", ".")
