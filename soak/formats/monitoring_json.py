"""Read the JSON answers of monitoring services: each holds points of several series, nested in its own way.

To add a service: write a function that yields the series of its answer, and add a line to MONITORING.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from soak.errors import OTHER_SHAPE
from soak.formats.column_names import in_base_unit
from soak.formats.content import Content
from soak.formats.format import Format, Options, Reading, Table, refuse
from soak.formats.netdata_charts import said_of_unit, unit_of_chart
from soak.formats.prometheus_json import parse_json
from soak.formats.table import read_table
from soak.formats.times import seconds_of
from soak.model import Floats

#: Byte units in the spelling of these services, mapped to soak's.
_BYTES = {"byte": "B", "bytes": "B", "by": "B", "decbytes": "B", "kib": "KiB", "mib": "MiB"}
_BYTES |= {"gib": "GiB", "kibibyte": "KiB", "mebibyte": "MiB", "gibibyte": "GiB", "mb": "MB"}
_BYTES |= {"kilobyte": "kB", "megabyte": "MB", "gigabyte": "GB", "kbytes": "KiB", "mbytes": "MiB"}
#: Characters that Prometheus does not allow in names of metrics and labels.
_NO_NAME = re.compile(r"\W+")
#: The statistics that a point may have, best first: a leak shows in the level, not in the extremes.
_STATISTICS = ("average", "total", "maximum", "minimum", "count")


@dataclass(frozen=True, slots=True)
class _Points:
    """One series: its times as written in the answer, and its values (None if missing)."""

    name: str
    times: Sequence[Any]
    values: Sequence[Any]
    labels: dict[str, str] = field(default_factory=dict)
    unit: str = ""
    note: str = ""


_Extract = Callable[[Any], Iterator[_Points]]


def _datadog(answer: Any) -> Iterator[_Points]:
    """Yield the series of https://docs.datadoghq.com/api/latest/metrics/#query-timeseries-points, version 1 or 2."""
    if "series" in answer:
        for series in answer["series"]:
            times, values = _columns(series["pointlist"])
            labels = _pairs(series.get("scope", "").split(","))
            yield _Points(series["metric"], times, values, labels, _unit_of(series.get("unit")))
        return
    attributes = answer["data"]["attributes"]
    for series, values in zip(attributes["series"], attributes["values"], strict=True):
        labels = _pairs(series.get("group_tags", []))
        yield _Points("value", attributes["times"], values, labels, _unit_of(series.get("unit")))


def _unit_of(unit: Any) -> str:
    """Return Datadog's unit; it gives a pair of a unit and its divisor, either of which may be missing."""
    return str(unit[0]["name"]) if unit and unit[0] else ""


def _pairs(tags: Sequence[str]) -> dict[str, str]:
    return {name: value for tag in tags for name, colon, value in [tag.partition(":")] if colon}


def _netdata(answer: Any) -> Iterator[_Points]:
    """Yield the series of https://learn.netdata.cloud/docs/rest-api/queries; in version 2 each value is a list."""
    result = answer.get("result", answer)
    unit = answer.get("view", {}).get("units", "")
    names, (times, *columns) = result["labels"][1:], _columns(result["data"])
    plain = [
        [value[0] if isinstance(value, list) else value for value in values] for values in columns
    ]
    note = ""
    if not unit:
        largest = max(
            (value for values in plain for value in values if value is not None), default=0.0
        )
        unit = unit_of_chart(names, largest)
        note = said_of_unit(names, unit) if unit else ""
    for name, values in zip(names, plain, strict=True):
        yield _Points(f"{answer.get('id', '')} {name}".strip(), times, values, {}, unit, note)


def _graphite(answer: Any) -> Iterator[_Points]:
    """Yield the series of https://graphite.readthedocs.io/en/stable/render_api.html#json; points are (value, time)."""
    for series in answer:
        values, times = _columns(series["datapoints"])
        yield _Points(series["target"], times, values)


def _azure(answer: Any) -> Iterator[_Points]:
    """Yield the series of https://learn.microsoft.com/rest/api/monitor/metrics/list and `az monitor metrics list`."""
    for metric in answer["value"]:
        for series in metric["timeseries"]:
            labels = {
                pair["name"]["value"]: pair["value"] for pair in series.get("metadatavalues", [])
            }
            points = series["data"]
            statistic = next((name for name in _STATISTICS if any(name in p for p in points)), "")
            values = [point.get(statistic) for point in points]
            times = [point["timeStamp"] for point in points]
            yield _Points(metric["name"]["value"], times, values, labels, metric.get("unit", ""))


