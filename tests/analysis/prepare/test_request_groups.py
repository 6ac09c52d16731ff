"""Requests of a scenario or a tag together."""

from __future__ import annotations

import pytest

from soak.analysis.prepare.request_groups import group_windows, of
from soak.model import Labels
from soak.profile.tags import RequestGroup
from tests.analysis.recordings import windows


def test_a_group_s_windows_are_its_endpoints_together() -> None:
    made = [
        windows(name, requests=many, seconds=2) for name, many in (("a", 1), ("b", 2), ("c", 4))
    ]
    groups = [
        RequestGroup("tag", "both", ("a", "c", "gone")),
        RequestGroup("tag", "none", ("gone",)),
        RequestGroup("scenario", "one", ("b",)),
    ]
    found = list(group_windows(made, groups))
    assert [group for group, _ in found] == [groups[0], groups[2]]
    assert [(each.endpoint, each.requests.tolist()) for _, each in found] == [
        ("both", [5, 5]),
        ("one", [2, 2]),
    ]


@pytest.mark.parametrize(
    ("labels", "begins"),
    [
        ((), ""),
        ((("endpoint", "GET /"),), "GET /: "),
        ((("tag", "read"),), "tag read: "),
        ((("scenario", "buyer"), ("endpoint", "x")), "scenario buyer: "),
    ],
)
def test_a_sentence_about_requests_begins_with_whose_they_are(labels: Labels, begins: str) -> None:
    assert of(labels) == begins
