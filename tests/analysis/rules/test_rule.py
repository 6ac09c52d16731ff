"""What a rule is given if nothing else is said."""

from dataclasses import replace

from soak.analysis.prepare.prepare import prepare
from soak.analysis.rules.rule import Rule, RuleInput
from soak.analysis.rules.subjects import judged_subjects
from soak.profile import Limits
from tests.analysis.recordings import gauge, recording


def test_series_that_the_catalog_does_not_know_are_judged_only_if_asked_for() -> None:
    things = gauge("app_things", 7.0)
    asked = RuleInput(prepare(recording(things, requests=[]), 0.0), Limits())
    assert asked.judge_unknown is False
    assert judged_subjects(asked) == {}
    assert list(judged_subjects(replace(asked, judge_unknown=True))) == ["app_things"]
    assert asked.request_clock is None
    assert dict(asked.endpoint_limits) == {}


def test_a_rule_without_warnings_has_none() -> None:
    asked = RuleInput(prepare(recording(requests=[]), 0.0), Limits())
    assert list(Rule(lambda _: ()).warn(asked, ())) == []
