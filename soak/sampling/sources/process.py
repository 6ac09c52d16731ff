"""Polls a local process from outside: memory, descriptors, threads, CPU, with its children counted in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from soak.errors import TargetError, UsageError
from soak.model import GONE, Kind, Sample


@dataclass(frozen=True)
class Process:
    """`process: {port: 8080}`, or `pid`, `pidfile`, `name`: which process; looked up anew when it is gone."""

    pid: int | None = None
    pidfile: str | None = None
    port: int | None = None
    name: str | None = None
    _found: dict[str, psutil.Process] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        given = [key for key in ("pid", "pidfile", "port", "name") if getattr(self, key) is not None]
        if len(given) != 1:
            raise UsageError(
                f"process: name it by one of pid, pidfile, port or name, not by {' and '.join(given) or 'nothing'}"
            )

    def collect(self) -> Iterable[Sample]:
        """Sums over the process and its descendants; start time and limits are the process's own."""
        try:
            return list(self._samples(self._process()))
        except psutil.AccessDenied as error:
            self._found.clear()
            raise TargetError(f"process {error.pid}: not allowed to read it; run soak as its user or as root") from None
        except psutil.NoSuchProcess as error:
            self._found.clear()
            raise TargetError(f"{GONE}process {error.pid} has ended") from None
        except psutil.Error as error:
            self._found.clear()
            raise TargetError(f"process: {error}") from None

    def _process(self) -> psutil.Process:
        kept = self._found.get("process")
        if kept is not None and kept.is_running() and kept.status() != psutil.STATUS_ZOMBIE:
            return kept
        self._found["process"] = found = psutil.Process(self._find())
        if found.status() == psutil.STATUS_ZOMBIE:
            raise TargetError(f"{GONE}process {found.pid} has ended")
        return found

    def _find(self) -> int:
        if self.pid is not None:
            if not psutil.pid_exists(self.pid):
                raise TargetError(f"{GONE}process {self.pid} does not exist")
            return self.pid
        if self.pidfile is not None:
            try:
                return int(Path(self.pidfile).read_text(encoding="ascii").split()[0])
            except (OSError, ValueError, IndexError):
                raise TargetError(f"{self.pidfile}: no process id can be read from it") from None
        if self.port is not None:
            return listening_on(self.port)
        return _named(str(self.name))

    def _samples(self, process: psutil.Process) -> Iterator[Sample]:
        resident = shared = virtual = descriptors = threads = 0
        cpu = 0.0
        family = [process]
        with suppress(psutil.NoSuchProcess):
            family += process.children(recursive=True)
        for member in family:
            try:
                with member.oneshot():
                    memory, times = member.memory_info(), member.cpu_times()
                    resident += memory.rss
                    shared += getattr(memory, "shared", 0)
                    virtual += memory.vms
                    threads += member.num_threads()
                    # Children that ended count through their parent's totals, so the sum never falls.
                    cpu += (
                        times.user
                        + times.system
                        + getattr(times, "children_user", 0)
                        + getattr(times, "children_system", 0)
                    )
                    descriptors += member.num_fds()
            except psutil.NoSuchProcess:
                if member is process:
                    raise
        yield Sample("process_resident_memory_bytes", float(resident))
        if hasattr(process.memory_info(), "shared"):
            # Without pages of files (the program's own text among them), which the system can drop at any time.
            yield Sample("process_resident_anonymous_bytes", float(resident - shared))
        yield Sample("process_virtual_memory_bytes", float(virtual))
        yield Sample("process_open_fds", float(descriptors))
        yield Sample("process_threads", float(threads))
        yield Sample("process_cpu_seconds_total", cpu, kind=Kind.COUNTER)
        yield Sample("process_start_time_seconds", process.create_time())
        if hasattr(process, "rlimit") and len(family) == 1:
            soft, _ = process.rlimit(psutil.RLIMIT_NOFILE)
            yield Sample("process_max_fds", float(soft))
        yield Sample("machine_memory_bytes", float(psutil.virtual_memory().total))
        limit = memory_limit(process.pid)
        if limit is not None:
            yield Sample("container_spec_memory_limit_bytes", limit)


def memory_limit(pid: int, proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> float | None:
    """The tightest memory.max of a process's cgroup (v2) and those around it, in bytes; None where there is none."""
    try:
        own = next(line[3:] for line in (proc / str(pid) / "cgroup").read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        return None
    limits = []
    inner = cgroups / own.lstrip("/")
    for group in (inner, *inner.parents):
        with suppress(OSError, ValueError):
            limits.append(float(int((group / "memory.max").read_text())))
        if group == cgroups:
            break
    return min(limits, default=None)


def listening_on(port: int) -> int:
    """The process that listens on a local TCP port: of several that share it, the parent; TargetError when there is none."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        raise TargetError(f"port {port}: not allowed to see who listens; name the process by pid or pidfile") from None
    owners = {c.pid for c in connections if c.laddr and c.laddr.port == port and c.status == psutil.CONN_LISTEN}
    known = sorted(pid for pid in owners if pid)
    if not known:
        hidden = "a process of another user listens on it" if owners else "nobody listens on it"
        raise TargetError(f"{GONE}port {port}: {hidden}")
    return next((pid for pid in known if psutil.Process(pid).ppid() not in owners), known[0])


def _named(name: str) -> int:
    """The process with this name, or with it as the program of its command line: the eldest of a family."""
    found: dict[int, int] = {}
    for process in psutil.process_iter(["name", "cmdline", "ppid"]):
        command = process.info["cmdline"] or [""]
        if name in (process.info["name"], Path(command[0]).name):
            found[process.pid] = process.info["ppid"]
    eldest = sorted(pid for pid, parent in found.items() if parent not in found)
    if not eldest:
        raise TargetError(f"{GONE}no process is named {name}")
    if len(eldest) > 1:
        raise TargetError(
            f"{len(eldest)} processes are named {name} ({', '.join(map(str, eldest[:5]))}); name one by pid or port"
        )
    return eldest[0]
