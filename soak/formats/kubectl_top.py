"""Read `kubectl top pod` and `kubectl top node`, repeated: the working set of each pod, container or node."""

from __future__ import annotations

import re

from soak.formats.cells import value_of
from soak.formats.columns_by_position import read_printed
from soak.formats.content import Content
from soak.formats.format import Format, Options, Reading

_HEADER = re.compile(r"\s*(NAMESPACE\s+)?(POD\s+)?NAME\s.*MEMORY\(bytes\)")


def read(content: Content, options: Options) -> Reading:
    """Read the memory of each pod, container or node by the name in its row."""
    return read_printed(content, options, _HEADER, _values)


def _values(row: dict[str, str]) -> tuple[dict[str, str], dict[str, float]]:
    own = (
        "node" if "MEMORY%" in row or "MEMORY(%)" in row else "container" if "POD" in row else "pod"
    )
    labels = {own: row["NAME"]}
    if row["MEMORY(bytes)"] == "<unknown>":
        return labels, {}
    labels |= {
        label: row[column]
        for label, column in (("pod", "POD"), ("namespace", "NAMESPACE"))
        if column in row
    }
    return labels, {"container_memory_working_set_bytes": value_of(row["MEMORY(bytes)"])[0]}


def _recognises(content: Content) -> bool:
    return any(_HEADER.search(line) for line in content.first_lines[:20])


FORMAT = Format("kubectl top", "while sleep 30; do date; kubectl top pod; done", _recognises, read)
