"""Addresses at which views of a run are served, as given in options."""

from __future__ import annotations

from dataclasses import dataclass

from soak.errors import UsageError

#: The default port of Locust's web UI, the same as Locust's own.
LOCUST_UI_PORT = 8089
#: The default ports of the live page, of the metrics and of `soak agent`.
LIVE_PORT, METRICS_PORT, AGENT_PORT = 8765, 9257, 9256
#: Environment variable with the token that addresses beyond loopback require.
TOKEN = "SOAK_LIVE_TOKEN"
#: Minimum length of a token: a shorter one can be guessed.
SHORTEST_TOKEN = 16


@dataclass(frozen=True, slots=True)
class Address:
    """An address to listen on; port 0 takes a free one."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """True if only this machine can reach it; names below localhost may resolve to another address."""
        from soak.profile.hosts import is_loopback  # noqa: PLC0415 - `--help` needs none of it

        return is_loopback(self.host) and not self.host.lower().rstrip(".").endswith(".localhost")


def require_token(option: str, address: Address, token: str, how: str) -> None:
    """Raise UsageError if other machines can reach the address and there is no token; `how` begins the advice."""
    if not address.loopback and len(token) < SHORTEST_TOKEN:
        raise UsageError(
            f"{option} {address.host}: other machines can reach this address, so {how} a secret of "
            f"{SHORTEST_TOKEN} characters at least"
        )


def parse_address(option: str, text: str, default_port: int) -> Address:
    """Parse `HOST:PORT`, `HOST`, `:PORT` or a port alone; raise UsageError for anything else."""
    from soak.profile.hosts import is_host  # noqa: PLC0415

    if text.endswith((".yaml", ".yml")):
        raise UsageError(
            f"{option} took {text} as its address: put the profile first, as in {text} {option}"
        )
    host, colon, port = text.rpartition(":")
    if not colon or "]" in port:
        host, port = ("", text) if text.isdigit() else (text, "")
    host, port = host.strip("[]") or "127.0.0.1", port or str(default_port)
    if not port.isdigit() or int(port) > 65535 or not is_host(host) or host.startswith("-"):
        raise UsageError(f"{option} {text!r}: expected HOST:PORT, such as 127.0.0.1:{default_port}")
    return Address(host, int(port))
