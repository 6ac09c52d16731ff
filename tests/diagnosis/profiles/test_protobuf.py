"""The wire format: every kind of field, every boundary, and damage, in bytes written by hand."""

from __future__ import annotations

import numpy as np
import pytest

from soak.diagnosis.profiles import protobuf
from soak.diagnosis.profiles.protobuf import Regions, outline, repeated, signed
from tests.diagnosis.writing import number, sized, varint

FIXED32, FIXED64 = number(7 << 3 | 5) + b"\x99" * 4, number(7 << 3 | 1) + b"\x99" * 8


def lists(spans: dict[int, protobuf.Ints]) -> dict[int, list[list[int]]]:
    return {field: each.tolist() for field, each in spans.items()}


def test_an_outline_has_the_spans_of_the_wanted_fields_and_the_last_of_each_number() -> None:
    data = sized(1, b"abc") + varint(3, 7) + sized(2, b"") + sized(1, b"de") + varint(3, 300)
    spans, numbers = outline(data, (1, 4))
    assert lists(spans) == {1: [[2, 5], [11, 13]], 4: []}
    assert numbers == {3: 300}


def test_fields_that_are_not_wanted_are_skipped() -> None:
    data = FIXED64 + sized(1, b"a") + FIXED32 + sized(9, b"b") + sized(1, b"c") + FIXED32
    spans, numbers = outline(data, (1,))
    assert lists(spans) == {1: [[11, 12], [22, 23]]}
    assert numbers == {}
    assert outline(b"", (1,))[1] == {}


def test_large_field_numbers_and_sizes_take_several_bytes() -> None:
    data = sized(16, b"x" * 127) + sized(2000, b"y" * 128) + varint(3000, 5)
    spans, numbers = outline(data, (16, 2000))
    assert lists(spans) == {16: [[3, 130]], 2000: [[134, 262]]}
    assert numbers == {3000: 5}
    assert outline(varint(16, 5), ())[1] == {16: 5}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (sized(1, b"abc")[:-1], "does not fit at byte 5"),
        (sized(1, b"abc")[:1], "without end"),
        (FIXED64[:-1], "does not fit at byte 9"),
        (FIXED32[:-1], "does not fit at byte 5"),
        (varint(1, 300)[:-1], "without end"),
        (b"\x80", "without end"),
        (b"\x00\x00", "does not fit at byte 2"),  # the number of a field is at least 1
        (b"\x0b", "kind 3 at byte 1"),
        (b"\x0c", "kind 4"),
        (b"\x0e", "kind 6"),
        (b"\x0f", "kind 7"),
    ],
)
def test_a_message_that_does_not_fit_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        outline(data, (1,))
    with pytest.raises(ValueError, match=said):
        outline(varint(1, 5) + data, (1,)) if "at byte" not in said else outline(data, ())


@pytest.mark.parametrize(
    ("value", "meant"),
    [(0, 0), (2**63 - 1, 2**63 - 1), (2**63, -(2**63)), (2**64 - 1, -1)],
)
def test_the_upper_half_of_numbers_is_negative(value: int, meant: int) -> None:
    assert signed(value) == meant


def bytes_of(data: bytes) -> protobuf.Bytes:
    return np.frombuffer(data, dtype=np.uint8)


def part(*rows: tuple[int, int, int]) -> tuple[protobuf.Ints, protobuf.Ints, protobuf.Ints]:
    """Owners, begins and ends."""
    owner, begin, end = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return owner, begin, end


def test_stretches_are_in_the_order_of_their_messages() -> None:
    regions = Regions(
        bytes_of(bytes(20)), 4, [part((2, 9, 12), (0, 1, 3)), part((2, 7, 9), (0, 4, 5))]
    )
    assert regions.spans.tolist() == [[1, 3], [4, 5], [7, 9], [9, 12]]
    assert regions.owner.tolist() == [0, 0, 2, 2]
    assert regions.each().tolist() == [2, 0, 2, 0]


def test_stretches_that_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        Regions(bytes_of(bytes(20)), 1, [part((0, 1, 3), (0, 2, 5))])
    with pytest.raises(ValueError, match="overlap"):
        Regions(bytes_of(bytes(20)), 3, [part((0, 1, 3), (1, 5, 9), (2, 8, 9))])


def test_of_no_stretch_there_is_nothing() -> None:
    regions = Regions(bytes_of(b"abc"), 3, [])
    assert regions.spans.shape == (0, 2)
    assert regions.each().tolist() == [0, 0, 0]
    numbers, each = regions.numbers()
    assert (numbers.tolist(), each.tolist()) == ([], [0, 0, 0])
    assert regions.last().tolist() == [0, 0, 0]
    empty = Regions(bytes_of(b"abc"), 2, [part((1, 2, 2))])
    assert [each.tolist() for each in empty.numbers()] == [[], [0, 0]]
    assert empty.each().tolist() == [0, 1]


