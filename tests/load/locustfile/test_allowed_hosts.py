"""What a locustfile's sockets may connect to, asked as the audit hook asks; nothing is connected."""

from __future__ import annotations

from types import FunctionType
from typing import Any

import pytest

from soak.load.locustfile.allowed_hosts import AllowedHosts, HostNotAllowedError


def hosts(*allow: str) -> AllowedHosts:
    return AllowedHosts(allow, lambda _: None)


@pytest.mark.parametrize("event", ["socket.connect", "socket.sendto", "socket.sendmsg"])
@pytest.mark.parametrize(
    ("address", "allow"),
    [
        (("203.0.113.5", 80), ()),
        (("169.254.169.254", 80), ("*",)),
        (("2852039166", 80), ("*",)),
        (("0251.0376.0251.0376", 80), ("*",)),
        (("169.254.43518", 80), ("*",)),
        (("::ffff:169.254.169.254", 80, 0, 0), ("*",)),
        (("64:ff9b::a9fe:a9fe", 80, 0, 0), ("*",)),
    ],
)
def test_a_socket_reaches_no_host_that_is_not_allowed_however_it_is_written(
    event: str, address: tuple[Any, ...], allow: tuple[str, ...]
) -> None:
    with pytest.raises(HostNotAllowedError):
        hosts(*allow).audit_hook()(event, (None, address))


@pytest.mark.parametrize(
    ("address", "allow"),
    [
        (("127.0.0.1", 80), ()),
        (("localhost", 80), ()),
        (("::1", 80, 0, 0), ()),
        (("203.0.113.5", 80), ("203.0.113.*",)),
        ("/run/service.sock", ()),
    ],
)
def test_a_socket_reaches_this_machine_and_what_is_allowed(
    address: Any, allow: tuple[str, ...]
) -> None:
    hosts(*allow).audit_hook()("socket.connect", (None, address))


def test_the_hook_is_a_function_for_python_calls_it_several_times_a_request() -> None:
    assert type(hosts().audit_hook()) is FunctionType
