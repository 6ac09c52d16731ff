"""Print text so that a terminal does not obey control characters from a file, profile, path or target."""

from __future__ import annotations

import sys

import click

from soak.printable import visible


def say(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print a text; control characters in it are shown as escapes."""
    click.echo(visible(text), err=err, nl=nl)


def hand_out(text: str) -> None:
    """Print a document: unchanged to a file or pipe, with escapes as in `say` on a terminal."""
    click.echo(visible(text) if sys.stdout.isatty() else text, nl=False)


def paint(report: str, *, err: bool = False) -> None:
    """Print a report that may contain colour codes, and whose texts the reporter has cleaned."""
    click.echo(report, err=err, nl=False)
