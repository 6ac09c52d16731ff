"""What can go wrong, each with its exit code and a message that says what to do."""

from __future__ import annotations

from enum import IntEnum


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
    """The target cannot be reached, started or found."""


class TargetGoneError(TargetError):
    """The target's process, container or control group is not there any more."""


class RecordingError(SoakError):
    """The run directory cannot be written or read."""


class LoadError(SoakError):
    """The load could not start, or was lost."""
