"""aiohttp with a middleware, asked for what is not there: 3.10.10 leaks then (CVE-2024-52303), 3.10.11 does not."""

import sys
from collections.abc import Awaitable, Callable

from aiohttp import web


@web.middleware
async def counted(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Does nothing, as most do for most requests."""
    return await handler(request)


async def items(request: web.Request) -> web.Response:
    """Some kilobytes of JSON."""
    number = int(request.match_info["number"])
    return web.json_response([{"number": number, "line": line} for line in range(100)])


application = web.Application(middlewares=[counted])
application.router.add_get("/items/{number}", items)
web.run_app(application, host="127.0.0.1", port=int(sys.argv[1]), print=None)
