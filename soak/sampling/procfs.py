"""Read from /proc what psutil does not offer quickly: proportional memory, descriptors by kind and state."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from soak.catalog.process import CLOSE_WAIT

_PROC = Path("/proc")
#: Fields of smaps_rollup (in kB), and the sums they are part of.
_ROLLUP = {"Pss:": "proportional", "Private_Clean:": "unique", "Private_Dirty:": "unique"}
_STATES = {
    "01": "established", "02": "syn_sent", "03": "syn_recv", "04": "fin_wait1", "05": "fin_wait2", "06": "time_wait",
    "07": "close", "08": CLOSE_WAIT, "09": "last_ack", "0A": "listen", "0B": "closing",
}  # fmt: skip
Kinds = Counter[tuple[str, str]]


def descendants(process: psutil.Process, proc: Path = _PROC) -> list[psutil.Process]:
    """Return all living descendants of a process, from the kernel's lists of children if it has them.

    psutil scans every process of the machine for this, which takes milliseconds if there are hundreds.
    """
    if not (proc / str(process.pid) / "task" / str(process.pid) / "children").exists():
        return process.children(recursive=True)
    processes: list[psutil.Process] = []
    waiting = [process.pid]
    while waiting:
        for lists in (proc / str(waiting.pop()) / "task").glob("*/children"):
            with suppress(OSError):
                pids = [int(word) for word in lists.read_text().split()]
                waiting += pids
                for pid in pids:
                    with suppress(psutil.NoSuchProcess):
                        processes.append(psutil.Process(pid))
    return processes


def split_memory(pids: Iterable[int], proc: Path = _PROC) -> dict[str, float] | None:
    """Return the `proportional` and `unique` memory of all these processes in bytes; None if not available.

    Pages that a forked child shares with its parent count once in the proportional sum, and not at all
    in the unique sum.
    """
    total = {"proportional": 0.0, "unique": 0.0}
    read = False
    for pid in pids:
        with suppress(ProcessLookupError, FileNotFoundError, PermissionError):
            for line in (proc / str(pid) / "smaps_rollup").read_text().splitlines()[1:]:
                words = line.split()
                if words[0] in _ROLLUP:
                    total[_ROLLUP[words[0]]] += float(words[1]) * 1024
                    read = True
    return total if read else None


@dataclass(frozen=True)
class Descriptors:
    """The open descriptors of processes: how many of each type and TCP state, and of each pattern of files' paths."""

    kinds: Kinds = field(default_factory=Counter)
    files: Counter[str] = field(default_factory=Counter)


def open_descriptors(pids: Iterable[int], proc: Path = _PROC) -> Descriptors:
    """Count descriptors by type (file, socket, pipe, epoll, inotify, ...) and TCP state, and files by path.

    Raises:
        PermissionError: if the processes are not ours.
    """
    kinds: Kinds = Counter()
    paths: Counter[str] = Counter()
    for pid in pids:
        links = []
        folder = proc / str(pid) / "fd"
        with suppress(ProcessLookupError, FileNotFoundError):
            links = [link for entry in os.scandir(folder) if (link := _link(entry.path))]
        sockets = [link[8:-1] for link in links if link.startswith("socket:[")]
        states = _tcp_states(pid, proc) if sockets else {}
        kinds.update(("socket", states.get(inode, "")) for inode in sockets)
        kinds.update((_type(link), "") for link in links if not link.startswith("socket:["))
        paths.update(link.removesuffix(" (deleted)") for link in links if link.startswith("/"))
    return Descriptors(kinds, _patterns(paths))


def _patterns(paths: Counter[str]) -> Counter[str]:
    """Group files by path: those open several times alone, others with those of the same folder and suffix.

    The files of folders that hold only one such file are grouped with those of the folders beside theirs.
    """
    patterns: Counter[str] = Counter()
    single: Counter[str] = Counter()
    for path, times in paths.items():
        head, name = os.path.split(path)
        if times > 1:
            patterns[path] += times
        else:
            single[os.path.join(head, "*" + os.path.splitext(name)[1])] += 1  # noqa: PTH118, PTH122
    for path, times in single.items():
        head, name = os.path.split(path)
        beside = os.path.join(os.path.dirname(head), "*", name)  # noqa: PTH118, PTH120
        patterns[path if times > 1 else beside] += times
    return patterns


def _link(path: str) -> str:
    """Return the target of a descriptor's link; "" if it was closed in the meantime."""
    try:
        return os.readlink(path)  # noqa: PTH115 - ten thousand of them, and a Path costs more than the call
    except (ProcessLookupError, FileNotFoundError):
        return ""


def _type(link: str) -> str:
    if link.startswith("pipe:["):
        return "pipe"
    if link.startswith("anon_inode:"):
        name = link.removeprefix("anon_inode:").strip("[]")
        return "epoll" if name == "eventpoll" else name.split(":")[0] or "anon"
    return "file" if link.startswith("/") else "other"


def _tcp_states(pid: int, proc: Path) -> dict[str, str]:
    """Map the inode of each TCP socket in the process's network namespace to the socket's state."""
    states = {}
    for name in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in (proc / str(pid) / "net" / name).read_text().splitlines()[1:]:
                words = line.split()
                if len(words) > 9:
                    states[words[9]] = _STATES.get(words[3], "")
    return states
