"""Profiles of real processes of each runtime: what leaks is found where it does, with the amount that it does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import pytest

from soak import hook
from soak.catalog.node import ACTIVE_RESOURCES, KEPT_REQUESTS
from soak.catalog.process import RESIDENT_AFTER_GC
from soak.diagnosis.attribution.allocation_sites import (
    AllocationSite,
    allocation_sites,
    calls,
    place_of,
)
from soak.diagnosis.attribution.site_growth import ProfileSnapshot
from soak.diagnosis.profiles.formats import HELD, read_profile
from soak.diagnosis.profiles.pprof import StackProfile
from soak.diagnosis.suspects.stack_signatures import STACK_SIGNATURES
from soak.errors import SoakError, TargetError
from soak.profile.diagnose import Diagnose
from soak.sampling.profilers import PROFILERS, ProfiledTarget, Profiler
from soak.sampling.profilers import jcmd as jcmd_module
from soak.sampling.profilers.inspector import Inspector
from soak.sampling.profilers.jvm import Jvm
from soak.sampling.profilers.jvm_native import NATIVE_COMMANDS, live_classes, native_gauges
from soak.sampling.profilers.node import TURNS, NodeInspector
from soak.sampling.profilers.python import PythonHook
from soak.snapshots import SnapshotKind, SnapshotStage
from tests.sampling.leaking import HERE, PAGE, Leaking, leaking, python_program
from tests.sampling.serving import answering, free_port, http
from tests.targets import running, toolchain
from tests.targets.building import cached, call, tool

AT_ONCE = 200


def named(pid: int | None = None, **given: object) -> Profiler:
    """The profiler that `diagnose: {key: value}` makes, of the target with this process."""
    [key] = given
    value = getattr(Diagnose.model_validate(given), key)
    return PROFILERS[key].named(value, ProfiledTarget("http://127.0.0.1:1", pid=pid))


def growth(
    profiler: Profiler, program: Leaking, last: dict[SnapshotKind, StackProfile] | None = None
) -> dict[SnapshotKind, AllocationSite]:
    """What grows most of each kind while the program leaks AT_ONCE pages and one thread between any two of three snapshots.

    The profile that was taken `last` of each kind is put there.
    """
    profiles: dict[SnapshotKind, list[ProfileSnapshot]] = {}
    for done in range(3):
        for kind, data in profiler.take("steady"):
            assert isinstance(data, bytes), str(data)
            if kind in HELD:
                profiles.setdefault(kind, []).append(
                    ProfileSnapshot(float(done), float(done), read_profile(kind, data))
                )
        if done < 2:
            program.leak(AT_ONCE)
    profiler.close()
    (last if last is not None else {}).update(
        {kind: snapshots[-1].profile for kind, snapshots in profiles.items()}
    )
    grown = {kind: allocation_sites(snapshots, HELD[kind]) for kind, snapshots in profiles.items()}
    return {kind: places[0] for kind, places in grown.items() if places}


def gauges_of(told: Mapping[SnapshotKind, bytes | SoakError]) -> dict[str, float]:
    """The values of the gauges that a profiler took, by name."""
    assert isinstance(told["gauges"], bytes)
    return {name: value for name, _, value in json.loads(told["gauges"])["samples"]}


def test_python_tells_file_line_function_and_bytes(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    environment = {**os.environ, "SOAK_HOOK": address, "SOAK_HOOK_TOKEN": "abc"}
    with leaking(python_program(), environment) as program:
        offered = PythonHook.offered(ProfiledTarget("http://127.0.0.1:1", pid=program.pid))
        assert offered is not None
        assert offered.hook == address
        with pytest.raises(TargetError, match=r"diagnose\.python\.token"):
            named(python=address).collect()
        grown = growth(offered, program)
    memory, threads = grown["tracemalloc"], grown["threads"]
    assert (memory.place.function.rpartition(".")[2], Path(memory.place.file).name) == (
        "remember",
        "leaking.py",
    )
    assert memory.place.line == 12
    assert memory.slope[0] / AT_ONCE == pytest.approx(PAGE, rel=0.02)
    assert threads.place.function == "wait"
    assert threads.slope[0] == pytest.approx(1.0)


@pytest.mark.thorough
def test_node_tells_file_line_function_and_bytes() -> None:
    address = f"127.0.0.1:{free_port()}"
    with toolchain():
        node = tool("node")
    with leaking([node, f"--inspect={address}", HERE / "leaking.js"], os.environ) as program:
        offered = NodeInspector.offered(ProfiledTarget("http://127.0.0.1:1", pid=program.pid))
        assert offered is not None
        assert offered.address == address
        grown = growth(offered, program)["v8heap"]
    assert (grown.place.function, Path(grown.place.file).name, grown.place.line) == (
        "remember",
        "leaking.js",
        6,
    )
    # One sample in 32 KiB of 3 MiB and more is off by a tenth.
    assert grown.slope[0] / AT_ONCE == pytest.approx(PAGE, rel=0.35)
    assert grown.slope[1] / AT_ONCE < PAGE < grown.slope[2] / AT_ONCE or grown.slope[
        0
    ] / AT_ONCE == pytest.approx(PAGE, rel=0.1)


def test_requests_that_node_keeps_are_counted_exactly_and_no_longer_than_the_session() -> None:
    address = f"127.0.0.1:{free_port()}"
    with toolchain():
        node = tool("node")
    served = HERE / "requests.js"
    with running([node, f"--inspect={address}", served], ready_line_prefix="ready ") as target:
        profiler = NodeInspector(address)

        def counted(wanted: str) -> float:
            return float(gauges_of(dict(profiler.take("steady")))[wanted])

        def alive() -> float:
            return counted(KEPT_REQUESTS)

        def ask(path: str) -> None:
            for _ in range(30):
                urlopen(f"{target.url}{path}", timeout=60).read()

        counts = [alive()]
        for path in ("/kept", "/other", "/kept"):
            ask(path)
            counts.append(alive())
        timers = counted(ACTIVE_RESOURCES)
        ask("/timer")
        timers = counted(ACTIVE_RESOURCES) - timers
        steady = list(profiler.take("steady"))
        kinds = [kind for kind, _ in steady]
        levels = dict(steady)["gauges"]
        assert isinstance(levels, bytes)
        sizes = {name: size for name, _, size in json.loads(levels)["samples"]}
        drained = dict(profiler.take("drained"))
        assert isinstance(drained["keepers"], bytes)
        [kept, *_] = json.loads(drained["keepers"])["keepers"]
        profiler.close()
        ask("/kept")
        counts.append(alive())
        profiler.close()
    assert timers == 30
    assert "keepers" not in kinds
    assert 0 < sizes["nodejs_external_live_bytes"] < sizes["nodejs_heap_live_bytes"]
    assert sizes["nodejs_heap_live_bytes"] < sizes[RESIDENT_AFTER_GC] < 2**30
    assert kept["holder"] == {"name": "kept", "file": str(served), "line": 0}
    assert kept["count"] == 60
    # The connection keeps the last request that came over it.
    assert counts == [0, *(pytest.approx(count, abs=1) for count in (30, 30, 60)), 0]


def test_node_opens_its_inspector_where_that_is_asked_for() -> None:
    with toolchain():
        node = tool("node")
    address = f"127.0.0.1:{free_port()}"
    with leaking([node, f"--inspect-port={address}", HERE / "leaking.js"], os.environ) as program:
        profiler = named(program.pid, node={"inspector": address, "open": True, "snapshots": True})
        kinds = [
            kind
            for kind, data in profiler.take("start")
            if isinstance(data, bytes) and json.loads(data)
        ]
        profiler.close()
    assert kinds == ["v8heap", "gauges", "v8cpu", "v8snapshot"]


_OPENING = """
const fs = require('node:fs')
function openLog() {
  fs.closeSync(fs.openSync('/dev/null', 'r'))
}
setInterval(function tick() {
  for (let n = 0; n < 50; n++) openLog()
}, 2)
console.log('ready')
"""


@pytest.mark.thorough
def test_node_tells_what_opens_files_while_it_runs(tmp_path: Path) -> None:
    (tmp_path / "opening.js").write_text(_OPENING)
    address = f"127.0.0.1:{free_port()}"
    with toolchain():
        node = tool("node")
    with leaking([node, f"--inspect={address}", tmp_path / "opening.js"], os.environ):
        profiler = named(node=address)
        placed: list[tuple[str, float]] = []
        opened = 0.0
        for turn in range(60):  # on a crowded machine it may not run while it is looked at
            looked = [data for kind, data in profiler.take("steady") if kind == "v8cpu"]
            assert len(looked) == (turn % TURNS == 0)
            if not looked:
                continue
            [ran] = looked
            assert isinstance(ran, bytes)
            profile = read_profile("v8cpu", ran)
            for number, hits in enumerate(profile.column("run")):
                stack = profile.stack(number)
                if calls(stack, STACK_SIGNATURES["files"]):
                    opened += float(hits)
                    own = any(frame.own for frame in stack)
                    placed += [(place_of(stack).function, float(hits))] if own else []
            if opened >= 20:
                break
        profiler.close()
    assert {function for function, _ in placed} == {"openLog"}
    # A sample between two frames of inlined code has none of the target's own: a few of hundreds.
    assert opened - sum(hits for _, hits in placed) <= max(2.0, 0.1 * opened)


def leaking_jvm() -> list[str | Path]:
    """The command that starts the leaking Java program."""
    with toolchain():
        java, javac = tool("java"), tool("javac")
        tool("jcmd")
    source = HERE / "Leaking.java"
    classes = cached("leaking-java", [source], lambda to: call([javac, "-d", to, source], HERE))
    light = ["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    return [java, *light, "-cp", classes, "Leaking"]


@pytest.mark.thorough
def test_a_jvm_tells_after_the_drain_what_keeps_the_objects_of_a_heap_that_grew() -> None:
    with leaking(leaking_jvm(), os.environ) as program:
        profiler = named(program.pid, jvm=True)

        def ways(stage: SnapshotStage) -> list[list[list[object]]]:
            classes = dict(profiler.take(stage))["classes"]
            assert isinstance(classes, bytes), str(classes)
            return [each["way"] for each in json.loads(classes)["objects"] if "way" in each]

        ways("start")
        assert ways("drained") == []  # nothing grew
        for _ in range(3):
            program.leak(AT_ONCE)
        assert ways("steady") == []
        kept = ways("drained")
        profiler.close()
    owners = [(owner, field) for way in kept for owner, field, _ in way]
    assert owners.count(("Leaking", "KEPT")) >= 10
    assert ("java.util.ArrayList", "elementData") in owners


@pytest.mark.thorough
def test_a_jvm_tells_class_method_bytes_and_who_started_a_thread() -> None:
    with leaking(leaking_jvm(), os.environ) as program:
        last: dict[SnapshotKind, StackProfile] = {}
        offered = Jvm.offered(ProfiledTarget("http://127.0.0.1:1", pid=program.pid))
        assert offered == Jvm(program.pid)
        grown = growth(offered, program, last)
        recordings = jcmd_module.ask(program.pid, "JFR.check")
    memory, threads = grown["classes"], grown["threads"]
    allocated = last["classes"].column("alloc_space")
    remembered = [
        each
        for row, each in enumerate(allocated)
        if each > 0 and place_of(last["classes"].stack(row)).function == "Leaking.remember"
    ]
    # A sample tells what its thread allocated since the one before: of a burst of milliseconds,
    # a crowded machine lets the JVM take a few. Bytes they are, and not kilobytes.
    assert sum(remembered) > 10 * PAGE
    assert "No available recordings" in recordings
    assert (memory.stacks[0].frames[0].function, memory.place.function) == (
        "byte[]",
        "Leaking.remember",
    )
    assert memory.slope[0] / AT_ONCE == pytest.approx(PAGE, rel=0.1)
    assert threads.place.function in ("Leaking.await", "Leaking.startPool")
    assert threads.slope[0] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("pid", "said"),
    [
        (None, "name it by diagnose.jvm.pid"),
        (os.getpid(), "is no JVM: name one by diagnose.jvm.pid or port"),
        (2**22 + 1, "has ended"),
    ],
    ids=["none", "ours", "gone"],
)
def test_what_is_no_jvm_gets_no_signal_that_would_end_it(pid: int | None, said: str) -> None:
    with pytest.raises(TargetError, match=said):
        list(named(pid, jvm=True).take("start"))


def test_without_a_jdk_it_is_said_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(jcmd_module, "is_jvm", lambda _: True)
    with pytest.raises(TargetError, match="jcmd is not on the PATH: install a JDK"):
        list(named(os.getpid(), jvm=True).take("start"))


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        (
            "Unable to open socket file /tmp/.java_pid1: target process doesn't respond",
            "lets nobody attach",
        ),
        ("java.io.IOException: No such process", "has ended"),
        ("what nobody has seen", "gave sh only: what nobody has seen"),
    ],
)
def test_what_jcmd_says_is_said_in_one_line(printed: str, said: str) -> None:
    with pytest.raises(TargetError, match=said):
        jcmd_module.told(["sh", "-c", f'echo "{printed}" >&2; exit 1'], "process 7")


def test_a_jvm_without_flight_recorder_still_has_classes_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    histogram = "   1:   10   160  [B (java.base@17)\n"
    told = f'{histogram}\nFull thread dump\n\n"main" #1 x\n\tat Main.main(Main.java:3)\n'
    said = {
        "\n".join(["GC.class_histogram", *NATIVE_COMMANDS, "Thread.print"]): told,
        "JFR.start": "no such command",
    }
    for module in ("jvm", "flight_recording"):
        monkeypatch.setattr(
            f"soak.sampling.profilers.{module}.ask", lambda pid, command, *_: said.get(command, "")
        )
    profiler = named(os.getpid(), jvm=True)
    first, second = list(profiler.take("start")), list(profiler.take("steady"))
    assert [kind for kind, _ in first] == ["gauges", "classes", "classes", "threads"]
    assert "cannot record: no such command" in str(first[2][1])
    assert [kind for kind, _ in second] == ["gauges", "classes", "threads"]
    assert isinstance(first[0][1], bytes)
    [(resident, _, size)] = json.loads(first[0][1])["samples"]
    assert resident == RESIDENT_AFTER_GC
    assert 2**20 < size < 2**36
    assert isinstance(first[1][1], bytes)
    assert isinstance(first[3][1], bytes)
    assert read_profile("threads", first[3][1]).column("threads").sum() == 1
    assert read_profile("classes", first[1][1]).flat("inuse_space") == {"byte[]": 160.0}


def test_what_is_not_open_is_said_with_how_to_open_it() -> None:
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(
        TargetError, match=f"the inspector is not open; start the target with --inspect={address}"
    ):
        list(named(node=address).take("start"))
    [(kind, error)] = named(python=address).take("start")
    assert kind == "tracemalloc"
    assert "python -m soak.hook" in str(error)


def test_what_is_no_node_gets_no_signal_that_would_end_it() -> None:
    profiler = named(os.getpid(), node={"inspector": f"127.0.0.1:{free_port()}", "open": True})
    with pytest.raises(TargetError, match="is no node"):
        list(profiler.take("start"))


@pytest.mark.parametrize("page", ["<html>", "[]", "{}", '[{"id": 7}]', '[{"id": "a b\\n"}]'])
def test_what_is_no_inspector_is_said(page: str) -> None:
    with (
        answering({"/json/list": http(page)}) as url,
        pytest.raises(TargetError, match=r"no inspector|accepts no session"),
    ):
        Inspector.opened(url.removeprefix("http://"))


def test_what_is_no_hook_is_said() -> None:
    with answering({"/memory?measure": http("<html>", content_type="text/html")}) as url:
        [(_, error)] = named(python=url.removeprefix("http://")).take("start")
    assert isinstance(error, SoakError)
    assert "no soak.hook of this version" in str(error)


_PASSING = """
import json, threading, time
from soak.hook import tracing
from soak.hook.memory import Memory

