"""Amazon CloudWatch's JSON: `aws cloudwatch get-metric-statistics` and `get-metric-data`."""

from __future__ import annotations

from typing import Any

import numpy as np

from soak.catalog.words import words_of
from soak.errors import OTHER_SHAPE
from soak.formats.content import Content
from soak.formats.format import Format, Options, RawSeries, Reading, refuse
from soak.formats.prometheus_json import parse_json
from soak.formats.times import seconds_of

#: The statistics that a datapoint may have, best first: a leak shows in the level, not in the
#: extremes.
_STATISTICS = ("Average", "Maximum", "Sum", "Minimum")
_UNITS = {"Bytes": 1.0, "Kilobytes": 1e3, "Megabytes": 1e6, "Gigabytes": 1e9, "Terabytes": 1e12}


def read(content: Content, options: Options) -> Reading:
    """Read a CloudWatch answer; each label becomes a series."""
    answer = parse_json(content)
    reading = Reading()
    try:
        if "MetricDataResults" in answer:
            for result in answer["MetricDataResults"]:
                _add(
                    reading,
                    result.get("Label") or result["Id"],
                    result["Timestamps"],
                    result["Values"],
                    "",
                )
        else:
            points = answer["Datapoints"]
            statistic = next(
                (name for name in _STATISTICS if points and name in points[0]), "Average"
            )
            if points:
                unit = str(points[0].get("Unit", ""))
                times, values = (
                    [point["Timestamp"] for point in points],
                    [point[statistic] for point in points],
                )
                _add(reading, answer.get("Label", "value"), times, values, unit)
                reading.notes.append(f"taken is the statistic {statistic}")
    except OTHER_SHAPE as error:
        raise refuse(
            content, f"not an answer of CloudWatch: {type(error).__name__}: {error}"
        ) from None
    if not reading.series:
        raise refuse(
            content,
            "the answer holds no datapoints; was the metric, its dimensions or the time wrong?",
        )
    return reading


def _add(reading: Reading, label: object, times: list[Any], values: list[Any], unit: str) -> None:
    if not isinstance(times, list) or not isinstance(values, list) or len(times) != len(values):
        raise ValueError("as many Timestamps as Values are expected")
    if not times:
        return
    name = "_".join(words_of(str(label))) or "value"
    column = np.array([float(value) for value in values], dtype=np.float64)
    if unit in _UNITS:
        name, column = (name if name.endswith("bytes") else f"{name}_bytes"), column * _UNITS[unit]
    reading.series.append(RawSeries(name, seconds_of(times), column))


def _recognises(content: Content) -> bool:
    head = content.head
    return head.lstrip().startswith("{") and (
        '"Datapoints"' in head or '"MetricDataResults"' in head
    )


FORMAT = Format(
    "CloudWatch JSON",
    "aws cloudwatch get-metric-statistics, get-metric-data",
    _recognises,
    read,
    by_lines=False,
)