def _google(answer: Any) -> Iterator[_Points]:
    """Yield the series of https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.timeSeries/list.

    A cumulative metric gets the suffix `_total`.
    """
    for series in answer["timeSeries"] if isinstance(answer, dict) else answer:
        metric, points = series["metric"], series["points"]
        labels = {**series.get("resource", {}).get("labels", {}), **metric.get("labels", {})}
        domain, _, path = metric["type"].partition("/")
        total = "_total" if series.get("metricKind") == "CUMULATIVE" else ""
        name = f"{domain.partition('.')[0]}_{path}".removesuffix(total) + total
        values = [next(iter(point["value"].values()), None) for point in points]
        times = [point["interval"]["endTime"] for point in points]
        yield _Points(name, times, values, labels, series.get("unit", ""))


def _opentsdb(answer: Any) -> Iterator[_Points]:
    """Yield the series of http://opentsdb.net/docs/build/html/api_http/query/index.html: points as an object or pairs."""
    for series in answer:
        points = series["dps"]
        pairs = list(points.items()) if isinstance(points, dict) else points
        times, values = _columns([(float(time), value) for time, value in pairs])
        yield _Points(series["metric"], times, values, series.get("tags", {}))


def _zabbix(answer: Any) -> Iterator[_Points]:
    """Yield the series of https://www.zabbix.com/documentation/current/en/manual/api/reference/history/get."""
    by_item: dict[str, list[tuple[float, Any]]] = {}
    for point in answer["result"]:
        by_item.setdefault(str(point["itemid"]), []).append((float(point["clock"]), point["value"]))
    for item, points in by_item.items():
        times, values = _columns(points)
        yield _Points("value", times, values, {"item": item})


def _grafana(answer: Any) -> Iterator[_Points]:
    """Yield the series of https://grafana.com/developers/dataplane: frames of columns, one of which holds the times."""
    for result in answer["results"].values():
        for frame in result["frames"]:
            fields, columns = frame["schema"]["fields"], frame["data"]["values"]
            kinds = [field.get("type") for field in fields]
            times = columns[kinds.index("time")]
            for column, values in zip(fields, columns, strict=True):
                if column.get("type") == "number":
                    labels = dict(column.get("labels") or {})
                    name = labels.pop("__name__", column["name"])
                    unit = column.get("config", {}).get("unit", "")
                    yield _Points(name, times, values, labels, unit)


def _influx(answer: Any) -> Iterator[_Points]:
    """Yield the series of https://docs.influxdata.com/influxdb/v1/guides/query_data/: rows by measurement and tags."""
    for result in answer["results"]:
        for series in result.get("series", []):
            columns = dict(zip(series["columns"], _columns(series["values"]), strict=True))
            times = columns.pop("time")
            for name, values in columns.items():
                if not any(isinstance(value, str) for value in values):
                    full = f"{series.get('name', '')} {name}".strip()
                    yield _Points(full, times, values, series.get("tags", {}))


