"""The main job on a real service that no Python wrote."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.e2e.driving import Outcome, soak, until_decided
from tests.targets import build_go, running


def drive(tmp_path: Path, endpoint: str, rate: str) -> Outcome:
    """A run of 40 s on a service of its own."""
    load = ["--rate", rate, "--ramp", "3s", "--duration", "37s"]

    def run(directory: Path) -> Outcome:
        with running([build_go(), "-addr", "127.0.0.1:0"]) as target:
            asked = ["--url", target.url, "--endpoint", f"GET {endpoint}", *load]
            return soak("run", *asked, directory=directory)

    return until_decided(run, tmp_path)


def test_a_healthy_endpoint_passes(tmp_path: Path) -> None:
    done = drive(tmp_path, "/healthy", "200/s")
    assert done.code == 0, done.explain()


LEAKS = (
    ("/leak/memory", "200/s", "process_resident_memory_bytes"),
    ("/leak/goroutine", "50/s", "go_goroutines"),
    ("/leak/descriptor", "20/s", "process_open_fds"),
)


def test_leaks_fail_by_the_series_that_leaks(tmp_path: Path) -> None:
    """All at once: each takes most of a minute, and little else."""
    build_go()
    with ThreadPoolExecutor() as pool:
        runs = [
            pool.submit(drive, tmp_path / series, endpoint, rate)
            for endpoint, rate, series in LEAKS
        ]
        for run, (_, _, series) in zip(runs, LEAKS, strict=True):
            done = run.result()
            assert done.code == 1, done.explain()
            assert series in done.failing(), done.explain()
