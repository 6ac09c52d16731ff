"""The reader of protobuf pages, beside that of their text: the same samples, and on messages that are none one clear error."""

import math
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soak.errors import TargetError
from soak.sampling.exposition import Exposition, Page
from soak.sampling.exposition_protobuf import PROTOBUF
from soak.sampling.fetch import Answer
from tests.diagnosis.writing import sized, varint

PAGES = Path(__file__).parents[1] / "data/pages"
TEXT_OF = {"go": "text/plain", "java": "application/openmetrics-text"}
TYPES = {
    "counter": (0, 3),
    "gauge": (1, 2),
    "summary": (2, 4),
    "untyped": (3, 5),
    "histogram": (4, 7),
}
EXEMPLAR = sized(1, sized(1, b"trace_id") + sized(2, b"k"))


def stored(client: str, suffix: str) -> bytes:
    """A page of a real client, made of one gathering in each format."""
    return PAGES.joinpath(f"{client}.{suffix}").read_bytes()


def read(body: bytes, **options: Any) -> Page:
    return Exposition(**options).read(Answer(200, PROTOBUF, body), "u")


def double(field: int, value: float) -> bytes:
    return bytes((field << 3 | 1,)) + struct.pack("<d", value)


def labels_of(labels: dict[str, str]) -> bytes:
    pairs = (sized(1, key.encode()) + sized(2, value.encode()) for key, value in labels.items())
    return b"".join(sized(1, pair) for pair in pairs)


def family(name: str, type_: str, *metrics: bytes, unit: str = "") -> bytes:
    number, _ = TYPES[type_]
    said = sized(1, name.encode()) + sized(2, b"What it is.") + varint(3, number)
    body = said + b"".join(sized(4, metric) for metric in metrics)
    return sized(0, body + (sized(5, unit.encode()) if unit else b""))[1:]


def metric(type_: str, labels: dict[str, str], value: bytes, after: bytes = b"") -> bytes:
    return labels_of(labels) + sized(TYPES[type_][1], value) + after


def line(name: str, labels: dict[str, str], value: float, stamp: int | None) -> str:
    escaped = {
        key: text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
        for key, text in labels.items()
    }
    inside = ",".join(f'{key}="{text}"' for key, text in escaped.items())
    said = repr(value).replace("inf", "Inf")
    return f"{name}{{{inside}}} {said}{'' if stamp is None else f' {stamp}'}\n"


@pytest.mark.parametrize(
    ("client", "options"),
    [
        ("go", {}),
        ("java", {}),
        ("go", {"keep": ("go_*", 'orders_total{path=~"/b.*"}'), "drop": ("*_threads*",)}),
        ("java", {"keep": ("jvm_*", 'orders_total{path=~"/b.*"}'), "drop": ("*_threads*",)}),
        ("go", {"most": 30, "most_of_one": 3}),
    ],
)
def test_a_real_clients_page_gives_the_samples_of_its_text(
    client: str, options: dict[str, Any]
) -> None:
    text = Answer(200, TEXT_OF[client], stored(client, "txt"))
    message = Answer(200, PROTOBUF, stored(client, "pb"))
    theirs, ours = Exposition(**options), Exposition(**options)
    for time in range(4):
        expected, page = theirs.read(text, "u"), ours.read(message, "u")
        assert set(map(repr, page.samples)) == set(map(repr, expected.samples)), f"page {time}"
        assert replace(page, samples=()) == replace(expected, samples=())
    assert expected.samples


TEXTS = ("", "x", 'ü "q" \\ \n {y}, ', "x" * 130)
MORE = (b"", sized(3, varint(1, 1700000000)), sized(2, EXEMPLAR))


def some_page(chance: Random) -> dict[str, tuple[str, list[Any]]]:
    """A few families: each its type, and metrics of labels, value, timestamp and what else the message holds."""
    page = {}
    for _ in range(chance.randint(1, 4)):
        type_ = chance.choice(sorted(TYPES))
        suffix = chance.choice(("", "_created", "_total", "_bucket"))
        name = f"{type_}_{chance.choice('ab')}{suffix}"
        metrics = [
            (
                {key: chance.choice(TEXTS) for key in chance.sample("klm", chance.randint(0, 3))},
                chance.choice((0.0, 1.5, -1e300, math.inf, float(chance.randrange(10**9)))),
                chance.choice((None, None, None, 1700000000000)),
                chance.choice(MORE),
            )
            for _ in range(chance.randint(1, 4))
        ]
        page[name] = (type_, metrics)
    return page


