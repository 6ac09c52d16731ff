"""Poll a local process from outside: memory, descriptors, threads, CPU, including its children."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from soak.errors import TargetError, TargetGoneError, UsageError
from soak.model import Kind, Sample
from soak.profile.hosts import is_loopback
from soak.sampling.procfs import Descriptors, descendants, open_descriptors, split_memory

#: Pause between two costly readings: this many times the cost of the last one, and at least this
#: many seconds.
DEAR_SHARE, DEAR_LEAST = 100.0, 0.9
#: Files are named if this many of one path, or of one folder and suffix, are open at once; and this
#: many such names at most, as each is a series.
FILE_OPEN, FILES_SHOWN = 3, 10


@dataclass(frozen=True)
class Process:
    """`process: {port: 8080}`, or `pid`, `pidfile`, `name`; the process is looked up again after it has ended."""

    pid: int | None = None
    pidfile: str | None = None
    port: int | None = None
    name: str | None = None
    _found: dict[str, psutil.Process] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )
    _next: dict[str, float] = field(init=False, repr=False, compare=False, default_factory=dict)
    _seen: set[tuple[str, str]] = field(init=False, repr=False, compare=False, default_factory=set)
    _files: dict[str, None] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        given = [
            key for key in ("pid", "pidfile", "port", "name") if getattr(self, key) is not None
        ]
        if len(given) != 1:
            raise UsageError(
                f"process: name it by one of pid, pidfile, port or name, not by {' and '.join(given) or 'nothing'}"
            )

    def collect(self) -> Iterable[Sample]:
        """Return sums over the process and its descendants; start time and limits are those of the process itself."""
        try:
            return list(self._samples(self._process()))
        except psutil.AccessDenied as error:
            self._found.clear()
            raise TargetError(
                f"process {error.pid}: not allowed to read it; run soak as its user or as root"
            ) from None
        except psutil.NoSuchProcess as error:
            self._found.clear()
            raise TargetGoneError(f"process {error.pid} has ended") from None
        except psutil.Error as error:
            self._found.clear()
            raise TargetError(f"process: {error}") from None

    def _process(self) -> psutil.Process:
        kept = self._found.get("process")
        if kept is not None and kept.is_running() and kept.status() != psutil.STATUS_ZOMBIE:
            return kept
        self._found["process"] = process = psutil.Process(self._find())
        if process.status() == psutil.STATUS_ZOMBIE:
            raise TargetGoneError(f"process {process.pid} has ended")
        return process

    def _find(self) -> int:
        if self.pid is not None:
            if not psutil.pid_exists(self.pid):
                raise TargetGoneError(f"process {self.pid} does not exist")
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
        family = [process]
        with suppress(psutil.NoSuchProcess):
            family += descendants(process)
        total: dict[str, float] = defaultdict(float)
        own_resident = 0.0
        for member in family:
            try:
                with member.oneshot():
                    for key, value in _quick(member).items():
                        total[key] += value
                    total["io_unknown"] += 0 if _add_io(member, total) else 1
            except psutil.NoSuchProcess:
                if member is process:
                    raise
            if member is process:
                own_resident = total["resident"]
        yield Sample("process_resident_memory_bytes", total["resident"])
        if psutil.LINUX:
            # Without file-backed pages (such as the program's own text), which the system can drop
            # at any time. Shared memory without a file is included, as the system cannot drop it.
            yield Sample(
                "process_resident_anonymous_bytes", max(total["resident"] - total["files"], 0.0)
            )
        yield Sample("process_virtual_memory_bytes", total["virtual"])
        yield Sample("process_open_fds", total["descriptors"])
        yield Sample("process_threads", total["threads"])
        yield Sample("process_cpu_seconds_total", total["cpu"], kind=Kind.COUNTER)
        yield Sample("process_children", float(len(family) - 1))
        yield Sample("process_children_resident_memory_bytes", total["resident"] - own_resident)
        yield Sample("process_start_time_seconds", process.create_time())
        yield Sample("process_pid", float(process.pid))
        yield from self._io(total)
        yield from self._dear([member.pid for member in family])
        if hasattr(process, "rlimit") and len(family) == 1:
            soft, _ = process.rlimit(psutil.RLIMIT_NOFILE)
            yield Sample("process_max_fds", float(soft))
            address_space, _ = process.rlimit(psutil.RLIMIT_AS)
            if address_space != psutil.RLIM_INFINITY:
                yield Sample("process_virtual_memory_max_bytes", float(address_space))
        yield Sample("machine_memory_bytes", float(psutil.virtual_memory().total))
        limit = memory_limit(process.pid)
        if limit is not None:
            yield Sample("container_spec_memory_limit_bytes", limit)

    def _io(self, total: dict[str, float]) -> Iterator[Sample]:
        """Yield I/O, swap and page faults of the living processes; a child's counts disappear with it."""
        if not total["io_unknown"]:
            yield Sample("process_io_read_bytes_total", total["read"], kind=Kind.COUNTER)
            yield Sample("process_io_written_bytes_total", total["written"], kind=Kind.COUNTER)
        if psutil.LINUX:
            yield Sample("process_swap_bytes", total["swap"])
        if total["faults"] or total["major"]:
            yield Sample(
                "process_page_faults_total", total["faults"], (("type", "minor"),), Kind.COUNTER
            )
            yield Sample(
                "process_page_faults_total", total["major"], (("type", "major"),), Kind.COUNTER
            )

    def _dear(self, pids: list[int]) -> Iterator[Sample]:
        """Yield what is costly for the kernel to report, so rarely that it takes at most a hundredth of the time."""
        began = time.thread_time()
        if time.monotonic() < self._next.get("dear", 0.0):
            return
        try:
            memory = split_memory(pids)
            opened = open_descriptors(pids) if psutil.LINUX else Descriptors()
        except PermissionError:
            raise TargetError(
                f"process {pids[0]}: not allowed to read its descriptors; run soak as its user or as root"
            ) from None
        if memory is not None:
            yield Sample("process_proportional_memory_bytes", memory["proportional"])
            yield Sample("process_unique_memory_bytes", memory["unique"])
        self._seen.update(opened.kinds.keys())
        for kind, state in sorted(self._seen):
            labels = (("state", state), ("type", kind)) if state else (("type", kind),)
            yield Sample("process_descriptors", float(opened.kinds[kind, state]), labels)
        for path, times in opened.files.most_common(FILES_SHOWN):
            if times >= FILE_OPEN and len(self._files) < FILES_SHOWN:
                self._files[path] = None
        for path in self._files:
            yield Sample("process_open_files", float(opened.files[path]), (("path", path),))
        # Measured in processor time, because other work delays this thread on a busy machine.
        cost = time.thread_time() - began
        self._next["dear"] = time.monotonic() + max(DEAR_SHARE * cost, DEAR_LEAST)


