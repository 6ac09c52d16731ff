"""What Locust's options say beside the profile; Locust replaces threads as it is imported, so a process of its own asks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from soak.load.supervisor.compile_plan import plan_of
from soak.profile import parse_profile

ASK = """
import json, sys
from soak.load.locustfile.command_line import parsed_options
from soak.load.plan.plan import Plan
options, keys = parsed_options(Plan.from_json(sys.stdin.read()), 3)
print(json.dumps([options.host, options.num_users, keys]))
"""


@pytest.mark.parametrize(
    ("variables", "preferred"),
    [
        ({"LOCUST_HOST": "http://127.0.0.1:8080/", "LOCUST_USERS": "3"}, []),
        (
            {"LOCUST_HOST": "http://127.0.0.1:81", "LOCUST_USERS": "30", "LOCUST_RUN_TIME": "1h"},
            ["load.duration", "load.users", "target.url"],
        ),
    ],
)
def test_only_options_that_say_otherwise_are_told_of(
    tmp_path: Path, variables: dict[str, str], preferred: list[str]
) -> None:
    (tmp_path / "users.py").write_text("")
    text = "target: {url: 'http://127.0.0.1:8080/'}\nload: {locustfile: users.py, users: 3, duration: 1m}\n"
    plan = plan_of(parse_profile(text, str(tmp_path / "profile.yaml"), environment={})[0])
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        input=plan.to_json(),
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == ["http://127.0.0.1:8080", 3, preferred]
