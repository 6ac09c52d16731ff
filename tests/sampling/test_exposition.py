"""The reader of metrics pages, beside Prometheus's own client library, and on pages that are none."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as theirs_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as theirs

from soak.errors import TargetError
from soak.model import Kind, Sample
from soak.sampling.exposition import Exposition, Page
from soak.sampling.fetch import Answer

OPENMETRICS = "application/openmetrics-text"
NAMES = st.from_regex(r"[a-z_:][a-z0-9_:]{0,8}", fullmatch=True)
LABEL_NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True)
LABELS = st.dictionaries(
    LABEL_NAMES,
    st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=8),
    max_size=3,
)
VALUES = st.one_of(st.floats(allow_nan=False), st.integers(-(10**9), 10**9).map(float))


def read(text: str, content_type: str = "text/plain", **options: Any) -> Page:
    return Exposition(**options).read(Answer(200, content_type, text.encode()), "u")


def line(name: str, labels: dict[str, str], value: float) -> str:
    escaped = {
        key: text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
        for key, text in labels.items()
    }
    inside = ",".join(f'{key}="{text}"' for key, text in escaped.items())
    return f"{name}{{{inside}}} {value!r}\n" if inside else f"{name} {value!r}\n"


@settings(max_examples=150)
@given(st.lists(st.tuples(NAMES, LABELS, VALUES), min_size=1, max_size=8))
def test_it_reads_what_prometheus_client_reads(
    series: list[tuple[str, dict[str, str], float]],
) -> None:
    text = "".join(line(*parts) for parts in series)
    expected: dict[Any, float] = {}
    for family in theirs(text):
        for sample in family.samples:
            expected.setdefault((sample.name, tuple(sorted(sample.labels.items()))), sample.value)
    assert {(sample.name, sample.labels): sample.value for sample in read(text).samples} == expected


@settings(max_examples=60)
@given(st.lists(st.tuples(NAMES, LABELS, VALUES), min_size=1, max_size=8))
def test_what_was_learnt_from_a_page_changes_nothing(
    series: list[tuple[str, dict[str, str], float]],
) -> None:
    reader = Exposition()
    answer = Answer(200, "text/plain", "".join(line(*parts) for parts in series).encode())
    first, second = reader.read(answer, "u"), reader.read(answer, "u")
    assert set(first.samples) == set(second.samples)
    assert (first.scraped, first.repeated) == (second.scraped, second.repeated)


def test_openmetrics_with_exemplars_timestamps_and_units() -> None:
    text = (
        "# TYPE a_seconds histogram\n# UNIT a_seconds seconds\n"
        'a_seconds_bucket{le="1"} 3 # {trace_id="x}y # z"} 0.5 1.5\n'
        'a_seconds_bucket{le="+Inf"} 4\na_seconds_sum 2\na_seconds_count 4\n'
        '# TYPE c counter\nc_total{path="/a#b {c}"} 5 1520879607.789 # {trace_id="k"} 1\nc_created 9\n'
        "# TYPE g gauge\ng +Inf\n# EOF\n"
    )
    ours = {(sample.name, sample.labels): sample for sample in read(text, OPENMETRICS).samples}
    assert {key[0] for key in ours} == {"a_seconds_sum", "a_seconds_count", "c_total", "g"}
    assert ours["c_total", (("path", "/a#b {c}"),)].value == 5.0
    for name in ("a_seconds_sum", "a_seconds_count"):
        assert ours[name, ()].kind is Kind.COUNTER
    assert math.isinf(ours["g", ()].value)
    families = theirs_openmetrics(text)  # type: ignore[no-untyped-call]
    them = {sample.name for family in families for sample in family.samples}
    assert {key[0] for key in ours} <= them


def test_names_in_quotes_as_prometheus_3_has_them() -> None:
    [sample] = read('{"http.requests", "my.label"="x"} 4\n').samples
    assert sample == Sample("http.requests", 4.0, (("my.label", "x"),))


@pytest.mark.parametrize(
    ("text", "content_type", "said"),
    [
        ("<!DOCTYPE html><p>x", "text/plain", "it looks like HTML"),
        ("a 1\n<html>\n", "text/plain", "line 2"),
        ("a 1\nb{x=\n", "text/plain", "line 2"),
        ("a 1\nb 1_000\n", "text/plain", "line 2: expected a name, labels and a value"),
        ("a 1\nb one\n", "text/plain", "line 2: 'one' is not a number"),
        ('a{x="1",x="2"} 1\n', "text/plain", "has the label x twice"),
        ('a{x="1" y="2"} 1\n', "text/plain", "are not right"),
        ('a{!x="1"} 1\n', "text/plain", "are not right"),
        ('a{x="1",,y="2"} 1\n', "text/plain", "are not right"),
        ("a{} 1 2 3\n", "text/plain", "line 1"),
        ("# TYPE a\na 1\n", "text/plain", "line 1: expected # TYPE"),
        ("a 1\n", OPENMETRICS, "does not end with # EOF, so it was cut short"),
        ("# EOF\na 1\n", OPENMETRICS, "something follows # EOF"),
        ("", "text/plain", "holds no metric"),
        ("# only comments\n", "text/plain", "holds no metric"),
        ('{"a":1}', "application/json", "answered application/json, not Prometheus text"),
    ],
)
def test_what_is_wrong_with_a_page(text: str, content_type: str, said: str) -> None:
    with pytest.raises(TargetError) as caught:
        read(text, content_type)
    assert said in str(caught.value)
    assert str(caught.value).startswith("u: ")


def test_a_page_that_only_the_connection_ended_must_end_with_a_line() -> None:
    """A value cut in the middle is a number too."""
    body = b"process_resident_memory_bytes 123"
    with pytest.raises(TargetError, match="ends within a line"):
        Exposition().read(Answer(200, "text/plain", body, whole=False), "u")
    assert Exposition().read(Answer(200, "text/plain", body, whole=True), "u").samples


def test_what_is_dropped_is_not_even_parsed() -> None:
    page = read("a 1\nb{broken 2\nc 3\n", keep=("a", "b", "c"), drop=("b",))
    assert [sample.name for sample in page.samples] == ["a", "c"]
    assert (page.scraped, page.wanted) == (3, 2)


def test_a_metric_whose_labels_never_end_is_cut_by_itself() -> None:
    reader = Exposition(most=100, most_of_one=10)

    def page(users: range) -> Page:
        text = "".join(f'requests{{user="{user}"}} 1\n' for user in users) + "memory 5\n"
        return reader.read(Answer(200, "text/plain", text.encode()), "u")

    first, later = page(range(5)), page(range(50))
    assert first.left_out == 0
    assert later.left_out == 40
    assert "memory" in {sample.name for sample in later.samples}
    stayed = {sample.labels for sample in later.samples}
    again = {sample.labels for sample in page(range(60)).samples}
    assert stayed == again, "those that were there first stay"


def test_the_whole_page_is_bounded_too() -> None:
    page = read("".join(f"m{i} 1\n" for i in range(50)), most=20)
    assert (len(page.samples), page.left_out, page.scraped) == (20, 30, 50)


def test_repeated_series_are_counted_however_their_labels_are_ordered() -> None:
    page = read('a{x="1",y="2"} 1\na{y="2",x="1"} 2\nb 1\nb 2\n')
    assert [sample.value for sample in page.samples] == [1.0, 1.0]
    assert page.repeated == 2


@given(st.binary(max_size=200), st.sampled_from(["text/plain", OPENMETRICS]))
def test_any_bytes_are_samples_or_one_clear_error(body: bytes, content_type: str) -> None:
    try:
        Exposition().read(Answer(200, content_type, body), "u")
    except TargetError as error:
        assert "\n" not in str(error)


def test_created_times_go_with_their_family_and_counters_of_that_name_stay() -> None:
    own = (
        '# TYPE rpc_connections_created counter\nrpc_connections_created{metric_id="server"} 42\n'
        "# TYPE rpc_calls counter\nrpc_calls 7\n"
    )
    assert {sample.name: sample.value for sample in read(own).samples} == {
        "rpc_connections_created": 42,
        "rpc_calls": 7,
    }
    beside = "# TYPE a counter\na_total 1\na_created 1.7e9\n# TYPE leaky_bucket gauge\nleaky_bucket 3\n# EOF\n"
    assert [sample.name for sample in read(beside, OPENMETRICS).samples] == [
        "a_total",
        "leaky_bucket",
    ]
    named = '# TYPE c_created histogram\nc_created_bucket{le="+Inf"} 1\nc_created_count 1\n'
    assert [sample.name for sample in read(named).samples] == ["c_created_count"]
    plain = "# TYPE b_total counter\nb_total 1\n# TYPE b_created gauge\nb_created 1.7e9\n"
    assert [sample.name for sample in read(plain).samples] == ["b_total"]


@pytest.mark.parametrize(
    "content_type", ["text/html", "application/json", "application/octet-stream"]
)
def test_text_that_is_right_is_read_under_a_wrong_content_type_and_noticed(
    content_type: str,
) -> None:
    page = read("process_open_fds 20\n", content_type)
    assert [sample.value for sample in page.samples] == [20]
    [notice] = page.notices
    assert notice.startswith(f"its content type is {content_type}")
    assert read("process_open_fds 20\n").notices == ()


def test_ignored_timestamps_are_noticed() -> None:
    [notice] = read("a 1 1700000000000\nb 2 1700000000000\nc 3\n").notices
    assert notice.startswith("2 of its series carry timestamps, which is ignored")
    [notice] = read("a 1 1700000000000\nc 3\n").notices
    assert notice.startswith("1 of its series carries a timestamp, which is ignored")


def test_label_matchers_keep_and_drop_series() -> None:
    text = "".join(
        f'rss{{pod="{pod}"}} 1\nfds{{pod="{pod}"}} 2\n'
        for pod in ("orders-1", "orders-2", "cart-1")
    )
    page = read(text, keep=('rss{pod=~"orders-.*"}',), drop=('rss{pod="orders-2"}',))
    assert [dict(sample.labels)["pod"] for sample in page.samples] == ["orders-1"]
    assert (page.scraped, page.wanted) == (6, 1)
    reader = Exposition(keep=('*{pod!~"cart.*"}',))
    for _ in range(2):
        samples = reader.read(Answer(200, "text/plain", text.encode()), "u").samples
        assert sorted({dict(sample.labels)["pod"] for sample in samples}) == [
            "orders-1",
            "orders-2",
        ]
