"""Parse a metrics page of delimited protobuf messages, `io.prometheus.client.MetricFamily`, into the text's samples.

The fields are those of https://github.com/prometheus/client_model, metrics.proto. The bytes of a
metric's labels are the same at every scrape, so they serve as the key of its series and are decoded
only once. Fields that the text does not show as series (help, units, exemplars, creation times,
buckets of native histograms) are skipped. Invalid data raises ValueError.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from struct import Struct

from soak.model import Labels
from soak.sampling.metric_types import Key, Series
from soak.varint import varint

PROTOBUF = "application/vnd.google.protobuf"
#: Field tags, each a field number and wire type in one byte. Of a family:
_NAME, _TYPE, _METRIC = 0x0A, 0x18, 0x22
#: Of a metric:
_LABEL, _TIMESTAMP = 0x0A, 0x30
#: Of a gauge, counter or untyped value:
_VALUE, _EXEMPLAR = 0x09, 0x12
#: Of summaries and histograms (a histogram's count is a double if that field is above 0):
_COUNT, _SUM, _PARTS, _DOUBLE_COUNT = 0x08, 0x11, 0x1A, 0x21
#: Of a bucket and of a quantile:
_UPPER, _QUANTILE, _LEVEL = 0x11, 0x09, 0x11
#: Of a label:
_KEY, _TEXT = 0x0A, 0x12
_VARINT, _FIXED64, _SIZED, _FIXED32 = 0, 1, 2, 5
_WIDTHS = {_FIXED64: 8, _FIXED32: 4}
#: Metric types by number: name, and tag of the field that holds the metric's value.
_TYPES = {
    0: ("counter", 0x1A),
    1: ("gauge", 0x12),
    2: ("summary", 0x22),
    3: ("untyped", 0x2A),
    4: ("histogram", 0x3A),
    5: ("gaugehistogram", 0x3A),
}
_DOUBLE = Struct("<d")
_double = _DOUBLE.unpack_from

#: A series' key bytes, its value, whether it has a timestamp, and the value's offset if nothing
#: after it can change.
Point = tuple[bytes, float, bool, int | None]


@dataclass(frozen=True, slots=True)
class MetricFamily:
    """A metric family: the begin and end of each of its metrics' bytes, and the tag of their values."""

    name: str
    type: str
    tag: int
    metrics: tuple[tuple[int, int], ...]

    @property
    def of_parts(self) -> bool:
        """True if each metric has several series."""
        return self.type in ("summary", "histogram", "gaugehistogram")


@dataclass(frozen=True, slots=True)
class SteadyFamily:
    """A family that was read before; if only its values have changed, all of them are unpacked at once.

    `layout` alternates between fixed bytes and values; `between` are the expected fixed bytes.
    """

    name: str
    type: str
    series: Mapping[Key, Series]
    layout: Struct
    between: tuple[bytes, ...]

    def values(self, data: bytes, begin: int, stop: int) -> tuple[float, ...] | None:
        """Return the values of the family's series in order; None if the bytes are another or a changed family."""
        if stop - begin != self.layout.size:
            return None
        held = self.layout.unpack_from(data, begin)
        return held[1::2] if held[::2] == self.between else None


def steady(
    data: bytes,
    begin: int,
    stop: int,
    family: MetricFamily,
    points: Sequence[Point],
    known: Mapping[Key, Series],
) -> SteadyFamily | None:
    """Return the family for the next page; None if more than its values may change or a series is not `known`."""
    places = [place for _, _, _, place in points if place is not None]
    series: dict[Key, Series] = {key: known[key] for key, _, _, _ in points if key in known}
    if not points or not len(places) == len(series) == len(points):
        return None
    ends = [begin, *(place + 8 for place in places)]
    sizes = [place - end for end, place in zip(ends, places, strict=False)]
    layout = Struct("<" + "".join(f"{size}sd" for size in sizes) + f"{stop - ends[-1]}s")
    between = layout.unpack_from(data, begin)[::2]
    return SteadyFamily(family.name, family.type, series, layout, between)


