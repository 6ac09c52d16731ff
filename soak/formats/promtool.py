"""Read `promtool query range` and `promtool query instant`: a series' name, `=>`, and points as `VALUE @[TIME]`."""

from __future__ import annotations

import re

import numpy as np

from soak.formats.column_names import labelled
from soak.formats.content import Content
from soak.formats.format import Format, Options, RawSeries, Reading, refuse

_SERIES = re.compile(r"(\S.*?) =>(?:\s+(.*))?")
_POINT = re.compile(r"(\S+) @\[(\d+(?:\.\d+)?)\]")


def read(content: Content, options: Options) -> Reading:
    """Read all series; InputError names the line."""
    reading = Reading()
    points: list[tuple[float, float]] = []
    name, labels = "", dict[str, str]()
    for number, line in enumerate(content.lines, 1):
        text = line.strip()
        if not text:
            continue
        if head := _SERIES.fullmatch(text):
            _keep(reading, name, labels, points)
            points = []
            try:
                name, labels = labelled(head[1])
            except ValueError as error:
                raise refuse(content, str(error), number) from None
            text = (head[2] or "").strip()
            if not text:
                continue
        point = _POINT.fullmatch(text)
        value = None if point is None or not name else _number(point[1])
        if point is None or value is None:
            raise refuse(content, f"expected VALUE @[TIME]: {text[:60]!r}", number)
        points.append((float(point[2]), value))
    _keep(reading, name, labels, points)
    if not reading.series:
        raise refuse(content, "holds no points")
    return reading


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _keep(
    reading: Reading, name: str, labels: dict[str, str], points: list[tuple[float, float]]
) -> None:
    if points:
        times, values = np.array(points).T
        reading.series.append(RawSeries(name, times, values, labels))


def _recognises(content: Content) -> bool:
    return (
        any(_SERIES.fullmatch(line.strip()) for line in content.first_lines[:2])
        and " @[" in content.head[:4000]
    )


FORMAT = Format(
    "promtool",
    "promtool query range --start … --end … --step 1m http://127.0.0.1:9090 QUERY",
    _recognises,
    read,
)