tracing._IDLE = 9.0  # a service too idle to measure: what tracing costs is found by turns without it, which forget what is alive
hook = Memory(5)
local, ended, kept = threading.local(), threading.Event(), []

def keep():
    local.requests = [bytearray(16384) for _ in range(100)]
    kept.append([bytearray(16384) for _ in range(100)])
    ended.wait()

def whole():
    pieces = [bytes(2 << 20) for _ in range(10)]
    time.sleep(0.05)

def answer():
    while not ended.is_set():
        whole()
        time.sleep(0.15)

hook.page()
threads = [threading.Thread(target=one) for one in (keep, answer)]
[one.start() for one in threads]
while not kept:
    time.sleep(0.01)
for _ in range(20):  # it may come while nobody watches
    found = hook.page()
    if found["passing"]:
        break
print(json.dumps(found))
ended.set()
"""


def test_the_hook_tells_what_thread_locals_hold_and_what_is_large_for_a_moment(
    tmp_path: Path,
) -> None:
    program = tmp_path / "passing.py"
    program.write_text(_PASSING)
    done = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, timeout=300, check=True
    )
    profile = read_profile("tracemalloc", done.stdout.encode())
    stacks = [profile.stack(sample) for sample in range(len(profile.column("passing_space")))]
    passing, pieces = profile.column("passing_space"), profile.column("passing_objects")
    [whole] = [n for n in range(len(stacks)) if passing[n] > 0]
    assert place_of(stacks[whole]).function.rpartition(".")[2] == "whole"
    assert passing[whole] / pieces[whole] == pytest.approx(2 << 20, rel=0.01)
    pages = [n for n, held in enumerate(profile.column("inuse_space")) if held > 100 * 16384]
    assert {(stacks[n][0].function, place_of(stacks[n]).line) for n in pages} == {
        ("threading.local", 11),
        ("keep", 12),
    }


def test_the_hook_serves_beyond_loopback_only_with_a_token_and_never_breaks_the_service() -> None:
    environment = {**os.environ, "SOAK_HOOK": "0.0.0.0:0"}
    command = [sys.executable, "-c", "import soak.hook; print('served')"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "served\n"
    assert "need a SOAK_HOOK_TOKEN" in done.stderr


def test_without_its_variable_the_hook_does_nothing() -> None:
    hook.start_from_environment()
    assert "soak-hook" not in {thread.name for thread in threading.enumerate()}


NATIVE = """
Total         46242        3336576
Native Memory Tracking:

