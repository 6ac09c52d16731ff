"""A labelled case judged as the resource rule judges a recording's series: growth, what was planted, and the horizon."""

from __future__ import annotations

from soak.analysis.positive_control import with_positive_control
from soak.analysis.rules.growth import judge_growth
from soak.analysis.statistics.growth_input import Subject
from soak.analysis.vouch import vouched
from soak.model import Finding
from tests.bench.corpus import SURVIVE, Case


def judge_subject(subject: Subject) -> Finding:
    """The finding of one series, with its vouched seconds: a hollow pass is inconclusive."""
    findings = judge_growth([subject], SURVIVE)
    times = subject.series.times
    judged = float(times[-1] - max(times[0], subject.judged_from))
    return vouched([subject], with_positive_control([subject], findings, judged), judged)[0]


def judge_case(case: Case) -> Finding:
    """The finding of one case."""
    return judge_subject(case.subject)
