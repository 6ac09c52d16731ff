"""The names of classes of which requests leave objects tell what was not released, and the remedy."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from soak.diagnosis.attribution.growing_classes import GrowingClasses
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects.class_kinds import (
    KINDS,
    class_count,
    class_remedy,
    class_words,
    own_class,
    own_objects,
    surely_grows,
)
from soak.diagnosis.suspects.context import RunContext

NONE = cast("RunContext", SimpleNamespace(classes=None))


def context(*names: str, own: tuple[str, ...] = (), each: float = 1.0) -> RunContext:
    classes = GrowingClasses(
        "GET /a", dict.fromkeys((*names, *own), each), own, np.zeros(1), np.zeros(1)
    )
    return cast("RunContext", cast("Any", SimpleNamespace(classes=classes)))


@pytest.mark.parametrize(
    ("name", "leak_class", "said", "remedied"),
    [
        ("org.h2.jdbc.JdbcPreparedStatement", "pool-misuse", "not closed", "ResultSet"),
        ("org.postgresql.jdbc.PgResultSet", "pool-misuse", "not closed", "ResultSet"),
        ("com.mysql.cj.jdbc.ClientPreparedStatement", "pool-misuse", "not closed", "ResultSet"),
        ("org.sqlite.jdbc4.JDBC4PreparedStatement", "pool-misuse", "not closed", "ResultSet"),
        ("org.hibernate.internal.SessionImpl", "pool-misuse", "Hibernate", "EntityManager"),
        ("java.util.concurrent.CompletableFuture", "request-context", "complete", "orTimeout"),
        (
            "io.netty.util.concurrent.ScheduledFutureTask",
            "request-context",
            "cancelled",
            "setRemoveOnCancelPolicy",
        ),
        (
            "io.vertx.core.eventbus.impl.MessageConsumerImpl",
            "request-context",
            "listeners",
            "Remove each listener",
        ),
        ("shop.PriceListener", "request-context", "listeners", "Remove each listener"),
        (
            "org.apache.catalina.session.StandardSession",
            "unbounded-cache",
            "expire",
            "setMaxInactiveInterval",
        ),
        ("io.netty.buffer.PoolSubpage", "native-growth", "not released", "ByteBuf"),
        ("java.util.zip.Deflater", "native-growth", "not ended", "end()"),
        ("java.lang.VirtualThread", "goroutine-leak", "never end", "timeout"),
    ],
)
def test_a_class_s_name_tells_its_kind(
    name: str, leak_class: str, said: str, remedied: str
) -> None:
    words = class_words(leak_class, context("byte[]", name))
    assert words.startswith(f"For each request to GET /a one more of {name} stays alive: ")
    assert said in words
    assert remedied in class_remedy(leak_class, context(name))
    for other in {each.leak_class for each in KINDS} - {leak_class}:
        assert not class_words(other, context(name))
        assert not class_remedy(other, context(name))


@pytest.mark.parametrize(
    "name",
    ["byte[]", "java.util.HashMap$Node", "shop.Statement", "shop.SessionImpl", "java.util.Timer"],
)
def test_other_names_tell_nothing(name: str) -> None:
    for leak_class in ("pool-misuse", "request-context", "unbounded-cache", "native-growth"):
        assert not class_words(leak_class, context(name))
        assert not class_words(leak_class, NONE)


def test_how_many_are_left_is_told_as_a_whole_number_where_it_is_one() -> None:
    future = "java.util.concurrent.CompletableFuture"
    for each, told in ((2.04, "2 more"), (0.98, "one more"), (0.5, "0.5 more"), (2.3, "2.3 more")):
        assert told in class_words("request-context", context(future, each=each))
    assert class_count("request-context", context(future, each=0.98)) == 1.0
    assert class_count("request-context", context("byte[]")) == 0.0


def test_own_classes_are_places_and_a_lambda_lies_in_its_class() -> None:
    assert own_class(context("byte[]", own=("shop.Order", "shop.Api$$Lambda.0x7f"))) == Frame(
        "shop.Order"
    )
    written = context(own=("shop.Api$$Lambda.0x7f",))
    assert own_class(written) == Frame("shop.Api")
    assert "one more of a lambda expression of shop.Api stays" in own_objects(written)
    assert own_class(context("byte[]")) is None
    assert own_class(NONE) is None
    assert not own_objects(context("byte[]"))


def test_a_class_surely_grows_where_it_is_among_those_that_do_or_where_none_are_known() -> None:
    assert surely_grows(NONE, "HttpExchange")
    assert surely_grows(context("sun.net.httpserver.HttpExchange"), "HttpExchange")
    assert not surely_grows(context("byte[]"), "HttpExchange")
