"""Messages between a master and its workers: one type per message, checked when it is read.

Anyone who reaches the master's port can send it anything, so no part of a message is used before
`read` has checked it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, TypeVar, get_args

from pydantic import TypeAdapter, ValidationError

from soak.load.plan.partition import Share


class MessageError(ValueError):
    """A message whose data does not match its kind."""


@dataclass(frozen=True, slots=True)
class Hello:
    """Worker to master: a request to join. `nonce` is the worker's nonce for the proofs of the token."""

    kind: ClassVar[str] = "hello"
    soak: str
    nonce: str
    host: str
    pid: int


@dataclass(frozen=True, slots=True)
class Challenge:
    """Master to worker: the master's nonce, and its proof that it knows the token."""

    kind: ClassVar[str] = "challenge"
    nonce: str
    proof: str


@dataclass(frozen=True, slots=True)
class Join:
    """Worker to master: its proof that it knows the token."""

    kind: ClassVar[str] = "join"
    proof: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Master to worker: the worker may not join."""

    kind: ClassVar[str] = "refused"
    reason: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """Master to worker: the plan (one JSON line), the worker's share, and the SHA-256 of the plan's files."""

    kind: ClassVar[str] = "assignment"
    plan: str
    share: Share
    fingerprints: dict[str, str]


@dataclass(frozen=True, slots=True)
class Ready:
    """Worker to master: the plan is prepared."""

    kind: ClassVar[str] = "ready"


@dataclass(frozen=True, slots=True)
class Unable:
    """Worker to master: this worker cannot drive the plan."""

    kind: ClassVar[str] = "unable"
    reason: str


@dataclass(frozen=True, slots=True)
class Begin:
    """Master to worker: start the load now."""

    kind: ClassVar[str] = "begin"


@dataclass(frozen=True, slots=True)
class Reassignment:
    """Master to worker: from `at` (seconds into the load) on, use another share."""

    kind: ClassVar[str] = "reassignment"
    at: float
    share: Share


@dataclass(frozen=True, slots=True)
class Halt:
    """Master to worker: stop the load; `reason` is empty if this is not a failure."""

    kind: ClassVar[str] = "halt"
    reason: str


@dataclass(frozen=True, slots=True)
class Goodbye:
    """Master to worker: everything has arrived; the process may end."""

    kind: ClassVar[str] = "goodbye"


@dataclass(frozen=True, slots=True)
class Exhausted:
    """Worker to master: this worker has no row of data left."""

    kind: ClassVar[str] = "exhausted"
    reason: str


@dataclass(frozen=True, slots=True)
class Broken:
    """Worker to master: the load cannot continue."""

    kind: ClassVar[str] = "broken"
    reason: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Worker to master: an event for the run; `event` is a kind of `soak.model.Event`."""

    kind: ClassVar[str] = "notice"
    event: str
    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """Worker to master: the load ended after `seconds`, or was stopped on the worker's machine (`stopped`)."""

    kind: ClassVar[str] = "done"
    seconds: float
    stopped: bool = False


FromWorker = Hello | Join | Ready | Unable | Exhausted | Broken | Notice | Done
FromMaster = Challenge | Refused | Assignment | Begin | Reassignment | Halt | Goodbye
#: A worker's window is sent as `merging.Packed` and checked when unpacked, because it is most of
#: the traffic.
WINDOW: Literal["window"] = "window"
HEARTBEAT: Literal["heartbeat"] = "heartbeat"

MessageT = TypeVar("MessageT")
_ADAPTERS: dict[type, TypeAdapter[Any]] = {
    message: TypeAdapter(message) for message in get_args(FromWorker | FromMaster)
}


def read(message: type[MessageT], data: Any) -> MessageT:
    """Parse a message's data as the given type. Raise MessageError if it does not match."""
    try:
        return _ADAPTERS[message].validate_python({} if data is None else data)  # type: ignore[no-any-return]
    except (ValidationError, RecursionError) as error:
        raise MessageError(f"{message.__name__}: {type(error).__name__}") from None


def fields_of(message: FromWorker | FromMaster) -> dict[str, Any]:
    """Return a message as a dictionary, as it is sent."""
    return asdict(message)
