"""Bad input from the outside: one message, the right exit code, no traceback, nothing half-written."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from soak.cli import VERBS
from tests.cli.calling import run
from tests.profile_texts import GOOD

ROOT = Path(__file__).parents[2]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text(GOOD.replace("duration", "durration"))
    (tmp_path / "text.csv").write_text("t,a\n0,1\n1,full\n")
    (tmp_path / "no-time.csv").write_text("x,a\n0,1\n")
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)))
    return tmp_path


REFUSED = [
    (["run"], "give a profile, or --url"),
    (["run", "nowhere.yaml"], "nowhere.yaml: cannot be read: No such file or directory"),
    (["run", "bad.yaml"], "bad.yaml:5: load.durration: unknown key, did you mean duration?"),
    (["run", "good.yaml", "--rate", "50"], "load.rate: expected a rate"),
    (["run", "good.yaml", "--endpoint", "GET /"], "--endpoint applies only without a profile"),
    (["run", "good.yaml", "--set", "load.rtae=5/s"], "load.rtae: unknown key, did you mean rate?"),
    (["run", "good.yaml", "--users", "0"], "load.users: expected a whole number of at least 1"),
    (["run", "good.yaml", "--users", "many"], "--users"),
    (
        ["run", "--url", "http://127.0.0.1:1", "--rate", "5/s", "--duration", "1s"],
        "--endpoint: is missing",
    ),
    (
        [
            "run",
            "--url",
            "http://example.com",
            "--endpoint",
            "GET /",
            "--rate",
            "5/s",
            "--duration",
            "1s",
        ],
        "is not allowed",
    ),
    (
        [
            "run",
            "--url",
            "http://127.0.0.1:1",
            "--endpoint",
            "GET /",
            "--rate",
            "5/s",
            "--users",
            "5",
        ],
        "--rate or --users: give either rate",
    ),
    (
        ["run", "--url", "http://127.0.0.1:1", "--endpoint", "GET /", "--rate", "5"],
        "--rate: expected a rate",
    ),
    (
        ["run", "--url", "http://example.com", "--endpoint", "GET /"],
        "is not allowed; to allow it, add --allow example.com",
    ),
    (
        ["run", "--url", "http://127.0.0.1:1", "--endpoint", "GET /", "--body", "x"],
        "go with an --endpoint whose method is POST",
    ),
    (
        ["run", "--url", "http://127.0.0.1:1", "--endpoint", "POST /", "--json-body", "{"],
        "--json-body: not valid JSON",
    ),
    (
        ["run", "--url", "http://127.0.0.1:1", "--endpoint", "GET /", "--header", "x"],
        "--header 'x': expected 'Name: value'",
    ),
    (
        ["run", "--url", "http://127.0.0.1:1", "--endpoint", "GET /", "--timeout", "never"],
        "--timeout: expected",
    ),
    (["run", "good.yaml", "--header", "a: b"], "--header applies only without a profile"),
    (
        ["run", "good.yaml", "--profile-out", "x.yaml"],
        "--profile-out applies only without a profile",
    ),
    (
        [
            "run",
            "--url",
            "http://127.0.0.1:1",
            "--endpoint",
            "GET /",
            "--rate",
            "5/s",
            "--duration",
            "1s",
            "--process",
            "x",
        ],
        "--process x: expected port:…",
    ),
    (
        [
            "run",
            "--url",
            "http://127.0.0.1:1",
            "--endpoint",
            "GET /",
            "--rate",
            "5/s",
            "--duration",
            "1s",
            "--limit",
            "p99",
        ],
        "--limit 'p99': expected NAME: VALUE",
    ),
    *(
        (["run", "--url", "http://127.0.0.1:1", "--endpoint", "GET /", "--limit", text], said)
        for text, said in (
            ("growth.x=1MiB/h", "a colon goes between name and value: 'growth.x: 1MiB/h'"),
            ("growth.x", "its value is missing, such as 'growth.x: 1MiB/h'"),
            ("max.x:", "its value is missing, such as 'max.x: 2GiB'"),
            ("growth.x: 5", "--limit 'growth.x: 5': expected growth such as 1MiB/h"),
        )
    ),
    (
        ["run", "--url", "http://127.0.0.1:1", "--endpoint", "POST /", "--json", '{"a": 1}'],
        "a request's body goes after --json-body",
    ),
    (["check", "bad.yaml"], "bad.yaml:5: load.durration"),
    (["analyze"], "give a FILE, or --prometheus"),
    (["analyze", "nowhere.csv"], "nowhere.csv: cannot be read: no such file"),
    (["analyze", "text.csv"], "text.csv:3: column a: not a number: 'full'"),
    (["analyze", "no-time.csv"], "no-time.csv: no time column"),
    (["analyze", "binary.csv"], "binary.csv: a binary file"),
    (["analyze", "text.csv", "--limit", "growth: x"], "--limit"),
    (["analyze", "text.csv", "--warmup", "5"], "--warmup: expected a duration"),
    (["demo", "--leak", "everything"], "'everything' is not one of"),
    (["frobnicate"], "No such command 'frobnicate'"),
]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    REFUSED,
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_bad_input_is_one_message_and_exit_2(
    capsys: pytest.CaptureFixture[str], here: Path, arguments: list[str], expected: str
) -> None:
    before = sorted(here.iterdir())
    code, out, err = run(capsys, *arguments)
    assert code == 2
    assert expected in err
    assert "Traceback" not in err
    assert out == ""
    assert sorted(here.iterdir()) == before


def test_an_unreachable_target_ends_in_time_with_what_was_tried(
    capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    arguments = [
        "--url",
        "http://127.0.0.1:9",
        "--endpoint",
        "GET /",
        "--rate",
        "5/s",
        "--duration",
        "1s",
    ]
    code, _, err = run(capsys, "run", *arguments, "--out", "never")
    assert code == 4
    assert "the target cannot be reached (connection refused, 10 attempts in 5 s)" in err
    assert not (here / "never").exists()


def test_a_target_that_does_not_start_says_its_last_words(
    capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no database at hand')"]
    (here / "p.yaml").write_text(
        GOOD.replace('8080"}', f'8080", start: {{command: {json.dumps(command)}}}}}')
    )
    code, _, err = run(capsys, "run", "p.yaml", "--out", "never")
    assert code == 4
    assert "ended with code 1; it said: no database at hand" in err
    assert [path.name for path in (here / "never").iterdir()] == ["target.log"]


def test_a_run_directory_that_is_in_use_is_refused(
    capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    (here / "used").mkdir()
    (here / "used" / "x").write_text("")
    code, _, err = run(capsys, "run", "good.yaml", "--out", "used")
    assert code == 2
    assert "used: not empty" in err


def test_reporting_on_what_is_no_run(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    code, _, err = run(capsys, "report", str(here))
    assert code == 2
    assert "not a run directory" in err


def test_a_right_profile(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    code, out, _ = run(capsys, "check", "good.yaml")
    assert code == 0
    assert (
        out
        == "good.yaml: valid; 50 requests/s on 1 endpoint for 10 min, sampled every 1 s; target http://127.0.0.1:8080\n"
    )


def test_check_probe_of_a_dead_target_is_exit_4(
    capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    code, _, err = run(
        capsys, "check", "good.yaml", "--set", "target.url=http://127.0.0.1:9", "--probe"
    )
    assert code == 4
    assert "cannot be reached" in err


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_examples(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    code, out, _ = run(capsys, verb, "--help")
    assert code == 0
    assert f"  soak {verb}" in out
    assert all(
        line.count("soak ") == 1 for line in out.splitlines() if line.startswith("    soak ")
    )
    assert f"| `soak {verb}" in (ROOT / "README.md").read_text()


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; sys.argv = ['soak', '--help']\nimport soak.cli\ntry: soak.cli.main()\nexcept SystemExit: pass\n"
    code += "print(sorted({'numpy', 'pandas', 'pydantic', 'rich', 'yaml', 'bokeh', 'locust', 'psutil'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ}
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_supervisor_is_never_patched() -> None:
    code = "import sys, soak.cli.drive, soak.cli.progress; print('gevent' in sys.modules or 'locust' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
