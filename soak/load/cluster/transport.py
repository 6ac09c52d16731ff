"""The connection between a master and its workers: Locust's messages over ZeroMQ, received so that nothing can end it.

Remote workers come over TCP. The master's own processes come over a Unix socket in a directory that
only this user can open.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import gevent
import zmq.green as zmq
from locust.exception import RPCError, RPCReceiveError
from locust.rpc import Message
from locust.rpc.zmqrpc import BaseSocket, Client, Server

from soak.load.cluster.messages import HEARTBEAT, FromMaster, MessageError, fields_of
from soak.load.plan.cluster_options import ClusterOptions, WorkerOptions

_LOG = logging.getLogger(__name__)
#: Of messages that are dropped, so many are logged; the rest is only counted.
LOGGED_DROPS = 20
#: The longest path that a Unix socket may have, in bytes: that of Linux, less its final zero.
LONGEST_SOCKET_PATH = 107
#: After an error of the socket itself, in seconds, so that a broken one does not spin.
PAUSE_AFTER_ERROR = 0.1

#: The largest message a server takes, in bytes: a window of 500 endpoints is a hundredth of it; a larger one ends its sender's
#: connection before it fills the memory.
LARGEST_MESSAGE = 64 << 20

Handler = Callable[[str, Any], None]


class LocalServer(BaseSocket):
    """A server of the master's own processes, on a Unix socket that is unlinked once all of them have joined."""

    def __init__(self) -> None:
        super().__init__(zmq.ROUTER, ipv4_only=True)
        self.directory = Path(tempfile.mkdtemp(prefix="soak-"))
        path = self.directory / "master"
        if len(bytes(path)) > LONGEST_SOCKET_PATH:
            self.unlink()
            raise OSError(f"{path}: too long for a socket")
        self.endpoint = f"ipc://{path}"
        self.socket.bind(self.endpoint)

    def unlink(self) -> None:
        """Remove the socket's directory: connections that exist stay."""
        shutil.rmtree(self.directory, ignore_errors=True)


class LocalClient(Client):
    """A worker's side of a `LocalServer`."""

    def __init__(self, endpoint: str, identity: str) -> None:
        BaseSocket.__init__(self, zmq.DEALER, ipv4_only=True)
        self.socket.setsockopt(zmq.IDENTITY, identity.encode())
        self.socket.connect(endpoint)


def client_of(options: WorkerOptions, identity: str) -> Client:
    """A worker's connection to its master, by the private socket where it has one."""
    if options.endpoint is not None:
        return LocalClient(options.endpoint, identity)
    return Client(options.host, options.port, identity)


def open_servers(
    distributed: ClusterOptions, host: str, port: int
) -> tuple[list[Server | LocalServer], LocalServer | None]:
    """Every server that a run needs, and which of them is for local workers; RPCError or OSError when one cannot listen.

    Where no private socket can be made, because of the temporary directory, local workers come over
    TCP as remote ones do.
    """
    local = None
    if distributed.processes:
        with suppress(OSError):
            local = LocalServer()
    servers: list[Server | LocalServer] = [] if local is None else [local]
    if distributed.expect or local is None:
        servers.append(Server(host, port))
    for server in servers:
        server.socket.setsockopt(zmq.MAXMSGSIZE, LARGEST_MESSAGE)
    return servers, local


class Receiver:
    """Receives the messages of one server and hands each to the handler of its kind.

    What cannot be decoded, is of no known kind, or is refused by its handler with MessageError is
    dropped and counted in `dropped`: whoever sends it, the run goes on.
    """

    def __init__(self, server: Server | LocalServer, handlers: Mapping[str, Handler]) -> None:
        self._server, self._handlers = server, handlers
        self.dropped = 0
        gevent.spawn(self._receive)

    def send(self, client: str, message: FromMaster) -> None:
        """One message to one client."""
        self._server.send_to_client(Message(message.kind, fields_of(message), client))

    def _receive(self) -> None:
        while True:
            try:
                client, message = self._server.recv_from_client()
                self._handle(client, message)
            except RPCReceiveError as error:
                self._drop(str(error))
            except RPCError as error:
                _LOG.warning("the workers' connection: %s", error)
                gevent.sleep(PAUSE_AFTER_ERROR)
            except Exception as error:  # noqa: BLE001 - bytes of a stranger may raise anything where they are decoded
                self._drop(f"{type(error).__name__}: {error}")
            gevent.sleep(
                0
            )  # a flood of messages must not keep heartbeats and windows from their turn

    def _handle(self, client: str, message: Message) -> None:
        handler = self._handlers.get(message.type) if isinstance(message.type, str) else None
        if message.type == HEARTBEAT and handler is not None:
            handler(client, None)
            self._server.send_to_client(Message(HEARTBEAT, None, client))
        elif handler is not None:
            handler(client, message.data)
        else:
            raise MessageError("of no known kind")

    def _drop(self, reason: str) -> None:
        self.dropped += 1
        if self.dropped <= LOGGED_DROPS:
            _LOG.warning("a message to the workers' port was dropped: %.200r", reason)
