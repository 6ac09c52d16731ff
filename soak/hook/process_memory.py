"""The resident memory of this process, and what the C library's allocator gives back of it."""

from __future__ import annotations

import os


def trim() -> int | None:
    """Make the C library return free memory to the system; return the bytes of resident memory freed, or None."""
    try:
        import ctypes  # noqa: PLC0415 - only if it is requested

        give_back = ctypes.CDLL(None).malloc_trim
    except (ImportError, OSError, AttributeError):
        return None
    before = resident()
    give_back(0)
    after = resident()
    return None if before is None or after is None else max(before - after, 0)


def resident() -> int | None:
    """Return the resident memory of this process in bytes; None where there is no /proc."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
