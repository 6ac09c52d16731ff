"""Keeps pages of 16 KiB and threads for good."""

import sys
import threading

kept: list[bytearray] = []
never = threading.Event()


class Cache:
    def remember(self) -> None:
        kept.append(bytearray(b"\x2a") * (16 << 10))


def wait() -> None:
    never.wait()


# A look of the hook at a moment in which this works would measure what tracing costs, and begin it
# anew in the middle of the leak; other tests are about that.
tracing = sys.modules.get("soak_hook.tracing")
if tracing is not None:
    setattr(tracing, "_IDLE", float("inf"))  # noqa: B010

print("ready", flush=True)
for line in sys.stdin:
    for _ in range(int(line)):
        Cache().remember()
    threading.Thread(target=wait, daemon=True).start()
    print("leaked", flush=True)
