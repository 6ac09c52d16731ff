"""Control groups, from a tree of files like the kernel's."""

from pathlib import Path

import pytest

from soak.errors import TargetError, TargetGoneError, UsageError
from soak.model import Kind, Sample
from soak.sampling.sources.cgroup import Cgroup, group_named, group_of, read_group

ID = "0123456789abcdef" * 4
FILES = {
    "cgroup.controllers": "cpu memory pids\n",
    "memory.current": "104857600\n",
    "memory.peak": "209715200\n",
    "memory.max": "536870912\n",
    "memory.swap.current": "0\n",
    "memory.stat": "anon 50000000\nfile 40000000\nslab 3000000\nsock 4096\ninactive_file 30000000\nfuture_thing x y\n",
    "memory.events": "low 0\nhigh 0\nmax 12\noom 1\noom_kill 2\n",
    "pids.current": "7\n",
    "pids.max": "max\n",
    "cpu.stat": "usage_usec 2500000\nuser_usec 1\nthrottled_usec 500000\n",
}


def group(root: Path, **changed: str | None) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for name, text in (
        FILES | {key.replace("__", "."): value for key, value in changed.items()}
    ).items():
        if text is not None:
            (root / name).write_text(text)
    return root


def test_what_a_group_tells(tmp_path: Path) -> None:
    samples = {
        sample.name: sample for sample in Cgroup(path=str(group(tmp_path / "orders"))).collect()
    }
    assert samples["container_memory_usage_bytes"].value == 104857600
    assert samples["container_memory_working_set_bytes"].value == 104857600 - 30000000
    assert samples["container_memory_rss"].value == 50000000
    assert samples["container_memory_cache"].value == 40000000
    assert samples["container_memory_slab_bytes"].value == 3000000
    assert samples["container_memory_sock_bytes"].value == 4096
    assert samples["container_memory_max_usage_bytes"].value == 209715200
    assert samples["container_spec_memory_limit_bytes"].value == 536870912
    assert samples["container_oom_events_total"] == Sample(
        "container_oom_events_total", 2.0, (), Kind.COUNTER
    )
    assert samples["container_threads"].value == 7
    assert "container_threads_max" not in samples, "max is no limit"
    assert samples["container_cpu_usage_seconds_total"].value == 2.5


def test_an_old_kernel_has_no_peak(tmp_path: Path) -> None:
    names = {sample.name for sample in read_group(group(tmp_path / "g", memory__peak=None))}
    assert "container_memory_max_usage_bytes" not in names
    assert "container_memory_usage_bytes" in names


@pytest.mark.parametrize(
    "name",
    [
        f"docker-{ID}.scope",
        ID,
        f"cri-containerd-{ID}.scope",
        f"crio-{ID}.scope",
        f"libpod-{ID}.scope",
    ],
)
def test_a_container_is_found_by_its_id(tmp_path: Path, name: str) -> None:
    own = group(tmp_path / "system.slice" / "pod" / name)
    group(own / "init.scope")
    assert group_named(ID[:12], tmp_path) == own


def test_a_container_that_is_not_there_or_not_the_only_one(tmp_path: Path) -> None:
    with pytest.raises(TargetGoneError, match=f"container {ID}: no control group"):
        group_named(ID, tmp_path)
    group(tmp_path / ID)
    group(tmp_path / (ID[:12] + "f" * 52))
    with pytest.raises(TargetError, match="several begin like this"):
        group_named(ID[:12], tmp_path)


def test_a_process_leads_to_its_group(tmp_path: Path) -> None:
    root, proc = tmp_path / "cgroup", tmp_path / "proc"
    group(root)
    own = group(root / "system.slice" / "orders.service")
    (proc / "12").mkdir(parents=True)
    (proc / "12" / "cgroup").write_text("1:name=systemd:/x\n0::/system.slice/orders.service\n")
    assert group_of(12, proc, root) == own
    with pytest.raises(TargetGoneError, match="process 13 does not exist"):
        group_of(13, proc, root)
    (proc / "12" / "cgroup").write_text("4:memory:/x\n")
    with pytest.raises(TargetError, match="does not use control groups of version 2"):
        group_of(12, proc, root)


def test_groups_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="no control group is there"):
        list(Cgroup(path=str(tmp_path / "nowhere")).collect())
    (tmp_path / "memory.usage_in_bytes").write_text("1")
    with pytest.raises(TargetError, match="version 1"):
        list(Cgroup(path=str(tmp_path)).collect())
    with pytest.raises(TargetError, match="memory controller is not enabled"):
        list(Cgroup(path=str(group(tmp_path / "g", memory__current=None))).collect())
    with pytest.raises(TargetError, match="invalid literal"):
        list(Cgroup(path=str(group(tmp_path / "h", memory__current="much"))).collect())


@pytest.mark.parametrize("keys", [{}, {"pid": 1, "path": "/x"}, {"container": "short"}])
def test_a_group_is_named_in_one_way(keys: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="cgroup: "):
        Cgroup(**keys)  # type: ignore[arg-type]
