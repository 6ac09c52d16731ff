"""JSON that is checked as it is read, and profiles made of stacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from soak.diagnosis.profiles import json_profile
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.profiles.pprof import ProfileFormatError


@pytest.mark.parametrize(
    ("read", "good", "bad", "said"),
    [
        (json_profile.mapping, {"a": 1}, [1], "a list where an object should be"),
        (json_profile.items, [1], {"a": 1}, "a dict where an array should be"),
        (json_profile.prose, "a\nb", 3, "a int where a text should be"),
    ],
)
def test_a_value_of_another_kind_is_refused(
    read: Callable[[object], Any], good: object, bad: object, said: str
) -> None:
    assert read(good) == good
    with pytest.raises(TypeError, match=said):
        read(bad)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a\nb\tc", "a b c"),
        ("\x00a\x1f\x7fb c~", " a  b c~"),
        ("x" * 300, "x" * 300),
        ("x" * 301, "x" * 300),
        ("\ud800", "?"),
        ("é", "é"),
    ],
)
def test_a_text_is_one_line_of_at_most_300_characters(value: str, shown: str) -> None:
    assert json_profile.text(value) == shown


@pytest.mark.parametrize("value", [0, -3, 2.5, 1e18, -1e18])
def test_a_finite_number_is_an_amount(value: float) -> None:
    assert json_profile.amount(value) == value


@pytest.mark.parametrize(
    "value", [True, False, "3", None, [1], float("nan"), float("inf"), 1.1e18, -1.1e18, 10**400]
)
def test_what_is_no_finite_number_of_a_possible_size_is_refused(value: object) -> None:
    with pytest.raises((ValueError, OverflowError)):
        json_profile.amount(value)


@pytest.mark.parametrize(
    ("value", "number"),
    [(7, 7), (7.9, 7), (0, 0), (1, 1), (-1, 0), (2**31, 2**31), (2**31 + 5, 2**31), (1e18, 2**31)],
)
def test_a_line_is_a_whole_number_from_0_on(value: float, number: int) -> None:
    assert json_profile.line(value) == number


def test_what_is_no_such_profile_is_shown_by_its_first_forty_bytes_and_the_error() -> None:
    data = bytes(range(65, 91)) * 3
    with pytest.raises(ProfileFormatError) as raised:
        json_profile.parse_json_profile(data, "thing", lambda _: pytest.fail("not read"))
    begins = f"it begins {data[:40].decode()!r}"
    assert str(raised.value) == (
        f"this is no thing, or not all of one (Expecting value: line 1 column 1 (char 0)): {begins}"
    )

    def failing(_: object) -> Any:
        raise ValueError("x" * 101)

    with pytest.raises(ProfileFormatError) as raised:
        json_profile.parse_json_profile(b"{}", "thing", failing)
    assert str(raised.value) == (
        f"this is no thing, or not all of one ({'x' * 100}): it begins '{{}}'"
    )


def test_stacks_become_a_profile() -> None:
    own, other = Frame("f", "f.py", 3, own=True), Frame("g", "g.py", 4)
    stacks = [((own, other), (1.0, 10.0)), ((), (2.0, 20.0)), ((other,), (3.0, 30.0))]
    profile = json_profile.profile_from_stacks(
        stacks, json_profile.HELD, period=5.0, period_unit="bytes"
    )
    assert [profile.stack(row) for row in range(3)] == [(own, other), (), (other,)]
    assert [frame.own for frame in profile.stack(0)] == [True, False]
    assert profile.values.tolist() == [[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]
    assert profile.column("inuse_space").tolist() == [10.0, 20.0, 30.0]
    assert (profile.period, profile.period_unit) == (5.0, "bytes")
    assert (profile.time, profile.seconds, profile.symbols) == (0.0, 0.0, True)
    assert len(profile.locations) == 2
    assert len(set(profile.keys.tolist())) == 3
    assert profile.locations.addresses.tolist() == [0, 0]
    nothing = json_profile.profile_from_stacks([], json_profile.THREADS)
    assert nothing.values.shape == (0, 1)
    assert (nothing.period, nothing.period_unit) == (0.0, "")