def _dynatrace(answer: Any) -> Iterator[_Points]:
    """Yield the series of https://docs.dynatrace.com/docs/dynatrace-api/environment-api/metric-v2/get-data-points."""
    for metric in answer["result"]:
        for series in metric["data"]:
            labels = series.get("dimensionMap", {})
            namespace, _, rest = metric["metricId"].partition(":")
            name = rest.partition(":")[0] or namespace
            yield _Points(name, series["timestamps"], series["values"], labels)


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Transpose rows to columns; return two empty columns if there are no rows."""
    return [list(column) for column in zip(*rows, strict=True)] or [[], []]


def _reader(title: str, extract: _Extract) -> Callable[[Content, Options], Reading]:
    def read(content: Content, options: Options) -> Reading:
        answer = parse_json(content)
        try:
            every = [points for points in extract(answer) if len(points.times)]
            table = _table(every) if every else None
        except OTHER_SHAPE as error:
            why = f"{type(error).__name__}: {error}"
            raise refuse(content, f"not {title} as it is known: {why}") from None
        if table is None:
            raise refuse(content, "the answer holds no points; was the query or its range wrong?")
        reading = read_table(content, table, options)
        for series in reading.series:  # drop times of other series, and null values
            known = ~np.isnan(series.values)
            series.times, series.values = series.times[known], series.values[known]
        return reading

    return read


def _table(every: Sequence[_Points]) -> Table:
    """Join all series in one table, over all their times; raise ValueError if a value is not a number."""
    import pandas as pd  # noqa: PLC0415 - takes a third of a second, which `--formats` need not pay

    columns: dict[str, pd.Series] = {}
    for points in every:
        name, factor = _named(points)
        values = [np.nan if value is None else factor * float(value) for value in points.values]
        header = _header(name, points.labels)
        if header in columns:
            header = _header(name, points.labels | {"column": str(len(columns) + 1)})
        series = pd.Series(values, index=seconds_of(list(points.times)), dtype=float)
        columns[header] = series[~series.index.duplicated(keep="last")]
    wide = pd.concat(columns, axis=1).sort_index()
    times: Floats = wide.index.to_numpy(dtype=np.float64)
    cells = [wide[header].reset_index(drop=True) for header in columns]
    notes = list(dict.fromkeys(points.note for points in every if points.note))
    return Table(list(columns), cells, 1, times=times, notes=notes)


def _named(points: _Points) -> tuple[str, float]:
    """Return the name with its base unit and the factor to it; name and 1 if the unit is not one of bytes."""
    unit = _BYTES.get(points.unit.lower().removesuffix("s")) or _BYTES.get(points.unit.lower())
    name = _NO_NAME.sub("_", points.name).strip("_") or "value"
    if not unit:
        return name, 1.0
    name, factor, _ = in_base_unit(name, unit)
    return name, factor


def _header(name: str, labels: dict[str, str]) -> str:
    """Return a series' name and labels in Prometheus's notation."""
    pairs = (
        f"{_NO_NAME.sub('_', label)}={json.dumps(str(value), ensure_ascii=False)}"
        for label, value in labels.items()
    )
    return f"{name}{{{','.join(pairs)}}}" if labels else name


def _format(title: str, origin: str, marks: str, extract: _Extract) -> Format:
    """Build a format whose answers begin with a brace or a bracket and contain all `marks` near the beginning."""
    patterns = [re.compile(mark) for mark in marks.split()]

    def recognises(content: Content) -> bool:
        head = content.head
        return head.lstrip()[:1] in ("{", "[") and all(mark.search(head) for mark in patterns)

    return Format(title, origin, recognises, _reader(title, extract), by_lines=False)


MONITORING: dict[str, Format] = {
    "datadog-json": _format(
        "Datadog JSON",
        "curl …/api/v1/query?query=…, or the answer of its version 2",
        '"pointlist"|"timeseries_response"',
        _datadog,
    ),
    "netdata-json": _format(
        "netdata JSON",
        "curl SERVER:19999/api/v1/data?chart=system.ram&format=json",
        r'"labels"\s*:\s*\[\s*"time" "data"',
        _netdata,
    ),
    "graphite": _format(
        "Graphite JSON",
        "curl SERVER/render?target=…&format=json",
        '"target" "datapoints"',
        _graphite,
    ),
    "azure": _format(
        "Azure Monitor JSON",
        "az monitor metrics list --metric MemoryWorkingSet --resource ID",
        '"timeseries" "timeStamp"',
        _azure,
    ),
    "google": _format(
        "Google Cloud Monitoring JSON",
        "curl …/v3/projects/PROJECT/timeSeries?filter=…",
        '"points" "interval" "endTime"',
        _google,
    ),
    "opentsdb": _format(
        "OpenTSDB JSON",
        "curl SERVER:4242/api/query?start=…&m=avg:proc.rss",
        '"metric" "dps"',
        _opentsdb,
    ),
    "zabbix": _format("Zabbix JSON", "history.get of its API", '"itemid" "clock"', _zabbix),
    "grafana-json": _format(
        "Grafana JSON", "the answer of /api/ds/query", '"frames" "schema"', _grafana
    ),
    "influx-json": _format(
        "InfluxDB 1 JSON",
        "influx -format json; curl SERVER:8086/query?q=…",
        '"results" "series" "columns"',
        _influx,
    ),
    "dynatrace": _format(
        "Dynatrace JSON",
        "curl …/api/v2/metrics/query?metricSelector=…",
        '"metricId" "timestamps"',
        _dynatrace,
    ),
}
