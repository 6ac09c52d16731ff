"""The Erlang VM: prometheus.erl and prometheus.ex in both of their spellings, VerneMQ, and Telemetry's poller.

Memory is judged by its parts; the totals above them are only shown.
"""

from __future__ import annotations

from soak.catalog.row_types import (
    Breakdown,
    Family,
    Part,
    ResourceKind,
    Unit,
    bound,
    connected,
    count,
    heap,
    memory,
    shown,
)

BEAM = Family(
    name="Erlang VM",
    language="Erlang",
    executables=r"beam\.smp",
    prefixes=("erlang_vm_", "vm_memory_"),
    metrics=(
        *(
            row
            for total in ("", "_total")
            for row in (
                heap(
                    f'erlang_vm_memory_processes_bytes{total}{{usage="used"}}',
                    "memory of the Erlang VM's processes",
                ),
                heap(f"erlang_vm_memory_system_bytes{total}", "a part of the Erlang VM's memory"),
                shown(
                    f"erlang_vm_memory_bytes{total}", ResourceKind.MEMORY, "the Erlang VM's memory"
                ),
                shown(
                    f"erlang_vm_memory_processes_bytes{total}",
                    ResourceKind.MEMORY,
                    "memory free for processes",
                ),
                shown(
                    f"erlang_vm_memory_atom_bytes{total}", ResourceKind.MEMORY, "memory of atoms"
                ),
            )
        ),
        # The second name of each pair is the one that prometheus.erl uses from 6.0 on.
        *(
            count(
                ResourceKind.THREADS,
                name,
                "the Erlang VM's processes",
                Unit.PROCESSES,
                "erlang_vm_process_limit",
            )
            for name in ("erlang_vm_process_count", "erlang_vm_processes")
        ),
        *(
            connected(
                count(
                    ResourceKind.DESCRIPTORS,
                    name,
                    "the Erlang VM's ports",
                    Unit.HANDLES,
                    "erlang_vm_port_limit",
                )
            )
            for name in ("erlang_vm_port_count", "erlang_vm_ports")
        ),
        *(
            count(
                ResourceKind.OTHER,
                name,
                "the Erlang VM's atoms",
                Unit.OBJECTS,
                "erlang_vm_atom_limit",
            )
            for name in ("erlang_vm_atom_count", "erlang_vm_atoms")
        ),
        *(
            count(
                ResourceKind.OTHER,
                name,
                "the Erlang VM's tables",
                Unit.OBJECTS,
                "erlang_vm_ets_limit",
            )
            for name in ("erlang_vm_ets_tables", "erlang_vm_memory_ets_tables")
        ),
        bound("erlang_vm_*_limit", "a limit of the Erlang VM", Unit.OBJECTS),
        # VerneMQ and telemetry_poller.
        heap("vm_memory_processes", "memory of the Erlang VM's processes"),
        *(
            heap(f"vm_memory_{part}", f"the Erlang VM's memory of {part}s")
            for part in ("atom", "binary")
        ),
        heap("vm_memory_ets", "the Erlang VM's memory of tables"),
        shown("vm_memory_*", ResourceKind.MEMORY, "the Erlang VM's memory"),
        count(
            ResourceKind.THREADS,
            "vm_system_counts_process_count",
            "the Erlang VM's processes",
            Unit.PROCESSES,
        ),
        count(
            ResourceKind.DESCRIPTORS,
            "vm_system_counts_port_count",
            "the Erlang VM's ports",
            Unit.HANDLES,
        ),
        count(
            ResourceKind.THREADS,
            "system_process_count",
            "the Erlang VM's processes",
            Unit.PROCESSES,
        ),
        count(ResourceKind.THREADS, "queue_processes", "VerneMQ's queues", Unit.PROCESSES),
        memory("router_memory", "VerneMQ's memory of subscriptions"),
        memory("retain_memory", "VerneMQ's memory of retained messages"),
    ),
    breakdowns=(
        *(
            Breakdown(
                title="The Erlang VM's memory by part",
                total=Part(f"erlang_vm_memory_bytes{total}"),
                parts=(
                    Part(
                        f'erlang_vm_memory_processes_bytes{total}{{usage="used"}}',
                        "processes",
                    ),
                    Part(
                        f'erlang_vm_memory_processes_bytes{total}{{usage="free"}}',
                        "free for processes",
                    ),
                    Part(f"erlang_vm_memory_system_bytes{total}", by="usage"),
                ),
                rest="further memory",
            )
            for total in ("", "_total")
        ),
        Breakdown(
            title="The Erlang VM's memory by part",
            total=Part("vm_memory_total"),
            parts=tuple(
                Part(f"vm_memory_{part}", legend)
                for part, legend in (
                    ("processes", "processes"),
                    ("binary", "binaries"),
                    ("ets", "tables"),
                    ("code", "code"),
                    ("atom", "atoms"),
                )
            ),
            rest="further memory",
        ),
    ),
)
