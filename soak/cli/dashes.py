"""Commands that keep what comes after `--` apart from their own words."""

from __future__ import annotations

import click

_AFTER = "soak.after_dashes"


class AfterDashes(click.Command):
    """Parses the words before `--` alone; `after_dashes` gives those that follow it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """All words before `--`; those after it go to the context."""
        if "--" in args:
            cut = args.index("--")
            ctx.meta[_AFTER] = args[cut + 1 :]
            args = args[:cut]
        return super().parse_args(ctx, args)


#: What stands for `--` among the words of a command of two sides; no path is called so.
BETWEEN = "\x1f--"


class TwoSides(click.Command):
    """Takes `--` for the border between two sides, so that options may stand on either side of it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """All words, with `BETWEEN` for the first `--`."""
        if "--" in args:
            cut = args.index("--")
            args = [*args[:cut], BETWEEN, *args[cut + 1 :]]
        return super().parse_args(ctx, args)


def after_dashes() -> list[str] | None:
    """The words after `--` of the command that runs; None where there was no `--`."""
    words: list[str] | None = click.get_current_context().meta.get(_AFTER)
    return words
