"""Fold long lines between words, which a terminal itself does not do."""

from __future__ import annotations

import shutil
import textwrap
from typing import TextIO


def folded(text: str, stream: TextIO | None) -> str:
    """Fold long lines to a terminal's width; leave the text unchanged for a file or pipe, where programs read lines."""
    if stream is None or not stream.isatty():
        return text
    width = max(shutil.get_terminal_size().columns, 20)
    return "\n".join(
        textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
        for line in text.split("\n")
    )
