"""Read a control group (v2): a container's resource use as the kernel counts it, and its OOM kills."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from soak.errors import TargetError, TargetGoneError, UsageError
from soak.model import Kind, Sample

_ROOT, _PROC = Path("/sys/fs/cgroup"), Path("/proc")
#: Keys of memory.stat, with cAdvisor's name for the value if it has one.
_STATS = {
    "anon": "container_memory_rss",
    "file": "container_memory_cache",
    "slab": "container_memory_slab_bytes",
    "sock": "container_memory_sock_bytes",
    "kernel": "container_memory_kernel_bytes",
    "shmem": "container_memory_shmem_bytes",
}
_CPU = {
    "usage_usec": "container_cpu_usage_seconds_total",
    "throttled_usec": "container_cpu_cfs_throttled_seconds_total",
}
_LEAST_OF_AN_ID = 12


@dataclass(frozen=True)
class Cgroup:
    """`cgroup: {path: /sys/fs/cgroup/orders}`, or `pid`, or `container` (an id, at least its first 12 digits)."""

    path: str | None = None
    pid: int | None = None
    container: str | None = None

    def __post_init__(self) -> None:
        given = [key for key in ("path", "pid", "container") if getattr(self, key) is not None]
        if len(given) != 1:
            raise UsageError(
                f"cgroup: name it by one of path, pid or container, not by {' and '.join(given) or 'nothing'}"
            )
        if self.container is not None and len(self.container) < _LEAST_OF_AN_ID:
            raise UsageError(
                f"cgroup: container: give at least the first {_LEAST_OF_AN_ID} digits of its id"
            )

    def collect(self) -> Iterable[Sample]:
        """Return memory by type, processes, CPU, limits, and kills for lack of memory."""
        group = self._find()
        try:
            return list(read_group(group))
        except FileNotFoundError:
            raise TargetGoneError(f"{group}: the control group is gone") from None
        except (OSError, ValueError) as error:
            raise TargetError(f"{group}: {getattr(error, 'strerror', None) or error}") from None

    def _find(self) -> Path:
        if self.path is not None:
            return existing(Path(self.path))
        if self.pid is not None:
            return group_of(self.pid)
        return group_named(str(self.container))


def existing(group: Path) -> Path:
    """Return the group if it exists in version 2; otherwise raise a TargetError that says what is wrong."""
    if (group / "memory.usage_in_bytes").exists():
        raise TargetError(f"{group}: a control group of version 1; only version 2 can be read")
    if not (group / "cgroup.controllers").exists() and not (group / "memory.current").exists():
        raise TargetGoneError(f"{group}: no control group is there")
    return group


def group_of(pid: int, proc: Path = _PROC, root: Path = _ROOT) -> Path:
    """Return the group of a process."""
    try:
        lines = (proc / str(pid) / "cgroup").read_text().splitlines()
    except OSError:
        raise TargetGoneError(f"process {pid} does not exist") from None
    own = next((line[3:] for line in lines if line.startswith("0::")), None)
    if own is None or not (root / "cgroup.controllers").exists():
        raise TargetError(f"process {pid}: this machine does not use control groups of version 2")
    return existing(root / own.lstrip("/"))


def group_named(container: str, root: Path = _ROOT) -> Path:
    """Return a container's group: its id is in the directory's name (Docker, containerd, CRI-O and Podman)."""
    directories = [
        Path(where) / name
        for where, names, _ in os.walk(root)
        for name in names
        if name.removesuffix(".scope").rpartition("-")[2].startswith(container)
    ]
    outer = sorted(directories, key=lambda path: len(path.parts))
    if not outer:
        raise TargetGoneError(
            f"container {container}: no control group below {root} bears its name"
        )
    if len({path.name for path in outer if len(path.parts) == len(outer[0].parts)}) > 1:
        raise TargetError(f"container {container}: several begin like this; give more of its id")
    return existing(outer[0])


def read_group(group: Path) -> Iterator[Sample]:
    """Yield the samples of a group's files; files of disabled controllers are left out."""
    if not group.is_dir():
        raise FileNotFoundError(group)
    current, stats = _number(group / "memory.current"), _table(group / "memory.stat")
    if current is None:
        raise TargetError(f"{group}: the memory controller is not enabled for it")
    yield Sample("container_memory_usage_bytes", current)
    yield Sample(
        "container_memory_working_set_bytes", max(0.0, current - stats.get("inactive_file", 0.0))
    )
    for key, name in _STATS.items():
        if key in stats:
            yield Sample(name, stats[key])
    for file, name in {
        "memory.peak": "container_memory_max_usage_bytes",
        "memory.swap.current": "container_memory_swap",
        "memory.max": "container_spec_memory_limit_bytes",
        "pids.current": "container_threads",
        "pids.max": "container_threads_max",
    }.items():
        value = _number(group / file)
        if value is not None:
            yield Sample(name, value)
    events, cpu = _table(group / "memory.events"), _table(group / "cpu.stat")
    if "oom_kill" in events:
        yield Sample("container_oom_events_total", events["oom_kill"], kind=Kind.COUNTER)
    for key, name in _CPU.items():
        if key in cpu:
            yield Sample(name, cpu[key] / 1e6, kind=Kind.COUNTER)


def _number(file: Path) -> float | None:
    """Return the number in a file; None for `max` or a missing file."""
    with suppress(FileNotFoundError):
        text = file.read_text().strip()
        return None if text == "max" else float(int(text))
    return None


def _table(file: Path) -> dict[str, float]:
    """Return lines of key and number as a dict; empty if the file is missing."""
    with suppress(FileNotFoundError):
        rows = (line.split() for line in file.read_text().splitlines())
        return {row[0]: float(row[1]) for row in rows if len(row) == 2}
    return {}
