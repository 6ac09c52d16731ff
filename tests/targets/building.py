"""Builds each service once for each state of its sources, with its pinned packages, in a cache outside the tree."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent

#: A small container's: the serial collector, and a young generation that is collected every few seconds at this load. All code
#: is compiled at its first use and quickly: else the compiler would be at it, and code memory would grow, for many minutes.
JVM = (
    "-Xms32m",
    "-Xmx256m",
    "-Xmn16m",
    "-Xss256k",
    "-XX:+UseSerialGC",
    "-Xcomp",
    "-XX:TieredStopAtLevel=1",
    "-Dsun.net.httpserver.nodelay=true",
)
#: A young generation of one size, collected every few seconds: large enough that hardly any garbage grows old.
NODE = ("--min-semi-space-size=4", "--max-semi-space-size=4")
_COPY_JARS = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"


class MissingToolchainError(Exception):
    """A service cannot be built or started, for something it needs is not on this machine."""


class BuildError(Exception):
    """The toolchain is there, and refuses."""


@dataclass(frozen=True, slots=True)
class Service:
    """How a built service is started; its flags come after `command`."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def cached(name: str, sources: Sequence[Path], build: Callable[[Path], None]) -> Path:
    """A directory that `build` filled for just these sources, whole or not at all; who wants it meanwhile waits for it."""
    state = hashlib.sha256(
        b"\0".join(path.name.encode() + b"\0" + path.read_bytes() for path in sorted(sources))
    )
    directory = Path(tempfile.gettempdir(), f"soak-test-targets-{os.getuid()}")
    directory.mkdir(mode=0o700, exist_ok=True)
    built = directory / f"{name}-{state.hexdigest()[:16]}"
    with Path(directory, f"{name}.lock").open("w") as lock:
        fcntl.flock(
            lock, fcntl.LOCK_EX
        )  # it is free again when its process ends, however that ends
        if not built.exists():
            with tempfile.TemporaryDirectory(dir=directory) as scratch:
                filled = Path(scratch, name)
                filled.mkdir()
                build(filled)
                filled.rename(built)
    return built


def tool(name: str) -> str:
    """Its path; MissingToolchainError without it."""
    path = shutil.which(name)
    if path is None:
        raise MissingToolchainError(f"needs {name} on the PATH")
    return path


def call(command: Sequence[str | Path], directory: Path) -> None:
    """Run one build step of up to ten minutes; BuildError says what it printed."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode != 0:
        raise BuildError(f"{command[0]} in {directory}: {done.stdout}{done.stderr}")


def go_service(router: str = "std") -> Service:
    """The Go service behind one of its routers."""
    source, go = HERE / "go" / "shop", tool("go")
    sources = [path for path in source.iterdir() if path.suffix in {".go", ".mod", ".sum"}]
    built = cached(
        "go-shop", sources, lambda to: call([go, "build", "-o", to / "shop", "."], source)
    )
    return Service((str(built / "shop"), "-router", router))


def python_service() -> Service:
    """The Python service, whose packages come before any that this interpreter has."""
    source = HERE / "python"
    requirements = source / "requirements.txt"
    pip: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
        requirements,
    ]
    packages = cached(
        "python-shop", [requirements], lambda to: call([*pip, "--target", to], source)
    )
    return Service((sys.executable, str(source / "shop.py")), {"PYTHONPATH": str(packages)})


def node_service() -> Service:
    """The Node service, with the packages that its lock file pins."""
    source, node, npm = HERE / "node", tool("node"), tool("npm")
    locked = [source / "package.json", source / "package-lock.json"]

    def install(to: Path) -> None:
        for path in locked:
            shutil.copy(path, to)
        call([npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], to)

    packages = cached("node-shop", locked, install)
    return Service(
        (node, *NODE, str(source / "shop.js")), {"NODE_PATH": str(packages / "node_modules")}
    )


def java_build() -> Path:
    """Classes in `classes`, and in `jars` just the jars whose checksums are pinned, the Jolokia agent's among them."""
    source, javac, maven = HERE / "java", tool("javac"), tool("mvn")
    java = sorted(source.glob("*.java"))
    lines = (source / "jars.sha256").read_text().splitlines()
    pinned = {name: checksum for checksum, name in map(str.split, lines)}

    def fetch(to: Path) -> None:
        pom = source / "pom.xml"
        call(
            [maven, "--quiet", "--batch-mode", "-f", pom, _COPY_JARS, f"-DoutputDirectory={to}"], to
        )
        files = {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in to.glob("*.jar")
        }
        if files != pinned:
            raise BuildError(f"other jars than pinned: {sorted(files.items() ^ pinned.items())}")

    pins = [source / "pom.xml", source / "jars.sha256"]
    jars = cached("java-jars", pins, fetch)

    def compile_classes(to: Path) -> None:
        call([javac, "--release", "17", "-Xlint:all", "-cp", f"{jars}/*", "-d", to, *java], source)
        (to / "jars").symlink_to(jars)

    return cached("java-shop", [*java, *pins], compile_classes)


def java_service(jolokia_port: int | None = None) -> Service:
    """The Java service, with the Jolokia JVM agent on a loopback port where one is given."""
    java, built = tool("java"), java_build()
    agents = []
    if jolokia_port is not None:
        [agent] = (built / "jars").glob("jolokia-agent-jvm-*.jar")
        agents = [f"-javaagent:{agent}=port={jolokia_port},host=127.0.0.1"]
    jars = [
        str(path) for path in sorted((built / "jars").glob("*.jar")) if "jolokia" not in path.name
    ]
    return Service((java, *JVM, *agents, "-cp", os.pathsep.join([str(built), *jars]), "Shop"))


SERVICES: dict[str, Callable[[], Service]] = {
    "go": go_service,
    "go-mux": lambda: go_service("mux"),
    "go-gin": lambda: go_service("gin"),
    "go-echo": lambda: go_service("echo"),
    "java": java_service,
    "node": node_service,
    "python": python_service,
}

if (
    __name__ == "__main__"
):  # before the tests, while one core is idle: what fails here fails there, and is told there
    for build in (go_service, node_service, java_build):
        with suppress(MissingToolchainError, BuildError, subprocess.TimeoutExpired):
            build()
