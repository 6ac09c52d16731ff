"""Who is told of a verdict, what is sent, and that neither a dead webhook nor its secret gets anywhere."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from soak.errors import ProfileError
from soak.model import Verdict
from soak.notify import payload, post, verdict_before, wanted
from soak.profile import parse_profile
from soak.profile.notify import Notify
from tests.profile_texts import GOOD
from tests.reporters.analyses import failing

PASS, FAIL, OPEN = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE


class Hook(HTTPServer):
    """A webhook that answers with these codes in turn, and keeps what it was sent."""

    def __init__(self, codes: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.codes, self.got = codes, list[dict[str, Any]]()


class Answering(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        self.server.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        code = self.server.codes.pop(0)
        self.send_response(code)
        if code == 302:
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[Hook]:
    server = Hook([200])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def address(hook: Hook) -> str:
    return f"http://127.0.0.1:{hook.server_port}/services/T0/SECRET"


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("always", [(PASS, PASS), (FAIL, FAIL), (PASS, None)]),
        ("fail", [(FAIL, FAIL), (OPEN, PASS), (FAIL, None)]),
        ("change", [(FAIL, PASS), (PASS, FAIL), (OPEN, PASS), (FAIL, None)]),
    ],
)
def test_who_is_told_when(when: Any, told: list[tuple[Verdict, Verdict | None]]) -> None:
    notify = Notify(webhook="http://127.0.0.1/x", when=when)
    assert all(wanted(notify, verdict, before) for verdict, before in told)


@pytest.mark.parametrize(
    ("when", "verdict", "before"),
    [("fail", PASS, FAIL), ("change", FAIL, FAIL), ("change", PASS, None)],
)
def test_who_is_not(when: Any, verdict: Verdict, before: Verdict | None) -> None:
    assert not wanted(Notify(webhook="http://127.0.0.1/x", when=when), verdict, before)


def test_the_summary_arrives(hook: Hook) -> None:
    assert post(address(hook), payload(failing(), Path("reports/n"), PASS)) is None
    [got] = hook.got
    assert got["text"].startswith("❌ *FAIL* (was pass): ")
    assert (got["verdict"], got["before"], got["run"]) == ("fail", "pass", "reports/n")


def test_a_failing_webhook_is_tried_three_times(hook: Hook) -> None:
    hook.codes = [503, 429, 200]
    pauses: list[float] = []
    assert post(address(hook), {}, pauses.append) is None
    assert (len(hook.got), pauses) == (3, [1.0, 3.0])
    hook.codes = [500, 500, 500]
    assert post(address(hook), {}, pauses.append) == "127.0.0.1: answered 500"


@pytest.mark.parametrize("code", [302, 403, 404])
def test_a_refusal_or_a_redirect_is_final(hook: Hook, code: int) -> None:
    hook.codes = [code]
    assert post(address(hook), {}) == f"127.0.0.1: answered {code}"
    assert len(hook.got) == 1


@pytest.mark.parametrize("webhook", ["http://127.0.0.1:9/SECRET", "http://127.0.0.1:9/SECRET\n"])
def test_no_message_tells_the_secret_and_nothing_is_raised(webhook: str) -> None:
    told = post(webhook, {}, lambda _: None)
    assert told is not None
    assert "SECRET" not in told


def test_the_run_before_is_the_newest_of_the_same_profile(tmp_path: Path) -> None:
    analysis = failing()

    def ran(name: str, profile: str, started: str, verdict: str) -> None:
        (tmp_path / name).mkdir()
        told = {"run": {"name": profile, "started": started}, "verdict": verdict}
        (tmp_path / name / "analysis.json").write_text(json.dumps(told))

    ran("a", analysis.run.name, "2000-01-01T00:00:00Z", "fail")
    ran("b", analysis.run.name, "2000-01-02T00:00:00Z", "pass")
    ran("c", "other", "2000-01-03T00:00:00Z", "fail")
    ran("d", analysis.run.name, "2999-01-01T00:00:00Z", "fail")
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "analysis.json").write_text("{")
    assert verdict_before(tmp_path / "me", analysis) is PASS


def test_the_profile_keeps_the_secret_out_of_what_it_writes_and_says() -> None:
    text = GOOD + "notify: {webhook: '${HOOK}', when: fail}\n"
    profile, written = parse_profile(
        text, "p.yaml", environment={"HOOK": "https://hooks.example.com/SECRET"}
    )
    assert profile.notify is not None
    assert profile.notify.webhook.endswith("SECRET")
    assert "SECRET" not in written
    with pytest.raises(ProfileError) as caught:
        parse_profile(text, "p.yaml", environment={"HOOK": "SECRET"})
    assert "expected an http or https URL" in str(caught.value)
    assert "SECRET" not in str(caught.value)
