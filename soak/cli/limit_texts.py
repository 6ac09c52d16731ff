"""Parse limits from the command line: `--limit 'p99: 250ms'`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from soak.errors import UsageError
from soak.profile import Limits
from soak.units import parse_growth

#: Sections of series limits in a profile, with which a name may begin.
_SECTIONS = ("growth", "max")
_NAMED = {name for name in Limits.model_fields if name not in ("growth", "max", "drift")}


def refuse_unknown_percentiles(texts: Iterable[str]) -> None:
    """Raise UsageError for a percentile that runs do not record: it would be taken as the name of a series."""
    for text in texts:
        name = text.partition(":")[0].strip()
        if re.fullmatch(r"p\d[\d.]*", name) and name not in _NAMED:
            kept = ", ".join(sorted(filter(re.compile(r"p\d").match, _NAMED)))
            raise UsageError(f"--limit {text!r}: the percentiles that can be limited are {kept}")


def limits_tree(texts: Iterable[str]) -> dict[str, Any]:
    """Return the `limits` section for these texts: growth if the value is per time, else a maximum.

    The prefixes `max.NAME` and `growth.NAME` choose the section explicitly.
    """
    tree: dict[str, Any] = {}
    for text in texts:
        (*section, name), value = _path_and_value(text)
        (tree.setdefault(section[0], {}) if section else tree)[name] = value
    return tree


def limit_flags(texts: Iterable[str]) -> dict[tuple[str | int, ...], str]:
    """Return the flag behind each limit of a profile that was made from flags, for messages."""
    return {("limits", *_path_and_value(text)[0]): f"--limit {text!r}" for text in texts}


def _path_and_value(text: str) -> tuple[tuple[str, ...], str]:
    """Return a limit's path in the `limits` section, and its value; UsageError with an example if malformed."""
    name, colon, value = (part.strip() for part in text.rpartition(":"))
    if not colon or not name or not value:
        raise UsageError(f"--limit {text!r}: {_expected(text)}")
    section, point, series = name.partition(".")
    if point and series and section in _SECTIONS:
        return (section, series), value
    if name in _NAMED:
        return (name,), value
    return ("growth" if _is_growth(value) else "max", name), value


def _expected(text: str) -> str:
    """Return what to write instead: with a colon if `=` was used, else examples."""
    name, equals, value = (part.strip() for part in text.partition("="))
    if equals and name and value and ":" not in text:
        return f"a colon goes between name and value: '{name}: {value}'"
    section, point, series = text.strip().rstrip(":").partition(".")
    if point and series and section in _SECTIONS:
        example = "1MiB/h" if section == "growth" else "2GiB"
        return f"its value is missing, such as '{section}.{series}: {example}'"
    return "expected NAME: VALUE, such as 'p99: 250ms', 'process_open_fds: 1/h' or 'max.process_open_fds: 500'"


def _is_growth(value: str) -> bool:
    try:
        parse_growth(value)
    except ValueError:
        return False
    return True
