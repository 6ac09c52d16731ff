"""The resident memory of this process, what the program holds of it, and what the C library's allocator gives back."""

from __future__ import annotations

import gc
import os
import sys
from typing import Any

#: Bytes of one block of CPython's own allocator: in five kinds of objects (JSON, closures, requests, instances) 55 to 73,
#: in an interpreter with its modules 90.
BLOCK = 64

#: The fields of glibc's struct mallinfo2, all of type size_t (malloc.h).
_FIELDS = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"

#: The C function, once it was found: each search for it would leave some memory behind.
_asked: list[Any] = []


def collect() -> int:
    """Collect what refers to itself, unless the service has switched collections off: then nobody else does either."""
    return gc.collect() if gc.isenabled() else 0


def in_use() -> int | None:
    """Return the bytes that malloc and CPython's own allocator have given out and not got back; None if unknown.

    Free memory within arenas, of which resident memory is full, is not among them. glibc tells what it gave out
    (mallinfo2, from 2.33 on); CPython tells the number of its blocks, which are taken to be of 64 bytes.
    """
    blocks = sys.getallocatedblocks() if hasattr(sys, "getallocatedblocks") else 0
    known = _mallinfo()
    return None if known is None else known + BLOCK * blocks


def _mallinfo() -> int | None:
    """Return the bytes that malloc has given out; None if this C library does not tell."""
    if not _asked:
        try:
            import ctypes  # noqa: PLC0415 - only if it is requested

            fields = [(name, ctypes.c_size_t) for name in _FIELDS.split()]
            ask = ctypes.CDLL(None).mallinfo2
            ask.restype = type("Mallinfo", (ctypes.Structure,), {"_fields_": fields})
            _asked.append(ask)
        except (ImportError, OSError, AttributeError):
            return None
    known = _asked[0]()
    return int(known.uordblks + known.hblkhd)


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
