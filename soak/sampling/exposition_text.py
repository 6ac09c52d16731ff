"""Parse the lines of a metrics page in Prometheus text or OpenMetrics: names, labels, values."""

from __future__ import annotations

import re

from soak.model import Labels

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(
    r'\s*(?:([a-zA-Z_][a-zA-Z0-9_]*)|"((?:[^"\\]|\\.)*)")\s*(?:=\s*"((?:[^"\\]|\\.)*)")?\s*(,|$)'
)
_PLAIN = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="([^"\\]*)"(?:,|$)')
HEAD = re.compile(r'[^{#]*(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})?')
_ESCAPED = re.compile(r"\\(.)")
_UNESCAPED = {"n": "\n", '"': '"', "\\": "\\"}


def value_of(rest: list[str], line: str) -> float:
    """Return the value, which may be followed by a timestamp."""
    if not 1 <= len(rest) <= 2 or "_" in rest[0]:
        raise ValueError(f"expected a name, labels and a value, not {short(line)}")
    try:
        return float(rest[0])
    except ValueError:
        raise ValueError(f"{short(rest[0])} is not a number") from None


def series_of(head: str) -> tuple[str, Labels]:
    """Parse name and sorted labels of `name{label="value"}` or `{"name",label="value"}`; else raise ValueError."""
    name, brace, inner = head.partition("{")
    name = name.rstrip()
    if not brace:
        return name, ()
    if not inner.endswith("}"):
        raise ValueError(f"the labels of {short(head)} do not end")
    inner = inner[:-1].rstrip()
    plain = _PLAIN.findall(inner) if name else []
    # Fast path for the usual case, without escapes and with only commas between the labels: a third
    # of the time.
    length = sum(len(key) + len(value) + 4 for key, value in plain) - (not inner.endswith(","))
    if plain and length == len(inner) and len({key for key, _ in plain}) == len(plain):
        return name, tuple(sorted(plain))
    return _any_series(head, name, inner)


def _any_series(head: str, name: str, inner: str) -> tuple[str, Labels]:
    """Parse label by label, for labels with escapes, spaces or errors."""
    labels: dict[str, str] = {}
    position = 0
    while position < len(inner):
        match = _LABEL.match(inner, position)
        if match is None:
            raise ValueError(f"the labels of {short(head)} are not right")
        position = match.end()
        key = match[1] if match[1] is not None else _plain(match[2])
        if match[3] is None:
            if name or match[1] is not None:
                raise ValueError(f"the labels of {short(head)} are not right")
            name = key
        elif key in labels:
            raise ValueError(f"{short(head)} has the label {key} twice")
        else:
            labels[key] = _plain(match[3])
    if not name:
        raise ValueError(f"{short(head)} has no name")
    return name, tuple(sorted(labels.items()))


def _plain(text: str) -> str:
    return (
        _ESCAPED.sub(lambda escape: _UNESCAPED.get(escape[1], escape[0]), text)
        if "\\" in text
        else text
    )


def short(text: str) -> str:
    """Quote a text for an error message, shortened to 60 characters."""
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
