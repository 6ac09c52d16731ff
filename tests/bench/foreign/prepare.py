"""Puts the packages of all these services where servers.py looks for them: `python -m tests.bench.foreign.prepare`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.bench.foreign.servers import HERE, PACKAGES, PYTHON

_COPY_JARS = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"


def call(*command: str | Path, directory: Path = HERE) -> None:
    """Run one step."""
    subprocess.run([str(part) for part in command], cwd=directory, check=True)


def alertmanager(version: str) -> None:
    """Alertmanager with an empty page in place of its own, which its module does not hold."""
    module = f"github.com/prometheus/alertmanager@v{version}"
    built = subprocess.run(
        ["go", "mod", "download", "-json", module],
        cwd=PACKAGES,
        check=True,
        capture_output=True,
        text=True,
    )
    place = PACKAGES / "alertmanager"
    source = place / f"source-{version}"
    shutil.copytree(
        json.loads(built.stdout)["Dir"], source, copy_function=shutil.copyfile, dirs_exist_ok=True
    )
    page = source / "ui" / "app" / "dist" / "index.html"
    for directory in reversed(page.relative_to(source).parents[:-1]):
        (source / directory).mkdir(exist_ok=True)
        (source / directory).chmod(0o755)
    page.write_text("<html></html>")
    call(
        "go",
        "build",
        "-o",
        place / f"alertmanager-{version}",
        "./cmd/alertmanager",
        directory=source,
    )


def main() -> None:
    """Python, Node, Java and Go, each by its own client."""
    PACKAGES.mkdir(parents=True, exist_ok=True)
    call(sys.executable, "-m", "venv", PYTHON.parent)
    call(PYTHON / "pip", "install", "--quiet", "-r", "requirements.txt")
    leaking = ("--target", PACKAGES / "aiohttp-3.10.10", "aiohttp==3.10.10")
    call(PYTHON / "pip", "install", "--quiet", "--no-deps", *leaking)
    modules = PACKAGES / "node"
    modules.mkdir(exist_ok=True)
    shutil.copy(HERE / "package.json", modules)
    call("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", directory=modules)
    jars = PACKAGES / "java"
    call("mvn", "--quiet", "--batch-mode", "-f", "pom.xml", _COPY_JARS, f"-DoutputDirectory={jars}")
    call("javac", "--release", "17", "-cp", f"{jars}/*", "-d", jars, *HERE.glob("*.java"))
    for name in ("gorilla", "filling"):
        call("go", "build", "-o", PACKAGES / name / name, ".", directory=HERE / name)
    alertmanager("0.32.1")


if __name__ == "__main__":
    main()
