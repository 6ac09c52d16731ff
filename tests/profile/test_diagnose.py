"""`diagnose` and the drain: what is meant where nothing is said, and what cannot be."""

import pytest

from soak.errors import ProfileError
from soak.profile import Profile, parse_profile
from tests.profile_texts import GOOD


def parsed(diagnose: str = "", load: str = "") -> Profile:
    text = GOOD.replace("  duration: 10m\n", f"  duration: 10m\n{load}")
    return parse_profile(
        text + (f"diagnose: {diagnose}\n" if diagnose else ""), "p.yaml", environment={}
    )[0]


@pytest.mark.parametrize(
    ("duration", "sample", "every"),
    [
        (30.0, 1.0, 5.0),
        (240.0, 1.0, 10.0),
        (8 * 3600.0, 5.0, 1200.0),
        (60.0, 2.0, 10.0),
        (7 * 86400.0, 15.0, 1800.0),
    ],
)
def test_snapshots_are_spread_over_the_run(duration: float, sample: float, every: float) -> None:
    diagnose = parsed("{}").diagnose
    assert diagnose is not None
    assert diagnose.interval(duration, sample) == every
    given = parsed("{every: 20s}").diagnose
    assert given is not None
    assert given.interval(duration, sample) == 20


@pytest.mark.parametrize(
    ("diagnose", "load", "drain"),
    [
        ("", "", 0),
        ("{}", "", 30),
        ("{}", "  drain: 0s\n", 0),
        ("", "  drain: 2m\n", 120),
        ("{confirm: true}", "  drain: 1s\n", 1),
    ],
)
def test_the_drain_is_there_for_a_diagnosis_and_as_long_as_one_says(
    diagnose: str, load: str, drain: float
) -> None:
    assert parsed(diagnose, load).drain == drain


def test_a_short_run_s_drain_is_short_but_not_too_short() -> None:
    for duration, drain in (("20s", 5.0), ("2m", 12.0), ("1h", 30.0)):
        text = GOOD.replace("10m", duration) + "diagnose: {}\n"
        assert parse_profile(text, "p.yaml", environment={})[0].drain == drain


@pytest.mark.parametrize(("text", "seconds"), [("true", 150.0), ("false", None), ("90s", 90.0)])
def test_the_load_is_made_again_for_a_quarter_of_the_time_or_as_long_as_one_says(
    text: str, seconds: float | None
) -> None:
    diagnose = parsed(f"{{confirm: {text}}}").diagnose
    assert diagnose is not None
    assert diagnose.again(600.0) == seconds
    assert diagnose.again(20.0) == (seconds if seconds != 150.0 else 30.0)


@pytest.mark.parametrize(
    ("diagnose", "load", "said"),
    [
        ("{every: 2s}", "", "diagnose.every: must be at least 5s"),
        (
            "{pprof: 7}",
            "",
            "diagnose.pprof: expected a path on the target such as /debug/pprof, or a URL",
        ),
        ("{pprof: debug/pprof}", "", "diagnose.pprof: expected a path"),
        ("{confirm: soon}", "", "diagnose.confirm: "),
        ("{confirm: 0s}", "", "diagnose.confirm: expected true, false, or how long"),
        ("{confirm: true}", "  drain: 0s\n", "diagnose.confirm: needs a drain"),
        (
            "{confirm: true}",
            "  workers: {expect: 2}\n",
            "diagnose.confirm: workers on other machines leave",
        ),
        ("{prof: /debug/pprof}", "", "diagnose.prof: unknown key, did you mean pprof?"),
        ('{headers: {X: "a\\nb"}}', "", "diagnose.headers: the value of X has a line break"),
        ("yes please", "", "diagnose: "),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(diagnose: str, load: str, said: str) -> None:
    with pytest.raises(ProfileError) as caught:
        parsed(diagnose, load)
    message = str(caught.value)
    assert message.startswith("p.yaml:")
    assert said in message
    assert "\n" not in message


def test_with_few_samples_snapshots_must_be_further_apart() -> None:
    with pytest.raises(ProfileError, match="must be at least 50s"):
        parse_profile(GOOD + "sample: 10s\ndiagnose: {every: 20s}\n", "p.yaml", environment={})
