"""Where code that was compiled to JavaScript is in its own source, by the source maps beside it (ECMA-426).

TypeScript and bundlers write them. A profile of V8's names lines of what runs: `main.js:51` may be a
line of ten thousand characters.
"""

from __future__ import annotations

import base64
import json
import os
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from soak.errors import OTHER_SHAPE

#: The link at the end of a file, and how many bytes from the end it is looked for (an inline map is long).
_LINK = re.compile(rb"//[#@] ?sourceMappingURL=([^\s'\"]+)[\s]*(?:\*/\s*)?$")
_TAIL = 32 << 20
#: Largest map that is read (bytes).
_MOST = 32 << 20
_DIGITS = {
    digit: value
    for value, digit in enumerate(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    )
}
_INLINE = re.compile(r"data:application/json[^,]*;base64,")
#: Bundlers' own schemes, before the path of a source.
_BUNDLED = re.compile(r"^(?:webpack|turbopack|rollup|vite|ng)://[^/]*/")


class _Segment(NamedTuple):
    """From this column of a line of what runs on: the source's number and line, both from 0."""

    column: int
    source: int
    line: int


@dataclass(frozen=True, slots=True)
class _Map:
    sources: list[str]
    lines: list[list[_Segment]]

    def at(self, line: int, column: int) -> tuple[str, int] | None:
        segments = self.lines[line] if 0 <= line < len(self.lines) else []
        if not segments:
            return None
        index = bisect_right(segments, column, key=lambda segment: segment.column) - 1
        found = segments[max(index, 0)]
        known = 0 <= found.source < len(self.sources)
        return (self.sources[found.source], found.line) if known else None


@dataclass(slots=True)
class SourceMaps:
    """Reads each script's map once, from this machine's files."""

    _known: dict[str, _Map | None] = field(default_factory=dict)

    def mapped(self, call: dict[str, Any]) -> dict[str, Any]:
        """Return a call frame of the inspector's at its place in the source; as it is where no map tells."""
        url, line, column = (call.get(key) for key in ("url", "lineNumber", "columnNumber"))
        if not (isinstance(url, str) and isinstance(line, int) and isinstance(column, int)):
            return call
        scheme = "file://" if url.startswith("file://") else ""
        # Node names the files of CommonJS by their path alone.
        if not scheme and not url.startswith("/"):
            return call
        if url not in self._known:
            self._known[url] = _read(url)
        known = self._known[url]
        place = known.at(line, column) if known is not None else None
        if place is None:
            return call
        return call | {"url": f"{scheme}{place[0]}", "lineNumber": place[1]}

    def map_tree(self, head: dict[str, Any]) -> None:
        """Put every call of a tree at its place in the source."""
        waiting = [head]
        while waiting:
            node = waiting.pop()
            if isinstance(call := node.get("callFrame"), dict):
                node["callFrame"] = self.mapped(call)
            children = node.get("children")
            waiting += [child for child in children or () if isinstance(child, dict)]


def _read(url: str) -> _Map | None:
    """Return a script's map; None if it has none, or none that can be read."""
    script = Path(unquote(urlsplit(url).path) if url.startswith("file://") else url)
    try:
        if not script.is_file():
            return None
        with script.open("rb") as file:
            file.seek(max(script.stat().st_size - _TAIL, 0))
            link = _LINK.search(file.read().rstrip())
        if link is None:
            return None
        told = link[1].decode()
        if inline := _INLINE.match(told):
            text, folder = base64.b64decode(told[inline.end() :]), script.parent
        else:
            beside = script.parent / unquote(told)
            if not beside.is_file() or beside.stat().st_size > _MOST:
                return None
            text, folder = beside.read_bytes(), beside.parent
        return _map(json.loads(text), folder)
    except (OSError, *OTHER_SHAPE):
        return None


def _map(document: dict[str, Any], folder: Path) -> _Map:
    root = document.get("sourceRoot") or ""
    sources = [
        os.path.normpath(folder / _BUNDLED.sub("", f"{root}{source or ''}"))
        for source in document["sources"]
    ]
    return _Map(sources, _lines(document["mappings"]))


def _lines(mappings: str) -> list[list[_Segment]]:
    """Return the segments of each line; each number is written as the difference from the one before."""
    source = line = 0
    lines = []
    for written in mappings.split(";"):
        column, segments = 0, []
        for part in filter(None, written.split(",")):
            numbers = _numbers(part)
            column += numbers[0]
            if len(numbers) >= 4:
                source, line = source + numbers[1], line + numbers[2]
                segments.append(_Segment(column, source, line))
        lines.append(segments)
    return lines


def _numbers(part: str) -> list[int]:
    """Return the numbers of a segment, in base 64 with five bits each, the lowest first (VLQ)."""
    numbers, value, shift = [], 0, 0
    for digit in part:
        bits = _DIGITS[digit]
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            numbers.append(-(value >> 1) if value & 1 else value >> 1)
            value = shift = 0
    return numbers
