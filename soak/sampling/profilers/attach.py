"""HotSpot's attach protocol, version 1: what jcmd speaks, without starting a JVM for each question.

A JVM that jcmd has attached to once listens on a socket until it ends
(sun.tools.attach.VirtualMachineImpl of OpenJDK). A request is its version, the command and three
arguments, each ended by a zero byte; the answer begins with a line that holds 0 where all went
well.
"""

from __future__ import annotations

import socket
import time
from pathlib import Path

from soak.sampling.profilers.jcmd import MAX_BYTES

_PIECE = 1 << 16


def ask_attached(pid: int, command: str, patience: float) -> str | None:
    """What `jcmd PID command` would print, within `patience` seconds; None where nothing listens or it fails, so ask jcmd."""
    deadline = time.monotonic() + patience
    answer = bytearray()
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(patience)
            connection.connect(str(socket_of(pid)))
            connection.sendall(b"1\0jcmd\0" + command.encode() + b"\0\0\0")
            while piece := connection.recv(_PIECE):
                answer += piece
                if len(answer) > MAX_BYTES or time.monotonic() > deadline:
                    return None
    except (OSError, ValueError):
        return None
    status, _, said = answer.decode(errors="replace").partition("\n")
    return said if status == "0" else None


def socket_of(pid: int) -> Path:
    """Where a process listens: in its own root and by its own name for itself, which differ in a container."""
    own = pid
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("NSpid:"):
            own = int(line.split()[-1])
    return Path(f"/proc/{pid}/root/tmp/.java_pid{own}")
