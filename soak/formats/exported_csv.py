"""CSV as dashboards export it: Grafana's, Datadog's and netdata's. Each is CSV, told by its header."""

from __future__ import annotations

import re

from soak.formats.content import Content
from soak.formats.csv_text import read
from soak.formats.format import Format

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
        first.startswith("time,")
        and re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,", rest) is not None
        and '"' not in first
    )


GRAFANA = Format("Grafana CSV", "a panel's Inspect, Data, Download CSV", _recognises_grafana, read)
DATADOG = Format(
    "Datadog CSV", "Datadog's csv_exporter, a notebook's CSV", _recognises_datadog, read
)
NETDATA = Format(
    "netdata CSV",
    "curl SERVER:19999/api/v1/data?chart=system.ram&format=csv",
    _recognises_netdata,
    read,
)
