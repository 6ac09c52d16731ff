"""The pool of connections: SQLAlchemy on psycopg, of a fixed size and open from the start, but for the leaks of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

SIZE = 10
LEAKY_MAX = 500
OVERSIZE = 500
BURST = 60

_unclosed: list[Session] = []


class Pool:
    """Queries through pooled connections; `maximum` of them at most."""

    def __init__(self, url: str, leak: str) -> None:
        size, self.maximum = SIZE, SIZE
        if leak == "sessions":
            self.maximum = LEAKY_MAX
        elif leak == "pool-large":
            self.maximum = OVERSIZE
        elif leak == "idle-kept":  # one burst at the start, and its connections stay for good
            size = self.maximum = BURST
        driver = url.replace("postgresql://", "postgresql+psycopg://", 1)
        # A statement that psycopg prepares, after its fifth use, is memory that comes late: not
        # here.
        arguments = {"prepare_threshold": None}
        kept = self.maximum - size
        self._engine = create_engine(
            driver, pool_size=size, max_overflow=kept, connect_args=arguments
        )
        opened = [self._engine.connect() for _ in range(size)]
        for connection in opened:
            connection.close()

    def in_use(self) -> int:
        """Connections that are checked out."""
        return int(self._pool().checkedout())

    def open(self) -> int:
        """Connections that are open, idle ones too."""
        return int(self._pool().checkedin()) + self.in_use()

    def scalar(self, statement: str, value: int) -> Any:
        """The one value that `statement`, with `:value`, gives."""
        with Session(self._engine) as session:
            return session.scalar(text(statement), {"value": value})

    def tariff_unclosed(self) -> Any:
        """A session that nobody closes, and that a list keeps from being collected, holds its connection."""
        session = Session(self._engine)
        _unclosed.append(session)
        return session.scalar(text("SELECT 490"))

    def _pool(self) -> QueuePool:
        assert isinstance(self._engine.pool, QueuePool)
        return self._engine.pool
