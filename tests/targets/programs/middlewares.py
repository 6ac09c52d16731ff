"""aiohttp behind one middleware: a method that a path does not allow made 3.10.6 to 3.10.10 cache a handler each time."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Awaitable, Callable

from aiohttp import web


@web.middleware
async def timed(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.Response]]
) -> web.Response:
    return await handler(request)


async def item(_: web.Request) -> web.Response:
    return web.Response(text="ok")


async def metrics(_: web.Request) -> web.Response:
    return web.Response(text="# TYPE up gauge\nup 1\n", content_type="text/plain")


async def main() -> None:
    app = web.Application(middlewares=[timed])
    app.add_routes([web.get("/item", item), web.get("/other", item), web.get("/metrics", metrics)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", int(sys.argv[1]))
    await site.start()
    print(f"listening on http://127.0.0.1:{sys.argv[1]}", flush=True)
    await asyncio.Event().wait()


def end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_input, daemon=True).start()
asyncio.run(main())
