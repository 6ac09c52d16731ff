"""How to get profiles from runtimes other than Go: `diagnose: {jvm, node, python}`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from soak.profile.fields import Count, Shorthand, Strict


def _address(value: object) -> str:
    """Return HOST:PORT, also for a port alone, which is on loopback; raise ValueError otherwise."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = f"127.0.0.1:{value}"
    host, _, port = str(value).rpartition(":")
    if (
        not isinstance(value, str)
        or not host
        or "/" in host
        or not port.isdecimal()
        or not 0 < int(port) < 65536
    ):
        raise ValueError(f"expected an address such as 127.0.0.1:9229, not {value!r}")
    return value


Address = Annotated[
    str,
    BeforeValidator(_address),
    WithJsonSchema({"type": ["string", "integer"], "examples": ["127.0.0.1:9229", 9229]}),
]


def _on(value: object) -> object:
    """Expand `true` to settings with all defaults."""
    return {} if value is True else value


class JvmProfiles(Strict):
    """A JVM on this machine, by `jcmd`; short form: `true` for the target's own process."""

    pid: Count | None = Field(
        default=None,
        description="The process; default: the one that soak started or that listens at target.url",
    )
    port: Count | None = Field(default=None, description="A port that the process listens on")
    recorder: bool = Field(
        default=True,
        description="Also run a flight recording, which shows what allocated objects and started threads",
    )

    @model_validator(mode="after")
    def _one(self) -> JvmProfiles:
        if self.pid is not None and self.port is not None:
            raise ValueError("give either pid or port, and not both")
        return self


class NodeProfiles(Strict):
    """Node's inspector; short form: the address of --inspect."""

    inspector: Address = Field(default="127.0.0.1:9229", description="The address of --inspect")
    open: bool = Field(
        default=False,
        description="Open the inspector with SIGUSR1, if the target is on this machine",
    )
    snapshots: bool = Field(
        default=False,
        description="Also keep whole heap snapshots from the start and the end; each pauses the target",
    )


class PythonProfiles(Strict):
    """A Python process that runs soak.hook; short form: the hook's address."""

    hook: Address = Field(
        default="127.0.0.1:9230", description="The address of the hook: the target's SOAK_HOOK"
    )
    token: str = Field(default="", description="The target's SOAK_HOOK_TOKEN, if it is set")


Jvm = Annotated[JvmProfiles, BeforeValidator(_on)]
Node = Annotated[NodeProfiles, Shorthand(("inspector",)), BeforeValidator(_on)]
Python = Annotated[PythonProfiles, Shorthand(("hook",)), BeforeValidator(_on)]
