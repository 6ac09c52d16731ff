"""Scenarios and tags are judged and summed up as one, exactly."""

import json

from soak.analysis import analyze
from soak.analysis.prepare.asked_load import AskedLoad
from soak.model import Verdict
from soak.profile import EndpointLimits, Limits
from soak.profile.tags import RequestGroup
from soak.reporters import REPORTERS
from tests.analysis.recordings import gauge, recording, windows


def test_limits_of_a_group_are_judged_over_all_its_requests() -> None:
    """p99 of 30 fast and 10 slow requests a second is the slow one's; of the fast ones alone it is theirs."""
    limits = EndpointLimits.model_validate(
        {
            "p99": "100ms",
            "errors": "1%",
            "rate": "35/s",
            "p50": {"at": "100ms", "in": "50% of minutes"},
        }
    )
    groups = (
        RequestGroup("scenario", "browsers", ("fast", "slow"), limits),
        RequestGroup("tag", "read", ("fast",), EndpointLimits.model_validate({"p99": "100ms"})),
        RequestGroup("tag", "never", ("nowhere",), limits),
    )
    run = recording(
        gauge("process_open_fds", 20.0),
        requests=[
            windows("fast", 0.01, 30),
            windows("slow", 0.5, 10, failures=4),
            windows("other", 0.01, 5),
        ],
    )
    analysis = analyze(run, Limits(), asked_load=AskedLoad(("fast", "slow", "other"), None, groups))
    judged = {
        (finding.series, finding.labels): finding
        for finding in analysis.findings
        if finding.labels and finding.labels[0][0] in ("scenario", "tag")
    }
    own = (("scenario", "browsers"),)
    assert {key[0]: row.verdict for key, row in judged.items() if key[1] == own and row.unit != "ratio"} == {
        "http_request_p99_seconds": Verdict.FAIL, "http_requests_per_second": Verdict.PASS,
    }  # fmt: skip
    errors = judged["http_request_error_ratio", own]
    assert (errors.verdict, errors.observed) == (Verdict.FAIL, 0.1)
    assert errors.reason.startswith(
        "scenario browsers: 1,200 of 12,000 requests failed (10%: status 500)"
    )
    assert judged["http_request_p50_seconds", own].verdict is Verdict.PASS
    assert judged["http_request_p99_seconds", (("tag", "read"),)].verdict is Verdict.PASS
    told = json.loads(REPORTERS["json"].render(analysis))["groups"]
    assert [(row["kind"], row["name"], row["requests"], row["endpoints"]) for row in told] == [
        ("scenario", "browsers", 12000, ["fast", "slow"]), ("tag", "read", 9000, ["fast"]),
    ]  # fmt: skip
    for name in ("terminal", "markdown", "html"):
        text = str(REPORTERS[name].render(analysis))
        assert "browsers" in text
        assert "12,000" in text
