"""What `soak init` hands out is right: profiles parse, and every soak command of a CI file is one that soak understands."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from soak.cli import cli
from soak.profile import parse_profile
from soak.starters import CI_SERVICES, ci_files, examples


@pytest.mark.parametrize("name", [name for name in examples() if name != "reference"])
def test_every_example_is_a_right_profile_beside_what_it_needs(name: str, tmp_path: Path) -> None:
    example = examples()[name]
    for path, text in example.needs:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    parse_profile(
        example.text,
        str(tmp_path / "mine.yaml"),
        environment={"API_TOKEN": "x", "SOAK_TARGET": "http://[::1]"},
    )
    assert example.about.endswith(".")


def test_examples_are_those_of_the_folder() -> None:
    there = {path.stem for path in (Path(__file__).parents[2] / "profiles").glob("*.yaml")}
    assert set(examples()) == there


def test_no_example_names_a_schema_that_is_not_beside_it() -> None:
    assert not any("yaml-language-server" in example.text for example in examples().values())


def documents(service: str) -> Iterator[tuple[str, Any]]:
    for path, text in ci_files(service).items():
        if path.endswith((".yml", ".yaml")):
            yield from ((path, document) for document in yaml.safe_load_all(text))


def soak_commands() -> Iterator[str]:
    """Every command line of soak in the files of every CI service."""
    for service in CI_SERVICES:
        for path, text in ci_files(service).items():
            if path.endswith((".yml", ".service")):
                code = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
                for words in re.findall(
                    r"(?:run: | - |=-?/opt/soak/bin/|&& )(soak [a-z]+ .*)", code
                ):
                    yield words.partition(" || ")[0]
        for _, document in documents(service):
            yield from (
                "soak " + shlex.join(container["args"]) for container in containers(document)
            )


def containers(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield from node.get("containers", ())
        for value in node.values():
            yield from containers(value)


def test_every_service_has_commands() -> None:
    assert {command.split()[1] for command in soak_commands()} == {
        "run",
        "analyze",
        "history",
        "prune",
        "worker",
    }


@pytest.mark.parametrize("command", sorted(set(soak_commands())))
def test_soak_understands_every_command_of_the_ci_files(command: str) -> None:
    verb, *arguments = shlex.split(command)[1:]
    known = cli.get_command(click.Context(cli), verb)
    assert known is not None
    known.make_context(verb, arguments)


def test_a_github_job_ends_before_the_runner_ends_it() -> None:
    [(_, workflow)] = documents("github")
    segment = workflow["jobs"]["segment"]
    assert segment["timeout-minutes"] < 360
    assert segment["strategy"]["max-parallel"] == 1  # overlapping runs are not pooled
    assert "--duration 5h" in str(segment["steps"])
    assert "--together" in str(workflow["jobs"]["together"]["steps"])


def test_kubernetes_never_runs_a_failed_test_again_nor_as_root() -> None:
    specs = [job["spec"].get("jobTemplate", job)["spec"] for job in jobs()]
    assert len(specs) == 3
    for spec in specs:
        pod = spec["template"]["spec"]
        assert (spec["backoffLimit"], pod["restartPolicy"]) == (0, "Never")
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True


def test_the_report_is_written_outside_of_the_pod() -> None:
    for name in ("soak-nightly", "soak-master"):
        pod = pod_of(job(name))
        claims = {volume["name"] for volume in pod["volumes"] if "persistentVolumeClaim" in volume}
        [container] = pod["containers"]
        mounts = {
            mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] in claims
        }
        assert container["workingDir"] in mounts  # `soak run` writes below its working directory


def test_as_many_workers_start_as_the_master_expects() -> None:
    workers = job("soak-workers")["spec"]
    assert workers["completionMode"] == "Indexed"
    assert workers["completions"] == workers["parallelism"]
    assert f"expect: {workers['completions']}," in str(
        pod_of(job("soak-master"))["containers"][0]["args"]
    )


def job(name: str) -> dict[str, Any]:
    [job_] = [job for job in jobs() if job["metadata"]["name"] == name]
    return job_


def jobs() -> list[dict[str, Any]]:
    return [
        document
        for _, document in documents("kubernetes")
        if document.get("kind") in ("Job", "CronJob")
    ]


def pod_of(job: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = job["spec"].get("jobTemplate", job)["spec"]["template"]["spec"]
    return spec


def test_the_cluster_profile_is_right() -> None:
    text = ci_files("kubernetes")["base/nightly.yaml"]
    profile = parse_profile(text, "nightly.yaml", environment={})[0]
    assert profile.target.allow == ["*.svc.cluster.local"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for path, text in ci_files("systemd").items():
        (tmp_path / path).write_text(text.replace("/opt/soak/bin/soak", "/bin/true"))
    units = [str(path) for path in sorted(tmp_path.glob("soak-*"))]
    done = subprocess.run(
        ["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl")
@pytest.mark.parametrize("overlay", ["nightly", "distributed"])
def test_kustomize_builds_the_overlays(tmp_path: Path, overlay: str) -> None:
    for path, text in ci_files("kubernetes").items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    done = subprocess.run(
        ["kubectl", "kustomize", str(tmp_path / overlay)],
        capture_output=True,
        text=True,
        check=True,
    )
    images = {
        container["image"]
        for document in yaml.safe_load_all(done.stdout)
        for container in containers(document)
    }
    assert images == {"registry.example.com/soak:0.1.0"}
