"""Java's names: of classes, and of methods, which tell whose code they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.profiles.json_profile import items, line, text

_PRIMITIVES = {
    "B": "byte",
    "C": "char",
    "D": "double",
    "F": "float",
    "I": "int",
    "J": "long",
    "S": "short",
    "Z": "boolean",
}
#: The JDK's, and frameworks' that stand between it and most services: a stack's own frame is the one that calls them.
_OTHERS = (
    *(
        "java.",
        "javax.",
        "jdk.",
        "sun.",
        "com.sun.",
        "jakarta.",
        "kotlin.",
        "kotlinx.",
        "scala.",
        "groovy.",
        "clojure.",
    ),
    *(
        "org.springframework.",
        "org.apache.",
        "org.eclipse.jetty.",
        "io.netty.",
        "io.undertow.",
        "io.vertx.",
        "reactor.",
    ),
    *(
        "com.zaxxer.hikari.",
        "org.hibernate.",
        "org.postgresql.",
        "com.mysql.",
        "com.fasterxml.jackson.",
        "io.micrometer.",
    ),
    *(
        "io.opentelemetry.",
        "org.jolokia.",
        "ch.qos.logback.",
        "org.slf4j.",
        "com.google.common.",
        "io.quarkus.",
    ),
)


def is_java_own(method: str) -> bool:
    """Whether a method is the target's own, and neither the JDK's nor one of the well-known frameworks'."""
    return not method.startswith(_OTHERS)


def is_own_class(frame: Frame) -> bool:
    """Whether a frame stands for a class that the target defines: it has no file, and a package or a name of its own."""
    return (
        not frame.file
        and not frame.line
        and frame.function[:1].isalpha()
        and _names_own_class(frame.function)
    )


def _names_own_class(name: str) -> bool:
    return is_java_own(name) and name.rpartition(".")[2][:1].isupper() and not name.endswith("[]")


def method_frame(
    name: object, number: object, file: str = "", libraries: tuple[str, ...] = ()
) -> Frame:
    """One call of `package.Class.method`; own is what lies in none of the packages `libraries`, each with a dot at its end."""
    method = text(name)
    return Frame(
        method, file, line(number), is_java_own(method) and not method.startswith(libraries)
    )


def libraries_of(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The packages of libraries that a snapshot names, each with a dot at its end; none in snapshots of before they did."""
    return tuple(f"{text(package)}." for package in items(document.get("libraries", [])))


def class_frame(name: str) -> Frame:
    """A class as a frame: what is held instead of a call, and never the target's own code."""
    return Frame(class_name(name))


def class_name(name: str) -> str:
    """`byte[]` for `[B`, `java.lang.Object[]` for `[Ljava.lang.Object;`: as in source code."""
    dimensions = len(name) - len(name.lstrip("["))
    inner = name[dimensions:]
    if dimensions:
        inner = (
            inner[1:-1]
            if inner.startswith("L") and inner.endswith(";")
            else _PRIMITIVES.get(inner, inner)
        )
    return text(inner.replace("/", ".") + "[]" * dimensions)
