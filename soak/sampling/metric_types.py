"""Use the `# TYPE` lines of a metrics page: a series' family type, its kind, and whether it is a part of a family."""

from __future__ import annotations

from soak.model import Kind, Labels

#: The key of a series on a page: the start of a line of text, or bytes of a protobuf message.
Key = str | bytes
#: A parsed series: its name, labels and kind.
Series = tuple[str, Labels, Kind]

_COUNTED = ("histogram", "gaugehistogram", "summary")
_SUFFIXES = ("_bucket", "_sum", "_count", "_total", "_created", "_gsum", "_gcount", "_info")


def is_part(name: str, types: dict[str, str]) -> bool:
    """Return True if a series is a histogram's bucket, or the creation time of a family.

    Clients of the plain text format declare creation times as separate gauges.
    """
    if name in types and not name.endswith("_created"):
        return False
    suffix = next((suffix for suffix in ("_bucket", "_created") if name.endswith(suffix)), "")
    stem = name.removesuffix(suffix)
    own = types.get(name)
    counted = types.get(stem) in (*_COUNTED, "counter") or types.get(f"{stem}_total") == "counter"
    return stem != name and counted and own in (None, "gauge", "unknown", "untyped")


def family_of(name: str, types: dict[str, str]) -> str:
    """Return the type of the family that a sample belongs to; "" if the page does not declare it."""
    family = types.get(name)
    if family is None:
        suffix = next((suffix for suffix in _SUFFIXES if name.endswith(suffix)), "")
        family = types.get(name.removesuffix(suffix)) if suffix else None
    return family or ""


def kind_of(family: str, name: str, labels: Labels) -> Kind:
    """Return gauge or counter; quantiles of summaries are gauges."""
    if family == "counter" or (family in ("", "unknown", "untyped") and name.endswith("_total")):
        return Kind.COUNTER
    if (
        family in _COUNTED
        and name.endswith(("_sum", "_count"))
        and not any(key == "quantile" for key, _ in labels)
    ):
        return Kind.COUNTER
    return Kind.GAUGE
