"""Make text from a target safe to print: on a terminal, in a report, in a log."""

from __future__ import annotations

import re
import unicodedata

#: Unicode categories that a terminal, XML parser or browser would obey or refuse: controls,
#: surrogates, unassigned.
_UNSAFE = {"Cc", "Cs", "Cn", "Co"}
_REORDERING = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(text: str) -> str:
    """Return a target's text on one line: whitespace becomes one space, control and reordering characters are removed."""
    spaced = "".join(" " if char in "\t\n\v\f\r\x85\u2028\u2029" else char for char in text)
    kept = (
        char
        for char in spaced
        if unicodedata.category(char) not in _UNSAFE and char not in _REORDERING
    )
    return " ".join("".join(kept).split())


#: Characters that a terminal obeys, except line ends and tabs.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """Return a text of any number of lines with the characters that a terminal obeys escaped, such as `\\x1b`."""
    return _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
