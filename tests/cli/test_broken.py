"""A run whose generator was saturated: recorded as such, it is refused whenever it is judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak.errors import ExitCode
from soak.latency import Histogram, bucket_of
from soak.model import Sample, Scrape
from soak.recording import Recorder
from soak.windows import EndpointWindow, GeneratorWindow, Window
from tests.cli.calling import run

PROFILE = """\
name: busy
target: {url: http://127.0.0.1:8080}
load: {rate: 100/s, duration: 120s}
endpoints: [GET /]
"""


def record(directory: Path, cpu: float, made: int, leak: float = 0.0) -> Path:
    phases = [{"name": "steady", "start": 0.0, "end": 120.0}]
    recorder = Recorder(
        directory, {"name": "busy", "started": "2026-01-01T00:00:00Z", "phases": phases}, PROFILE
    )
    for second in range(120):
        memory = 50e6 + leak * second + 1e4 * ((second * 7919) % 13)
        recorder.add(
            Scrape(
                "process",
                float(second),
                0.0,
                0.0,
                (Sample("process_resident_memory_bytes", memory),),
            )
        )
        latency = Histogram({bucket_of(0.01): made})
        health = GeneratorWindow(cpu, cpu, 0.01, 100 << 20, 100.0, made, 0)
        seen = EndpointWindow("GET /", made, {}, made, latency, Histogram(), latency)
        recorder.add(Window(second + 1.0, 1.0, 3, (seen,), health))
    recorder.close(ended="completed", seconds=120.0)
    return directory


@pytest.mark.parametrize("verb", ["report", "analyze"])
@pytest.mark.parametrize(
    ("cpu", "made", "leak", "code"),
    [
        (0.2, 100, 0.0, ExitCode.PASS),
        (0.98, 60, 0.0, ExitCode.BROKEN),
        (0.98, 60, 1e5, ExitCode.FAIL),
    ],
)
def test_a_saturated_generator_breaks_a_run_unless_a_leak_is_proven(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    verb: str,
    cpu: float,
    made: int,
    leak: float,
    code: ExitCode,
) -> None:
    directory = record(tmp_path / "run", cpu, made, leak)
    exit_code, out, _ = run(capsys, verb, str(directory))
    assert exit_code == code, out
    said = " ".join(out.replace("┃", " ").split())
    assert ("The run broke: the load generator was saturated throughout" in said) == (
        code is ExitCode.BROKEN
    )
    if code is ExitCode.BROKEN:
        assert "load.processes: 3 would do" in said
