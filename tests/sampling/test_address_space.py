"""A process under `ulimit -v`: its limit is a series, so that sizing can be judged against it."""

import subprocess
import sys

import pytest

from soak.sampling.sources.process import Process

LIMIT_KIB = 4 * 1024 * 1024


@pytest.mark.parametrize("limited", [True, False])
def test_the_limit_of_address_space_is_seen_where_there_is_one(limited: bool) -> None:
    shell = f"{f'ulimit -v {LIMIT_KIB} && ' if limited else ''}exec {sys.executable} -c 'print(1, flush=True); input()'"
    with subprocess.Popen(
        ["sh", "-c", shell], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as started:
        assert started.stdout is not None
        started.stdout.readline()
        values = {sample.name: sample.value for sample in Process(pid=started.pid).collect()}
        started.communicate("\n")
    expected = LIMIT_KIB * 1024.0 if limited else None
    assert values.get("process_virtual_memory_max_bytes") == expected
