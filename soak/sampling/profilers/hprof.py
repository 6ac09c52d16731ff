"""Read a JVM's heap dump: its classes, and where the references of its objects lie.

The format is that of the JDK's tools ("HPROF binary format", src/hotspot/share/services/heapDumper.cpp). Only
identities, classes and references are read, never the contents of objects.
"""

from __future__ import annotations

import struct
import time
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

#: Seconds after which reading is given up.
PATIENCE = 30.0
_STRING, _LOAD_CLASS, _SEGMENTS = 0x01, 0x02, (0x0C, 0x1C)
#: Bytes behind the tag of each root; and the tags of roots of threads, which are not the JVM's own.
_ROOTS = {0xFF: 8, 0x01: 16, 0x02: 16, 0x03: 16, 0x04: 12, 0x05: 8, 0x06: 12, 0x07: 8, 0x08: 16}
_OF_THREADS = (0x02, 0x03, 0x04, 0x06, 0x08)
_CLASS, _INSTANCE, _OBJECTS, _PRIMITIVES = 0x20, 0x21, 0x22, 0x23
_REFERENCE = 2
_WIDTHS = {_REFERENCE: 8, 4: 1, 5: 2, 6: 4, 7: 8, 8: 1, 9: 2, 10: 4, 11: 8}
_ARRAYS = {4: "[Z", 5: "[C", 6: "[F", 7: "[D", 8: "[B", 9: "[S", 10: "[I", 11: "[J"}
_WEAK = tuple(f"java.lang.ref.{kind}Reference" for kind in ("Weak", "Soft", "Phantom"))


Numbers = NDArray[np.uint64]
#: A reference in a heap of less than 32 GB takes half of what it takes in the dump.
_COMPRESSED = 4


