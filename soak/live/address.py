"""Where what is shown of a run is served: addresses as an option gives them."""

from __future__ import annotations

from dataclasses import dataclass

from soak.errors import UsageError

#: The port of Locust's web UI unless told otherwise: Locust's own.
LOCUST_UI_PORT = 8089
#: The ports of the live page, of the metrics and of `soak agent` unless told otherwise.
LIVE_PORT, METRICS_PORT, AGENT_PORT = 8765, 9257, 9256
#: Where the token for other addresses than loopback's comes from.
TOKEN = "SOAK_LIVE_TOKEN"
#: Fewer characters than these can be guessed.
SHORTEST_TOKEN = 16


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; port 0 takes a free one."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it; names beneath localhost may lead elsewhere."""
        from soak.profile.hosts import is_loopback  # noqa: PLC0415 - `--help` needs none of it

        return is_loopback(self.host) and not self.host.lower().rstrip(".").endswith(".localhost")


def require_token(option: str, address: Address, token: str, how: str) -> None:
    """UsageError for an address that other machines can reach without a token; `how` begins what to do."""
    if not address.loopback and len(token) < SHORTEST_TOKEN:
        raise UsageError(
            f"{option} {address.host}: other machines can reach this address, so {how} a secret of "
            f"{SHORTEST_TOKEN} characters at least"
        )


def parse_address(option: str, text: str, default_port: int) -> Address:
    """`HOST:PORT`, `HOST`, `:PORT` or a port alone; UsageError for anything else."""
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
