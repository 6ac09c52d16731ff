"""Where load may go: names, addresses however they are written, patterns, and what a name leads to."""

from __future__ import annotations

import pytest

from soak.errors import ProfileError
from soak.profile import parse_profile
from soak.profile.hosts import covers, may_connect, may_load


@pytest.mark.parametrize(
    ("host", "allowed", "right"),
    [
        ("127.0.0.1", [], True),
        ("::1", [], True),
        ("::ffff:127.0.0.1", [], True),
        ("LOCALHOST.", [], True),
        ("api.localhost", [], True),
        ("10.0.0.5", ["10.0.0.*"], True),
        ("10.0.0.5.evil.com", ["10.0.0.*"], False),
        ("10.0.0.evil.com", ["10.0.0.*"], False),
        ("a.staging.example.com", ["*.staging.example.com"], True),
        ("A.Staging.Example.com.", ["*.staging.example.com"], True),
        ("evilstaging.example.com", ["*.staging.example.com"], False),
        ("staging.example.com.evil.com", ["*.staging.example.com"], False),
        ("fd12::5", ["fd12:*"], True),
        ("evil.com%2f.staging.example.com", ["*.staging.example.com"], False),
        ("evil.com,a.staging.example.com", ["*.staging.example.com"], False),
        ("evil.com\0.staging.example.com", ["*.staging.example.com"], False),
        ("a..staging.example.com", ["*.staging.example.com"], False),
        ("169.254.169.254", ["*"], False),
        ("::ffff:169.254.169.254", ["*"], False),
        ("metadata.google.internal", ["*"], False),
        ("fd00:ec2::254", ["*"], False),
    ],
)
def test_where_load_may_go(host: str, allowed: list[str], right: bool) -> None:
    assert may_load(host, allowed) is right


@pytest.mark.parametrize(
    ("host", "address", "right"),
    [
        ("api.localhost", "127.0.0.1", True),
        ("api.localhost", "203.0.113.5", False),
        ("localhost", "::1", True),
        ("staging.example.com", "203.0.113.5", True),
        ("staging.example.com", "127.0.0.1", True),
        ("staging.example.com", "169.254.169.254", False),
        ("2852039166", "169.254.169.254", False),
        ("staging.example.com", "64:ff9b::a9fe:a9fe", False),
        ("staging.example.com", "64:ff9b:1::a9fe:a9fe", False),
        ("staging.example.com", "2002:a9fe:a9fe::", False),
        ("staging.example.com", "::a9fe:a9fe", False),
        ("staging.example.com", "::ffff:a9fe:a9fe", False),
        ("staging.example.com", "64:ff9b::cb00:7105", True),
        ("staging.example.com", "168.63.129.16", False),
        ("localhost", "64:ff9b::7f00:1", False),
        ("staging.example.com", "fe80::1%eth0", True),
    ],
)
def test_a_name_must_lead_where_it_may(host: str, address: str, right: bool) -> None:
    assert may_connect(host, address) is right


@pytest.mark.parametrize(
    ("pattern", "narrower", "right"),
    [
        ("*", "*", True),
        ("a*", "*", False),
        ("a*", "abc", True),
        ("*.example.com", "*.staging.example.com", True),
        ("*.staging.example.com", "*.example.com", False),
        ("10.0.0.*", "10.0.0.*", True),
        ("10.0.*", "10.0.0.*", True),
        ("10.0.0.*", "10.0.*", False),
        ("*.example.com", "evil.com", False),
    ],
)
def test_a_worker_takes_no_more_than_its_own_patterns_cover(
    pattern: str, narrower: str, right: bool
) -> None:
    assert covers(pattern, narrower) is right


@pytest.mark.parametrize("host", ["169.254.169.254", "[64:ff9b::a9fe:a9fe]", "metadata.goog"])
def test_a_metadata_service_is_refused_and_no_way_to_allow_it_is_told(host: str) -> None:
    text = f"target: {{url: 'http://{host}', allow: ['*']}}\nload: {{rate: 1/s, duration: 1s}}\nendpoints: [GET /]\n"
    with pytest.raises(ProfileError, match="is a cloud's metadata service; no load goes there"):
        parse_profile(text, "p.yaml")
