"""Remedies: first for what the growing stacks show, then for the class, in the target's language."""

from __future__ import annotations

import pytest

from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects.remedies import REMEDIES, remedy

TICKER, HOOK = Frame("time.NewTicker"), Frame("java.lang.Runtime.addShutdownHook")


def test_a_remedy_is_in_the_language_or_else_for_any() -> None:
    known = REMEDIES["unbounded-cache"]
    for language in ("Go", "Java", "Ruby", ""):
        assert remedy("unbounded-cache", language) == known.get(language, known[""])


def test_what_the_stacks_show_is_released_first_in_the_language_they_are_written_in() -> None:
    general = REMEDIES["request-context"]
    assert remedy("request-context", "Go", (Frame("main.f"), TICKER, HOOK)) == (
        f"Call ticker.Stop() when its user ends; time.Tick never stops. {general['Go']}"
    )
    assert remedy("request-context", "Java", (TICKER, HOOK)) == (
        f"Add one shutdown hook for the service, or call removeShutdownHook. {general['Java']}"
    )
    assert remedy("request-context", "Python", (TICKER, HOOK)) == general["Python"]


def test_places_of_memory_say_nothing_of_what_is_opened_and_never_closed() -> None:
    compiles = Frame("compile", "node:vm", 5)
    first = "Compile once"
    assert remedy("unbounded-cache", "JavaScript", (compiles,)).startswith(first)
    for opened in ("descriptor-leak", "pool-misuse"):
        assert remedy(opened, "JavaScript", (compiles,)) == REMEDIES[opened]["JavaScript"]


def test_generated_classes_come_before_the_loaders_that_define_them() -> None:
    loads = Frame("java.lang.ClassLoader.loadClass")  # any code that runs for the first time does
    assert remedy("unbounded-cache", "Java", (loads,)).startswith("Bound it")
    defines = Frame("java.net.URLClassLoader.<init>")
    generates = Frame("org.springframework.cglib.core.AbstractClassGenerator.create")
    assert remedy("unbounded-cache", "Java", (defines,)).startswith("Close class loaders")
    assert remedy("unbounded-cache", "Java", (defines, generates)).startswith("Generate each class")
    script = Frame("groovy.lang.GroovyShell.parse")
    assert remedy("unbounded-cache", "Java", (defines, script)).startswith("Compile each script")


def test_a_goroutine_at_a_lock_or_a_group_is_told_what_ends_that_wait() -> None:
    for waits, said in (
        ("sync.(*Mutex).Lock", "Find who holds this lock"),
        ("sync.(*WaitGroup).Wait", "Call wg.Done"),
        ("sync.(*Cond).Wait", "Call Signal"),
        ("runtime.chansend", "Let it end: close the channel"),
    ):
        assert remedy("goroutine-leak", "Go", (Frame(waits), Frame("main.f"))).startswith(said)
    locks = (Frame("sync.(*Mutex).Lock"),)
    assert remedy("unbounded-cache", "Go", locks).startswith("Bound it")


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("knex._events.query", "Call off('query', …) on knex for each listener"),
        ("exports._events.tick", "Call off('tick', …) on the module's emitter for each"),
        ("shop.waiting", "Take each request out of shop.waiting when it ends, on the 'close'"),
    ],
)
def test_a_request_that_an_emitter_keeps_is_released_by_taking_its_listener_off(
    variable: str, said: str
) -> None:
    assert remedy("request-context", "JavaScript", (), variable).startswith(said)


def test_loggers_that_are_kept_by_name_are_not_told_to_be_bounded() -> None:
    registry = Frame("logging.Logger.manager.loggerDict")
    assert remedy("unbounded-cache", "Python", (registry,)).startswith("Call removeHandler")


def test_what_node_started_is_ended_whatever_its_stacks_call() -> None:
    listens = Frame("_addListener", "node:events")
    assert remedy("goroutine-leak", "JavaScript", (listens,)).startswith("End what was started")


def test_what_runs_a_python_service_is_told_of_for_what_waits_in_it_alone() -> None:
    frames = [Frame("read", "/usr/lib/python3.12/asyncio/streams.py", 730)]
    assert "Await or cancel each task" in remedy("goroutine-leak", "Python", frames)
    assert "Await or cancel" not in remedy("unbounded-cache", "Python", frames)


def test_what_waits_in_a_library_is_ended_where_the_service_started_it() -> None:
    waits = [Frame("sync.(*Cond).Wait", "/usr/local/go/src/sync/cond.go", 70)]
    assert "Signal or Broadcast" in remedy("goroutine-leak", "Go", waits)
    told = remedy("goroutine-leak", "Go", waits, own=False)
    assert "Signal" not in told
    assert "Unsubscribe" in told
