"""Containers: control groups (read by the `cgroup` source), cAdvisor, and the kubelet's resource page."""

from __future__ import annotations

from dataclasses import replace

from soak.catalog.row_types import (
    Breakdown,
    Family,
    Metric,
    Part,
    ResourceKind,
    Unit,
    Worse,
    bound,
    count,
    memory,
    shown,
)

MEMORY_LIMIT, OOM_KILLS = "container_spec_memory_limit_bytes", "container_oom_events_total"
WORKING_SET, CONTAINER_RESIDENT = "container_memory_working_set_bytes", "container_memory_rss"
CONTAINER_START_TIME = "container_start_time_seconds"
#: The pause container that Kubernetes keeps in each pod only to hold the pod's network.
_PAUSE = '{container="POD"}'


def _nested(metric: Metric) -> Metric:
    """Mark a metric as nested: a control group's value includes those of the groups within it."""
    return replace(metric, nested_by="id")


CONTAINER = Family(
    name="container",
    metrics=(
        shown(WORKING_SET + _PAUSE, ResourceKind.MEMORY, "memory of a pod's pause container"),
        replace(_nested(memory(WORKING_SET, "container memory", (MEMORY_LIMIT,))), whole=True),
        replace(memory("pod_memory_working_set_bytes", "pod memory"), whole=True),
        shown("node_memory_working_set_bytes", ResourceKind.MEMORY, "the node's memory in use"),
        bound(MEMORY_LIMIT, "the container's memory limit"),
        # The resident set is the working set without caches; it is judged only if `keep` records no
        # working set.
        shown(
            CONTAINER_RESIDENT + _PAUSE, ResourceKind.MEMORY, "memory of a pod's pause container"
        ),
        replace(
            _nested(
                memory(CONTAINER_RESIDENT, "the container's anonymous memory", (MEMORY_LIMIT,))
            ),
            whole=True,
            unless=(WORKING_SET,),
        ),
        shown("container_memory_*", ResourceKind.MEMORY, "a part of the container's memory"),
        shown(
            "container_threads" + _PAUSE,
            ResourceKind.THREADS,
            "threads of a pod's pause container",
            Unit.THREADS,
        ),
        _nested(
            count(
                ResourceKind.THREADS,
                "container_threads",
                "the container's threads",
                Unit.THREADS,
                "container_threads_max",
            )
        ),
        bound("container_threads_max", "the limit of the container's threads", Unit.THREADS),
        shown(
            "container_processes" + _PAUSE,
            ResourceKind.THREADS,
            "processes of a pause container",
            Unit.PROCESSES,
        ),
        _nested(
            count(
                ResourceKind.THREADS,
                "container_processes",
                "the container's processes",
                Unit.PROCESSES,
            )
        ),
        shown(
            "container_file_descriptors" + _PAUSE,
            ResourceKind.DESCRIPTORS,
            "descriptors of a pause container",
            Unit.DESCRIPTORS,
        ),
        _nested(
            count(
                ResourceKind.DESCRIPTORS,
                "container_file_descriptors",
                "the container's open descriptors",
                Unit.DESCRIPTORS,
            )
        ),
        shown(
            "container_sockets",
            ResourceKind.DESCRIPTORS,
            "the container's sockets",
            Unit.DESCRIPTORS,
        ),
        shown(
            CONTAINER_START_TIME,
            ResourceKind.OTHER,
            "when the container started",
            Unit.SECONDS,
            Worse.NEITHER,
        ),
        shown("container_cpu_*", ResourceKind.CPU, "the container's CPU time", Unit.SECONDS),
    ),
    breakdowns=(
        Breakdown(
            title="The container's memory by part",
            total=Part("container_memory_usage_bytes"),
            parts=(
                Part(CONTAINER_RESIDENT, "anonymous memory"),
                Part("container_memory_cache", "cache of files"),
                Part("container_memory_kernel*", "the kernel's for it"),
                Part("container_memory_sock_bytes", "buffers of sockets"),
            ),
            rest="further memory",
            capacities=(MEMORY_LIMIT,),
            nested_by="id",
        ),
    ),
)
