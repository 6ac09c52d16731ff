"""Addresses, the shared token, and what a worker allows."""

import pytest

from soak.errors import UsageError
from soak.load.plan.cluster_options import (
    ClusterOptions,
    address,
    check_listening,
    cluster_options_of,
    narrowed,
    number_once,
    proof,
    proven,
)
from soak.load.plan.plan import Plan
from soak.load.supervisor.compile_plan import plan_of
from soak.profile import parse_profile


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.5", ("10.0.0.5", 5557)),
        ("master.local:6000", ("master.local", 6000)),
        ("[::1]:6000", ("::1", 6000)),
        ("[::1]", ("::1", 5557)),
    ],
)
def test_addresses(text: str, expected: tuple[str, int]) -> None:
    assert address(text) == expected


@pytest.mark.parametrize(
    "text", ["", ":5557", "host:", "host:0", "host:x", "host:70000", "::1", "::1:5557"]
)
def test_addresses_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="expected HOST or HOST:PORT"):
        address(text)


def test_a_proof_is_of_one_side_one_token_and_both_numbers() -> None:
    a, b = number_once(), number_once()
    right = proof("secret", "worker", a, b)
    assert proven(right, "secret", "worker", a, b)
    assert not proven(right, "other", "worker", a, b)
    assert not proven(right, "secret", "master", a, b)
    assert not proven(right, "secret", "worker", b, a)
    assert not proven(None, "secret", "worker", a, b)
    assert not proven("ü", "secret", "worker", a, b)


def test_beyond_loopback_a_token_is_needed() -> None:
    check_listening(None, "")
    check_listening(ClusterOptions(processes=4, bind="0.0.0.0:1"), "")
    check_listening(ClusterOptions(expect=2), "")
    check_listening(ClusterOptions(expect=2, bind="0.0.0.0:5557"), "secret")
    with pytest.raises(UsageError, match="SOAK_WORKER_TOKEN"):
        check_listening(ClusterOptions(expect=2, bind="0.0.0.0:5557"), "")
    with pytest.raises(UsageError, match=r"load\.workers\.bind: expected HOST"):
        check_listening(ClusterOptions(expect=2, bind="nowhere:x"), "")


def test_a_worker_follows_redirects_only_where_it_may_send_load_itself() -> None:
    assert narrowed(("a.example.com", "b.org"), ("*.example.com",)) == ("a.example.com",)
    assert narrowed(("*.a.example.com",), ("*.example.com",)) == ("*.a.example.com",)
    assert narrowed(("*", "*.com"), ("?.com", "*.example.com")) == ()
    assert narrowed(("*",), ("*",)) == ("*",)


@pytest.mark.parametrize(
    ("load", "expected"),
    [
        ("", None),
        (", processes: 1", None),
        (", processes: 3", ClusterOptions(processes=3)),
        (", workers: {expect: 2}", ClusterOptions(expect=2)),
        (", processes: 2, workers: {lost: break}", ClusterOptions(processes=2, lost="break")),
        (
            ", processes: 1, workers: {expect: 2, bind: '10.0.0.5:1', wait: 5m}",
            ClusterOptions(1, 2, "10.0.0.5:1", 300.0),
        ),
    ],
)
def test_who_makes_the_load(load: str, expected: ClusterOptions | None) -> None:
    text = f"target: {{url: 'http://127.0.0.1:1'}}\nload: {{rate: 5/s, duration: 1s{load}}}\nendpoints: [GET /]\n"
    profile = parse_profile(text, "p.yaml", environment={})[0]
    assert cluster_options_of(profile) == expected
    planned = plan_of(profile)
    assert Plan.from_json(planned.to_json()) == planned
