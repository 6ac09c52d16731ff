"""The targets with their profilers open: how each is started for that, and what `diagnose` then says."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.targets.building import SERVICES, Service

HOOK = Path(__file__).parents[2] / "soak" / "hook"
#: V8 takes an inlined function's allocations for its caller's.
_NOT_INLINED = "--no-turbo-inlining"
#: What shop.py would start itself over with, and then without the hook.
_CALM = {"GLIBC_TUNABLES": "glibc.malloc.arena_max=1:glibc.malloc.tcache_count=0"}


def profiled(target: str, port: int) -> tuple[Service, dict[str, Any]]:
    """The service, and the runtime's key of `diagnose` with its value; `port` is a free one, for those that need it."""
    service = SERVICES[target]()
    address = f"127.0.0.1:{port}"
    if target == "node":
        node, *others = service.command
        return replace(service, command=(node, f"--inspect={address}", _NOT_INLINED, *others)), {
            "node": address
        }
    if target == "python":
        shop = service.command[1:]
        environment = {
            **service.environment,
            **_CALM,
            "SOAK_HOOK": address,
            "SOAK_HOOK_FRAMES": "3",
        }
        return Service((sys.executable, str(HOOK), *shop), environment), {"python": address}
    if target == "java":
        return service, {"jvm": True}
    # A few minutes hold too few of the small objects that tell a timer from a cache for one sample
    # in 512 KiB.
    return replace(
        service, environment={**service.environment, "GODEBUG": "memprofilerate=16384"}
    ), {"pprof": "/debug/pprof"}
