"""Find the library packages on a JVM's class path: those of all jars except the one with the service's main class.

Libraries and the service's own code are distinguished by where their classes lie. Directories on the
class path are the service's own. In a jar that contains everything, the packages outside the main
class's, and the nested jars (Spring Boot's BOOT-INF/lib), are libraries.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

#: Most jars that are read, and largest nested jar that is read (bytes); a service has some hundred
#: jars.
MOST_JARS, MOST_NESTED_BYTES = 1000, 64 * 2**20
#: Leading segments of a package that its authors share: `com.example`.
_SHARED = 2
#: Manifest key of the service's class, if the main class is a launcher.
_STARTED_BY = "Start-Class: "
#: Spring Boot's directory for the service's own classes within a jar; elsewhere it is the root.
_OWN_ROOT = "BOOT-INF/classes/"


def library_packages(properties: str, directory: Path) -> list[str]:
    """Return library packages from the output of `jcmd VM.system_properties`, as prefixes that no own package shares.

    Paths are relative to `directory`. Returns an empty list if nothing is known; unreadable jars are left
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
    """Return one jar's own packages and its library packages."""
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
    """Return the service's class that the command starts, if this jar contains it; otherwise an empty string."""
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
    """Return `com.example` for `com/example/Shop.class`; empty for a class without a package."""
    return file.rpartition("/")[0].replace("/", ".")


def _within(package: str, other: str) -> bool:
    return package == other or (bool(other) and package.startswith(f"{other}."))


def _short(libraries: set[str], own: set[str]) -> list[str]:
    """Return library packages, cut to the fewest segments that no own package shares, without multi-release copies."""
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