def _quick(member: psutil.Process) -> dict[str, float]:
    """Return one process's cheap values; call it within `oneshot`."""
    memory, times = member.memory_info(), member.cpu_times()
    # Ended children count through their parent's totals, so the sum never falls.
    ended = getattr(times, "children_user", 0) + getattr(times, "children_system", 0)
    return {
        "resident": memory.rss,
        "virtual": memory.vms,
        "threads": member.num_threads(),
        "descriptors": member.num_fds(),
        "cpu": times.user + times.system + ended,
    }


def _add_io(member: psutil.Process, total: dict[str, float]) -> bool:
    """Add a process's I/O, page faults and swap; return True if the system reported its I/O."""
    with suppress(OSError, IndexError, ValueError):
        fields = Path(f"/proc/{member.pid}/stat").read_text().rpartition(")")[2].split()
        total["faults"] += int(fields[7]) + int(fields[8])
        total["major"] += int(fields[9]) + int(fields[10])
        status = Path(f"/proc/{member.pid}/status").read_text()
        for key, field in (("swap", "VmSwap:"), ("files", "RssFile:")):
            total[key] += 1024 * float((status.partition(field)[2].split() or ["0"])[0])
    try:
        io = member.io_counters()
    except (AttributeError, psutil.AccessDenied, NotImplementedError):
        return False
    total["read"] += io.read_bytes
    total["written"] += io.write_bytes
    return True


def memory_limit(
    pid: int, proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")
) -> float | None:
    """Return the lowest memory.max of a process's cgroup (v2) and its ancestors in bytes; None if there is none."""
    try:
        own = next(
            line[3:]
            for line in (proc / str(pid) / "cgroup").read_text().splitlines()
            if line.startswith("0::")
        )
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
    """Return the pid that listens on a local TCP port, the parent if several share it; TargetError if there is none."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        raise TargetError(
            f"port {port}: not allowed to see who listens; name the process by pid or pidfile"
        ) from None
    owners = {
        c.pid
        for c in connections
        if c.laddr and c.laddr.port == port and c.status == psutil.CONN_LISTEN
    }
    known = sorted(pid for pid in owners if pid)
    if not known:
        hidden = "a process of another user listens" if owners else "nobody listens"
        raise TargetGoneError(f"{hidden} on port {port}")
    return next((pid for pid in known if psutil.Process(pid).ppid() not in owners), known[0])


def process_behind(url: str) -> int | None:
    """Return the pid that listens at a local URL, None for another machine; raise TargetError if there is none."""
    parts = urlsplit(url)
    if not is_loopback(parts.hostname or ""):
        return None
    return listening_on(parts.port or (443 if parts.scheme == "https" else 80))


def _named(name: str) -> int:
    """Return the pid with this process or program name; of a parent and its children, the parent."""
    named: dict[int, int] = {}
    for process in psutil.process_iter(["name", "cmdline", "ppid"]):
        command = process.info["cmdline"] or [""]
        if name in (process.info["name"], Path(command[0]).name):
            named[process.pid] = process.info["ppid"]
    eldest = sorted(pid for pid, parent in named.items() if parent not in named)
    if not eldest:
        raise TargetGoneError(f"no process is named {name}")
    if len(eldest) > 1:
        raise TargetError(
            f"{len(eldest)} processes are named {name} ({', '.join(map(str, eldest[:5]))}); name one by pid or port"
        )
    return eldest[0]
