"""What README and `--help` show is run here."""

import re
import shlex
from pathlib import Path

import click
import pytest

from soak.cli import VERBS, cli, main
from soak.comparison.metrics import METRICS
from soak.errors import ExitCode
from soak.load.supervisor.compile_plan import plan_of
from soak.profile import parse_profile
from soak.sampling.building import build_sources
from soak.sampling.profilers import PROFILERS, ProfiledTarget
from soak.sampling.profilers.selection import profilers_of
from soak.sampling.sources import SOURCES
from tests.cli.test_analyze import write

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def examples() -> list[str]:
    """Every example of every verb's help, and every `soak` command of the README."""
    texts = []
    for verb in VERBS:
        command = cli.get_command(click.Context(cli), verb)
        assert command is not None
        texts += [
            line.strip()
            for line in (command.help or "").splitlines()
            if line.strip().startswith("soak ")
        ]
    lines = [line.removeprefix("$ ") for line in README.splitlines()]
    texts += [
        line.removeprefix(".venv/bin/") for line in lines if line.startswith(".venv/bin/soak ")
    ]
    return texts + [
        line
        for line in (ROOT / "docs" / "sources.md").read_text().splitlines()
        if line.startswith("soak ")
    ]


def test_the_profiles_in_the_readme_are_right() -> None:
    [text, more] = blocks("yaml")
    profile, _ = parse_profile(text, "README.md", environment={})
    assert profile.name == "orders-nightly"
    profile, _ = parse_profile(
        text + more, str(ROOT / "profiles" / "README.yaml"), environment={"PASSWORD": "x"}
    )
    assert plan_of(profile).flows


def test_the_profiles_in_the_page_about_sources_are_right() -> None:
    text = (ROOT / "docs" / "sources.md").read_text()
    examples = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    shown = set()
    for example in examples:
        whole = f"target: {{url: 'http://127.0.0.1:8080'}}\nload: {{rate: 1/s, duration: 1m}}\nendpoints: [GET /]\n{example}"
        environment = dict.fromkeys(re.findall(r"\$\{(\w+)\}", example), "x")
        build_sources(parse_profile(whole, "docs/sources.md", environment=environment)[0])
        shown |= set(re.findall(r"^  - (\w+):", example, re.MULTILINE))
    assert shown == set(SOURCES)


def test_the_profiles_in_the_page_about_traces_are_right(tmp_path: Path) -> None:
    (tmp_path / "own-ca.pem").touch()
    examples = re.findall(
        r"```yaml\n(.*?)```", (ROOT / "docs" / "traces.md").read_text(), re.DOTALL
    )
    assert len(examples) == 2
    for example in examples:
        whole = f"target: {{url: 'http://127.0.0.1:8080'}}\nload: {{rate: 1/s, duration: 1m}}\nendpoints: [GET /]\n{example}"
        parse_profile(whole, str(tmp_path / "traces.yaml"), environment={"ZIPKIN_PASSWORD": "x"})


def test_the_profiles_in_the_page_about_traffic_are_right() -> None:
    examples = re.findall(
        r"```yaml\n(.*?)```", (ROOT / "docs" / "traffic.md").read_text(), re.DOTALL
    )
    assert len(examples) >= 2
    for example in examples:
        load = "" if "\nload:" in f"\n{example}" else "load: {rate: 1/s, duration: 1m}\n"
        whole = f"target: {{url: 'http://127.0.0.1:8080'}}\n{load}{example}"
        environment = dict.fromkeys(re.findall(r"\$\{(\w+)\}", example), "x")
        plan_of(
            parse_profile(whole, str(ROOT / "profiles" / "README.yaml"), environment=environment)[0]
        )


def test_the_profiles_in_the_page_about_diagnosis_are_right() -> None:
    shown: set[str] = set()
    for example in re.findall(
        r"```yaml\n(.*?)```", (ROOT / "docs" / "diagnose.md").read_text(), re.DOTALL
    ):
        whole = f"target: {{url: 'http://127.0.0.1:8080'}}\nload: {{rate: 1/s, duration: 1h}}\nendpoints: [GET /]\n{example}"
        environment = dict.fromkeys(re.findall(r"\$\{(\w+)\}", example), "x")
        profile = parse_profile(whole, "docs/diagnose.md", environment=environment)[0]
        shown |= set(profilers_of(profile, ProfiledTarget(profile.target.url)))
    assert shown == set(PROFILERS)


def test_the_exit_codes_in_the_readme_are_those_of_the_program() -> None:
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}
    assert told == {int(code) for code in ExitCode}


def test_every_verb_is_in_the_readme() -> None:
    assert set(re.findall(r"^\| `soak (\w+)", README, re.MULTILINE)) == set(VERBS)


def test_the_page_about_comparing_has_every_metric() -> None:
    rows = re.findall(r"^\| (`.+?) \|", (ROOT / "docs" / "compare.md").read_text(), re.MULTILINE)
    assert [name for row in rows for name in re.findall(r"`(\w+)`", row)] == list(METRICS)


def test_the_make_targets_of_the_docs_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for document in ("README.md", "CONTRIBUTING.md"):
        assert (
            set(re.findall(r"\bmake ([a-z-]+)\b", (ROOT / document).read_text())) - {"it"}
            <= targets
        )


def test_the_links_of_the_docs_lead_somewhere() -> None:
    for document in ("README.md", "CONTRIBUTING.md", "docs/diagnose.md"):
        for link in re.findall(r"\]\(([^)#:]+)\)", (ROOT / document).read_text()):
            assert (ROOT / link).exists(), f"{document}: {link}"


@pytest.mark.parametrize("example", examples())
def test_every_example_is_a_command_that_soak_understands(example: str) -> None:
    verb, *arguments = shlex.split(example.partition(" > ")[0])[1:]
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    command.make_context(verb, arguments)
    for word in arguments:
        if word.startswith("profiles/"):
            assert (ROOT / word).exists(), example


def test_the_analyze_example_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [example] = [
        example
        for example in examples()
        if example.startswith("soak analyze memory.csv --limit 'process_open_fds")
    ]
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "memory.csv", 0.0, name="process_open_fds")
    with pytest.raises(SystemExit) as caught:
        main(shlex.split(example)[1:])
    assert caught.value.code in (ExitCode.PASS, ExitCode.FAIL, ExitCode.INCONCLUSIVE)
    assert '"verdict"' in capsys.readouterr().out
