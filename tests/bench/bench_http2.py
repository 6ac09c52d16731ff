"""What HTTP/2 would reach beside soak's own HTTP/1.1 client: `python -m tests.bench.bench_http2 [--rounds 3] [--seconds 3]`.

All in processor time a request, for the load's process saturates its core. Measured are soak's whole
load process, pinned to a core, against a Go service; its parser in memory; and h2 in memory, which
encodes a request and reads its answer. A client on h2 would spend what the whole load does, h2
instead of the parser. They take turns in each round.
"""

from __future__ import annotations

import argparse
import statistics
import time
from importlib import import_module
from typing import Any

from soak.load.http.response import ResponseParser
from tests.bench.bench_load import PATH, drive, plan_of, total
from tests.bench.rivals import TARGET
from tests.targets import build_go, running

#: HTTP/2 is worth having from this share of the HTTP/1.1 rate on.
WORTH_HAVING = 0.3
EXCHANGES = 2000
ANSWER = b"x" * 64


def h2_seconds() -> float:
    """Processor time a request that h2 encodes and reads the answer of, on one connection."""
    try:
        connection, config = import_module("h2.connection"), import_module("h2.config")
    except ModuleNotFoundError:
        raise SystemExit("h2 is not installed: pip install h2") from None
    sides = [
        connection.H2Connection(config.H2Configuration(client_side=side, header_encoding=None))
        for side in (True, False)
    ]
    client, server = sides
    for side in sides:
        side.initiate_connection()
    client.receive_data(server.data_to_send())
    server.receive_data(client.data_to_send())
    asked = [(":method", "GET"), (":path", PATH), (":scheme", "http"), (":authority", "127.0.0.1")]
    asked += [("user-agent", "soak"), ("accept", "*/*")]
    spent = 0.0
    for _ in range(EXCHANGES):
        began = time.process_time()
        stream = client.get_next_available_stream_id()
        client.send_headers(stream, asked, end_stream=True)
        sent = client.data_to_send()
        spent += time.process_time() - began
        answered = _answer(server, sent, stream)
        began = time.process_time()
        for event in client.receive_data(answered):
            if (length := getattr(event, "flow_controlled_length", 0)) > 0:
                client.acknowledge_received_data(length, stream)
        acknowledged = client.data_to_send()
        spent += time.process_time() - began
        server.receive_data(acknowledged)
    return spent / EXCHANGES


def parser_seconds() -> float:
    """Processor time an answer that soak's own parser reads; its request's head is made once, before the load."""
    parser = ResponseParser()
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 64\r\n\r\n" + ANSWER
    began = time.process_time()
    for _ in range(EXCHANGES):
        parser.begin(head_only=False, keep=False)
        parser.feed(answer)
        parser.response(None)
    return (time.process_time() - began) / EXCHANGES


def whole_seconds(url: str, users: int, seconds: int) -> float:
    """Processor time a request of soak's whole load process."""
    windows = drive(plan_of(url, seconds, users=users))[1:-1]
    spent = sum(float(window["generator"]["cpu_seconds"]) for window in windows)
    return spent / total(windows, "requests")


def _answer(server: Any, sent: bytes, stream: int) -> bytes:
    server.receive_data(sent)
    head = [(":status", "200"), ("content-type", "text/plain"), ("content-length", "64")]
    server.send_headers(stream, head)
    server.send_data(stream, ANSWER, end_stream=True)
    return bytes(server.data_to_send())


def main() -> None:
    """Print what a request costs of each round, and the ratio of the rates that follows."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--users", type=int, default=16)
    given = parser.parse_args()
    ratios = []
    with running([*TARGET, build_go(), "-addr", "127.0.0.1:0"]) as target:
        for _ in range(given.rounds):
            whole = whole_seconds(target.url, given.users, given.seconds)
            parser_part, h2 = parser_seconds(), h2_seconds()
            ratios.append(whole / (whole - parser_part + h2))
            print(
                f"a request: HTTP/1.1 {whole * 1e6:.0f} us, of which its parser {parser_part * 1e6:.0f} us; "
                f"h2 {h2 * 1e6:.0f} us; so HTTP/2 at {ratios[-1]:.2f} of the HTTP/1.1 rate",
                flush=True,
            )
    median = statistics.median(ratios)
    print(f"median: {median:.2f} of the HTTP/1.1 rate; worth having from {WORTH_HAVING} on")


if __name__ == "__main__":
    main()