def test_pages_one_after_the_other_give_the_samples_of_their_texts() -> None:
    """What was learnt of a page must hold for the next, whether that is the same but for values, or another."""
    chance = Random(1)
    for _ in range(40):
        theirs, ours = Exposition(most=12, most_of_one=3), Exposition(most=12, most_of_one=3)
        pages = [some_page(chance) for _ in range(2)]
        for time in range(8):
            text, messages = "", b""
            for name, (type_, points) in chance.choice(pages).items():
                text += f"# TYPE {name} {type_}\n"
                metrics = []
                for labels, value, stamp, more in points:
                    lines, message = WRITERS[type_](name, labels, value + time, more)
                    text += "".join(line(*each, stamp) for each in lines)
                    after = b"" if stamp is None else varint(6, stamp)
                    metrics.append(metric(type_, labels, message, after))
                messages += family(name, type_, *metrics, unit="seconds")
            expected = theirs.read(Answer(200, "text/plain", text.encode()), "u")
            assert repr(ours.read(Answer(200, PROTOBUF, messages), "u")) == repr(expected)


Lines = list[tuple[str, dict[str, str], float]]


def _plain(name: str, labels: dict[str, str], value: float, more: bytes) -> tuple[Lines, bytes]:
    return [(name, labels, value)], double(1, value) + more


def _histogram(name: str, labels: dict[str, str], value: float, more: bytes) -> tuple[Lines, bytes]:
    """Of two buckets; that without a limit stands in the message where the value is odd."""
    limits = [1e6, math.inf] if value % 2 == 1 else [1e6]
    lines: Lines = [(f"{name}_bucket", labels | {"le": limit}, 3.0) for limit in ("1e+06", "+Inf")]
    buckets = b"".join(sized(3, varint(1, 3) + double(2, limit)) for limit in limits)
    lines += [(f"{name}_sum", labels, value), (f"{name}_count", labels, 300.0)]
    return lines, varint(1, 300) + double(2, value) + buckets


def _summary(name: str, labels: dict[str, str], value: float, more: bytes) -> tuple[Lines, bytes]:
    lines: Lines = [(name, labels | {"quantile": "0.99"}, value)]
    lines += [(f"{name}_sum", labels, value), (f"{name}_count", labels, 300.0)]
    quantile = sized(3, double(1, 0.99) + double(2, value))
    return lines, varint(1, 300) + double(2, value) + quantile


WRITERS: dict[str, Callable[[str, dict[str, str], float, bytes], tuple[Lines, bytes]]] = {
    "counter": _plain,
    "gauge": _plain,
    "untyped": _plain,
    "histogram": _histogram,
    "summary": _summary,
}


@pytest.mark.parametrize(
    ("quantile", "said"),
    [
        (0.0, "0"), (-0.0, "0"), (1.0, "1"), (0.999, "0.999"), (1e-5, "1e-05"), (1e6, "1e+06"), (1234567.5, "1.2345675e+06"),
        (999999.0, "999999"), (0.0001, "0.0001"), (math.inf, "+Inf"), (-math.inf, "-Inf"), (math.nan, "NaN"),
    ],
)  # fmt: skip
def test_quantiles_are_spelt_as_gos_client_spells_them(quantile: float, said: str) -> None:
    """As strconv.FormatFloat(…, 'g', -1, 64) does."""
    value = sized(3, double(1, quantile) + double(2, 4.0))
    page = read(family("a", "summary", metric("summary", {}, value)))
    assert page.samples[0].labels == (("quantile", said),)


def test_fields_in_any_order_and_values_left_out_are_read() -> None:
    """As the encoding allows, though the known clients write them in the order of their numbers."""
    first = sized(2, double(1, 5.0)) + labels_of({"a": "1"})
    second = labels_of({"a": "2"}) + sized(2, b"")
    body = sized(4, first) + sized(4, second) + varint(3, 1) + sized(1, b"g") + varint(900, 7)
    page = read(sized(0, body)[1:])
    assert [(dict(sample.labels)["a"], sample.value) for sample in page.samples] == [
        ("1", 5.0),
        ("2", 0.0),
    ]


