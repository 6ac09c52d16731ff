"""A JVM's memory outside the heap, from jcmd: native memory by category if it is tracked, and class loaders."""

from __future__ import annotations

import re
from collections.abc import Iterator

#: Run together with the histogram in one start of jcmd; both are cheap. The first reports that it
#: is off unless the JVM was started with -XX:NativeMemoryTracking=summary.
NATIVE_COMMANDS = ("VM.native_memory summary scale=KB", "VM.classloader_stats", "GC.heap_info")
#: The addresses that a heap, or one of its generations, may take: `[0x687400000, 0x800000000)`, for some
#: collectors with how far it reaches now between the two. ZGC tells none.
_ADDRESSES = re.compile(r"\[0x([0-9a-f]{1,16}), (?:0x[0-9a-f]{1,16}, )?0x([0-9a-f]{1,16})\)")

#: A category, such as `-                    Thread (reserved=42KB, committed=40KB)`.
_CATEGORY = re.compile(
    r"^-\s+([A-Z][A-Za-z ]{1,40}?) \(reserved=\d{1,15}KB, committed=(\d{1,15})KB", re.MULTILINE
)
#: Instances and bytes of all live classes: `Total         1234567   98765432`.
_TOTAL = re.compile(r"^Total\s+\d{1,18}\s+(\d{1,18})\s*$", re.MULTILINE)
#: Instances and bytes of a class, largest first: `   1:         12345        1234567  [B
#: (java.base@17.0.1)`.
_CLASS = re.compile(r"^\s*\d{1,12}:\s+(\d{1,18})\s+(\d{1,18})\s+(\S{1,500})", re.MULTILINE)
#: Name prefixes of the runtime's own classes.
RUNTIME = ("[", "java.", "javax.", "jdk.", "sun.", "com.sun.")
#: Classes kept between snapshots, both of the runtime's and of all others: a few KB when packed.
_MOST_CLASSES = 100
#: The first line of the summary of VM.classloader_stats: `Total = 5`.
_LOADERS = re.compile(r"^Total = (\d{1,9})\b", re.MULTILINE)


def histogram_in(report: str) -> str:
    """Return only the class histogram, which ends with its total."""
    total = _TOTAL.search(report)
    return report[: total.end()] if total else report


def live_classes(report: str) -> dict[str, float]:
    """Return bytes of the largest classes by jcmd's names: up to `_MOST_CLASSES` of the runtime and of all others."""
    largest: dict[bool, dict[str, float]] = {True: {}, False: {}}
    for row in _CLASS.finditer(report):
        kept = largest[row[3].startswith(RUNTIME)]
        if len(kept) < _MOST_CLASSES:
            kept[row[3]] = kept.get(row[3], 0.0) + float(row[2])
    return largest[True] | largest[False]


def instances(histogram: str) -> dict[str, float]:
    """Return how many objects there are of each class, by jcmd's names."""
    return {row[3]: float(row[1]) for row in _CLASS.finditer(histogram)}


def heap_addresses(report: str) -> tuple[int, int] | None:
    """Return the first address that the heap may take and the one after its last; None if they are not told."""
    ranges = [(int(row[1], 16), int(row[2], 16)) for row in _ADDRESSES.finditer(report)]
    return (min(first for first, _ in ranges), max(last for _, last in ranges)) if ranges else None


def native_gauges(report: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """Yield those gauges that jcmd printed: live bytes of all classes, native memory by category, class loaders."""
    if total := _TOTAL.search(report):
        yield "jvm_live_classes_bytes", {}, float(total[1])
    for category in _CATEGORY.finditer(report):
        yield (
            "jvm_native_memory_committed_bytes",
            {"category": category[1]},
            1024.0 * float(category[2]),
        )
    if loaders := _LOADERS.search(report):
        yield "jvm_class_loaders", {}, float(loaders[1])
