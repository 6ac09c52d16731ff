"""Regular expressions that could take for ever are told from those that cannot."""

from __future__ import annotations

import pytest

from soak.backtracking import backtracks, refusal


@pytest.mark.parametrize(
    ("pattern", "endless"),
    [
        (r"(a+)+$", True),
        (r"(a*)*b", True),
        (r"(?:x(?:y+)*)+z", True),
        (r"(a|a)*b", True),
        (r"(ab|ac)*d", False),  # and this as (a[bc])*
        (r"(a|ab|b)*c", True),
        (r"(.*,)*x", True),
        (r"(\\w+\\s?)*$", True),
        (r"(a+){50}", True),
        (r"(a{1,30}){2}", False),
        (r"(foo|bar)+", False),
        (r"id=([0-9]+)", False),
        (r"[a-z]+@[a-z]+\\.com", False),
        (r"(a++)+", False),
        (r"\\d{4}-\\d{2}", False),
    ],
)
def test_what_could_take_for_ever(pattern: str, endless: bool) -> None:
    assert backtracks(pattern) is endless


@pytest.mark.parametrize(
    "pattern", ["(", "a{99999999999}", "(" * 6000 + ")" * 6000, "(?P<a>b)(?P<a>c)"]
)
def test_what_is_no_expression_is_refused(pattern: str) -> None:
    assert str(refusal(pattern)).startswith("not a regular expression: ")
    assert refusal("orders-[0-9]+") is None
