"""TLS: verified by default, with a CA of one's own, with a client certificate, and not at all when asked."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from soak.load.plan.tls_options import TlsOptions
from tests.load.exchanging import client, head
from tests.sampling.serving import http
from tests.targets import toolchain
from tests.targets.building import tool


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`server.pem` for localhost and `user.pem`, each its own CA, with their keys."""
    with toolchain():
        tool("openssl")
    directory = tmp_path_factory.mktemp("certificates")
    for name, names in (("server", "DNS:localhost,IP:127.0.0.1"), ("user", "DNS:user")):
        key = [
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-keyout",
            f"{name}.key",
        ]
        subject = [
            "-subj",
            f"/CN={name}",
            "-addext",
            f"subjectAltName={names}",
            "-days",
            "2",
            "-out",
            f"{name}.pem",
        ]
        subprocess.run(
            ["openssl", "req", "-x509", *key, *subject],
            cwd=directory,
            capture_output=True,
            check=True,
        )
    return directory


@contextmanager
def serving(
    certificates: Path, response: bytes, user: bool = False, name: str = "server"
) -> Iterator[str]:
    """Serve TLS by the certificate of that name; `user`: only to those who show the user's."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
    if user:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificates / "user.pem")
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    done = threading.Event()

    def converse(plain: socket.socket) -> None:
        plain.settimeout(5)
        try:
            with context.wrap_socket(plain, server_side=True) as connection:
                while asked := connection.recv(65536):
                    left = int(asked.partition(b"Content-Length: ")[2].partition(b"\r\n")[0] or 0)
                    left -= len(asked.partition(b"\r\n\r\n")[2])
                    while left > 0:
                        left -= len(connection.recv(65536))
                    connection.sendall(response)
        except OSError:
            plain.close()

    def accept() -> None:
        while not done.is_set():
            try:
                plain, _ = listener.accept()
            except TimeoutError:
                continue
            threads.append(threading.Thread(target=converse, args=(plain,), daemon=True))
            threads[-1].start()

    threads: list[threading.Thread] = []
    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        done.set()
        accepting.join()
        for thread in threads:
            thread.join(6)
        listener.close()


def test_a_server_that_nobody_vouches_for_is_refused(certificates: Path) -> None:
    with serving(certificates, http("a")) as url, client(url) as sender:
        assert str(sender.send(head(url)).failure).startswith("TLS: self")


def test_a_name_that_is_not_the_servers_is_refused(certificates: Path) -> None:
    for name, kind in (("user", "TLS: ip address mismatch"), ("server", "None")):
        tls = TlsOptions(ca=str(certificates / f"{name}.pem"))
        with serving(certificates, http("a"), name=name) as url, client(url, tls=tls) as sender:
            assert str(sender.send(head(url)).failure).startswith(kind)
    with (
        serving(certificates, http("a")) as url,
        client(url.replace("127.0.0.1", "localhost"), tls=tls) as sender,
    ):
        assert sender.send(head(url)).failure is None


@pytest.mark.parametrize("insecure", [True, False])
def test_its_own_ca_or_none(certificates: Path, insecure: bool) -> None:
    tls = TlsOptions(insecure=True) if insecure else TlsOptions(ca=str(certificates / "server.pem"))
    large = http(b"x" * (3 << 20))
    with serving(certificates, large) as url, client(url, tls=tls) as sender:
        for _ in range(3):
            response = sender.send(head(url))
            assert (response.failure, response.size) == (None, 3 << 20)
        body = bytes(5 << 20)
        assert sender.send(head(url, "POST /", len(body)), memoryview(body)).failure is None
        assert sender.send(head(url, "POST /", 1), b"x").failure is None


def test_a_client_certificate(certificates: Path) -> None:
    server = str(certificates / "server.pem")
    shown = TlsOptions(
        ca=server, certificate=str(certificates / "user.pem"), key=str(certificates / "user.key")
    )
    with serving(certificates, http("a"), user=True) as url:
        with client(url, tls=shown) as sender:
            assert sender.send(head(url), keep=True).body == b"a"
        with client(url, tls=TlsOptions(ca=server)) as sender:
            assert str(sender.send(head(url)).failure).startswith(("TLS", "connection"))


def test_a_server_that_speaks_no_tls(certificates: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"

        def response() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(http("a", "400 Bad Request"))

        server = threading.Thread(target=response, daemon=True)
        server.start()
        with client(url) as sender:
            assert str(sender.send(head(url)).failure).startswith("TLS: wrong version")
        server.join(5)


def test_a_handshake_that_never_ends_is_a_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with client(url, total=0.2) as sender:
            assert sender.send(head(url)).failure == "TLS: timeout"
