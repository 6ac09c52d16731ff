"""A bound on this process's address space (`ulimit -v`), met before anything large is imported."""

from __future__ import annotations

import os
import resource

from soak.errors import SoakError

MIB = 2**20
#: Below this, importing numpy and scipy ends the process with exit code 1, which is a verdict's, or never returns.
LEAST = 384 * MIB
_THREADS = "OPENBLAS_NUM_THREADS"


def fit_address_space() -> None:
    """SoakError where the bound is too low for soak; else numpy's linear algebra gets one thread, since each takes some 40 MiB.

    It reads the variable once, at its import: what soak starts, such as a target, does not inherit it.
    """
    bound, _ = resource.getrlimit(resource.RLIMIT_AS)
    if bound == resource.RLIM_INFINITY:
        return
    if bound < LEAST:
        raise SoakError(
            f"this process may use {bound // MIB} MiB of address space (ulimit -v), and soak needs at least"
            f" {LEAST // MIB} MiB; nothing was decided"
        )
    if _THREADS not in os.environ:
        os.environ[_THREADS] = "1"
        import numpy as np  # noqa: F401, PLC0415 - without a bound, `--help` need not wait for it

        del os.environ[_THREADS]
