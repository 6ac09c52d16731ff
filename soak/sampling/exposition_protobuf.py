"""Reads a metrics page of delimited protobuf messages, `io.prometheus.client.MetricFamily`, as the samples its text would give.

The fields are those of https://github.com/prometheus/client_model, metrics.proto. The bytes of a
metric's labels are the same at every scrape, so they name its series: only the first time are they
decoded. What is not a series of the text (help, units, exemplars, times of creation, buckets of
native histograms) is skipped. Whatever does not fit raises ValueError.
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
#: Tags, a field's number and kind in a byte: of a family,
_NAME, _TYPE, _METRIC = 0x0A, 0x18, 0x22
#: of a metric,
_LABEL, _TIMESTAMP = 0x0A, 0x30
#: of a gauge, counter or untyped value,
_VALUE, _EXEMPLAR = 0x09, 0x12
#: and of summaries and histograms. A count of histograms is a double where that is above 0.
_COUNT, _SUM, _PARTS, _DOUBLE_COUNT = 0x08, 0x11, 0x1A, 0x21
#: Of a bucket and of a quantile,
_UPPER, _QUANTILE, _LEVEL = 0x11, 0x09, 0x11
#: and of a label.
_KEY, _TEXT = 0x0A, 0x12
_VARINT, _FIXED64, _SIZED, _FIXED32 = 0, 1, 2, 5
_WIDTHS = {_FIXED64: 8, _FIXED32: 4}
#: Each type by its number: its name, and the tag of the field that holds its metrics' values.
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

#: A series' bytes, its value, whether it carries a timestamp, and where the value lies if nothing after it will change.
Point = tuple[bytes, float, bool, int | None]


@dataclass(frozen=True, slots=True)
class MetricFamily:
    """One family of metrics: where the bytes of each of its metrics begin and end, and the tag of their values."""

    name: str
    type: str
    tag: int
    metrics: tuple[tuple[int, int], ...]

    @property
    def of_parts(self) -> bool:
        """Whether each metric is several series."""
        return self.type in ("summary", "histogram", "gaugehistogram")


@dataclass(frozen=True, slots=True)
class SteadyFamily:
    """A family that was read before: where it is the same but for its values, these are read all at once.

    `layout` are its bytes between the values, the values, and so on, `between` what the bytes were.
    """

    name: str
    type: str
    series: Mapping[Key, Series]
    layout: Struct
    between: tuple[bytes, ...]

    def values(self, data: bytes, begin: int, stop: int) -> tuple[float, ...] | None:
        """The values of its series in their order; None where what lies there is another family, or a changed one."""
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
    """What the family there will be at the next page; None where more than its values may change, or a series is not `known`."""
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
    """Where each family of a page begins and ends."""
    at, end = 0, len(data)
    while at < end:
        size, begin = varint(data, at, end)
        at = begin + size
        if at > end:
            raise ValueError("it ends within a message, so it was cut short")
        yield begin, at


def points(data: bytes, family: MetricFamily) -> list[Point]:
    """The series of a family of gauges, counters or untyped values."""
    prefix, tag = family.name.encode() + b"\0", family.tag
    found: list[Point] = []
    for begin, stop in family.metrics:
        at = begin
        # As clients write it: short labels, the value, and a timestamp or nothing.
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
    """The series of a family of summaries or histograms but for their buckets, and how many buckets its text has."""
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
        # The text always has a bucket without a limit; the message may leave it out.
        buckets += not summary and _doubles(data, *last).get(_UPPER) != math.inf
        found.append((stem + b"_sum\0" + labels, total, stamped, None))
        found.append((stem + b"_count\0" + labels, exact or float(count), stamped, None))
    return found, buckets


def family_at(data: bytes, at: int, stop: int) -> MetricFamily:
    """The family whose message lies there."""
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
    """The name of a point's series."""
    return key.partition(b"\0")[0].decode()


def series_of(key: bytes) -> tuple[str, Labels]:
    """Name and sorted labels of a point's bytes."""
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
    """Name and value of a label."""
    # As clients write it, a name and a value that are short, at a fifth of the cost.
    if pair[:1] == b"\x0a" and len(pair) < 0x80:
        middle = 2 + pair[1]
        if pair[middle : middle + 2] == bytes((_TEXT, len(pair) - middle - 2 & 0x7F)):
            return pair[2:middle].decode(), pair[middle + 2 :].decode()
    held = {tag: pair[begin:end].decode() for tag, begin, end in _fields(pair, 0, len(pair))}
    return held.get(_KEY, ""), held.get(_TEXT, "")


def _metric(
    data: bytes, begin: int, stop: int, family: MetricFamily
) -> tuple[bytes, int, int, bool]:
    """A metric's labels, where its value lies, and whether it carries a timestamp."""
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
    """The numbers of eight bytes in a message, by tag."""
    return {
        tag: _double(data, place)[0]
        for tag, place, _ in _fields(data, at, stop)
        if tag & 7 == _FIXED64
    }


def _fields(data: bytes, at: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """The fields of a message: each one's tag, and where what it holds begins and ends."""
    while at < stop:
        tag, begin, at = _field(data, at, stop)
        yield tag, begin, at


def _field(data: bytes, at: int, stop: int) -> tuple[int, int, int]:
    """The field that begins there."""
    # The usual field, which holds less than 128 bytes, at a third of the cost.
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
    """A number in a label as Go's client writes it."""
    if math.isinf(value) or math.isnan(value):
        return "NaN" if math.isnan(value) else f"{value:+}".replace("inf", "Inf")
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        return repr(value + 0.0).removesuffix(".0")
    digits = len(Decimal(repr(value)).normalize().as_tuple().digits)
    return f"{value:.{digits - 1}e}"
