"""`soak init`: what it lists, prints and writes, and what it never overwrites."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak.starters import examples
from tests.cli.calling import run


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_options_it_lists_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "init")
    assert code == 0
    assert all(
        f"  {name} " in out for name in [*examples(), "github", "gitlab", "systemd", "kubernetes"]
    )


def test_an_example_goes_to_standard_output_alone(
    capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    code, out, err = run(capsys, "init", "--example", "nightly")
    assert (code, out, err) == (0, examples()["nightly"].text, "")
    assert not list(here.iterdir())


def test_an_example_that_needs_a_file_says_so_or_brings_it(
    capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    assert "also needs data/products.csv" in run(capsys, "init", "--example", "checkout")[2]
    code, _, _ = run(capsys, "init", "--example", "checkout", "--out", "mine/c.yaml")
    assert code == 0
    assert (here / "mine/data/products.csv").is_file()
    assert run(capsys, "check", "mine/c.yaml")[0] == 0


def test_nothing_is_overwritten_unless_forced(
    capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    (here / "data").mkdir()
    (here / "data/products.csv").write_text("mine")
    code, _, err = run(capsys, "init", "--example", "checkout", "--out", "c.yaml")
    assert code == 2
    assert "data/products.csv: not overwritten without --force" in err
    assert not (here / "c.yaml").exists()
    assert run(capsys, "init", "--example", "checkout", "--out", "c.yaml", "--force")[0] == 0
    assert (here / "data/products.csv").read_text() != "mine"


def test_a_profile_that_is_there_is_kept_even_when_forced(
    capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    assert run(capsys, "init", "--ci", "github")[0] == 0
    (here / "soak/nightly.yaml").write_text("mine")
    code, _, err = run(capsys, "init", "--ci", "github", "--force")
    assert code == 0
    assert "kept soak/nightly.yaml" in err
    assert (here / "soak/nightly.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--example", "nigthly"], "--example nigthly: unknown, did you mean nightly?"),
        (
            ["--ci", "jenkins"],
            "--ci jenkins: unknown; there is github, gitlab, systemd, kubernetes",
        ),
        (["--example", "nightly", "--ci", "github"], "either --example or --ci, and not both"),
        (["--out", "x.yaml"], "say what to write"),
        (["--example", "nightly", "--force"], "--force goes with --out FILE"),
        (
            ["--example", "nightly", "--out", "/dev/null/x.yaml"],
            "/dev/null/x.yaml: cannot be written",
        ),
    ],
)
def test_bad_input(capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str) -> None:
    code, out, err = run(capsys, "init", *arguments)
    assert (code, out) == (2, "")
    assert expected in err
