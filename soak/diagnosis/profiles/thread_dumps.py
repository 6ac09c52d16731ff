"""Read threads grouped by stack: a JVM's from `jcmd Thread.print`, Python's from soak.hook."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.profiles.java_names import libraries_of, method_frame
from soak.diagnosis.profiles.json_profile import (
    THREADS,
    amount,
    items,
    mapping,
    parse_json_profile,
    profile_from_stacks,
    prose,
    text,
)
from soak.diagnosis.profiles.pprof import StackProfile
from soak.diagnosis.profiles.tracebacks import frames_of

#: `"name" #12 daemon prio=5 …`: Java threads have a number, the JVM's own threads have none.
_HEAD = re.compile(r'"[^\n]{0,1000}" #(\d{1,18}) ')
#: `at Leaky.main(Leaky.java:11)`; calls within the JDK have the module before the file.
_CALL = re.compile(
    r"\s+at ([^\s(]{1,500})\((?:[^\s()/]{0,200}/{1,2})?([^():]{0,200})(?::(\d{1,9}))?\)"
)


def read_threads(data: bytes) -> StackProfile:
    """Read threads of either runtime, grouped by stack; the calls that started a thread, if known, follow its own."""
    return parse_json_profile(data, "list of threads", _read)


def _read(dump: Mapping[str, Any]) -> StackProfile:
    stacks = _java(dump) if "dump" in dump else _python(dump)
    grouped: Counter[tuple[Frame, ...]] = Counter()
    for stack, count in stacks:
        grouped[stack] += count
    return profile_from_stacks(
        ((stack, (float(count),)) for stack, count in grouped.items()), THREADS
    )


def _java(dump: Mapping[str, Any]) -> Iterator[tuple[tuple[Frame, ...], int]]:
    started, libraries = mapping(dump.get("started")), libraries_of(dump)
    any_head = False
    for section in prose(dump["dump"]).split("\n\n"):
        head = _HEAD.match(section.strip("\n"))
        if head is not None:
            any_head = True
            calls = tuple(
                method_frame(call[1], int(call[3] or 0), _file(call[2]), libraries)
                for call in _CALL.finditer(section)
            )
            stack = calls + _starter(started.get(head[1]), libraries)
            if stack:  # empty for the JVM's own threads (compiler, signals), whose number varies
                yield stack, 1
    if not any_head:
        raise ValueError("no thread in it")


def _file(file: str) -> str:
    return "" if file in ("Native Method", "Unknown Source") else text(file)


def _starter(calls: object, libraries: tuple[str, ...]) -> tuple[Frame, ...]:
    """Return the calls that started a thread; empty if unknown."""
    pairs = [items(call) for call in items(calls or [])]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError("a call that is not a method and a line")
    return tuple(method_frame(name, number, libraries=libraries) for name, number in pairs)


#: The outermost frame of an asyncio task's stack.
TASK = "asyncio.Task"


def _python(dump: Mapping[str, Any]) -> Iterator[tuple[tuple[Frame, ...], int]]:
    libraries = tuple(text(root) for root in items(dump.get("libraries")))
    for thread in map(mapping, items(dump.get("threads"))):
        yield frames_of(thread.get("frames"), libraries), int(amount(thread.get("count")))
    for task in map(mapping, items(dump.get("tasks", []))):
        yield (
            (*frames_of(task.get("frames"), libraries), Frame(TASK)),
            int(amount(task.get("count"))),
        )
