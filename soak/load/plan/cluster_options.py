"""How workers and a master find and trust each other: addresses, the shared token, a local worker's options.

Both sides prove that they know the token (SOAK_WORKER_TOKEN) without sending it: with an HMAC over
one random number from each side. Nothing is encrypted: between machines, use a private network or
an SSH tunnel.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from soak.errors import UsageError
from soak.profile.hosts import covers, is_host, is_loopback

if TYPE_CHECKING:
    from soak.profile import Profile

TOKEN = "SOAK_WORKER_TOKEN"
PORT = 5557


@dataclass(frozen=True)
class ClusterOptions:
    """The workers that drive a plan: `processes` are started by the master, `expect` more join at `bind`.

    `wait` is the time in seconds for workers to join; `lost` says what happens to the run if a
    worker is lost.
    """

    processes: int = 0
    expect: int = 0
    bind: str = f"127.0.0.1:{PORT}"
    wait: float = 60.0
    lost: str = "rebalance"

    @property
    def workers(self) -> int:
        """The number of all workers."""
        return self.processes + self.expect


@dataclass(frozen=True)
class WorkerOptions:
    """How one worker was started: its master's address, what the worker may do, and seconds to wait for the master.

    `endpoint` is a ZeroMQ address that takes precedence over host and port: the private socket for
    a master's own processes.
    """

    host: str
    port: int
    token: str = field(default="", repr=False)
    allow: tuple[str, ...] = ()
    wait: float = 60.0
    locustfiles: tuple[str, ...] = ()
    endpoint: str | None = None

    @property
    def where(self) -> str:
        """The master's address, as messages show it."""
        return f"{self.host}:{self.port}"

    def to_json(self) -> str:
        """Return the options as one line, as the worker process reads it."""
        return json.dumps({"join": asdict(self)}) + "\n"

    @classmethod
    def from_json(cls, line: str) -> WorkerOptions | None:
        """Parse a line from `to_json`; return None if the line is something else."""
        fields = json.loads(line).get("join")
        if fields is None:
            return None
        return cls(**fields | {key: tuple(fields[key]) for key in ("allow", "locustfiles")})


def cluster_options_of(profile: Profile) -> ClusterOptions | None:
    """Return how a profile's load is divided; None if one process generates all of it."""
    processes, workers = profile.load.processes or 0, profile.load.workers
    if workers is None:
        return ClusterOptions(processes=processes) if processes > 1 else None
    return ClusterOptions(processes, workers.expect, workers.bind, workers.wait, workers.lost)


def address(text: str, port: int = PORT) -> tuple[str, int]:
    """Parse `HOST`, `HOST:PORT` or `[IPv6]:PORT` into host and port. Raise ValueError for anything else."""
    host, colon, number = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, number = text, str(port)
    bare = host.removeprefix("[").removesuffix("]")
    if (
        not (is_host(bare) or bare == "*")
        or (":" in bare and host == bare)
        or not number.isdecimal()
        or not 0 < int(number) < 65536
    ):
        raise ValueError(f"expected HOST or HOST:PORT, such as 10.0.0.5:{port}, not {text!r}")
    return bare, int(number)


def check_listening(distributed: ClusterOptions | None, token: str) -> None:
    """Require a token if workers may join from beyond loopback: a worker receives the plan with all its secrets."""
    if distributed is None or not distributed.expect:
        return
    try:
        host, _ = address(distributed.bind)
    except ValueError as error:
        raise UsageError(f"load.workers.bind: {error}") from None
    if not is_loopback(host) and not token:
        raise UsageError(
            f"load.workers.bind: {distributed.bind} can be reached from other machines, and workers are told every secret "
            f"of the profile: set {TOKEN} to the same long random text here and for each worker "
            f"(or keep to 127.0.0.1 and let workers come through SSH tunnels)"
        )


def number_once() -> str:
    """Return an unguessable random number (a nonce), as text."""
    return secrets.token_hex(16)


def proof(token: str, side: str, worker_once: str, master_once: str) -> str:
    """Return the proof that `worker` or `master` (`side`) knows the token: an HMAC over the two nonces."""
    return hmac.new(
        token.encode(), f"{side} {worker_once} {master_once}".encode(), hashlib.sha256
    ).hexdigest()


def proven(given: object, token: str, side: str, worker_once: str, master_once: str) -> bool:
    """Return True if a proof is correct; compares in constant time."""
    return isinstance(given, str) and hmac.compare_digest(
        given.encode(), proof(token, side, worker_once, master_once).encode()
    )


def narrowed(allowed: tuple[str, ...], own: tuple[str, ...]) -> tuple[str, ...]:
    """Return those host patterns of a master that a worker's own patterns cover completely."""
    return tuple(pattern for pattern in allowed if any(covers(mine, pattern) for mine in own))


def fingerprint(path: str) -> str:
    """Return a file's SHA-256 as hexadecimal text. Raise OSError if the file cannot be read."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
