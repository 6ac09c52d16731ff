"""What several test processes want at once is built by one of them."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.targets.building import cached


def test_what_is_wanted_twice_at_once_is_built_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    source = tmp_path / "source"
    source.write_text("1")
    builds: list[Path] = []

    def build(to: Path) -> None:
        builds.append(to)
        (to / "program").write_text("built")

    with ThreadPoolExecutor(4) as pool:
        built = list(pool.map(lambda _: cached("program", [source], build), range(4)))
    assert len(builds) == 1
    assert {path / "program" for path in built} == {built[0] / "program"}
    assert (built[0] / "program").read_text() == "built"
    source.write_text("2")
    assert cached("program", [source], build) != built[0]
