"""A real Zipkin server for tests: its executable jar from Maven, its spans in memory, on a free port of loopback."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.targets import running, toolchain
from tests.targets.building import BuildError, cached, call, tool

PIN = Path(__file__).with_name("zipkin.sha256")
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
#: Started within seconds, in little memory; it answers no other machine, and says where in a line of its own.
_JAVA = ("-Xms32m", "-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
_OPTIONS = (
    "--armeria.ports[0].ip=127.0.0.1",
    "--armeria.ports[0].port=0",
    "--armeria.ports[0].protocols[0]=http",
    "--zipkin.storage.type=mem",
    "--logging.pattern.console=%m%n",
)


def zipkin_jar() -> Path:
    """The jar whose checksum is pinned, fetched once."""
    checksum, name = PIN.read_text().split()
    version = name.removeprefix("zipkin-server-").removesuffix("-exec.jar")
    maven = tool("mvn")

    def fetch(to: Path) -> None:
        artifact = f"-Dartifact=io.zipkin:zipkin-server:{version}:jar:exec"
        call([maven, "--quiet", "--batch-mode", _COPY, artifact, f"-DoutputDirectory={to}"], to)
        if hashlib.sha256((to / name).read_bytes()).hexdigest() != checksum:
            raise BuildError(f"another {name} than pinned")

    return cached("zipkin", [PIN], fetch) / name


@contextmanager
def zipkin() -> Iterator[str]:
    """The address of its API."""
    with toolchain():
        command = (tool("java"), *_JAVA, "-jar", zipkin_jar(), *_OPTIONS)
    with running(command, ready_line_prefix="Serving HTTP at ", timeout=300.0) as target:
        yield target.url.rpartition(" ")[2].rstrip("/")
