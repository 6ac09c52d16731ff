"""Under `ulimit -v`, soak runs with what it was given, or ends with exit code 4 and a sentence: never with a verdict's."""

import json
import subprocess
import sys

import pytest

from soak.cli.address_space import LEAST
from soak.errors import ExitCode

#: What a library says of its threads, and what a child would inherit, once soak has met the bound.
ASK = """
import json, os
from soak.cli.address_space import fit_address_space
fit_address_space()
import numpy, threadpoolctl
print(json.dumps([[each["num_threads"] for each in threadpoolctl.threadpool_info()], sorted(os.environ)]))
"""


def bounded(kib: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["sh", "-c", f'ulimit -v {kib}; exec "$@"', "sh", sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize(
    "mib", [120, 200]
)  # OpenBLAS ended soak with 1 at the one, and tried for ever at the other
def test_too_little_address_space_is_exit_4(mib: int) -> None:
    done = bounded(mib << 10, "-m", "soak", "report", "nowhere")
    assert done.returncode == ExitCode.BROKEN, done
    said = f"soak: this process may use {mib} MiB of address space (ulimit -v), and soak needs at least"
    assert done.stderr.startswith(said)
    assert len(done.stderr.splitlines()) == 1


def test_with_enough_of_it_linear_algebra_has_one_thread_and_children_do_not_inherit_that() -> None:
    done = bounded(2 * LEAST >> 10, "-c", ASK)
    threads, environment = json.loads(done.stdout)
    assert threads
    assert set(threads) == {1}
    assert "OPENBLAS_NUM_THREADS" not in environment


def test_no_more_threads_is_exit_4_and_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from soak.cli import main  # noqa: PLC0415 - it opens the standard streams

    def no_thread() -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("soak.cli.fit_address_space", no_thread)
    with pytest.raises(SystemExit) as ended:
        main(["check", "nowhere"])
    assert ended.value.code == ExitCode.BROKEN
    assert capsys.readouterr().err.startswith("soak: no more threads were given to this process")