Total: reserved=1231234KB, committed=62266KB
-                 Java Heap (reserved=32768KB, committed=32768KB)
-                    Thread (reserved=13349KB, committed=809KB)
0x0000000000000000  0x0000000000000000  0x00007f8a7803c810    1145    557056    151218  <boot class loader>
Total = 4                                                     2492   1464960   1051249
"""


def test_a_jvms_native_memory_and_class_loaders_become_gauges() -> None:
    assert list(native_gauges(NATIVE)) == [
        ("jvm_live_classes_bytes", {}, 3336576.0),
        ("jvm_native_memory_committed_bytes", {"category": "Java Heap"}, 32768 * 1024.0),
        ("jvm_native_memory_committed_bytes", {"category": "Thread"}, 809 * 1024.0),
        ("jvm_class_loaders", {}, 4.0),
    ]
    assert list(native_gauges("Native memory tracking is not enabled")) == []


def test_the_largest_classes_of_the_runtime_and_of_all_others_are_kept_between_snapshots() -> None:
    runtime = [
        f"{n:4}: {900 - n:12} {90_000 - n:14}  java.util.T{n} (java.base@17)" for n in range(150)
    ]
    own = [f"{n + 150:4}: {30:12} {3_000 - n:14}  shop.Offer{n}" for n in range(150)]
    said = "\n".join(
        [" num     #instances         #bytes  class name (module)", *runtime, *own, NATIVE]
    )
    kept = live_classes(said)
    assert (kept["java.util.T0"], kept["java.util.T99"]) == (90_000.0, 89_901.0)
    assert (kept["shop.Offer0"], kept["shop.Offer99"], len(kept)) == (3000.0, 2901.0, 200)


def test_an_error_within_the_hook_is_told_as_it_is() -> None:
    told = http(
        '{"error": "ReferenceError: gone"}', "500 Internal Server Error", "application/json"
    )
    bare = http("oh", "500 Internal Server Error", "text/plain")
    for answer, words in ((told, "ReferenceError: gone"), (bare, "oh")):
        with answering({"/collect": answer}) as url:
            hook = named(python=url.removeprefix("http://"))
            with pytest.raises(TargetError, match=f"the hook failed in the target: {words}"):
                hook.collect()


Taken = tuple[dict[str, float], bytes]


def eventually(asked: Callable[[], Taken]) -> Taken:
    """What is answered as soon as the target can be asked."""
    for _ in range(600):
        with suppress(TargetError):
            return asked()
        time.sleep(0.1)
    return asked()


def test_what_the_workers_of_a_cluster_keep_is_added_up() -> None:
    """The inspector that is open is that of the primary, which serves none of the requests."""
    address = f"127.0.0.1:{free_port()}"
    with toolchain():
        node = tool("node")
    served = HERE / "cluster.js"
    with running([node, f"--inspect={address}", served], ready_line_prefix="ready ") as target:
        profiler = NodeInspector(address)

        def taken(stage: SnapshotStage) -> Taken:
            told = dict(profiler.take(stage))
            assert isinstance(told["v8heap"], bytes)
            return gauges_of(told), told["v8heap"]

        # One worker is ready before the other.
        first, _ = eventually(lambda: taken("steady"))
        for _ in range(60):
            urlopen(f"{target.url}/kept", timeout=60).read()
        last, heap = taken("steady")
        roots = json.loads(heap)["profile"]["head"]["children"]
        profiler.close()
    # A connection keeps the last request that came over it.
    assert last[KEPT_REQUESTS] - first[KEPT_REQUESTS] == pytest.approx(60, abs=2)
    assert [root["callFrame"]["functionName"] for root in roots] == ["(root)", "(root)"]
    # Two live heaps, each of some MiB.
    assert last["nodejs_heap_live_bytes"] > 6e6