def messages(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the begin and end of each family of a page."""
    at, end = 0, len(data)
    while at < end:
        size, begin = varint(data, at, end)
        at = begin + size
        if at > end:
            raise ValueError("it ends within a message, so it was cut short")
        yield begin, at


def points(data: bytes, family: MetricFamily) -> list[Point]:
    """Return the series of a family of gauges, counters or untyped values."""
    prefix, tag = family.name.encode() + b"\0", family.tag
    found: list[Point] = []
    for begin, stop in family.metrics:
        at = begin
        # Fast path for what clients write: short labels, the value, and perhaps a timestamp.
        while data[at] == _LABEL and data[at + 1] < 0x80:
            at += 2 + data[at + 1]
        size = data[at + 1]
        after = at + 2 + size
        if (
            data[at] == tag
            and data[at + 2] == _VALUE
            and 8 < size < 0x80
            and (after == stop or (after < stop and data[after] == _TIMESTAMP))
        ):
            lasting = after == stop and (size == 9 or data[at + 11] != _EXEMPLAR)
            place = at + 3 if lasting else None
            found.append((prefix + data[begin:at], _double(data, at + 3)[0], after < stop, place))
        else:
            labels, at, after, stamped = _metric(data, begin, stop, family)
            value = _doubles(data, at, after).get(_VALUE, 0.0)
            found.append((prefix + labels, value, stamped, None))
    return found


def parts(data: bytes, family: MetricFamily) -> tuple[list[Point], int]:
    """Return the series of summaries or histograms without buckets, and the number of buckets in their text."""
    stem, summary = family.name.encode(), family.type == "summary"
    found: list[Point] = []
    buckets = 0
    for begin, stop in family.metrics:
        labels, at, after, stamped = _metric(data, begin, stop, family)
        count, total, exact = 0, 0.0, 0.0
        last = (at, at)
        while at < after:
            tag, place, at = _field(data, at, after)
            if tag == _PARTS and summary:
                held = _doubles(data, place, at)
                quantile = bytes((_QUANTILE,)) + _DOUBLE.pack(held.get(_QUANTILE, 0.0))
                key = stem + b"\0" + labels + quantile
                found.append((key, held.get(_LEVEL, 0.0), stamped, None))
            elif tag == _PARTS:
                buckets += 1
                last = (place, at)
            elif tag == _COUNT:
                count, _ = varint(data, place, at)
            elif tag == _SUM:
                [total] = _double(data, place)
            elif tag == _DOUBLE_COUNT and not summary:
                [exact] = _double(data, place)
        # The text always has an unbounded bucket (+Inf), which the message may leave out.
        buckets += not summary and _doubles(data, *last).get(_UPPER) != math.inf
        found.append((stem + b"_sum\0" + labels, total, stamped, None))
        found.append((stem + b"_count\0" + labels, exact or float(count), stamped, None))
    return found, buckets


def family_at(data: bytes, at: int, stop: int) -> MetricFamily:
    """Parse the family in the message at `at`."""
    name, number = b"", 0
    metrics: list[tuple[int, int]] = []
    while at < stop:
        tag, begin, at = _field(data, at, stop)
        if tag == _METRIC:
            metrics.append((begin, at))
        elif tag == _NAME:
            name = data[begin:at]
        elif tag == _TYPE:
            number, _ = varint(data, begin, at)
    if not name or b"\0" in name or number not in _TYPES:
        raise ValueError("a family has no name, or a type that is not known")
    try:
        return MetricFamily(name.decode(), *_TYPES[number], tuple(metrics))
    except UnicodeDecodeError:
        raise ValueError("a family's name is not UTF-8") from None


def name_of(key: bytes) -> str:
    """Return the metric name of a point's key."""
    return key.partition(b"\0")[0].decode()


def series_of(key: bytes) -> tuple[str, Labels]:
    """Return name and sorted labels of a point's key."""
    raw, _, rest = key.partition(b"\0")
    labels: dict[str, str] = {}
    at, stop = 0, len(rest)
    try:
        while at < stop:
            tag, begin, at = _field(rest, at, stop)
            if tag == _LABEL:
                name, value = _label(rest[begin:at])
            else:
                name, value = "quantile", _number(*_double(rest, begin))
            if name in labels or not name:
                raise ValueError(f"{raw.decode()} has the label {name!r} twice, or without a name")
            labels[name] = value
        return raw.decode(), tuple(sorted(labels.items()))
    except UnicodeDecodeError:
        raise ValueError("its name or labels are not UTF-8") from None


def _label(pair: bytes) -> tuple[str, str]:
    """Return name and value of a label."""
    # Fast path for what clients write, a short name and value: a fifth of the time.
    if pair[:1] == b"\x0a" and len(pair) < 0x80:
        middle = 2 + pair[1]
        if pair[middle : middle + 2] == bytes((_TEXT, len(pair) - middle - 2 & 0x7F)):
            return pair[2:middle].decode(), pair[middle + 2 :].decode()
    held = {tag: pair[begin:end].decode() for tag, begin, end in _fields(pair, 0, len(pair))}
    return held.get(_KEY, ""), held.get(_TEXT, "")


def _metric(
    data: bytes, begin: int, stop: int, family: MetricFamily
) -> tuple[bytes, int, int, bool]:
    """Return a metric's label bytes, the begin and end of its value, and whether it has a timestamp."""
    labels, at, value, stamped = b"", begin, None, False
    for tag, place, finish in _fields(data, begin, stop):
        if tag == _LABEL:
            labels += data[at:finish]
        elif tag == family.tag:
            value = (place, finish)
        stamped |= tag == _TIMESTAMP
        at = finish
    if value is None:
        raise ValueError(f"{family.name} is a {family.type}, and one of its metrics is none")
    return labels, *value, stamped


def _doubles(data: bytes, at: int, stop: int) -> dict[int, float]:
    """Return the 8-byte numbers of a message by tag."""
    return {
        tag: _double(data, place)[0]
        for tag, place, _ in _fields(data, at, stop)
        if tag & 7 == _FIXED64
    }


def _fields(data: bytes, at: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """Yield the fields of a message: tag, and begin and end of the content."""
    while at < stop:
        tag, begin, at = _field(data, at, stop)
        yield tag, begin, at


def _field(data: bytes, at: int, stop: int) -> tuple[int, int, int]:
    """Return tag, begin and end of the field at `at`."""
    # Fast path for the usual field of less than 128 bytes: a third of the time.
    if at + 1 < stop and data[at] & 0x87 == _SIZED and data[at + 1] < 0x80:
        tag, begin = data[at], at + 2
        end = begin + data[at + 1]
    else:
        tag, begin = varint(data, at, stop)
        kind = tag & 7
        if kind == _SIZED:
            size, begin = varint(data, begin, stop)
            end = begin + size
        elif kind == _VARINT:
            _, end = varint(data, begin, stop)
        else:
            end = begin + _WIDTHS.get(kind, len(data))
    if end > stop or tag < 8:
        raise ValueError(f"a field does not fit at byte {at}")
    return tag, begin, end


def _number(value: float) -> str:
    """Format a number in a label as Go's client does."""
    if math.isinf(value) or math.isnan(value):
        return "NaN" if math.isnan(value) else f"{value:+}".replace("inf", "Inf")
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        return repr(value + 0.0).removesuffix(".0")
    digits = len(Decimal(repr(value)).normalize().as_tuple().digits)
    return f"{value:.{digits - 1}e}"
