"""Read OpenMetrics or Prometheus text with timestamps, such as the output of `promtool tsdb dump-openmetrics`."""

from __future__ import annotations

import re
from array import array

import numpy as np

from soak.formats.column_names import labelled
from soak.formats.content import Content
from soak.formats.format import Format, Options, RawSeries, Reading, refuse
from soak.formats.times import from_numbers
from soak.model import Kind

_SAMPLE = re.compile(
    r"([a-zA-Z_:][a-zA-Z0-9_:]*(?:\{(?:[^\"}]|\"(?:[^\"\\]|\\.)*\")*\})?|\{(?:[^\"}]|\"(?:[^\"\\]|\\.)*\")*\})"
    r"\s+([^\s=]+)\s+(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?:\s+#.*)?\s*"
)
_COMMENT = re.compile(r"#\s+(TYPE|HELP|UNIT|EOF)\b")
_ONE_MOMENT = (
    "samples without a timestamp: a page of one moment tells of no growth; `soak run` with a `prometheus` source reads it again "
    "and again, and `soak analyze --prometheus` asks the server that does"
)
_TYPE = re.compile(r"# TYPE \S+ (counter|gauge|histogram|summary|untyped|unknown)\s*")
_COUNTERS = ("counter", "histogram", "summary", "gaugehistogram")


def read(content: Content, options: Options) -> Reading:
    """Read the samples; raise an error for a line without a timestamp."""
    columns: dict[str, tuple[array[float], array[float]]] = {}
    types: dict[str, str] = {}
    lines = content.lines
    for number, line in enumerate(lines, 1):
        if not line or line[0] == "#":
            words = line.split()
            if words[1:2] == ["TYPE"] and len(words) == 4:
                types[words[2].strip('"')] = words[3]
            continue
        match = _SAMPLE.fullmatch(line)
        try:
            if match is None and not columns and len(line.split("}")[-1].split()) <= 2:
                raise refuse(content, _ONE_MOMENT, number)
            if match is None:
                raise ValueError("expected a name, a value and a timestamp")  # noqa: TRY301 - said below
            value, time = float(match[2]), float(match[3])
        except ValueError as error:
            raise refuse(
                content, f"not a sample with a timestamp: {error}: {line[:60]!r}", number
            ) from None
        times, values = columns.setdefault(match[1], (array("d"), array("d")))
        times.append(time)
        values.append(value)
    reading = Reading()
    for head, (times, values) in columns.items():
        try:
            name, labels = labelled(head)
            seconds, note = from_numbers(np.array(times))
        except ValueError as error:
            raise refuse(content, f"{head[:60]}: {error}") from None
        if note and note not in reading.notes:
            reading.notes.append(note)
        if types.get(name.removesuffix("_created"), "") in _COUNTERS and name not in types:
            continue  # the creation time of a counter or a histogram, not a value
        known = types.get(name) or types.get(re.sub(r"_(total|sum|count|bucket)$", "", name), "")
        counter = known in _COUNTERS and not (known == "summary" and "quantile" in labels)
        reading.series.append(
            RawSeries(name, seconds, np.array(values), labels, Kind.COUNTER if counter else None)
        )
    return reading


def _recognises(content: Content) -> bool:
    lines = [line for line in content.first_lines[:200] if line.strip()]
    samples = [line for line in lines if not line.startswith("#")][:5]
    if samples:
        # A service's metrics page has types but no timestamps; `read` then raises an error that
        # explains it.
        return all(map(_SAMPLE.fullmatch, samples)) or any(map(_TYPE.fullmatch, lines))
    return any(map(_COMMENT.match, lines))


FORMAT = Format(
    "OpenMetrics text with timestamps",
    "promtool tsdb dump-openmetrics; VictoriaMetrics /export/prometheus",
    _recognises,
    read,
)
