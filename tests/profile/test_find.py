"""`load.find` and shares of the capacity: what is read, and what is refused with file, line and what to do."""

from __future__ import annotations

import pytest

from soak.errors import ProfileError
from soak.profile import parse_profile
from soak.profile.summary import load_summary, search_lines

TEXT = """name: cap
target: {url: "http://127.0.0.1:8080"}
load:
  find: {limits: {p99: 250ms, errors: 1%}, from: 50/s, to: 5000/s}
endpoints: [GET /]
"""


def test_a_search_says_what_it_does_and_how_long_it_takes_at_most() -> None:
    profile, _ = parse_profile(TEXT, "p.yaml", environment={})
    assert profile.load.open
    assert (profile.load.peak, profile.interval) == (5000.0, 1.0)
    assert load_summary(profile) == "capacity search from 50 to 5,000 requests/s on 1 endpoint"
    said = " ".join(search_lines(profile))
    assert "p99 within 250 ms, errors within 1%" in said
    assert "at most" in said
    assert "no growth" in said


def test_its_duration_is_the_longest_it_may_take() -> None:
    profile, _ = parse_profile(TEXT, "p.yaml", ["load.duration=10m"], environment={})
    assert profile.load.duration == 600
    assert "at most 10 min" in " ".join(search_lines(profile))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["load.find.from=6000/s"], "from (6000/s) must be below to (5000/s)"),
        (["load.find.limits={}"], "name at least one limit"),
        (["load.find.limits={p98: 1s}"], "p98: unknown key"),
        (["load.find.limits.errors=0%"], "errors must be from 0.01% to 50%"),
        (["load.users=5"], "give either find or users"),
        (["load.rate=5/s"], "give either find or rate"),
        (["load.stages=[{rate: 5/s, for: 1m}]"], "find"),
        (["load.ramp=5s"], "give either find or ramp"),
        (["load.find.within=0.1%"], "within must be from 1% to 50%"),
        (["load.find.step=1s"], "step must be at least 5s"),
        (["load.find.confirm=5s"], "confirm at least as long as step"),
        (["load.workers={expect: 2}"], "processes of this machine"),
        (["diagnose={}"], "leave it out"),
        (["stop_early=true"], "ends by itself"),
        (["sample=5s"], "at most 1s"),
        (["load.find={limits: {p99: 1s}, to: 5/s}"], "load.find.from: is missing"),
    ],
)
def test_what_is_no_search_is_refused(changes: list[str], said: str) -> None:
    with pytest.raises(ProfileError, match=r"p\.yaml") as error:
        parse_profile(TEXT, "p.yaml", changes, environment={})
    assert said in str(error.value)


FIND = "find: {limits: {p99: 250ms, errors: 1%}, from: 50/s, to: 5000/s}"
SOAK = TEXT.replace(FIND, "rate: 70% of capacity\n  duration: 1h")


def test_a_share_of_the_capacity_is_the_rate_it_is_and_is_kept_as_that() -> None:
    profile, text = parse_profile(SOAK, "p.yaml", environment={}, capacity=987.0)
    assert profile.load.rate == 691.0
    assert parse_profile(text, "p.yaml", environment={})[0].load.rate == 691.0


def test_stages_and_overrides_may_be_shares_too() -> None:
    changes = [
        "load={stages: [{rate: 50% of capacity, for: 1h}, {spike: 120% of capacity, for: 1m}]}"
    ]
    profile, _ = parse_profile(SOAK, "p.yaml", changes, environment={}, capacity=1000.0)
    assert profile.load.peak == 1200.0


@pytest.mark.parametrize(
    ("share", "capacity", "said"),
    [
        ("70%", None, "give --against NAME"),
        ("0%", 900.0, "must be from 0.1% to 500%"),
        ("900%", 900.0, "must be from"),
    ],
)
def test_a_share_of_no_capacity_is_refused(share: str, capacity: float | None, said: str) -> None:
    with pytest.raises(ProfileError, match=r"p\.yaml:4: '") as error:
        parse_profile(SOAK.replace("70%", share), "p.yaml", environment={}, capacity=capacity)
    assert said in str(error.value)
