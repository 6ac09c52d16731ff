"""What the `# TYPE` lines of a metrics page tell of a series: its family's type, its kind, and whether it is a part."""

from __future__ import annotations

from soak.model import Kind, Labels

#: What names a series on a page: the beginning of a line of text, or bytes of a protobuf message.
Key = str | bytes
#: What is known of it: its name, labels and kind.
Series = tuple[str, Labels, Kind]

_COUNTED = ("histogram", "gaugehistogram", "summary")
_SUFFIXES = ("_bucket", "_sum", "_count", "_total", "_created", "_gsum", "_gcount", "_info")


def is_part(name: str, types: dict[str, str]) -> bool:
    """Whether a series is a bucket, or the time when a family was created, which stands beside its family's other series.

    Clients of the plain text format declare such times as gauges of their own.
    """
    if name in types and not name.endswith("_created"):
        return False
    suffix = next((suffix for suffix in ("_bucket", "_created") if name.endswith(suffix)), "")
    stem = name.removesuffix(suffix)
    own = types.get(name)
    counted = types.get(stem) in (*_COUNTED, "counter") or types.get(f"{stem}_total") == "counter"
    return stem != name and counted and own in (None, "gauge", "unknown", "untyped")


def family_of(name: str, types: dict[str, str]) -> str:
    """The type of the family that a sample belongs to; nothing where the page does not say."""
    family = types.get(name)
    if family is None:
        suffix = next((suffix for suffix in _SUFFIXES if name.endswith(suffix)), "")
        family = types.get(name.removesuffix(suffix)) if suffix else None
    return family or ""


def kind_of(family: str, name: str, labels: Labels) -> Kind:
    """Gauge or counter; quantiles of summaries are gauges."""
    if family == "counter" or (family in ("", "unknown", "untyped") and name.endswith("_total")):
        return Kind.COUNTER
    if (
        family in _COUNTED
        and name.endswith(("_sum", "_count"))
        and not any(key == "quantile" for key, _ in labels)
    ):
        return Kind.COUNTER
    return Kind.GAUGE
