"""Remedies: first for what the growing stacks show, then for the class, in the target's language."""

from __future__ import annotations

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
