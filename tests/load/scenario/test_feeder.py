import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.load.plan.feeds import PlannedFeeder
from soak.load.scenario.feeder import Feeder, FeederError, FeederExhausted, read_feed


def write(tmp_path: Path, text: str | bytes, name: str = "a.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def values(rows: Feeder, count: int) -> list[str]:
    chance = random.Random(1)
    return [rows.draw(chance)["n"] for _ in range(count)]


def some(count: int) -> list[tuple[str]]:
    return [(str(number),) for number in range(count)]


def test_a_csv_file_with_all_that_csv_has(tmp_path: Path) -> None:
    path = write(tmp_path, '\ufeffsku, name\r\nA-1,"a ""b"", c"\r\n\r\nA-2,"two\nlines"\r\n')
    assert list(read_feed(path)) == [("sku", "name"), ("A-1", 'a "b", c'), ("A-2", "two\nlines")]


def test_json_lines_keep_their_types_whatever_the_order_of_keys(tmp_path: Path) -> None:
    path = write(tmp_path, '{"sku": "A", "n": 1}\n\n{"n": 2.5, "sku": null}\n')
    assert list(read_feed(path, jsonl=True)) == [("sku", "n"), ("A", 1), (None, 2.5)]


@pytest.mark.parametrize(
    ("text", "jsonl", "expected"),
    [
        ("", False, "a.csv: is empty; its first line names the columns"),
        ("a,b\n", False, "a.csv: has no rows"),
        ("a,b\n1,2\n3\n", False, "a.csv:3: 1 values, and the header has 2"),
        ('a,b\n1,"2\n', False, "a.csv:2: not CSV: unexpected end of data"),
        ("a,,c\n1,2,3\n", False, "a.csv:1: column 2 has no name"),
        ("a,a\n1,2\n", False, "a.csv:1: the column a is there twice"),
        (b"a\n\xff\xfe\n", False, "a.csv: not a text file in UTF-8"),
        ("", True, "a.csv: is empty"),
        ("{}\n", True, "a.csv:1: expected one JSON object a line"),
        ("[1]\n", True, "a.csv:1: expected one JSON object a line"),
        ('{"a": 1}\n{"a": \n', True, "a.csv:2: not JSON: Expecting value"),
        ('{"a": 1}\n{"b": 1}\n', True, "a.csv:2: the key "),
    ],
)
def test_a_wrong_file_is_named_with_its_line(
    tmp_path: Path, text: str | bytes, jsonl: bool, expected: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(FeederError) as caught:
        list(read_feed(path, jsonl=jsonl))
    assert str(caught.value).startswith(str(tmp_path / expected))


def test_too_many_rows_are_refused_before_memory_is_full(tmp_path: Path) -> None:
    with pytest.raises(FeederError, match="more than 3 rows"):
        list(read_feed(write(tmp_path, "a\n1\n2\n3\n4\n"), most=3))


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(FeederError, match=r"nowhere\.csv: cannot be read: No such file"):
        list(read_feed(Path("nowhere.csv")))


def test_rows_in_order_begin_again() -> None:
    assert values(Feeder("row", ("n",), some(3), "sequential"), 7) == [
        "0",
        "1",
        "2",
        "0",
        "1",
        "2",
        "0",
    ]


def test_unique_rows_never_come_twice_and_end() -> None:
    rows = Feeder("row", ("n",), some(3), "unique")
    assert values(rows, 3) == ["0", "1", "2"]
    with pytest.raises(FeederExhausted, match=r"every row of data\.row has been used"):
        rows.draw(random.Random(1))


def test_random_rows_repeat_with_their_seed_and_are_all_drawn() -> None:
    rows = Feeder("row", ("n",), some(10), "random")
    assert values(rows, 200) == values(rows, 200)
    assert set(values(rows, 200)) == {str(number) for number in range(10)}


@given(total=st.integers(1, 60), count=st.integers(1, 8))
def test_processes_share_the_rows_and_leave_none_out(total: int, count: int) -> None:
    dealt: list[str] = []
    for index in range(count):
        rows = Feeder("row", ("n",), some(total), "unique", index, count)
        dealt += values(rows, len(rows))
        with pytest.raises(FeederExhausted):
            rows.draw(random.Random(1))
    assert sorted(dealt) == sorted(str(number) for number in range(total))


def test_fewer_rows_than_processes_are_no_use_in_order() -> None:
    with pytest.raises(FeederError, match="2 rows cannot be shared by 3 processes"):
        Feeder("row", ("n",), some(2), "sequential", 0, 3)


def test_a_planned_file_is_loaded(tmp_path: Path) -> None:
    path = write(tmp_path, "n\n7\n")
    row = Feeder.load(PlannedFeeder("row", str(path))).draw(random.Random(1))
    assert row["n"] == "7"
    assert "n" in row
    assert row.as_dict() == {"n": "7"}
