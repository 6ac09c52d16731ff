"""YAML's merge keys in profiles."""

import pytest

from soak.errors import ProfileError
from soak.profile import parse_profile

TEXT = """\
target: {url: "http://127.0.0.1:8080"}
load: {rate: 1/s, duration: 1m}
endpoints:
  - &order
    request: POST /orders
    headers: {A: b}
    timeout: 3s
  - {<<: *order, name: other, timeout: 5s}
  - <<: [{name: third}, *order, {name: never, weight: 2}]
"""


def test_merged_keys_are_below_own_ones_and_earlier_ones_win() -> None:
    order, other, third = parse_profile(TEXT, "p.yaml", environment={})[0].endpoints
    assert (other.request, other.headers, other.name, other.timeout.total) == (
        "POST /orders",
        {"A": "b"},
        "other",
        5,
    )
    assert (third.request, third.name, third.timeout.total, third.weight) == (
        "POST /orders",
        "third",
        3,
        2,
    )
    assert order.name == ""


def test_an_override_changes_what_was_merged_and_nothing_else() -> None:
    profile = parse_profile(TEXT, "p.yaml", ["endpoints.1.timeout.total=9s"], environment={})[0]
    assert [endpoint.timeout.total for endpoint in profile.endpoints] == [3, 9, 3]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            "{<<: 3}",
            "p.yaml:8: <<: expected a mapping to merge, such as <<: *base, or a list of them",
        ),
        ("{<<: [a]}", "p.yaml:8: <<: expected a mapping to merge"),
        ("&x {<<: *x}", "p.yaml:8: <<: expected a mapping to merge"),
        ("{<<: *order, nmae: a}", "p.yaml:8: endpoints.1.nmae: unknown key, did you mean name?"),
        (
            "{<<: {nmae: a}, request: GET /a}",
            "p.yaml:8: endpoints.1.nmae: unknown key, did you mean name?",
        ),
    ],
)
def test_what_is_no_merge_is_refused(wrong: str, message: str) -> None:
    with pytest.raises(ProfileError) as caught:
        parse_profile(
            TEXT.replace("{<<: *order, name: other, timeout: 5s}", wrong), "p.yaml", environment={}
        )
    assert str(caught.value).startswith(message)


def test_merges_of_merges_cost_nothing() -> None:
    lines = ["a0: &a0 {k: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 40)]
    with pytest.raises(ProfileError, match="unknown key"):
        parse_profile(TEXT + "\n".join(lines) + "\n", "p.yaml", environment={})
