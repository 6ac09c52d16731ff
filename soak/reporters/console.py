"""What all terminal reports share: rendering parts to text, and the framed verdict at the top."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import StringIO

from rich.box import HEAVY, ROUNDED
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.text import Text


def as_text(
    parts: Callable[[int], Sequence[RenderableType]], width: int | None, color: bool
) -> str:
    """Render the parts for a width, as text of `width` columns (default: the terminal's), with ANSI colours if `color`."""
    console = Console(
        file=StringIO(),
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        legacy_windows=False,
        emoji=False,
    )
    with console.capture() as captured:
        console.print(Group(*parts(console.width)), highlight=False)
    return "\n".join(line.rstrip() for line in captured.get().splitlines()).rstrip() + "\n"


def banner(lines: Sequence[Text], title: Text, tally: str, style: str, *, calm: bool) -> Panel:
    """Return the verdict's lines in a frame of its colour, with a light border if all is well."""
    return Panel(
        Group(*lines),
        title=title,
        title_align="left",
        subtitle=Text(tally, style=style),
        subtitle_align="right",
        border_style=style,
        box=ROUNDED if calm else HEAVY,
    )