def test_numbers_are_those_of_the_stretches_alone() -> None:
    data = (
        number(300) + number(127) + b"\x80\x80" + number(7) + number(128) + number(2**62) + b"\x05"
    )
    regions = Regions(bytes_of(data), 4, [part((0, 0, 3), (2, 5, 8), (2, 8, 17), (3, 17, 17))])
    numbers, each = regions.numbers()
    assert numbers.tolist() == [300, 127, 7, 128, 2**62]
    assert each.tolist() == [2, 0, 3, 0]
    assert regions.last().tolist() == [127, 0, 2**62, 0]


def test_a_stretch_that_ends_within_a_number_is_refused() -> None:
    data = number(300) + number(1)
    with pytest.raises(ValueError, match="without end"):
        Regions(bytes_of(data), 2, [part((0, 0, 1), (1, 2, 3))]).numbers()
    with pytest.raises(ValueError, match="without end"):
        Regions(bytes_of(data), 2, [part((1, 0, 1))]).numbers()


@pytest.mark.parametrize("value", [0, 1, 127, 128, 2**14 - 1, 2**14, 2**35 + 5, -1, -(2**63)])
def test_numbers_of_every_length_are_read(value: int) -> None:
    data = number(3) + number(value) + number(4)
    ends = np.flatnonzero(bytes_of(data) < 0x80)
    assert protobuf._numbers(bytes_of(data), ends).tolist() == [3, value, 4]
    read, ended = protobuf._varints(bytes_of(data), np.array([1]), np.array([len(data)]))
    assert (read.tolist(), ended.tolist()) == ([value], [len(data) - 1])


def test_a_number_has_at_most_ten_bytes() -> None:
    data = bytes_of(b"\x80" * 10 + b"\x01")
    with pytest.raises(ValueError, match="without end"):
        protobuf._numbers(data, np.array([10]))
    with pytest.raises(ValueError, match="without end"):
        protobuf._varints(data, np.array([0]), np.array([11]))
    assert protobuf._numbers(bytes_of(b""), np.array([], dtype=np.int64)).tolist() == []


def test_several_numbers_are_read_at_once_up_to_where_each_must_end() -> None:
    data = bytes_of(number(5) + number(300) + number(2**40))
    numbers, ends = protobuf._varints(data, np.array([0, 1, 3]), np.array([1, 3, 9]))
    assert (numbers.tolist(), ends.tolist()) == ([5, 300, 2**40], [1, 3, 9])
    for stops in ([0, 3, 9], [1, 2, 9], [1, 3, 8]):
        with pytest.raises(ValueError, match="without end"):
            protobuf._varints(data, np.array([0, 1, 3]), np.array(stops))


def messages(*contents: bytes, between: bytes = b"") -> tuple[protobuf.Bytes, protobuf.Ints]:
    """Messages one after the other, and the span of each."""
    data, spans = b"", []
    for content in contents:
        data += between
        spans.append((len(data), len(data) + len(content)))
        data += content
    return bytes_of(data), np.array(spans, dtype=np.int64).reshape(-1, 2)


def test_the_fields_of_many_messages_are_read_at_once() -> None:
    data, spans = messages(
        varint(1, 5) + FIXED64 + varint(2, 300) + varint(1, 6),
        b"",
        FIXED32 + sized(1, number(7) + number(400)) + sized(9, b"zz"),
        sized(2, number(8)) + varint(2, 9) + sized(1, b"") + varint(1, -1),
        between=b"\x01\x02",
    )
    fields = repeated(data, spans, (1, 2, 3))
    assert [each.tolist() for each in fields[1].numbers()] == [[5, 6, 7, 400, -1], [2, 0, 2, 1]]
    assert [each.tolist() for each in fields[2].numbers()] == [[300, 8, 9], [1, 0, 0, 2]]
    assert fields[1].last().tolist() == [6, 0, 400, -1]
    assert fields[2].last().tolist() == [300, 0, 0, 9]
    assert fields[3].last().tolist() == [0, 0, 0, 0]
    assert fields[1].each().tolist() == [2, 0, 1, 2]


def test_no_messages_have_no_fields() -> None:
    data, spans = messages()
    assert repeated(data, spans, (1,))[1].each().tolist() == []
    data, spans = messages(b"", b"")
    assert repeated(data, spans, (1,))[1].each().tolist() == [0, 0]


def test_a_field_of_a_fixed_width_is_no_number() -> None:
    data, spans = messages(number(1 << 3 | 1) + bytes(8) + number(1 << 3 | 5) + bytes(4))
    assert repeated(data, spans, (1,))[1].each().tolist() == [0]


@pytest.mark.parametrize(
    "content",
    [
        sized(1, b"abc")[:-1],
        sized(1, b"abc")[:1],
        FIXED64[:-1],
        FIXED32[:-1],
        varint(1, 300)[:-1],
        b"\x0b",
        b"\x0c\x01",
        b"\x0e\x01",
        b"\x0f\x01",
        number(1 << 3 | 2) + number(-1),  # of a negative size
    ],
)
def test_a_field_that_does_not_fit_into_its_message_is_refused(content: bytes) -> None:
    for before in (b"", varint(1, 5)):
        data, spans = messages(varint(1, 1), before + content, varint(1, 1) * 9)
        with pytest.raises(ValueError, match=r"does not fit|without end"):
            repeated(data, spans, (1,))
