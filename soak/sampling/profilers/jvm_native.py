"""What a JVM keeps outside of its heap, from jcmd: its native memory by category where it tracks it, and its class loaders."""

from __future__ import annotations

import re
from collections.abc import Iterator

#: Asked for beside the histogram, in one start of jcmd. The first says that it is off unless the JVM was started with
#: -XX:NativeMemoryTracking=summary; both are cheap.
NATIVE_COMMANDS = ("VM.native_memory summary scale=KB", "VM.classloader_stats")

#: `-                    Thread (reserved=42KB, committed=40KB)`
_CATEGORY = re.compile(
    r"^-\s+([A-Z][A-Za-z ]{1,40}?) \(reserved=\d{1,15}KB, committed=(\d{1,15})KB", re.MULTILINE
)
#: `Total         1234567   98765432`: instances and bytes of all live classes.
_TOTAL = re.compile(r"^Total\s+\d{1,18}\s+(\d{1,18})\s*$", re.MULTILINE)
#: `   1:         12345        1234567  [B (java.base@17.0.1)`: instances and bytes of one class; the largest come first.
_CLASS = re.compile(r"^\s*\d{1,12}:\s+\d{1,18}\s+(\d{1,18})\s+(\S{1,500})", re.MULTILINE)
#: Classes of the runtime itself, by their names' beginnings.
_RUNTIME = ("[", "java.", "javax.", "jdk.", "sun.", "com.sun.")
#: Of the runtime's classes and of all others as many are kept between snapshots: a few KB, packed.
_MOST_CLASSES = 100
#: `Total = 5`, the first line of the sum of VM.classloader_stats.
_LOADERS = re.compile(r"^Total = (\d{1,9})\b", re.MULTILINE)


def histogram_in(said: str) -> str:
    """The class histogram alone, which ends with its total."""
    total = _TOTAL.search(said)
    return said[: total.end()] if total else said


def live_classes(said: str) -> dict[str, float]:
    """Bytes of the largest classes, by name as jcmd writes it: so many of the runtime, so many of all others."""
    largest: dict[bool, dict[str, float]] = {True: {}, False: {}}
    for row in _CLASS.finditer(said):
        kept = largest[row[2].startswith(_RUNTIME)]
        if len(kept) < _MOST_CLASSES:
            kept[row[2]] = kept.get(row[2], 0.0) + float(row[1])
    return largest[True] | largest[False]


def native_gauges(said: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """Gauges from what jcmd printed: live bytes of all classes, native memory by category, and class loaders; what it has."""
    if total := _TOTAL.search(said):
        yield "jvm_live_classes_bytes", {}, float(total[1])
    for category in _CATEGORY.finditer(said):
        yield (
            "jvm_native_memory_committed_bytes",
            {"category": category[1]},
            1024.0 * float(category[2]),
        )
    if loaders := _LOADERS.search(said):
        yield "jvm_class_loaders", {}, float(loaders[1])
