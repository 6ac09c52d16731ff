"""Java's names: of classes, and whose they are."""

from __future__ import annotations

import pytest

from soak.diagnosis.profiles import java_names
from soak.diagnosis.profiles.frames import Frame


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("java.lang.String", "java.lang.String"),
        ("java/lang/String", "java.lang.String"),
        ("[B", "byte[]"),
        ("[C", "char[]"),
        ("[D", "double[]"),
        ("[F", "float[]"),
        ("[I", "int[]"),
        ("[[J", "long[][]"),
        ("[S", "short[]"),
        ("[Z", "boolean[]"),
        ("[Ljava/lang/String;", "java.lang.String[]"),
        ("[[[Lshop.Order;", "shop.Order[][][]"),
        ("[Lshop.Order", "Lshop.Order[]"),
        ("[shop.Order;", "shop.Order;[]"),
        ("[Q", "Q[]"),
        ("B", "B"),
        ("Lshop.Order;", "Lshop.Order;"),
    ],
)
def test_a_class_is_named_as_in_source(name: str, shown: str) -> None:
    assert java_names.class_name(name) == shown
    assert java_names.class_frame(name) == Frame(shown)
    assert java_names.class_frame(name).own is False


@pytest.mark.parametrize(
    ("frame", "own"),
    [
        (Frame("shop.Order"), True),
        (Frame("Order"), True),
        (Frame("a.Order"), True),
        (Frame("shop.Order$Line"), True),
        (Frame("shop.order"), False),
        (Frame("shop.Order[]"), False),
        (Frame("java.util.HashMap"), False),
        (Frame("shop.Order", "Order.java"), False),
        (Frame("shop.Order", "", 3), False),
        (Frame("0x1F"), False),
        (Frame("[I"), False),
        (Frame(""), False),
        (Frame("shop."), False),
    ],
)
def test_an_own_class_has_an_own_name_and_no_place(frame: Frame, own: bool) -> None:
    assert java_names.is_own_class(frame) is own


@pytest.mark.parametrize(
    ("name", "libraries", "own"),
    [
        ("shop.Orders.add", (), True),
        ("shop.Orders.add", ("shop.",), False),
        ("shopping.Orders.add", ("shop.",), True),
        ("java.util.HashMap.put", (), False),
        ("java.util.HashMap.put", ("shop.",), False),
    ],
)
def test_a_method_is_own_outside_of_frameworks_and_named_libraries(
    name: str, libraries: tuple[str, ...], own: bool
) -> None:
    frame = java_names.method_frame(name, 7.0, "Orders.java", libraries)
    assert (frame.function, frame.file, frame.line, frame.own) == (name, "Orders.java", 7, own)
    assert java_names.method_frame(name, 7).own is (not name.startswith("java."))


def test_libraries_are_packages() -> None:
    assert java_names.libraries_of({"libraries": ["shop", "org.lib"]}) == ("shop.", "org.lib.")
    assert java_names.libraries_of({}) == ()


def test_frameworks_are_known_by_the_beginning_of_their_packages() -> None:
    for name in ("java.util.A", "kotlinx.B", "org.apache.C", "com.zaxxer.hikari.D", "io.quarkus.E"):
        assert java_names.is_java_own(name) is False
    for name in ("javafx.A", "org.apacheco.B", "shop.java.C"):
        assert java_names.is_java_own(name) is True


@pytest.mark.parametrize(
    ("name", "file", "shown"),
    [
        ("org.shop.Rooms$$SpringCGLIB$$0.book", "<generated>", ("org.shop.Rooms.book", "")),
        ("org.shop.Rooms$$EnhancerBySpringCGLIB$$1a2b.book", "", ("org.shop.Rooms.book", "")),
        ("org.shop.Rooms$ByteBuddy$x1Y.book", "", ("org.shop.Rooms.book", "")),
        ("org.shop.Room$HibernateProxy$q7.getName", "", ("org.shop.Room.getName", "")),
        ("org.shop.Rooms_ClientProxy.book", "", ("org.shop.Rooms.book", "")),
        ("org.shop.Rooms.book", "Rooms.java", ("org.shop.Rooms.book", "Rooms.java")),
        ("org.shop.Rooms$Row.book", "Rooms.java", ("org.shop.Rooms$Row.book", "Rooms.java")),
    ],
)
def test_a_method_of_a_derived_class_is_that_of_its_own(
    name: str, file: str, shown: tuple[str, str]
) -> None:
    frame = java_names.method_frame(name, 7, file)
    assert (frame.function, frame.file) == shown
    assert frame.own


@pytest.mark.parametrize(
    "name", ["org.h2.jdbc.JdbcConnection", "oracle.jdbc.driver.T4C", "okhttp3.Call"]
)
def test_drivers_and_clients_are_not_the_target_s_own(name: str) -> None:
    assert not java_names.is_java_own(name)
