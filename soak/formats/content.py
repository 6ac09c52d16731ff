"""Read a file's content: once (so that pipes work), up to a size limit, decompressed and decoded."""

from __future__ import annotations

import codecs
import gzip
import io
import sys
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

from soak.errors import InputError

#: Largest file that is read (bytes, decompressed). 72 hours of 60 series at 1 s are about 180 MB of
#: text.
MOST_BYTES = 256 * 2**20
#: Length of the text by which a format is recognised (characters).
HEAD = 32 * 1024
#: Note for a file that ends in the middle of a line.
CUT_SHORT = "the last line has no end and is left out: the file may have been cut short"
#: Encoding used for a text that is not UTF-8.
OLD_ENCODING = "cp1252"
#: Up to this many lines, a file keeps its incomplete last line, because it would be a large part of
#: the file.
_FEWEST_LINES = 3
#: Zero bytes that a crashed machine leaves at the end of a file: allocated space without content.
_CRASHED = b"\0" * 8
#: Read size (bytes).
_CHUNK = 2**20


@dataclass(frozen=True)
class Content:
    """The bytes of one file; `path` names it in messages."""

    path: Path
    data: bytes

    @cached_property
    def encoding(self) -> str:
        """The text encoding: from the byte order mark or the zero bytes of UTF-16, else UTF-8, else Windows-1252."""
        for mark, name in (
            (b"\xef\xbb\xbf", "utf-8-sig"),
            (b"\xff\xfe", "utf-16"),
            (b"\xfe\xff", "utf-16"),
        ):
            if self.data.startswith(mark):
                return name
        head = self.data[:256]
        for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
            zeros, others = head[first::2], head[1 - first :: 2]
            if len(head) > 3 and zeros.count(0) > 0.9 * len(zeros) and 0 not in others:
                return name
        try:
            _decoded(self.data, "utf-8")
        except UnicodeDecodeError:
            return OLD_ENCODING
        return "utf-8"

    @cached_property
    def text(self) -> str:
        """The whole text with newlines (LF) as line ends; raises InputError for a binary file."""
        if b"\0" in self.data[:4096] and not self.encoding.startswith("utf-16"):
            raise InputError(
                f"{self.path}: a binary file; `soak analyze --formats` lists what can be read"
            )
        try:
            text = _decoded(self.data, self.encoding)
        except UnicodeDecodeError:
            raise InputError(
                f"{self.path}: not a text in UTF-8 or UTF-16; convert it to UTF-8"
            ) from None
        if "\0" in text:
            raise InputError(
                f"{self.path}: holds zero bytes; was it damaged, or is it a binary file?"
            )
        return text.replace("\r\n", "\n").replace("\r", "\n")

    @cached_property
    def head(self) -> str:
        """The beginning of the text; empty for a binary file."""
        try:
            return self.text[:HEAD]
        except InputError:
            return ""

    @cached_property
    def lines(self) -> list[str]:
        """All lines of the text."""
        return self.text.split("\n")

    @cached_property
    def first_lines(self) -> list[str]:
        """The complete lines of the head."""
        lines = self.head.split("\n")
        return lines if len(self.head) < HEAD else lines[:-1]

    def without_cut_line(self) -> Content:
        """Return this content without an incomplete last line; return it unchanged if it has few lines."""
        if not self.is_cut or len(self.lines) <= _FEWEST_LINES:
            return self
        whole = "\n".join([*self.lines[:-1], ""])
        return Content(self.path, whole.encode())

    @property
    def is_cut(self) -> bool:
        """True if the file's last line has no newline, for example because its writer was stopped."""
        return bool(self.text) and not self.text.endswith("\n")


def _decoded(data: bytes, encoding: str) -> str:
    """Decode some bytes; an incomplete character at the end is left out."""
    return codecs.getincrementaldecoder(encoding)().decode(data)


def read_content(path: Path) -> Content:
    """Read a file, a pipe or standard input (`-`) once; detect gzip by content. InputError says what is wrong."""
    try:
        if str(path) == "-":
            data = _bounded(path, sys.stdin.buffer)
        else:
            with path.open("rb") as file:
                data = _bounded(path, file)
        if data.startswith(b"\x1f\x8b"):
            with gzip.open(io.BytesIO(data)) as file:
                data = _bounded(path, file)
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path}: cannot be read: {why.lower()}") from None
    if data.endswith(_CRASHED):
        data = data.rstrip(b"\0")
    if not data.strip():
        raise InputError(f"{path}: the file is empty")
    return Content(path, data)


def _bounded(path: Path, file: IO[bytes] | gzip.GzipFile) -> bytes:
    pieces, size = [], 0
    while piece := file.read(_CHUNK):
        pieces.append(piece)
        size += len(piece)
        if size > MOST_BYTES:
            raise InputError(
                f"{path}: has more than {MOST_BYTES >> 20} MiB, which is the most that is read; "
                "keep every tenth row, or judge it in parts"
            )
    return b"".join(pieces)
