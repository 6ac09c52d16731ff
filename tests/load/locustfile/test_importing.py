"""Several locustfiles as one, as Locust takes them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from soak.load.locustfile.importing import LocustfileError, import_locustfiles
from soak.load.supervisor.compile_plan import plan_of
from soak.profile import parse_profile

USER = """from locust import HttpUser, LoadTestShape, task
class {name}(HttpUser):
    @task
    def go(self): self.client.get("/")
"""
SHAPE = """class {name}(LoadTestShape):
    def tick(self): return None
"""


@pytest.fixture(autouse=True)
def _imports(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave neither paths nor modules behind."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    there = set(sys.modules)
    yield
    for name in set(sys.modules) - there:
        del sys.modules[name]


def write(tmp_path: Path, **sources: str) -> list[Path]:
    for name, source in sources.items():
        (tmp_path / f"{name}.py").write_text(source)
    return [tmp_path / f"{name}.py" for name in sources]


def test_users_of_all_files_are_there_and_the_first_shape(tmp_path: Path) -> None:
    a, b = USER.format(name="A"), USER.format(name="B")
    shapes = SHAPE.format(name="First"), SHAPE.format(name="Second")
    files = write(tmp_path, soak_a=a + shapes[0], soak_b="from soak_a import A\n" + b + shapes[1])
    merged = import_locustfiles(files)
    assert (set(merged.users), merged.name) == ({"A", "B"}, "soak_a.py, soak_b.py")
    assert type(merged.shape).__name__ == "First"
    assert merged.unused_shapes == ("Second",)


def test_one_name_in_two_files_is_refused(tmp_path: Path) -> None:
    same = USER.format(name="Shopper")
    with pytest.raises(LocustfileError, match=r"^soak_a\.py and soak_b\.py both have .* Shopper"):
        import_locustfiles(write(tmp_path, soak_a=same, soak_b=same))


def test_none_of_them_has_users(tmp_path: Path) -> None:
    with pytest.raises(LocustfileError, match=r"^soak_a\.py, soak_b\.py has no Locust user class"):
        import_locustfiles(write(tmp_path, soak_a="", soak_b=""))


@pytest.mark.parametrize("named", ["users", "users/a.py, users/sub/b.py", "[users/a.py, users]"])
def test_a_directory_is_all_the_files_in_it(tmp_path: Path, named: str) -> None:
    (tmp_path / "users" / "sub").mkdir(parents=True)
    write(tmp_path / "users", a="", _helper="")
    write(tmp_path / "users" / "sub", b="")
    given = named if named.startswith("[") else f"'{named}'"
    text = f"target: {{url: 'http://127.0.0.1:9'}}\nload: {{locustfile: {given}, users: 1, duration: 9s}}\n"
    profile, _ = parse_profile(text, str(tmp_path / "p.yaml"), environment={})
    folder = tmp_path / "users"
    assert plan_of(profile).locustfiles == (str(folder / "a.py"), str(folder / "sub" / "b.py"))
