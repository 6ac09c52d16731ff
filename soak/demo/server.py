"""A small WSGI server with a fixed number of threads and keep-alive.

Werkzeug's own server closes every connection and starts a thread for each, so its thread and
descriptor counts follow the traffic; here they must show only the leak. The main thread waits for
any connection with input and hands it to one of the workers, which answers and hands it back.
"""

from __future__ import annotations

import logging
import queue
import selectors
import socket
import threading
import time
from typing import TYPE_CHECKING

from soak.demo.client_connection import ClientConnection

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

logger = logging.getLogger(__name__)


class DemoServer:
    """Listens on loopback from its creation; `serve` runs until `stop`."""

    def __init__(self, port: int, app: WSGIApplication, threads: int) -> None:
        self._app = app
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self._listener.setblocking(False)
        self.address: tuple[str, int] = self._listener.getsockname()
        self._ready: queue.SimpleQueue[ClientConnection | None] = queue.SimpleQueue()
        self._served: queue.SimpleQueue[ClientConnection] = queue.SimpleQueue()
        self._waker, self._wake = socket.socketpair()
        self._waker.setblocking(False)
        self._wake.setblocking(False)
        self.stopping = False
        self._workers = [
            threading.Thread(target=self._work, name=f"worker {n}", daemon=True)
            for n in range(threads)
        ]
        for worker in self._workers:
            worker.start()

    def stop(self) -> None:
        """Make `serve` return; safe from a signal handler and from any thread."""
        self.stopping = True
        self._rouse()

    def serve(self) -> None:
        """Serve until `stop`, finish the requests that have begun, and close the connections."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            while not self.stopping:
                for key, _ in selector.select():
                    if key.fileobj is self._listener:
                        self._accept(selector)
                    elif key.fileobj is self._wake:
                        self._take_back(selector)
                    else:
                        selector.unregister(key.fileobj)
                        self._ready.put(key.data)
            self._finish(selector)
        for each in (self._listener, self._wake, self._waker):
            each.close()

    def _accept(self, selector: selectors.BaseSelector) -> None:
        try:
            client, peer = self._listener.accept()
        except BlockingIOError:
            return
        except OSError as error:  # out of descriptors: the client waits in the backlog, and this loop must not spin
            logger.warning("cannot accept a connection: %s", error)
            time.sleep(0.1)
            return
        selector.register(
            client, selectors.EVENT_READ, ClientConnection(client, peer, self.address, self._app)
        )

    def _take_back(self, selector: selectors.BaseSelector) -> None:
        try:
            while self._wake.recv(4096):
                continue
        except BlockingIOError:
            pass
        while not self._served.empty():
            connection = self._served.get()
            selector.register(connection.connection, selectors.EVENT_READ, connection)

    def _finish(self, selector: selectors.BaseSelector) -> None:
        for _ in self._workers:
            self._ready.put(None)
        for worker in self._workers:
            worker.join(timeout=2)
        self._take_back(selector)
        for key in list(selector.get_map().values()):
            if isinstance(key.data, ClientConnection):
                key.data.close()

    def _rouse(self) -> None:
        try:
            self._waker.send(b".")
        except OSError:  # full: it will be read anyway; closed: there is no thread left to wake
            return

    def _work(self) -> None:
        while (connection := self._ready.get()) is not None:
            try:
                again = connection.serve()
            except Exception:
                logger.exception("a request failed outside the application")
                again = False
            if again:
                self._served.put(connection)
                self._rouse()
            else:
                connection.close()
