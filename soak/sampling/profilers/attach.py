"""HotSpot's attach protocol, version 1, which jcmd uses; this avoids starting a JVM for each request.

A JVM to which jcmd has attached once listens on a socket until it ends
(sun.tools.attach.VirtualMachineImpl of OpenJDK). A request is the version, the command and three
arguments, each terminated by a zero byte; the answer begins with a line that holds 0 on success.
"""

from __future__ import annotations

import socket
import time
from pathlib import Path

from soak.sampling.profilers.jcmd import MAX_BYTES

_PIECE = 1 << 16


def ask_attached(pid: int, command: str, patience: float) -> str | None:
    """Return what `jcmd PID command` would print, within `patience` seconds; None on failure, so that jcmd is used."""
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
    status, _, message = answer.decode(errors="replace").partition("\n")
    return message if status == "0" else None


def socket_of(pid: int) -> Path:
    """Return the path of a process's socket: in its root, with its own pid, which differs in a container."""
    own = pid
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("NSpid:"):
            own = int(line.split()[-1])
    return Path(f"/proc/{pid}/root/tmp/.java_pid{own}")
