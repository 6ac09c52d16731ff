"""Which packages of a JVM's class path are libraries': those of all jars but the one that holds the service's own main class.

What the target's authors wrote is told from libraries as a reader of a stack would: by where its
classes lie. Directories on the class path are the target's own; of a jar with everything in it, the
packages beside the main class's, and the jars inside it (Spring Boot's BOOT-INF/lib) are libraries.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

#: Most jars that are read, and most bytes of a jar within a jar: a service has some hundred.
MOST_JARS, MOST_NESTED_BYTES = 1000, 64 * 2**20
#: Segments of a package that its authors share: `com.example`.
_SHARED = 2
#: Launchers that are no service's own: the class that they start is told by a jar's manifest.
_STARTED_BY = "Start-Class: "
#: Where Spring Boot puts own classes within a jar, as others do at its root.
_OWN_ROOT = "BOOT-INF/classes/"


def library_packages(properties: str, directory: Path) -> list[str]:
    """Packages of libraries, each as short as no own package begins with, from what `jcmd VM.system_properties` prints.

    Paths are relative to `directory`. Empty where nothing is known; what cannot be read is left
    out.
    """
    told = dict(line.partition("=")[::2] for line in properties.splitlines() if "=" in line)
    unescape = {
        key: value.replace("\\:", ":").replace("\\=", "=").replace("\\\\", "\\")
        for key, value in told.items()
    }
    paths = [directory / part for part in unescape.get("java.class.path", "").split(":") if part]
    command = unescape.get("sun.java.command", "").split(" ")[0]
    own: set[str] = set()
    libraries: set[str] = set()
    for path in paths[:MOST_JARS]:
        if path.is_dir():
            own |= {_package(str(file.relative_to(path))) for file in path.rglob("*.class")}
        elif path.is_file():
            mine, others = _packages_in(path, command)
            own |= mine
            libraries |= others
    return _short(libraries - own, own)


def _packages_in(path: Path, command: str) -> tuple[set[str], set[str]]:
    """The own packages and the libraries' of one jar."""
    try:
        with zipfile.ZipFile(path) as jar:
            names = jar.namelist()
            main = _main_class(jar, names, path, command)
            packages = {
                _package(name.removeprefix(_OWN_ROOT)) for name in names if name.endswith(".class")
            }
            nested = {
                package for name in names if name.endswith(".jar") for package in _nested(jar, name)
            }
    except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError):
        return set(), set()
    if not main:
        return set(), packages | nested
    shared = ".".join(_package(main.replace(".", "/")).split(".")[:_SHARED])
    mine = {package for package in packages if _within(package, shared)}
    return mine, (packages - mine) | nested


def _main_class(jar: zipfile.ZipFile, names: Sequence[str], path: Path, command: str) -> str:
    """The own class that the command starts, where this jar holds it; empty where it does not."""
    if command.endswith(".jar"):
        if Path(command).name != path.name or "META-INF/MANIFEST.MF" not in names:
            return ""
        manifest = jar.read("META-INF/MANIFEST.MF").decode("utf-8", "replace").splitlines()
        keys = (_STARTED_BY, "Main-Class: ")
        return next(
            (
                line.removeprefix(key).strip()
                for key in keys
                for line in manifest
                if line.startswith(key)
            ),
            "",
        )
    file = f"{command.rpartition('/')[2].replace('.', '/')}.class"
    return command if file in names or f"{_OWN_ROOT}{file}" in names else ""


def _nested(jar: zipfile.ZipFile, name: str) -> Iterator[str]:
    if jar.getinfo(name).file_size > MOST_NESTED_BYTES:
        return
    with zipfile.ZipFile(io.BytesIO(jar.read(name))) as inner:
        yield from {_package(file) for file in inner.namelist() if file.endswith(".class")}


def _package(file: str) -> str:
    """`com.example` for `com/example/Shop.class`; empty for a class without a package."""
    return file.rpartition("/")[0].replace("/", ".")


def _within(package: str, other: str) -> bool:
    return package == other or (bool(other) and package.startswith(f"{other}."))


def _short(libraries: set[str], own: set[str]) -> list[str]:
    """Each library's package by its first segments, as many as no own package shares; multi-release copies are left out."""
    short: set[str] = set()
    for package in libraries:
        parts = package.split(".")
        if not package or parts[0] == "META-INF":
            continue
        lengths = range(min(_SHARED, len(parts)), len(parts) + 1)
        named = (".".join(parts[:length]) for length in lengths)
        short.add(
            next((name for name in named if not any(_within(mine, name) for mine in own)), package)
        )
    return sorted(short)
