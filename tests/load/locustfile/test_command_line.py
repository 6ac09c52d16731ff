"""What Locust's options say beside the profile."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak.load.locustfile.command_line import parsed_options
from soak.load.supervisor.compile_plan import plan_of
from soak.profile import parse_profile


@pytest.mark.parametrize(
    ("variables", "preferred"),
    [
        ({"LOCUST_HOST": "http://127.0.0.1:8080", "LOCUST_USERS": "3"}, []),
        ({"LOCUST_HOST": "http://127.0.0.1:8080/"}, []),
        ({"LOCUST_HOST": "http://127.0.0.1:8081"}, ["target.url"]),
        ({"LOCUST_USERS": "30", "LOCUST_RUN_TIME": "1h"}, ["load.duration", "load.users"]),
    ],
)
def test_only_options_that_say_otherwise_are_told_of(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    preferred: list[str],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "users.py").write_text("")
    text = "target: {url: 'http://127.0.0.1:8080/'}\nload: {locustfile: users.py, users: 3, duration: 1m}\n"
    plan = plan_of(parse_profile(text, str(tmp_path / "profile.yaml"), environment={})[0])
    options, keys = parsed_options(plan, 3)
    assert keys == preferred
    assert (options.host, options.num_users) == ("http://127.0.0.1:8080", 3)
