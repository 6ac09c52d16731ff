"""What `soak init` writes: example profiles, and files for CI services, with their accompanying files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_PLACE = files("soak.starters")


@dataclass(frozen=True)
class Example:
    """A bundled profile: its name, the first sentence of its first comment, its text, and further files that it needs."""

    name: str
    about: str
    text: str
    needs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class CiService:
    """A CI service: the purpose of its files, the folder for them, the example profile's path there, and the next step.

    `profile` is empty if the files include a profile of their own.
    """

    about: str
    where: str
    profile: str
    next_step: str


CI_SERVICES = {
    "github": CiService(
        "GitHub Actions: nightly in segments that are judged together, and a short run with a comment for each pull request",
        ".",
        "soak/nightly.yaml",
        "Edit soak/nightly.yaml, set the repository variable SOAK_TARGET, and commit both files.",
    ),
    "gitlab": CiService(
        "GitLab CI: nightly on a schedule, with JUnit and artifacts, and a short run for each merge request",
        ".",
        "soak/nightly.yaml",
        "Edit soak/nightly.yaml, add `include: soak/gitlab-ci.yml` to .gitlab-ci.yml, and set up a pipeline schedule.",
    ),
    "systemd": CiService(
        "systemd: a service and a timer for one machine, with history and pruning",
        "soak-systemd",
        "nightly.yaml",
        "Edit nightly.yaml; the first lines of soak-nightly.service say how to install all three.",
    ),
    "kubernetes": CiService(
        "Kubernetes: image, nightly CronJob, master and Indexed workers, with Kustomize",
        "soak-kubernetes",
        "",
        "Build and push the image, name it in nightly/kustomization.yaml, edit base/nightly.yaml, then kubectl apply -k nightly.",
    ),
}

#: Files that an example needs, by their path next to it, and where they are stored here.
_NEEDS = {
    "checkout": {"data/products.csv": "profiles/data/products.csv"},
    "locustfile": {"locustfiles/checkout.py": "locustfile-checkout.txt"},
}
_SCHEMA_LINE = "# yaml-language-server:"


@cache
def examples() -> dict[str, Example]:
    """Return all bundled profiles by name, in alphabetical order."""
    names = sorted(
        entry.name for entry in (_PLACE / "profiles").iterdir() if entry.name.endswith(".yaml")
    )
    return {name.removesuffix(".yaml"): _example(name.removesuffix(".yaml")) for name in names}


def ci_files(service: str) -> dict[str, str]:
    """Return the files of a CI service, by their path below the target folder."""
    return dict(sorted(_below(f"ci/{service}")))


def _example(name: str) -> Example:
    lines = _text(f"profiles/{name}.yaml").splitlines(keepends=True)
    lines = [
        line for line in lines if not line.startswith(_SCHEMA_LINE)
    ]  # the schema is not copied
    about = lines[0].lstrip("# ").strip().partition(". ")[0].rstrip(".") + "."
    needs = tuple((path, _text(kept)) for path, kept in _NEEDS.get(name, {}).items())
    return Example(name, about, "".join(lines), needs)


def _below(folder: str, prefix: str = "") -> list[tuple[str, str]]:
    files: list[tuple[str, str]] = []
    for entry in _PLACE.joinpath(folder).iterdir():
        path = prefix + entry.name.replace("dot-", ".")  # setuptools packages no hidden files
        if entry.is_dir():
            files += _below(f"{folder}/{entry.name}", f"{path}/")
        else:
            files.append((path, entry.read_text(encoding="utf-8")))
    return files


def _text(path: str) -> str:
    return _PLACE.joinpath(path).read_text(encoding="utf-8")
