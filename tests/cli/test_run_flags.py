"""The profile that the flags of `soak run` amount to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from soak.cli import drive
from soak.model import Event, EventKind
from soak.profile import Profile, load_profile
from soak.profile.parsing import command_without_secrets
from tests.cli.calling import run

URL = ["--url", "http://127.0.0.1:8080"]


@pytest.fixture
def driven(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Profile, str]]:
    """What would have been driven: the profile and its text as the run directory keeps it."""
    runs: list[tuple[Profile, str]] = []

    def keep(profile: Profile, text: str, *_: Any, **__: Any) -> int:
        runs.append((profile, text))
        return 0

    monkeypatch.setattr(drive, "drive", keep)
    return runs


def test_what_is_not_given_is_assumed_and_said(
    capsys: pytest.CaptureFixture[str], driven: list[tuple[Profile, str]]
) -> None:
    code, _, err = run(capsys, "run", *URL, "--endpoint", "GET /x")
    [(profile, _)] = driven
    assert (code, profile.load.rate, profile.load.duration, profile.name) == (
        0,
        10.0,
        600.0,
        "127.0.0.1-8080",
    )
    assert err == "soak: not given, so assumed: --rate 10/s, --duration 10m\n"


def test_headers_and_bodies_are_sent_and_never_written_down(
    capsys: pytest.CaptureFixture[str], driven: list[tuple[Profile, str]]
) -> None:
    words = [
        *URL,
        "--endpoint",
        "GET /x",
        "--endpoint",
        "POST /y",
        "--duration",
        "1m",
        "--rate",
        "5/s",
        "--timeout",
        "2s",
    ]
    sent = ["--header", "Authorization: Bearer hunter2", "--json-body", '{"card": "4111"}']
    code, _, err = run(capsys, "run", *words, *sent)
    [(profile, text)] = driven
    assert (code, err) == (0, "")
    assert [endpoint.headers["Authorization"] for endpoint in profile.endpoints] == [
        "Bearer hunter2"
    ] * 2
    assert [endpoint.json_ for endpoint in profile.endpoints] == [None, {"card": "4111"}]
    assert "hunter2" not in text
    assert "4111" not in text
    kept = command_without_secrets(["soak", "run", *words, *sent, "--body=4111"])
    assert not any("hunter2" in word or "4111" in word for word in kept)


def test_attribute_diagnoses(
    capsys: pytest.CaptureFixture[str], driven: list[tuple[Profile, str]]
) -> None:
    run(capsys, "run", *URL, "--endpoint", "GET /x", "--endpoint", "GET /y", "--attribute")
    [(profile, _)] = driven
    assert profile.diagnose is not None
    assert profile.diagnose.attribute


def test_the_profile_of_the_flags_can_be_kept_and_read_again(
    capsys: pytest.CaptureFixture[str], driven: list[tuple[Profile, str]], tmp_path: Path
) -> None:
    path = tmp_path / "mine.yaml"
    words = [
        *URL,
        "--endpoint",
        "GET /x",
        "--users",
        "3",
        "--think",
        "1s",
        "--duration",
        "1m",
        "--limit",
        "p99: 1s",
    ]
    run(capsys, "run", *words, "--profile-out", str(path))
    kept, _ = load_profile(path)
    assert kept.model_dump() == driven[0][0].model_dump()
    code, _, err = run(capsys, "run", *words, "--profile-out", str(path))
    assert code == 2
    assert "cannot be written: File exists" in err


def test_the_kept_profile_sends_what_the_flags_sent_and_secrets_are_variables(
    capsys: pytest.CaptureFixture[str],
    driven: list[tuple[Profile, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "mine.yaml"
    headers = ["--header", "Authorization: Bearer abc123", "--header", "X-Tenant: acme"]
    body = ["--json-body", '{"user": "ann", "password": "hunter2", "id": 3}']
    words = [*URL, "--endpoint", "POST /cart", *headers, *body, "--set", "load.timeout=4s"]
    _, _, err = run(capsys, "run", *words, "--profile-out", str(path))
    assert (
        f"wrote {path}; not in it, and expected in the environment: AUTHORIZATION, PASSWORD" in err
    )
    assert "abc123" not in path.read_text()
    assert "hunter2" not in path.read_text()
    monkeypatch.setenv("AUTHORIZATION", "Bearer abc123")
    monkeypatch.setenv("PASSWORD", "hunter2")
    kept, _ = load_profile(path)
    assert kept.model_dump() == driven[0][0].model_dump()


def test_a_profile_with_a_value_left_out_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "target: {url: 'http://127.0.0.1:1'}\nload: {rate: 1/s, duration: 1m}\n"
        "endpoints:\n  - {request: GET /x, headers: {Authorization: …}}\n"
    )
    code, _, err = run(capsys, "check", str(path))
    assert code == 2
    assert "mine.yaml:4: endpoints.0.headers.Authorization: its value was left out (…)" in err


def test_words_after_two_dashes_are_the_locustfiles(
    capsys: pytest.CaptureFixture[str], driven: list[tuple[Profile, str]], tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text("")
    words = ["--locustfile", str(tmp_path / "mine.py"), "--users", "1", "--duration", "1m"]
    code, _, _ = run(
        capsys,
        "run",
        *URL,
        *words,
        "--",
        "Shopper",
        "--tenant",
        "acme",
        "--loud",
        "--tags",
        "a",
        "b",
        "--level=3",
    )
    [(profile, _)] = driven
    assert code == 0
    assert profile.load.locust_arguments == (
        "--tenant=acme",
        "--loud",
        "--tags",
        "a",
        "b",
        "--level=3",
    )
    assert profile.load.user_classes == ["Shopper"]
    code, _, err = run(capsys, "run", *URL, *words, "--", "-T", "fast")
    assert code == 2
    assert "-T: after -- come names of the locustfile's user classes" in err


@pytest.mark.parametrize(
    ("flags", "refused"),
    [
        (
            ["--url", "http://staging.example", "--allow", "staging.example", "--rate", "100/s"],
            None,
        ),
        (
            ["--url", "http://staging.example", "--allow", "staging.example", "--rate", "101/s"],
            "101 requests/s",
        ),
        (["--url", "http://staging.example", "--allow", "staging.example", "--users", "100"], None),
        (
            ["--url", "http://staging.example", "--allow", "staging.example", "--users", "101"],
            "101 users",
        ),
        (
            [
                "--url",
                "http://staging.example",
                "--allow",
                "staging.example",
                "--rate",
                "101/s",
                "--yes",
            ],
            None,
        ),
        ([*URL, "--rate", "101/s"], None),
        (["--url", "http://[::1]:80", "--users", "101"], None),
    ],
)
def test_much_load_for_another_machine_wants_a_confirmation(
    capsys: pytest.CaptureFixture[str],
    driven: list[tuple[Profile, str]],
    flags: list[str],
    refused: str | None,
) -> None:
    code, _, said = run(capsys, "run", *flags, "--endpoint", "GET /")
    if refused is None:
        assert (code, len(driven)) == (0, 1), said
    else:
        assert (code, driven) == (2, [])
        assert (
            said
            == f"soak: {refused} for staging.example, which is another machine: confirm that with --yes\n"
        )


def test_user_and_password_of_an_address_are_not_written_down() -> None:
    words = [
        "--otlp",
        "http://soak:canary-1@127.0.0.1:4318",
        "--url=http://soak:canary-2@127.0.0.1",
    ]
    kept = command_without_secrets(["soak", "run", *words])
    assert kept == ["soak", "run", "--otlp", "http://127.0.0.1:4318", "--url=http://127.0.0.1"]
    assert command_without_secrets(["http://${WHO}@h"]) == ["http://${WHO}@h"]


def test_a_percentile_that_no_run_keeps_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "run", *URL, "--endpoint", "GET /x", "--limit", "p98: 3ms")
    assert code == 2
    assert "the percentiles that can be limited are p50, p90, p95, p99, p999" in err


def test_what_was_told_before_the_load_with_what_to_do_is_not_told_again() -> None:
    told = drive._Told()
    name = "fdz has a limit, but no source gives it"
    texts = [
        said
        for kind, text in (
            (EventKind.PROBE, f"{name}; correct the name"),
            (EventKind.WARNING, name),
            (EventKind.WARNING, "other has a limit, but no source gives it"),
            (EventKind.MIX, "the mix was varied"),
        )
        for said in told.saw(Event(1.0, kind, text))
    ]
    assert texts == [f"{name}; correct the name", "other has a limit, but no source gives it"]
