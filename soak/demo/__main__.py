"""`python -m soak.demo`: serve the shop on loopback until stopped."""

from __future__ import annotations

import argparse
import os
from typing import NoReturn

from soak.demo.leaks import Leak
from soak.demo.steady import calm_allocator


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Print one line and exit with code 2."""
        self.exit(2, f"{self.prog}: {message}\n")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no port: a number from 0 to 65535, 0 for any free one"
        )
    return int(text)


def _rounds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 1000):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no number of rounds: from 0 to 1,000, 20 for a flat start"
        )
    return int(text)


def main() -> int:
    """Serve until SIGTERM or SIGINT; return 0 then, 1 if the service did not come up, 2 for bad arguments."""
    parser = _Parser(
        prog="python -m soak.demo", description="A small orders shop that leaks on request."
    )
    parser.add_argument(
        "--port", type=_port, default=0, help="on 127.0.0.1; 0, the default, takes any free one"
    )
    parser.add_argument("--leak", choices=[leak.value for leak in Leak], default=Leak.NONE.value)
    parser.add_argument(
        "--warm-up",
        type=_rounds,
        default=20,
        metavar="N",
        help="rounds of requests before it is ready",
    )
    options = parser.parse_args()
    calm_allocator()
    from soak.demo.service import run  # noqa: PLC0415  # slow to import, and the line above may start the process over

    try:
        run(options.port, Leak(options.leak), options.warm_up)
    except OSError as error:
        parser.exit(
            1,
            f"{parser.prog}: port {options.port}: {os.strerror(error.errno) if error.errno else error}\n",
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
