"""Commands that handle the words after `--` separately."""

from __future__ import annotations

import click

_AFTER = "soak.after_dashes"


class AfterDashes(click.Command):
    """Parses only the words before `--`; `after_dashes` returns those after it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse all words before `--`; store those after it in the context."""
        if "--" in args:
            cut = args.index("--")
            ctx.meta[_AFTER] = args[cut + 1 :]
            args = args[:cut]
        return super().parse_args(ctx, args)


#: Replacement for `--` among the words of a command with two sides; no path has this name.
BETWEEN = "\x1f--"


class TwoSides(click.Command):
    """Takes `--` as the border between two sides, so that options may be on either side of it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse all words, with `BETWEEN` in place of the first `--`."""
        if "--" in args:
            cut = args.index("--")
            args = [*args[:cut], BETWEEN, *args[cut + 1 :]]
        return super().parse_args(ctx, args)


def after_dashes() -> list[str] | None:
    """Return the words after `--` of the running command; None if there was no `--`."""
    words: list[str] | None = click.get_current_context().meta.get(_AFTER)
    return words