def _aligned(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the bytes that objects take: multiples of eight."""
    return -(-sizes // 8) * 8


class LateError(ValueError):
    """Reading takes too long."""


def check_time(until: float) -> None:
    """Raise LateError after a moment of the monotonic clock."""
    if time.monotonic() > until:
        raise LateError(f"it takes longer than {PATIENCE:g} s")


@dataclass(slots=True)
class DumpedClass:
    """A class: its super class, its static references (name and object) and its own fields, in order (name and type)."""

    parent: int
    statics: list[tuple[int, int]]
    fields: list[tuple[int, int]]


@dataclass(slots=True)
class Dump:
    """What is read of a dump: identities, classes and where the references of each object begin."""

    names: dict[int, bytes] = field(default_factory=dict)
    class_names: dict[int, int] = field(default_factory=dict)
    classes: dict[int, DumpedClass] = field(default_factory=dict)
    roots: list[list[int]] = field(default_factory=lambda: [[], []])
    instances: dict[int, tuple[array[int], array[int]]] = field(
        default_factory=lambda: defaultdict(lambda: (array("Q"), array("Q")))
    )
    arrays: dict[int, tuple[array[int], array[int], array[int]]] = field(
        default_factory=lambda: defaultdict(lambda: (array("Q"), array("Q"), array("Q")))
    )
    primitives: dict[int, tuple[array[int], array[int]]] = field(
        default_factory=lambda: defaultdict(lambda: (array("Q"), array("Q")))
    )

    def objects(self) -> Iterator[tuple[str, Numbers, NDArray[np.int64]]]:
        """Yield of each class, arrays among them, the name, its objects, and the bytes that each takes.

        Objects are taken to be laid out as a JVM with compressed references does.
        """
        for number, (ids, _) in self.instances.items():
            size = _aligned(np.full(len(ids), 12 + self._width(number)))
            yield self.name(number), np.frombuffer(ids, np.uint64), size
        for number, (ids, _, lengths) in self.arrays.items():
            many = np.frombuffer(lengths, np.uint64).astype(np.int64)
            yield (
                self.name(number),
                np.frombuffer(ids, np.uint64),
                _aligned(16 + _COMPRESSED * many),
            )
        for kind, (ids, lengths) in self.primitives.items():
            many = np.frombuffer(lengths, np.uint64).astype(np.int64)
            size = _aligned(16 + _WIDTHS[kind] * many)
            yield _ARRAYS[kind], np.frombuffer(ids, np.uint64), size

    def _width(self, number: int) -> int:
        width = 0
        while (made := self.classes.get(number)) is not None:
            width += sum(
                _COMPRESSED if kind == _REFERENCE else _WIDTHS[kind] for _, kind in made.fields
            )
            number = made.parent
        return width

    def references(self, number: int) -> Iterator[tuple[int, str, str]]:
        """Yield where each reference lies in an object of a class, the class that declares it, and its name."""
        within = 0
        while (made := self.classes.get(number)) is not None:
            for name, kind in made.fields:
                if kind == _REFERENCE:
                    yield within, self.name(number), self.text(name)
                within += _WIDTHS[kind]
            number = made.parent

    def of_kind(self, name: str) -> Iterator[int]:
        """Yield the objects of a class and of those derived from it."""
        for number, (ids, _) in self.instances.items():
            if self._is_a(number, (name,)):
                yield from ids

    def is_weak(self, number: int) -> bool:
        """Return True for a class of references that keep nothing alive."""
        return self._is_a(number, _WEAK)

    def _is_a(self, number: int, names: Sequence[str]) -> bool:
        while (made := self.classes.get(number)) is not None:
            if self.name(number) in names:
                return True
            number = made.parent
        return False

    def text(self, number: int) -> str:
        """Return a name."""
        return self.names.get(number, b"").decode("utf-8", "replace")

    def name(self, number: int) -> str:
        """Return the name of a class, with dots."""
        return dotted(self.text(self.class_names.get(number, 0)))


def dotted(name: str) -> str:
    """Return a class's name as the JVM's tools spell it, or the dump, in one form."""
    return name.replace("/", ".").replace("+", ".")


def read_dump(data: bytes, until: float) -> Dump:
    """Return what a dump holds; ValueError or struct.error if it is damaged, LateError after a moment `until`."""
    head = data.find(b"\0", 0, 64)
    if data[:12] != b"JAVA PROFILE" or head < 0:
        raise ValueError("no heap dump")
    if struct.unpack_from(">I", data, head + 1)[0] != 8:
        raise ValueError("identities of 4 bytes")
    dump, at = Dump(), head + 13
    while at + 9 <= len(data):
        tag, _, size = struct.unpack_from(">BII", data, at)
        at += 9
        if at + size > len(data):
            raise ValueError("it is cut short")
        if tag == _STRING:
            dump.names[struct.unpack_from(">Q", data, at)[0]] = data[at + 8 : at + size]
        elif tag == _LOAD_CLASS:
            _, number, _, name = struct.unpack_from(">IQIQ", data, at)
            dump.class_names[number] = name
        elif tag in _SEGMENTS:
            _segment(data, at, at + size, dump, until)
        at += size
    return dump


def _segment(data: bytes, at: int, end: int, dump: Dump, until: float) -> None:
    """Read one part of the heap."""
    instance, objects, primitives = (
        struct.Struct(shape).unpack_from for shape in (">QIQI", ">QIIQ", ">QIIB")
    )
    count = 0
    while at < end:
        count += 1
        if count % 65536 == 0:
            check_time(until)
        tag = data[at]
        at += 1
        if tag == _INSTANCE:
            number, _, kind, size = instance(data, at)
            ids, places = dump.instances[kind]
            ids.append(number)
            places.append(at + 24)
            at += 24 + size
        elif tag == _PRIMITIVES:
            number, _, many, kind = primitives(data, at)
            ids, lengths = dump.primitives[kind]
            ids.append(number)
            lengths.append(many)
            at += 17 + many * _WIDTHS[kind]
        elif tag == _OBJECTS:
            number, _, many, kind = objects(data, at)
            ids, places, lengths = dump.arrays[kind]
            ids.append(number)
            places.append(at + 24)
            lengths.append(many)
            at += 24 + 8 * many
        elif tag in _ROOTS:
            [number] = struct.unpack_from(">Q", data, at)
            dump.roots[tag in _OF_THREADS].append(number)
            at += _ROOTS[tag]
        elif tag == _CLASS:
            at = _class(data, at, dump)
        else:
            raise ValueError(f"a record of kind {tag:#x}")


def _class(data: bytes, at: int, dump: Dump) -> int:
    """Read one class; return where it ends."""
    number, _, parent = struct.unpack_from(">QIQ", data, at)
    at += 64
    [constants] = struct.unpack_from(">H", data, at)
    at += 2
    for _ in range(constants):
        at += 3 + _WIDTHS[data[at + 2]]
    [many] = struct.unpack_from(">H", data, at)
    at += 2
    statics = []
    for _ in range(many):
        name, kind = struct.unpack_from(">QB", data, at)
        if kind == _REFERENCE and not dump.names.get(name, b"").startswith(b"<"):  # the JVM's own
            statics.append((name, struct.unpack_from(">Q", data, at + 9)[0]))
        at += 9 + _WIDTHS[kind]
    fields_here: int = struct.unpack_from(">H", data, at)[0]
    at += 2
    fields = [struct.unpack_from(">QB", data, at + 9 * each) for each in range(fields_here)]
    dump.classes[number] = DumpedClass(parent, statics, fields)
    return at + 9 * fields_here
