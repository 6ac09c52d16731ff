"""A service that strands threads and asyncio tasks in one way of many: `zoo.py -leak task-future`. All else is fixed."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue

LOOP = asyncio.new_event_loop()
_PATIENCE = 0.001


def take_job(jobs: Queue[str], patience: float | None) -> None:
    try:
        jobs.get(timeout=patience)
    except Empty:
        return


def await_event(event: threading.Event, patience: float | None) -> None:
    event.wait(patience)


def join_worker(worker: threading.Thread, patience: float | None) -> None:
    worker.join(patience)


def lock_twice(lock: threading.Lock, patience: float) -> None:
    lock.acquire()
    lock.acquire(timeout=patience)


def worker(done: threading.Event) -> None:
    done.wait()


async def await_reply(reply: asyncio.Future[str], patience: float | None) -> None:
    await asyncio.wait([reply], timeout=patience)


async def consume(jobs: asyncio.Queue[str], patience: float | None) -> None:
    if patience is None:
        await jobs.get()


async def await_shutdown(event: asyncio.Event, patience: float | None) -> None:
    if patience is None:
        await event.wait()


def start(function: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=function, args=arguments, daemon=True).start()


def start_executor(leak: bool) -> None:
    executor = ThreadPoolExecutor(1)
    executor.submit(len, "job")
    if leak:
        EXECUTORS.append(executor)
    else:
        executor.shutdown(wait=False)


EXECUTORS: list[ThreadPoolExecutor] = []
FOREVER = threading.Event()


def strand(kind: str, leak: bool) -> None:
    patience = None if leak else _PATIENCE
    if kind == "queue-get":
        start(take_job, Queue(), patience)
    elif kind == "event-wait":
        start(await_event, threading.Event(), patience)
    elif kind == "join":
        start(join_worker, SLEEPER, patience)
    elif kind == "double-lock":
        start(lock_twice, threading.Lock(), -1 if leak else _PATIENCE)
    elif kind == "executor":
        start_executor(leak)
    else:
        LOOP.call_soon_threadsafe(_task, kind, patience)


def _task(kind: str, patience: float | None) -> None:
    made = {
        "task-future": lambda: await_reply(LOOP.create_future(), patience),
        "task-queue": lambda: consume(asyncio.Queue(), patience),
        "task-event": lambda: await_shutdown(asyncio.Event(), patience),
    }[kind]()
    task = LOOP.create_task(made)
    TASKS.add(task)
    task.add_done_callback(TASKS.discard)


def end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


TASKS: set[asyncio.Task[None]] = set()
SLEEPER = threading.Thread(target=FOREVER.wait, daemon=True)


class Server(ThreadingHTTPServer):
    """With room for all connections at once; a client that hangs up is no news."""

    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Nothing."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("-leak", default="none")
    parser.add_argument("-until-eof", action="store_true")
    asked = parser.parse_args()
    SLEEPER.start()
    start(LOOP.run_forever)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            kind = self.path.strip("/")
            if kind != "metrics":
                strand(kind, kind == asked.leak)
            body = b"ok\n" if kind != "metrics" else b"# TYPE zoo_up gauge\nzoo_up 1\n"
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = Server(("127.0.0.1", 0), Handler)
    if asked.until_eof:
        start(end_with_input)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
