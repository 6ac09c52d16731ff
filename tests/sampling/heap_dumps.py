"""Heap dumps of a few objects, in the JVM's format."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

OBJECT, INT, BYTE = 2, 10, 8


@dataclass
class HeapDump:
    """A dump that is built object by object; `add…` return the number of what was added."""

    strings: dict[str, int] = field(default_factory=dict)
    classes: dict[str, int] = field(default_factory=dict)
    records: bytearray = field(default_factory=bytearray)
    heap: bytearray = field(default_factory=bytearray)
    last: int = 0x1000

    def number(self) -> int:
        self.last += 8
        return self.last

    def text(self, name: str) -> int:
        if name not in self.strings:
            self.strings[name] = number = self.number()
            self._record(0x01, struct.pack(">Q", number) + name.encode())
        return self.strings[name]

    def named(self, name: str) -> int:
        if name not in self.classes:
            self.classes[name] = number = self.number()
            self._record(0x02, struct.pack(">IQIQ", 1, number, 0, self.text(name)))
        return self.classes[name]

    def add_class(
        self,
        name: str,
        fields: tuple[tuple[str, int], ...] = (),
        statics: dict[str, int] | None = None,
        parent: str = "",
    ) -> int:
        """A class with these own fields (name and type) and static references."""
        number, above = self.named(name), self.named(parent) if parent else 0
        parts = [struct.pack(">BQIQ", 0x20, number, 0, above), bytes(40), struct.pack(">I", 0)]
        parts.append(struct.pack(">H", 1) + struct.pack(">HBI", 1, INT, 7))  # one constant
        parts.append(struct.pack(">H", 1 + len(statics or {})))
        parts.append(struct.pack(">QBI", self.text("COUNT"), INT, 3))
        for static, value in (statics or {}).items():
            parts.append(struct.pack(">QBQ", self.text(static), OBJECT, value))
        parts.append(struct.pack(">H", len(fields)))
        parts += [struct.pack(">QB", self.text(each), kind) for each, kind in fields]
        self.heap += b"".join(parts)
        return number

    def add(self, name: str, *values: int | bytes, number: int = 0) -> int:
        """An object: the values of its fields, those of its own class first; bytes for what is no reference."""
        number = number or self.number()
        packed = b"".join(
            each if isinstance(each, bytes) else struct.pack(">Q", each) for each in values
        )
        self.heap += struct.pack(">BQIQI", 0x21, number, 0, self.named(name), len(packed)) + packed
        return number

    def add_array(self, name: str, *values: int) -> int:
        number = self.number()
        self.heap += struct.pack(">BQIIQ", 0x22, number, 0, len(values), self.named(name))
        self.heap += b"".join(struct.pack(">Q", each) for each in values)
        return number

    def add_bytes(self, content: bytes) -> int:
        number = self.number()
        self.heap += struct.pack(">BQIIB", 0x23, number, 0, len(content), BYTE) + content
        return number

    def root(self, number: int, tag: int = 0x05) -> None:
        """A root: of the JVM, or with 0x08 a thread."""
        more = {0x05: 0, 0x08: 8, 0x01: 8, 0x03: 8, 0x06: 4}[tag]
        self.heap += struct.pack(">BQ", tag, number) + bytes(more)

    def content(self, width: int = 8) -> bytes:
        """The whole dump, in two parts."""
        head = b"JAVA PROFILE 1.0.2\0" + struct.pack(">IQ", width, 0)
        heap = bytes(self.heap)
        return head + bytes(self.records) + _packed(0x1C, heap) + _packed(0x2C, b"")

    def write(self, path: Path) -> Path:
        path.write_bytes(self.content())
        return path

    def _record(self, tag: int, content: bytes) -> None:
        self.records += _packed(tag, content)


def _packed(tag: int, content: bytes) -> bytes:
    return struct.pack(">BII", tag, 0, len(content)) + content
