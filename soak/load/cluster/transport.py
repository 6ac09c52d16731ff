"""The connection between a master and its workers: Locust's messages over ZeroMQ; no message can end the receiver.

Remote workers connect over TCP. The master's own processes connect over a Unix socket in a
directory that only this user can open.
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
#: Number of dropped messages that are logged; any further ones are only counted.
LOGGED_DROPS = 20
#: Longest path of a Unix socket in bytes: Linux's limit without its final zero byte.
LONGEST_SOCKET_PATH = 107
#: Pause in seconds after an error of the socket itself, so that a broken socket does not cause a
#: busy loop.
PAUSE_AFTER_ERROR = 0.1

#: Largest message that a server accepts, in bytes. A window of 500 endpoints is a hundredth of it.
#: A larger message ends its sender's connection before it fills the memory.
LARGEST_MESSAGE = 64 << 20

Handler = Callable[[str, Any], None]


class LocalServer(BaseSocket):
    """A server for the master's own processes, on a Unix socket that is unlinked once all workers have joined."""

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
        """Remove the socket's directory; existing connections stay open."""
        shutil.rmtree(self.directory, ignore_errors=True)


class LocalClient(Client):
    """The worker's side of a `LocalServer`."""

    def __init__(self, endpoint: str, identity: str) -> None:
        BaseSocket.__init__(self, zmq.DEALER, ipv4_only=True)
        self.socket.setsockopt(zmq.IDENTITY, identity.encode())
        self.socket.connect(endpoint)


def client_of(options: WorkerOptions, identity: str) -> Client:
    """Connect a worker to its master, over the private socket if the options name one, else over TCP."""
    if options.endpoint is not None:
        return LocalClient(options.endpoint, identity)
    return Client(options.host, options.port, identity)


def open_servers(
    distributed: ClusterOptions, host: str, port: int
) -> tuple[list[Server | LocalServer], LocalServer | None]:
    """Open every server that a run needs; return them, and the one for local workers. RPCError or OSError if one fails.

    If no private socket can be created, because of the temporary directory, local workers connect
    over TCP like remote ones.
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
    """Receives the messages of one server and passes each to the handler of its kind.

    A message is dropped and counted in `dropped` if it cannot be decoded, is of an unknown kind, or
    its handler raises MessageError. The run continues, whoever sent the message.
    """

    def __init__(self, server: Server | LocalServer, handlers: Mapping[str, Handler]) -> None:
        self._server, self._handlers = server, handlers
        self.dropped = 0
        gevent.spawn(self._receive)

    def send(self, client: str, message: FromMaster) -> None:
        """Send one message to one client."""
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
            gevent.sleep(0)  # a flood of messages must not starve heartbeats and windows

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
