"""The signals that end a command, including those that a shell has set to be ignored."""

from __future__ import annotations

import signal
from typing import NoReturn

#: Ctrl-C, a service manager's stop, a closed terminal. Windows has no SIGHUP.
_ALL = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]


def ending_signals() -> list[signal.Signals]:
    """Return the signals to handle: SIGINT and SIGTERM even if ignored after a shell's `&`; SIGHUP not under nohup."""
    return [
        number
        for number in _ALL
        if number in _ALL[:2] or signal.getsignal(number) is not signal.SIG_IGN
    ]


def interrupt_on_signals() -> None:
    """Make each of them raise KeyboardInterrupt, for commands that have nothing to write at their end."""
    for number in ending_signals():
        signal.signal(number, _interrupt)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt
