"""The error for one key of a profile."""

from __future__ import annotations

from soak.errors import ProfileError
from soak.profile import yamltext


def refused(document: yamltext.Document, path: yamltext.Path, message: str) -> ProfileError:
    """Return the error for one key: file, line, key, and what is wrong."""
    return ProfileError(document.masked(path, f"{document.place(path)}: {message}"))
