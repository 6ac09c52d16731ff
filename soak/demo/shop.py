"""The shop's data in SQLite: a fixed catalogue and the newest orders, so that the database never grows."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soak.demo.pool import ConnectionPool

PRODUCTS = 200
KEPT_ORDERS = 500
RESULTS = 100
_TARIFFS = {"at": 490, "ch": 1290, "de": 390, "dk": 890, "fr": 690, "nl": 590, "pl": 690, "se": 890}
_THINGS = ("lamp", "chair", "table", "shelf", "carpet", "mirror", "clock", "vase")
_COLOURS = ("red", "green", "blue", "white", "black")

_SCHEMA = """
CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price_cents INTEGER NOT NULL);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, product INTEGER NOT NULL, quantity INTEGER NOT NULL, total_cents INTEGER NOT NULL,
    placed REAL NOT NULL
);
CREATE TABLE tariffs (country TEXT PRIMARY KEY, price_cents INTEGER NOT NULL);
"""


class NoTariffError(Exception):
    """The carrier does not ship to that country."""


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection that any one thread may use at a time, in autocommit mode; it costs one descriptor.

    Durability is not needed (the file is deleted with the service), and a page cache of 256 KiB holds
    the whole database.
    """
    connection = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = MEMORY").fetchall()
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -256")
    return connection


def create(path: Path) -> None:
    """Write the database: the catalogue, the tariffs, and the maximum number of orders."""
    connection = connect(path)
    connection.executescript(_SCHEMA)
    connection.execute("BEGIN")
    for number in range(1, PRODUCTS + 1):
        name = f"{_COLOURS[number % len(_COLOURS)]} {_THINGS[number % len(_THINGS)]} no. {number}"
        connection.execute(
            "INSERT INTO products VALUES (?, ?, ?)", (number, name, 500 + 37 * number)
        )
    for number in range(1, KEPT_ORDERS + 1):
        product = 1 + number % PRODUCTS
        order = (number, product, 1, 500 + 37 * product, time.time())
        connection.execute("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", order)
    connection.executemany("INSERT INTO tariffs VALUES (?, ?)", _TARIFFS.items())
    connection.execute("COMMIT")
    connection.close()


def tariff(connection: sqlite3.Connection, country: str) -> int:
    """Return the carrier's price in cents; raise NoTariffError if there is none."""
    rows = connection.execute(
        "SELECT price_cents FROM tariffs WHERE country = ?", (country,)
    ).fetchall()
    if not rows:
        raise NoTariffError(country)
    return int(rows[0]["price_cents"])


@dataclass(frozen=True, slots=True)
class Shop:
    """The queries behind the endpoints. All rows are fetched at once: a statement left open would hold a read lock."""

    pool: ConnectionPool

    def product(self, number: int) -> dict[str, Any] | None:
        """Return one product, or None."""
        return next(iter(self._rows("SELECT * FROM products WHERE id = ?", number)), None)

    def search(self, text: str) -> list[dict[str, Any]]:
        """Return `RESULTS` products: those whose names contain the text, then others."""
        return self._rows(
            "SELECT * FROM products ORDER BY instr(name, ?) = 0, id LIMIT ?", text, RESULTS
        )

    def orders(self, count: int) -> list[dict[str, Any]]:
        """Return the newest orders, newest first."""
        return self._rows("SELECT * FROM orders ORDER BY id DESC LIMIT ?", count)

    def order(self, number: int) -> dict[str, Any] | None:
        """Return one order; None if it was never placed or is too old to be kept."""
        return next(iter(self._rows("SELECT * FROM orders WHERE id = ?", number)), None)

    def place(self, product: int, quantity: int) -> dict[str, Any] | None:
        """Record an order and delete the oldest; return None if there is no such product."""
        product_row = self.product(product)
        if product_row is None:
            return None
        insert = "INSERT INTO orders (product, quantity, total_cents, placed) VALUES (?, ?, ?, ?) RETURNING *"
        [order] = self._rows(
            insert, product, quantity, quantity * product_row["price_cents"], time.time()
        )
        self._rows("DELETE FROM orders WHERE id <= ?", order["id"] - KEPT_ORDERS)
        return order

    def _rows(self, statement: str, *values: str | float) -> list[dict[str, Any]]:
        with self.pool.connection() as connection:
            return [dict(row) for row in connection.execute(statement, values).fetchall()]