def test_a_float_histograms_count_is_the_double() -> None:
    value = varint(1, 3) + double(4, 2.5) + double(2, 1.0)
    page = read(family("h", "histogram", metric("histogram", {}, value)))
    assert [sample.value for sample in page.samples] == [1.0, 2.5]


def gauges(**values: float) -> bytes:
    metrics = (metric("gauge", {"a": name}, double(1, value)) for name, value in values.items())
    return family("g", "gauge", *metrics)


def test_what_was_learnt_of_a_family_is_used_for_no_other_of_its_size() -> None:
    reader = Exposition()

    def page(body: bytes) -> dict[str, float]:
        samples = reader.read(Answer(200, PROTOBUF, body), "u").samples
        return {dict(sample.labels)["a"]: sample.value for sample in samples}

    for value in (1.0, 2.0, 3.0):
        assert page(gauges(x=value, y=-value)) == {"x": value, "y": -value}
    assert page(gauges(x=1.0, z=2.0)) == {"x": 1.0, "z": 2.0}


def test_a_family_that_a_page_has_twice_counts_once() -> None:
    reader = Exposition()
    for _ in range(4):
        page = reader.read(Answer(200, PROTOBUF, gauges(x=1.0) + gauges(x=2.0)), "u")
        assert [sample.value for sample in page.samples] == [1.0]
        assert (page.scraped, page.repeated) == (2, 1)


GAUGE = family("g", "gauge", metric("gauge", {"a": "1"}, double(1, 5.0)))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "u: holds no metric"),
        (GAUGE[:-1], "it ends within a message, so it was cut short"),
        (GAUGE + b"\x05", "it ends within a message, so it was cut short"),
        (GAUGE + b"\xff", "a number without end"),
        (b"<!DOCTYPE html><p>Sign in</p>", "not valid Prometheus protobuf: "),
        (b"process_open_fds 20\n", "not valid Prometheus protobuf: "),
        (sized(0, sized(4, b""))[1:], "a family has no name, or a type that is not known"),
        (sized(0, sized(1, b"g") + varint(3, 9))[1:], "a family has no name, or a type that is not known"),
        (sized(0, sized(1, b"\xff") + varint(3, 1))[1:], "a family's name is not UTF-8"),
        (family("g", "gauge", metric("counter", {}, double(1, 5.0))), "g is a gauge, and one of its metrics is none"),
        (family("g", "gauge", labels_of({"a": "1"})), "its last metric ends before its value"),
        (family("g", "gauge", labels_of({"a": "1"})) + GAUGE, "g is a gauge, and one of its metrics is none"),
        (family("g", "gauge", b"\x0a\x7fx") + GAUGE * 9, "a field does not fit at byte"),
        (family("g", "gauge", sized(2, double(1, 5.0)[:-1])), "a field does not fit at byte"),
        (family("g", "gauge", b"\x0f") + GAUGE, "a field does not fit at byte"),
        (family("g", "gauge", labels_of({"a": "1"}) * 2 + sized(2, double(1, 5.0))), "sample 1: g has the label 'a' twice"),
        (family("g", "gauge", sized(1, sized(2, b"x")) + sized(2, double(1, 5.0))), "or without a name"),
        (family("g", "gauge", sized(1, sized(1, b"a") + sized(2, b"\xff")) + sized(2, double(1, 5.0))), "are not UTF-8"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_page(body: bytes, said: str) -> None:
    with pytest.raises(TargetError) as caught:
        read(body)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(deadline=None, max_examples=30)
@given(st.binary(max_size=60), st.integers(0, 6000), st.integers(0, 60))
def test_any_bytes_are_samples_or_one_clear_error(odd: bytes, place: int, gone: int) -> None:
    """Also after a page that was whole."""
    whole = stored("go", "pb")
    reader = Exposition()
    for body in (whole, whole, whole[:place] + odd + whole[place + gone :], odd):
        try:
            reader.read(Answer(200, PROTOBUF, body), "u")
        except TargetError as error:
            assert "\n" not in str(error)
            assert str(error).startswith("u: ")
