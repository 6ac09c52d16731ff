"""Whose code a Java class is follows from where it lies on the class path."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from soak.sampling.profilers.class_path import library_packages


def jar(
    path: Path, *classes: str, manifest: str = "", nested: dict[str, bytes] | None = None
) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", manifest)
        for name in classes:
            archive.writestr(name, b"")
        for name, data in (nested or {}).items():
            archive.writestr(name, data)
    return path


def properties(command: str, *paths: Path) -> str:
    joined = "\\:".join(map(str, paths))
    return (
        f"#Sat Nov 28\njava.class.path={joined}\nsun.java.command={command}\nfile.encoding=UTF-8\n"
    )


def test_jars_beside_the_service_are_libraries_by_as_little_of_their_names_as_tells(
    tmp_path: Path,
) -> None:
    (tmp_path / "classes/com/acme/shop").mkdir(parents=True)
    (tmp_path / "classes/com/acme/shop/Main.class").touch()
    cache = jar(
        tmp_path / "cache.jar",
        "com/github/cache/impl/Node.class",
        "META-INF/versions/9/module-info.class",
    )
    ours = jar(tmp_path / "tools.jar", "com/acme/tools/Text.class")
    told = library_packages(
        properties("com.acme.shop.Main 8080", Path("classes"), cache, ours), tmp_path
    )
    assert told == ["com.acme.tools", "com.github"]


def test_a_service_without_a_package_is_told_from_its_libraries(tmp_path: Path) -> None:
    (tmp_path / "Shop.class").touch()
    library = jar(tmp_path / "h2.jar", "org/h2/engine/Session.class")
    assert library_packages(properties("Shop", tmp_path, library), tmp_path) == ["org.h2"]


def test_a_jar_with_everything_in_it_is_its_main_classes_authors_and_otherwise_libraries(
    tmp_path: Path,
) -> None:
    whole = jar(
        tmp_path / "app.jar",
        "com/acme/shop/Main.class",
        "com/acme/stock/Stock.class",
        "okhttp3/internal/Cache.class",
        manifest="Main-Class: com.acme.shop.Main\n",
    )
    assert library_packages(properties("app.jar --port 1", whole), tmp_path) == ["okhttp3.internal"]


def test_the_jars_within_spring_boots_jar_are_libraries(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("io/javalin/http/Context.class", b"")
    whole = jar(
        tmp_path / "boot.jar",
        "BOOT-INF/classes/com/acme/Shop.class",
        "org/springframework/boot/loader/JarLauncher.class",
        manifest="Main-Class: org.springframework.boot.loader.JarLauncher\nStart-Class: com.acme.Shop\n",
        nested={"BOOT-INF/lib/javalin.jar": inner.getvalue()},
    )
    told = library_packages(properties("boot.jar", whole), tmp_path)
    assert told == ["io.javalin", "org.springframework"]


@pytest.mark.parametrize(
    "text", ["", "java.class.path=", "java.class.path=/nowhere.jar\nsun.java.command=", "\0=\n==="]
)
def test_what_cannot_be_read_is_left_out(text: str, tmp_path: Path) -> None:
    assert library_packages(text, tmp_path) == []
    (tmp_path / "bad.jar").write_bytes(b"PK\x03\x04 torn")
    assert library_packages(properties("Shop", tmp_path / "bad.jar"), tmp_path) == []
