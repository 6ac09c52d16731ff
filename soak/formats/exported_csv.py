"""Read CSV exported by dashboards: Grafana, Datadog and netdata, each recognised by its header."""

from __future__ import annotations

import re
from dataclasses import replace

from soak.formats.content import Content
from soak.formats.csv_text import parsed, read
from soak.formats.format import Format, Options, Reading
from soak.formats.netdata_charts import said_of_unit, unit_of_chart
from soak.formats.table import read_table

#: A Unix time, which any CSV may have; netdata's files are then recognised by their chart's
#: columns.
_UNIX = re.compile(r"\d{10,13}[,\t]")
_GRAFANA = re.compile(r'^(?:"?sep=.\n)?(?:"Time"[,;\t]|Time[;,]|"?Series"?[;,]"?Time"?[;,]"?Value)')


def _recognises_grafana(content: Content) -> bool:
    return _GRAFANA.match(content.head.lstrip("\ufeff")) is not None


def _recognises_datadog(content: Content) -> bool:
    header, _, rest = content.head.partition("\n")
    words = header.lower().replace('"', "").split(",")
    return {"date", "metric"} <= set(words) and re.search(
        r"\b(avg|sum|max|min):[\w.]+|[\w.]+\{", rest
    ) is not None


def _recognises_netdata(content: Content) -> bool:
    first, _, rest = content.head.partition("\n")
    return (
        re.match(r"time[,\t]", first) is not None
        and re.match(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\d{10,13})[,\t]", rest) is not None
        and '"' not in first
        and (_UNIX.match(rest) is None or unit_of_chart(re.split(r"[,\t]", first)[1:], 0.0) != "")
    )


def _read_netdata(content: Content, options: Options) -> Reading:
    """Read netdata's CSV, with the chart's unit if it is known."""
    table, options = parsed(content, options)
    dimensions = [name for name in table.headers if name.lower() != "time"]
    largest = max(
        (
            float(cells.max())
            for name, cells in zip(table.headers, table.columns, strict=True)
            if name in dimensions and cells.dtype.kind in "if"
        ),
        default=0.0,
    )
    unit = "" if options.units else unit_of_chart(dimensions, largest)
    if unit:
        options = replace(options, units=dict.fromkeys(dimensions, unit))
        table.notes.append(
            f"{said_of_unit(dimensions, unit)} (--unit {dimensions[0]}=B says otherwise)"
        )
    return read_table(content, table, options)


GRAFANA = Format("Grafana CSV", "a panel's Inspect, Data, Download CSV", _recognises_grafana, read)
DATADOG = Format(
    "Datadog CSV", "Datadog's csv_exporter, a notebook's CSV", _recognises_datadog, read
)
NETDATA = Format(
    "netdata CSV",
    "curl SERVER:19999/api/v1/data?chart=system.ram&format=csv",
    _recognises_netdata,
    _read_netdata,
)
