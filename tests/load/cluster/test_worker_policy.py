"""What a worker checks of a plan before it takes part."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from soak.load.cluster.worker_policy import PlanRejectedError, fingerprints, own_plan
from soak.load.plan.cluster_options import WorkerOptions
from soak.load.plan.feeds import PlannedFeeder
from soak.load.plan.plan import Plan, PlannedAuth, PlannedRequest
from soak.load.plan.tls_options import TlsOptions

PLAN = Plan("http://127.0.0.1:9", (), duration=1.0, ramp=0.0, interval=1.0, timeout=1.0, rate=1.0)
OPTIONS = WorkerOptions("127.0.0.1", 5557, allow=("*.staging.example.com",))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "skus.csv"
    path.write_text("sku\na\n")
    return path


def test_data_must_be_there_and_the_same(file: Path) -> None:
    plan = replace(PLAN, rows=(PlannedFeeder("row", str(file)),))
    marks = fingerprints(plan)
    assert own_plan(plan, marks, OPTIONS).rows == plan.rows
    file.write_text("sku\nb\n")
    with pytest.raises(
        PlanRejectedError,
        match=r"data\.row: /.*skus\.csv here differs from the master's: copy it anew",
    ):
        own_plan(plan, marks, OPTIONS)
    file.unlink()
    with pytest.raises(
        PlanRejectedError,
        match=r"cannot be read here \(No such file or directory\): copy it to the same",
    ):
        own_plan(plan, marks, OPTIONS)


def test_tls_files_must_be_there(file: Path) -> None:
    plan = replace(PLAN, tls=TlsOptions(certificate=str(file), key="/nowhere/key.pem"))
    with pytest.raises(
        PlanRejectedError, match=r"target\.tls\.key: no file /nowhere/key\.pem here"
    ):
        own_plan(plan, {}, OPTIONS)


@pytest.mark.parametrize(
    ("url", "host"), [("http://127.0.0.1:1", ""), ("https://id.example.com/", "id.example.com")]
)
def test_a_token_is_fetched_from_no_host_that_is_not_allowed(url: str, host: str) -> None:
    request = PlannedRequest("auth", "POST", "/token", 1.0, {})
    plan = replace(PLAN, auth=PlannedAuth(request, url, "$.token", None, "Authorization"))
    if not host:
        assert own_plan(plan, {}, OPTIONS).auth == plan.auth
        return
    with pytest.raises(PlanRejectedError, match=f"may not send load to {host}"):
        own_plan(plan, {}, OPTIONS)


def test_each_locustfile_is_found_among_the_workers_copies(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(f"# {name}")
        (tmp_path / "mine" / name).write_text(f"# {name}")
    run = tuple(str(tmp_path / name) for name in ("a.py", "b.py"))
    mine = tuple(str(tmp_path / "mine" / name) for name in ("b.py", "a.py"))
    plan = replace(PLAN, locustfiles=run)
    marks = fingerprints(plan)
    assert own_plan(plan, marks, replace(OPTIONS, locustfiles=mine)).locustfiles == mine[::-1]
    with pytest.raises(PlanRejectedError, match=r"needs a\.py, and a worker runs no file that it"):
        own_plan(plan, marks, OPTIONS)
    with pytest.raises(PlanRejectedError, match=r"needs a\.py too: copy it here"):
        own_plan(plan, marks, replace(OPTIONS, locustfiles=(*mine[:1], *mine[:1])))
    (tmp_path / "mine" / "b.py").write_text("# changed")
    with pytest.raises(PlanRejectedError, match=r"b\.py here differs from the master's"):
        own_plan(plan, marks, replace(OPTIONS, locustfiles=mine))
