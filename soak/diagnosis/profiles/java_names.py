"""Java's names of classes and methods, which show whose code they are."""

from __future__ import annotations

import re
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
#: Prefixes of the JDK and of frameworks between it and most services: a stack's own frame is the
#: one that calls them.
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
        "io.micronaut.",
        "io.helidon.",
        "io.javalin.",
        "com.github.benmanes.caffeine.",
        "net.bytebuddy.",
        "net.sf.cglib.",
    ),
    *(
        "org.h2.",
        "org.sqlite.",
        "org.mariadb.jdbc.",
        "oracle.jdbc.",
        "com.microsoft.sqlserver.",
        "io.r2dbc.",
        "io.lettuce.",
        "redis.clients.",
        "com.mongodb.",
        "com.datastax.",
        "okhttp3.",
        "okio.",
    ),
)
#: What frameworks append to a class's name for the class that they derive from it at run time.
_DERIVED = re.compile(
    r"\$\$(?:Spring|EnhancerBySpring|EnhancerBy|FastClassBySpring|FastClassBy)CGLIB\$\$\w*"
    r"|_\$\$_jvst\w*|\$ByteBuddy\$\w*|\$HibernateProxy\$\w*|_ClientProxy|_Subclass"
)
#: Classes of strings, numbers and collections: `java.util.HashMap$Node`, not `java.util.Timer`.
_COMMON = re.compile(
    r"java\.lang\.(\w*String\w*|Object|Integer|Long|Double|Boolean|Character)$"
    r"|java\.util\.(concurrent\.(atomic\.)?)?\w*(Map|List|Set|Queue|Deque|Atomic\w+|Optional)(\$\w+)?$"
)


def is_java_own(method: str) -> bool:
    """Return True if a method belongs neither to the JDK nor to one of the well-known frameworks."""
    return not method.startswith(_OTHERS)


def is_own_class(frame: Frame) -> bool:
    """Return True if a frame stands for a class that the target defines: it has no file, and an own class's name."""
    return (
        not frame.file
        and not frame.line
        and frame.function[:1].isalpha()
        and _names_own_class(frame.function)
    )


def _names_own_class(name: str) -> bool:
    return is_java_own(name) and name.rpartition(".")[2][:1].isupper() and not name.endswith("[]")


def is_common(name: str) -> bool:
    """Return True for a class of which any code makes objects: an array, a string, a number, a collection."""
    return name.endswith("[]") or bool(_COMMON.match(name))


def method_frame(
    name: object, number: object, file: str = "", libraries: tuple[str, ...] = ()
) -> Frame:
    """Build the frame of `package.Class.method`; it is not own if in one of `libraries`, packages with a final dot.

    A method of a class that a framework derived at run time is told as the one of its own class.
    """
    method = _DERIVED.sub("", text(name))
    file = "" if file == "<generated>" else file
    return Frame(
        method, file, line(number), is_java_own(method) and not method.startswith(libraries)
    )


def libraries_of(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the packages of libraries that a snapshot names, each with a final dot; older snapshots name none."""
    return tuple(f"{text(package)}." for package in items(document.get("libraries", [])))


def class_frame(name: str) -> Frame:
    """Return a class as a frame: it stands for held objects instead of a call, and is never marked as own code."""
    return Frame(class_name(name))


def class_name(name: str) -> str:
    """Return a class's name as in source code: `byte[]` for `[B`, `java.lang.Object[]` for `[Ljava.lang.Object;`."""
    dimensions = len(name) - len(name.lstrip("["))
    inner = name[dimensions:]
    if dimensions:
        inner = (
            inner[1:-1]
            if inner.startswith("L") and inner.endswith(";")
            else _PRIMITIVES.get(inner, inner)
        )
    return text(inner.replace("/", ".") + "[]" * dimensions)
