"""Several locustfiles as one, as Locust takes them; Locust replaces threads as it is imported, so a process of its own does."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak.errors import ProfileError
from soak.load.plan.plan import Plan
from soak.load.supervisor.compile_plan import plan_of
from soak.load.supervisor.locustfile_check import check_locustfile
from soak.profile import parse_profile

USER = """from locust import HttpUser, LoadTestShape, task
class {name}(HttpUser):
    @task
    def go(self): self.client.get("/")
"""
SHAPE = """class {name}(LoadTestShape):
    def tick(self): return None
"""


def planned(directory: Path, locustfile: str) -> Plan:
    text = f"target: {{url: 'http://127.0.0.1:9'}}\nload: {{locustfile: {locustfile}, users: 1, duration: 9s}}\n"
    return plan_of(parse_profile(text, str(directory / "p.yaml"), environment={})[0])


def write(directory: Path, **sources: str) -> Plan:
    for name, source in sources.items():
        (directory / f"{name}.py").write_text(source)
    return planned(directory, f"[{', '.join(f'{name}.py' for name in sources)}]")


def test_users_of_all_files_are_there_and_the_first_shape(tmp_path: Path) -> None:
    a, b = USER.format(name="A"), USER.format(name="B")
    first, second = SHAPE.format(name="First"), SHAPE.format(name="Second")
    plan = write(tmp_path, soak_a=a + first, soak_b="from soak_a import A\n" + b + second)
    merged = check_locustfile(plan)
    assert merged is not None
    assert (merged.users, merged.shape) == (("A", "B"), "First")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (USER.format(name="Shopper"), r"soak_a\.py and soak_b\.py both have a user class Shopper"),
        ("", r"soak_a\.py, soak_b\.py has no Locust user class"),
    ],
)
def test_one_name_in_two_files_is_refused_and_so_are_files_without_users(
    tmp_path: Path, source: str, said: str
) -> None:
    with pytest.raises(ProfileError, match=said):
        check_locustfile(write(tmp_path, soak_a=source, soak_b=source))


@pytest.mark.parametrize("named", ["users", "'users/a.py, users/sub/b.py'", "[users/a.py, users]"])
def test_a_directory_is_all_the_files_in_it(tmp_path: Path, named: str) -> None:
    folder = tmp_path / "users"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.py", "_helper.py", "sub/b.py"):
        (folder / name).write_text("")
    assert planned(tmp_path, named).locustfiles == (
        str(folder / "a.py"),
        str(folder / "sub" / "b.py"),
    )
