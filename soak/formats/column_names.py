"""Parse a column's name: its labels, its unit, and, by the catalog, whether it can be a resource."""

from __future__ import annotations

import re

from soak.catalog.metrics import metric_of
from soak.catalog.words import Meaning, meaning_of_words, words_of
from soak.model import Kind

_LABELLED = re.compile(r"([^{]*)\{(.*)\}")
_LABEL = re.compile(r'\s*([^=,{}"\s]+|"(?:[^"\\]|\\.)*")\s*=~?\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')
#: A name that is not an identifier is quoted within the braces (Prometheus 3):
#: `{"process.memory","job"="api"}`.
_QUOTED_NAME = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')
#: Labels without quotes: Datadog's `{host:web-1,env:prod}` or `{*}`, and legends such as
#: `{pod=orders-0}`.
_LOOSE_LABEL = re.compile(r"([A-Za-z_][\w./-]*)\s*[:=]\s*([^,{}\"\s]+)")
_LOOSE = re.compile(rf"\s*(?:\*|{_LOOSE_LABEL.pattern}(?:\s*,\s*{_LOOSE_LABEL.pattern})*)\s*")
#: Datadog's aggregation prefix: `max:system.mem.used` is the memory in use, not a limit of it.
_AGGREGATED = re.compile(r"^(avg|max|min|sum|count|p\d\d):")
_UNIT = re.compile(
    r"^(.*?)[\s_\-.]*[(\[]\s*([^\W\d_]+|%|[A-Za-z%]+/[a-z]+)\s*[)\]]$|^(.*?)[\s_\-.]+([A-Za-zµ]+)$"
)
#: The name that soak gives to the second of two columns with the same name.
_NUMBERED = re.compile(r"(.+) \((\d+)\)")
_CAMEL_UNIT = re.compile(r"^(.*[a-z])(KB|MB|GB|TB|KiB|MiB|GiB|Bytes)$")

#: Bytes per unit, in any case. The tools that print memory (ps, top, free, psrecord, mprof) use k
#: for 1,024.
BYTES = {"b": 1, "byte": 1, "bytes": 1}
BYTES |= {
    f"{prefix}{unit}": 1024**power
    for power, prefix in enumerate("kmgt", 1)
    for unit in ("b", "ib", "bytes")
}
#: Byte units in French and Russian. In column names only within brackets, because `go` and `to` are
#: also words.
OCTETS = {"octet": "byte", "octets": "bytes", "байт": "bytes", "кб": "kb", "мб": "mb", "гб": "gb"}
OCTETS |= {f"{prefix}{infix}o": f"{prefix}{infix}b" for prefix in "kmgt" for infix in ("", "i")}
#: Bytes per unit in values that carry one; there MB is a million, as in Docker and Kubernetes.
EXACT_BYTES = {"B": 1, "": 1} | {
    f"{p}{u}": 1000**n for n, p in enumerate("kMGT", 1) for u in ("B", "")
}
EXACT_BYTES |= {f"{p}{u}": 1024**n for n, p in enumerate("KMGT", 1) for u in ("iB", "i")} | {
    "KB": 1000,
    "K": 1024,
}
TIMES = {"ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "s": 1.0, "sec": 1.0, "seconds": 1.0}


def meaning_of(name: str, unit: str = "") -> Meaning:
    """Return what a series' name means: from the catalog if it has the name, otherwise from the name's words."""
    metric = metric_of(name)
    if metric is not None:
        return Meaning.RESOURCE if metric.judged else Meaning.NO_RESOURCE
    return meaning_of_words(name, unit)


def labelled(column: str) -> tuple[str, dict[str, str]]:
    """Return name and labels of a column `name{label="value"}`; raise ValueError if its labels have another syntax."""
    match = _LABELLED.fullmatch(column.strip())
    if not match:
        return column, {}
    labels: dict[str, str] = {}
    quoted = _QUOTED_NAME.match(match[2]) if not match[1].strip() else None
    position = quoted.end() if quoted else 0
    if quoted:
        labels["__name__"] = re.sub(r"\\(.)", r"\1", quoted[1])
    while position < len(match[2]):
        label = _LABEL.match(match[2], position)
        if label is None and position == 0 and _LOOSE.fullmatch(match[2]):
            return _AGGREGATED.sub("", match[1].strip()) or "value", dict(
                _LOOSE_LABEL.findall(match[2])
            )
        if label is None:
            raise ValueError('labels are written as name{label="value"}')
        labels[label[1].strip('"')] = re.sub(r"\\(.)", r"\1", label[2])
        position = label.end()
    return labels.pop("__name__", match[1].strip()) or "value", labels


def in_base_unit(column: str, given: str = "") -> tuple[str, float, str]:
    """Return a column's name with its base unit, the factor to that unit, and the unit as written (1 and "" if none).

    `rss_kb` becomes `rss_bytes`, with the factor 1,024. `given` is a unit that the user states.
    Raise ValueError if `given` is not a unit.
    """
    if given:
        factor, base = _factor(given, exact=True)
        if not base:
            raise ValueError(
                f"{given!r} is no unit; known are B, kB, KiB, MB, MiB, GB, GiB, s, ms, us and ns"
            )
        stem = _split_unit(column)[0] or column
        return _suffixed(stem, base), factor, ""
    stem, unit = _split_unit(column)
    if not stem:
        return column, 1.0, ""
    factor, base = _factor(unit, exact=False)
    return (_suffixed(stem, base), factor, unit) if base else (column, 1.0, "")


def _split_unit(column: str) -> tuple[str, str]:
    """Split a column's name into name and unit; return two empty strings if the last word is not a unit."""
    if numbered := _NUMBERED.fullmatch(column):
        stem, unit = _split_unit(numbered[1])
        return (f"{stem} {numbered[2]}" if stem else ""), unit
    match = _CAMEL_UNIT.match(column) or _UNIT.match(column)
    if match is None:
        return "", ""
    stem, unit = (
        [group for group in match.groups() if group is not None][:2]
        if match.lastindex
        else ("", "")
    )
    if match[0].endswith((")", "]")):
        unit = OCTETS.get(unit.lower(), unit)
    return (stem, unit) if unit.lower() in BYTES or unit.lower() in TIMES else ("", "")


def _factor(unit: str, *, exact: bool) -> tuple[float, str]:
    if exact and unit in EXACT_BYTES:
        return EXACT_BYTES[unit], "bytes"
    if unit.lower() in BYTES:
        return BYTES[unit.lower()], "bytes"
    return (TIMES[unit.lower()], "seconds") if unit.lower() in TIMES else (1.0, "")


def _suffixed(stem: str, base: str) -> str:
    """Return a name in Prometheus's notation, with its base unit as suffix."""
    words = "_".join(words_of(stem)) or "value"
    return words if words.endswith(f"_{base}") or words == base else f"{words}_{base}"


def kind_of(name: str) -> Kind:
    """Return a name's kind by Prometheus's convention: `_total` and the counts and sums of summaries are counters."""
    counts = name.endswith(
        ("_total", "_seconds_count", "_seconds_sum", "_bucket", "_bytes_sum", "_bytes_count")
    )
    return Kind.COUNTER if counts and not name.startswith("nodejs_active_") else Kind.GAUGE
