"""Read answers of Prometheus's HTTP API (https://prometheus.io/docs/prometheus/latest/querying/api/).

Range queries and instant queries are supported.
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from soak.errors import OTHER_SHAPE
from soak.formats.content import Content
from soak.formats.format import Format, Options, RawSeries, Reading, refuse
from soak.formats.times import from_numbers


def parse_json(content: Content) -> Any:
    """Parse a JSON file; raise InputError if it is not valid JSON."""
    try:
        return json.loads(content.text)
    except (ValueError, RecursionError) as error:
        ends = isinstance(error, json.JSONDecodeError) and not content.text.rstrip().endswith(
            ("}", "]")
        )
        hint = "; it seems cut short: fetch it again" if ends else ""
        raise refuse(content, f"not valid JSON: {error}{hint}") from None


def read(content: Content, options: Options) -> Reading:
    """Read an answer: each element of its result is a series; native histograms are left out, with a note."""
    return read_answer(content, parse_json(content))


def read_answer(content: Content, answer: Any) -> Reading:
    """Return the series of a parsed answer."""
    data = answer.get("data", answer) if isinstance(answer, dict) else None
    kind = data.get("resultType") if isinstance(data, dict) else None
    if (
        not isinstance(data, dict)
        or kind not in ("matrix", "vector")
        or not isinstance(data.get("result"), list)
    ):
        reason = f" ({answer['error']})" if isinstance(answer, dict) and "error" in answer else ""
        raise refuse(
            content, f"not an answer of query_range: expected data.resultType to be matrix{reason}"
        )
    reading, histograms, empty = Reading(), [], 0
    warned = answer.get("warnings") or ()
    reading.notes += [
        f"the server warns: {warning}" for warning in warned if isinstance(warning, str)
    ]
    for place, element in enumerate(data["result"]):
        try:
            labels = {str(name): str(value) for name, value in element.get("metric", {}).items()}
            name = labels.pop("__name__", "value")
            values = element.get("values", [element["value"]] if "value" in element else [])
            if not values:
                histograms += [name] if "histograms" in element or "histogram" in element else []
                empty += 1
                continue
            table = np.array(
                [(float(time), float(value)) for time, value in values], dtype=np.float64
            )
            if not np.isfinite(table[:, 0]).all():
                raise ValueError("a time that is not a number")
            times, note = from_numbers(table[:, 0])
        except OTHER_SHAPE as error:
            why = f"data.result[{place}]: {type(error).__name__}: {error}"
            raise refuse(content, f"not an answer of query_range: {why}") from None
        reading.series.append(RawSeries(name, times, table[:, 1], labels))
        if note and note not in reading.notes:
            reading.notes.append(note)
    if histograms:
        reading.notes.append(
            f"left out, since it is a native histogram: {', '.join(sorted(set(histograms)))}"
        )
    elif empty:
        reading.notes.append(f"{empty} of {len(data['result'])} series have no samples")
    if not reading.series and not histograms:
        raise refuse(content, "the answer holds no samples; was the query or its range wrong?")
    if kind == "vector":
        reading.notes.append(
            "an instant query has one time alone; ask query_range for a stretch of time"
        )
    return reading


#: Prometheus's status. Datadog's answers also have a status, but there it is `ok`.
_STATUS = re.compile(r'"status"\s*:\s*"(success|error)"')


def _recognises(content: Content) -> bool:
    head = content.head.lstrip()
    return head.startswith("{") and (
        '"resultType"' in head or _STATUS.search(head[:200]) is not None
    )


FORMAT = Format(
    "Prometheus JSON",
    "curl SERVER/api/v1/query_range?query=…; Thanos, Mimir, VictoriaMetrics alike",
    _recognises,
    read,
    by_lines=False,
)
