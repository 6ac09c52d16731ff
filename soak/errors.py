"""The expected errors, each with its exit code and a message that says what to do."""

from __future__ import annotations

import re
from enum import IntEnum

_USER_INFO, _QUERY = (
    re.compile(r"(https?://)[^/@\s]*@"),
    re.compile(r"(https?://[^\s?]+)\?[^\s:,;)]*"),
)

#: Exceptions that reading JSON of an unexpected shape raises; a whole number may be larger than any
#: double.
OTHER_SHAPE = (
    LookupError,
    TypeError,
    ValueError,
    OverflowError,
    AttributeError,
    RecursionError,
)


class ExitCode(IntEnum):
    """The exit codes of the program, as the README documents them."""

    PASS = 0
    FAIL = 1
    USAGE = 2
    INCONCLUSIVE = 3
    BROKEN = 4
    INTERRUPTED = 130


class SoakError(Exception):
    """An expected failure: one message for a person, no traceback, one exit code."""

    exit_code = ExitCode.BROKEN


class UsageError(SoakError):
    """The command line asks for something impossible."""

    exit_code = ExitCode.USAGE


class ProfileError(UsageError):
    """The profile is wrong; the message begins with file and line."""


class InputError(UsageError):
    """A file given to be judged cannot be read as a recording."""


class TargetError(SoakError):
    """The target cannot be reached, started or found; user info and queries are removed from URLs in the message."""

    def __init__(self, message: str = "") -> None:
        super().__init__(without_url_secrets(message))


class TargetGoneError(TargetError):
    """The target's process, container or control group no longer exists."""


class StoppedError(SoakError):
    """A person stopped the program before there was anything to report."""

    exit_code = ExitCode.INTERRUPTED


class RecordingError(SoakError):
    """The run directory cannot be written or read."""


class LoadError(SoakError):
    """The load could not start, or was lost."""


def without_user_info(text: str) -> str:
    """Return the text with user names and passwords removed from its URLs."""
    return _USER_INFO.sub(r"\1", text)


def without_url_secrets(text: str) -> str:
    """Return the text with user info and queries removed from its URLs, where passwords and keys may be."""
    return _QUERY.sub(r"\1?…", _USER_INFO.sub(r"\1", text))
