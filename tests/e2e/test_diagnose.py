"""Runs that take snapshots of a real service, let it rest, and load it again."""

import json
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from soak.diagnosis.attribution.confirmation import ConfirmationOutcome, confirmations
from soak.diagnosis.profiles.formats import read_profile
from soak.pipeline import judge_run
from soak.recording import load_recording
from tests.e2e.driving import SOAK, soak
from tests.targets import running, toolchain
from tests.targets.building import SERVICES
from tests.targets.known import PAGE, SEARCH, leak_of
from tests.targets.matrix import serving
from tests.targets.postgres import Postgres


def test_a_leaking_service_is_seen_from_the_inside_and_asked_again(
    postgresql: Postgres, tmp_path: Path
) -> None:
    with toolchain():
        SERVICES["go"]()
    with serving(leak_of("go/map"), postgresql.url) as shop:
        path = tmp_path / "p.yaml"
        path.write_text(f"""
name: seen
target: {{url: "{shop.url}"}}
load: {{rate: 100/s, duration: 7s, drain: 2s}}
endpoints: ["{SEARCH}"]
diagnose: {{every: 5s, confirm: 3s}}
""")
        done = soak("run", path, directory=tmp_path / "run")
    assert done.code in (0, 1, 3), done.explain()
    assert not any("diagnose" in text for text in done.analysis["warnings"]), done.explain()
    recording = load_recording(done.directory)
    names = [phase.name for phase in recording.phases]
    assert names == ["steady", "drain", "confirm", "confirm-drain"]
    heaps = [snapshot for snapshot in recording.snapshots if snapshot.kind == "heap"]
    assert [heap.stage for heap in heaps] == ["start", "end", "drained", "confirmed"]
    assert all(snapshot.error is None for snapshot in recording.snapshots)
    steady, drain = recording.phases[:2]
    assert steady.start <= heaps[0].time < heaps[1].time + heaps[1].took < steady.end < drain.start
    held = [float(read_profile("heap", heap.read()).column("inuse_space").sum()) for heap in heaps]
    asked = sum(
        int(windows.between(steady.start, steady.end).requests.sum())
        for windows in recording.windows
    )
    assert done.analysis["endpoints"][0]["requests"] == asked
    assert 0.4 * asked * PAGE < held[2] - held[0] < 2 * asked * PAGE
    [told] = [
        confirmation
        for confirmation in confirmations(recording, judge_run(done.directory))
        if confirmation.key == "heap"
    ]
    assert told.outcome is not ConfirmationOutcome.HIGH_WATER, told
    with closing(sqlite3.connect(done.directory / "recording.sqlite")) as database:
        files = {file for (file,) in database.execute("SELECT file FROM snapshots")}
    assert files == {path.name for path in (done.directory / "snapshots").iterdir()}


def test_without_pprof_there_is_one_warning_and_ctrl_c_ends_the_drain_but_not_the_verdict(
    tmp_path: Path,
) -> None:
    with running([sys.executable, "-m", "soak.demo", "--port", "0"]) as shop:
        path = tmp_path / "p.yaml"
        path.write_text(f"""
name: off
target: {{url: "{shop.url}"}}
load: {{users: 2, duration: 3s, drain: 1h}}
endpoints: [GET /orders]
diagnose: {{pprof: /debug/pprof, every: 5s}}
""")
        command = [*SOAK, "run", str(path), "--out", str(tmp_path / "run")]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        deadline, run = time.monotonic() + 120, tmp_path / "run" / "run.json"
        while not run.exists() or '"drain"' not in run.read_text():
            assert time.monotonic() < deadline
            assert process.poll() is None, process.communicate()
            time.sleep(0.1)
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=600)
    assert process.returncode in (0, 3), out + err
    analysis = json.loads((tmp_path / "run" / "analysis.json").read_text())
    assert analysis["run"]["ended"] == "completed"
    [warning] = [text for text in analysis["warnings"] if "diagnose" in text]
    assert warning == (
        f"diagnose: pprof: {shop.url}/debug/pprof/heap?…: answered 404: "
        "pprof is off there; import net/http/pprof, or say where: diagnose.pprof"
    )
    recording = load_recording(tmp_path / "run")
    assert [(snapshot.kind, snapshot.stage) for snapshot in recording.snapshots] == [
        ("heap", "start"),
        ("heap", "end"),
    ]
    assert all(snapshot.error for snapshot in recording.snapshots)
    assert 0.5 < recording.phases[-1].end - recording.phases[-1].start < 10
    assert any(event.kind == "drain" for event in recording.events)
