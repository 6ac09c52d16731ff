"""A JVM's flight recording (JFR): who allocates, who allocated the objects that are still alive, and who started threads.

jdk.OldObjectSample keeps a sample of up to 256 objects that live on, with the stack that allocated
each, at next to no cost; jdk.ObjectAllocationSample (JDK 16 and newer) has some allocations a
second, each standing for the bytes since the one before. A recording is read by the JDK's own `jfr
print --json`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from soak.errors import OTHER_SHAPE, SoakError, TargetError
from soak.sampling.profilers.jcmd import LIGHT, TooMuchSaidError, ask, told, tool

#: Innermost frames of each stack that are printed. The JDK's tool prints 2 KB a frame: 256 objects with 64 frames of a web server
#: each are 32 MB, which take seconds; what a service calls is seldom 32 deep, what calls the service often is.
_DEPTH = 32
#: Where that is too much, as where a service starts a thread for each request, or dumps are minutes apart, allocations are
#: printed by themselves from then on, with these frames alone, and of what lives on half as many as before, down to these: a
#: pool's own calls are four, the handler that made it is the next.
_LEAST_DEPTH = 8
_OBJECTS, _ALLOCATIONS, _THREADS = (
    "jdk.OldObjectSample",
    "jdk.ObjectAllocationSample",
    "jdk.ThreadStart",
)
_EVENTS = (_OBJECTS, _ALLOCATIONS, _THREADS)
#: Printing one with its stack takes the JDK's tool a fifth of a millisecond, and 64 KB.
_ALLOCATIONS_A_SECOND = 10
_MOST_THREADS, _MOST_STACKS = 20_000, 2_000
Called = tuple[tuple[str, int], ...]


@dataclass(slots=True)
class Flight:
    """One recording in one JVM, from `start` on; `stop` ends it, or the JVM's end does.

    `started` is who started each thread, by the thread's number, as calls of a method and line,
    innermost first; `allocated` how many bytes of each class were allocated through each such
    stack, of those that are sampled.
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
        """Begin; TargetError where this JVM cannot."""
        wanted = [f"+{event}#{key}=true" for event in _EVENTS for key in ("enabled", "stackTrace")]
        wanted.append(f"+{_ALLOCATIONS}#throttle={_ALLOCATIONS_A_SECOND}/s")
        said = ask(
            self.pid, "JFR.start", f"name={self._name}", "settings=none", "maxsize=32M", *wanted
        )
        if "Started recording" not in said:
            raise TargetError(
                f"process {self.pid} cannot record: {said.strip()[:200] or 'it says nothing'}"
            )
        self._dumped = time.monotonic()

    def stop(self) -> None:
        """End it, and leave nothing behind; nothing where the JVM has ended."""
        try:
            ask(self.pid, "JFR.stop", f"name={self._name}")
        except SoakError:
            return

    def dump(self, file: Path) -> str:
        """jcmd's command to write what was recorded since the last time; sampled objects are all told each time."""
        since, self._dumped = time.monotonic() - self._dumped, time.monotonic()
        return f"JFR.dump name={self._name} begin=-{since + 2:.0f}s filename={file}"

    def objects(self, file: Path) -> list[dict[str, Any]]:
        """The sampled objects that are alive: `class` as the JVM names it, and `frames`, innermost first."""
        objects = []
        last = self._last
        try:
            for event in self._events(file):
                values = event["values"]
                frames = _frames(values)
                if event["type"] == _OBJECTS:
                    objects.append({"class": values["object"]["type"]["name"], "frames": frames})
                elif event["type"] == _ALLOCATIONS:
                    # A dump goes back a little further than the one before it went.
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
        """All events of a recording; those of allocations are left out where even the least of them is too much."""
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
                    raise
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


def _frames(values: dict[str, Any]) -> Called:
    """A stack's methods and lines, without what else is told of each."""
    frames = (values.get("stackTrace") or {}).get("frames") or ()
    return tuple(
        (f"{_dotted(frame['method'])}.{frame['method']['name']}", int(frame["lineNumber"] or 0))
        for frame in frames
    )


def _dotted(method: dict[str, Any]) -> str:
    return str(method["type"]["name"]).replace("/", ".")
