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


print("ready", flush=True)
for line in sys.stdin:
    for _ in range(int(line)):
        Cache().remember()
    threading.Thread(target=wait, daemon=True).start()
    print("leaked", flush=True)
