"""What can go wrong, each with its exit code and a message that says what to do."""

from __future__ import annotations

import re
from enum import IntEnum

_USER_INFO, _QUERY = (
    re.compile(r"(https?://)[^/@\s]*@"),
    re.compile(r"(https?://[^\s?]+)\?[^\s:,;)]*"),
)

#: What reading JSON raises that is of another shape than it should be; a whole number may be larger than any double.
OTHER_SHAPE = (
    LookupError,
    TypeError,
    ValueError,
    OverflowError,
    AttributeError,
    RecursionError,
)


class ExitCode(IntEnum):
    """Every way the program ends; the one table that the README documents."""

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
    """The command line asks for something that cannot be."""

    exit_code = ExitCode.USAGE


class ProfileError(UsageError):
    """The profile is wrong; the message begins with file and line."""


class InputError(UsageError):
    """A file given to be judged cannot be read as a recording."""


class TargetError(SoakError):
    """The target cannot be reached, started or found; what its URLs hold of users and queries is not said."""

    def __init__(self, message: str = "") -> None:
        super().__init__(without_url_secrets(message))


class TargetGoneError(TargetError):
    """The target's process, container or control group is not there any more."""


class StoppedError(SoakError):
    """A person ended it before there was anything to report."""

    exit_code = ExitCode.INTERRUPTED


class RecordingError(SoakError):
    """The run directory cannot be written or read."""


class LoadError(SoakError):
    """The load could not start, or was lost."""


def without_user_info(text: str) -> str:
    """A text whose URLs name no user and no password."""
    return _USER_INFO.sub(r"\1", text)


def without_url_secrets(text: str) -> str:
    """A text whose URLs have neither user info nor a query, where passwords and keys stand."""
    return _QUERY.sub(r"\1?…", _USER_INFO.sub(r"\1", text))
