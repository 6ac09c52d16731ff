"""All that the verbs print: a terminal obeys nothing that a file, a profile, a path or a target says."""

from __future__ import annotations

import sys

import click

from soak.printable import visible


def say(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print a text; control characters in it are shown as escapes."""
    click.echo(visible(text), err=err, nl=nl)


def hand_out(text: str) -> None:
    """Print a document: as it is for a file or a program, and on a terminal as `say` does."""
    click.echo(visible(text) if sys.stdout.isatty() else text, nl=False)


def paint(report: str, *, err: bool = False) -> None:
    """Print a report that may have colours of its own, and whose reporter has cleaned all texts in it."""
    click.echo(report, err=err, nl=False)
