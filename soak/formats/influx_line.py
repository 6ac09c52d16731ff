"""Read InfluxDB line protocol, `measurement,tag=value field=1i,other=2.5 timestamp` (https://docs.influxdata.com/)."""

from __future__ import annotations

import re
from array import array

import numpy as np

from soak.formats.content import Content
from soak.formats.format import Format, Options, RawSeries, Reading, refuse
from soak.formats.times import from_numbers

_PLAIN = r"(?:[^,= \\]|\\.)+"
_LINE = re.compile(
    rf"((?:[^, \\]|\\.)+(?:,{_PLAIN}={_PLAIN})*)"
    rf"\s+({_PLAIN}=(?:\"(?:[^\"\\]|\\.)*\"|[^, \"]+)(?:,{_PLAIN}=(?:\"(?:[^\"\\]|\\.)*\"|[^, \"]+))*)\s+(-?\d+)\s*"
)
_FIELD = re.compile(rf"({_PLAIN})=(\"(?:[^\"\\]|\\.)*\"|[^, \"]+)(?:,|$)")
_TAG = re.compile(rf",({_PLAIN})=({_PLAIN})")
_ESCAPED = re.compile(r"\\(.)")


def read(content: Content, options: Options) -> Reading:
    """Read each numeric field as a series `measurement_field` with the tags as labels; skip text and booleans."""
    columns: dict[tuple[str, str], tuple[array[float], array[float]]] = {}
    texts: set[str] = set()
    lines = content.lines
    for number, line in enumerate(lines, 1):
        if _is_aside(line):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise refuse(content, f"not line protocol with a timestamp: {line[:60]!r}", number)
        for field, text in _FIELD.findall(match[2]):
            value = _number(text)
            if value is None:
                texts.add(field)
                continue
            times, values = columns.setdefault((match[1], field), (array("d"), array("d")))
            times.append(float(match[3]))
            values.append(value)
    reading = Reading()
    for (head, field), (times, values) in columns.items():
        try:
            seconds, note = from_numbers(np.array(times))
        except ValueError as error:
            raise refuse(content, f"{head}: {error}") from None
        if note and note not in reading.notes:
            reading.notes.append(note)
        measurement = (
            _plain(head.partition(",")[0])
            if "\\" not in head.partition(",")[0]
            else _plain(_first(head))
        )
        labels = {_plain(tag): _plain(value) for tag, value in _TAG.findall(head)}
        name = measurement if field == "value" else f"{measurement}_{_plain(field)}"
        reading.series.append(RawSeries(name, seconds, np.array(values), labels))
    if texts:
        reading.notes.append(f"left out, since it is no number: {', '.join(sorted(texts))}")
    return reading


def _is_aside(line: str) -> bool:
    """Return True for lines outside the protocol: empty, a comment, or `influx_inspect export`'s CREATE DATABASE."""
    return not line.strip() or line.startswith(("#", "CREATE DATABASE "))


def _first(head: str) -> str:
    match = re.match(r"(?:[^, \\]|\\.)+", head)
    return match[0] if match else head


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _number(text: str) -> float | None:
    """Parse a float, or an integer with the suffix `i` or `u`; return None for text and booleans."""
    try:
        return float(text[:-1] if text[-1:] in ("i", "u") else text)
    except ValueError:
        return None


def _recognises(content: Content) -> bool:
    lines = [line.strip() for line in content.first_lines[:50] if not _is_aside(line)][:5]
    return bool(lines) and all(_LINE.fullmatch(line) for line in lines)


FORMAT = Format(
    "Influx line protocol", "influx_inspect export, telegraf's file output", _recognises, read
)
