"""Descriptors by kind, memory split fairly, and children counted once."""

import mmap
import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from soak.errors import TargetError
from soak.model import Labels, Sample
from soak.sampling.procfs import Descriptors, descendants, open_descriptors, split_memory
from soak.sampling.sources.process import Process

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="there is a /proc on Linux alone"
)

FORKING = """
import os, sys, time
held = bytearray(os.urandom(1 << 20)) * 60
for _ in range(3):
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
print("up", flush=True)
time.sleep(60)
"""


def keyed(samples: object) -> dict[tuple[str, Labels], Sample]:
    return {(sample.name, sample.labels): sample for sample in samples}  # type: ignore[attr-defined]


def kind(**labels: str) -> tuple[str, Labels]:
    return "process_descriptors", tuple(sorted(labels.items()))


#: Opens one of each in a process of its own: in the tests' own process others come and go as garbage.
OPENING = """
import os, socket, sys
def told(words):
    print(words, flush=True)
    sys.stdin.readline()
told("begun")
listener, kept = socket.create_server(("127.0.0.1", 0)), open(sys.argv[1], "w")
client = socket.create_connection(listener.getsockname())
served, _ = listener.accept()
pipe = os.pipe()
told("open")
served.close()
client.recv(1)
told("closed")
"""


def test_descriptors_by_type_and_state(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPENING, str(tmp_path / "x")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as opener:
        assert opener.stdin is not None
        assert opener.stdout is not None

        def after_it_says(words: str) -> dict[tuple[str, Labels], Sample]:
            assert opener.stdout is not None
            assert opener.stdout.readline() == f"{words}\n"
            return keyed(Process(pid=opener.pid).collect())

        before = after_it_says("begun")
        opener.stdin.write("\n")
        opener.stdin.flush()
        after = after_it_says("open")
        closed_before = open_descriptors([opener.pid]).kinds["socket", "close_wait"]
        opener.stdin.write("\n")
        opener.stdin.flush()
        after_it_says("closed")
        closed_after = open_descriptors([opener.pid]).kinds["socket", "close_wait"]
        opener.stdin.write("\n")

    def more(**labels: str) -> float:
        old = before.get(kind(**labels))
        return after[kind(**labels)].value - (old.value if old else 0.0)

    assert more(type="socket", state="listen") == 1
    assert more(type="socket", state="established") == 2
    assert more(type="pipe") == 2
    assert more(type="file") == 1
    assert closed_after - closed_before == 1, (
        "a socket that the other end has closed and we have not"
    )


WATCHING = """
import ctypes, os, sqlite3, sys
kept = [open(sys.argv[1] + f"/{at}.txt", "w") for at in range(4)]
kept += [sqlite3.connect(sys.argv[1] + "/shop.db") for _ in range(5)]
for each in kept[4:]:
    each.execute("select 1 from sqlite_master").fetchall()
for at in range(3):
    os.mkdir(sys.argv[1] + f"/request-{at}")
    kept.append(open(sys.argv[1] + f"/request-{at}/upload.part", "w"))
kept.append(open(sys.argv[1] + "/alone.log", "w"))
ctypes.CDLL(None).inotify_init1(0)
print("open", flush=True)
sys.stdin.readline()
"""


def test_files_are_named_by_path_or_by_folder_and_suffix(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WATCHING, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as opener:
        assert opener.stdout is not None
        assert opener.stdout.readline() == "open\n"
        seen = keyed(Process(pid=opener.pid).collect())
        opener.communicate("\n")
    files = {
        dict(labels)["path"].removeprefix(str(tmp_path)): sample.value
        for (name, labels), sample in seen.items()
        if name == "process_open_files"
    }
    assert files == {"/*.txt": 4, "/shop.db": 5, "/*/*.part": 3}
    assert seen[kind(type="inotify")].value == 1


def test_a_kind_that_is_gone_is_zero_and_not_absent() -> None:
    source = Process(pid=os.getpid())
    with socket.create_server(("127.0.0.1", 0)):
        assert keyed(source.collect())[kind(type="socket", state="listen")].value >= 1
    source._next.clear()
    assert kind(type="socket", state="listen") in keyed(source.collect())


def test_what_forked_children_share_counts_once_in_proportion() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", FORKING], stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        samples = {sample.name: sample.value for sample in Process(pid=process.pid).collect()}
    finally:
        os.killpg(process.pid, 9)
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]
    assert samples["process_children"] == 3
    assert samples["process_resident_memory_bytes"] > 4 * 60e6, "each of the four maps all of it"
    assert 60e6 < samples["process_proportional_memory_bytes"] < 130e6, "and it is there once"
    assert samples["process_children_resident_memory_bytes"] > 3 * 60e6


def test_processes_that_are_gone_count_nothing() -> None:
    assert split_memory([2**22 + 5]) is None
    assert open_descriptors([2**22 + 5]) == Descriptors()


def test_the_kernels_own_list_of_children_is_followed_where_there_is_one(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        for parent, children in ((os.getpid(), f"{child.pid} "), (child.pid, str(2**22 + 5))):
            lists = tmp_path / str(parent) / "task" / str(parent)
            lists.mkdir(parents=True)
            (lists / "children").write_text(children)
        me = psutil.Process()
        assert [child_process.pid for child_process in descendants(me, tmp_path)] == [child.pid]
        assert child.pid in {child_process.pid for child_process in descendants(me)}
    finally:
        child.kill()
        child.wait()


def test_a_system_that_does_not_tell(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    assert split_memory([7], tmp_path) is None


def test_descriptors_that_may_not_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("soak.sampling.procfs.os.scandir", refuse)
    with pytest.raises(
        TargetError, match=r"not allowed to read its descriptors; run soak as its user or as root"
    ):
        list(Process(pid=os.getpid()).collect())


def test_what_is_dear_is_looked_at_rarely() -> None:
    source = Process(pid=os.getpid())
    first, second = (keyed(source.collect()) for _ in range(2))
    assert ("process_unique_memory_bytes", ()) in first
    assert ("process_unique_memory_bytes", ()) not in second
    assert ("process_open_fds", ()) in second
    assert ("process_swap_bytes", ()) in second, "what is judged comes with every sample"


def test_identity_comes_with_every_sample() -> None:
    samples = {sample.name: sample.value for sample in Process(pid=os.getpid()).collect()}
    assert samples["process_pid"] == os.getpid()
    assert samples["process_start_time_seconds"] > 0
    assert samples["process_page_faults_total"] >= 0


def test_shared_memory_that_is_no_files_counts_as_the_process_own() -> None:
    before = {sample.name: sample.value for sample in Process(pid=os.getpid()).collect()}
    shared = mmap.mmap(-1, 32 << 20)  # anonymous, and shared: RssShmem
    shared.write(b"x" * (32 << 20))
    after = {sample.name: sample.value for sample in Process(pid=os.getpid()).collect()}
    shared.close()
    assert (
        after["process_resident_anonymous_bytes"] - before["process_resident_anonymous_bytes"]
        > 30 << 20
    )
    assert after["process_resident_anonymous_bytes"] < after["process_resident_memory_bytes"]
