"""Respect a limit of this process's address space (`ulimit -v`) before anything large is imported."""

from __future__ import annotations

import os
import resource

from soak.errors import SoakError

MIB = 2**20
#: Below this limit, importing numpy and scipy ends the process with exit code 1, which means FAIL,
#: or hangs.
LEAST = 384 * MIB
_THREADS = "OPENBLAS_NUM_THREADS"


def fit_address_space() -> None:
    """Under a limit, give numpy's linear algebra one thread (each takes some 40 MiB); SoakError if it is too low.

    numpy reads the variable once, when it is imported. It is removed again, so that started processes,
    such as a target, do not inherit it.
    """
    bound, _ = resource.getrlimit(resource.RLIMIT_AS)
    if bound == resource.RLIM_INFINITY:
        return
    if bound < LEAST:
        raise SoakError(
            f"this process may use {bound // MIB} MiB of address space (ulimit -v), and soak needs at least"
            f" {LEAST // MIB} MiB; there is no verdict"
        )
    if _THREADS not in os.environ:
        os.environ[_THREADS] = "1"
        import numpy as np  # noqa: F401, PLC0415 - without a bound, `--help` need not wait for it

        del os.environ[_THREADS]
