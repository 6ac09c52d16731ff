"""HTTP in front of PostgreSQL and Redis: one request here is one or two there, through each client's own pool."""

import itertools
import os
import random
import sys

import redis
from flask import Flask
from psycopg_pool import ConnectionPool
from waitress import serve

app = Flask(__name__)
store = redis.Redis(port=int(os.environ.get("REDIS_PORT", "6379")), max_connections=8)
LIFETIME = float(
    os.environ.get("LIFETIME", "3600")
)  # of a session, in seconds; the pool's own default
pool = (
    ConnectionPool(os.environ["POSTGRES"], min_size=8, max_size=8, max_lifetime=LIFETIME)
    if "POSTGRES" in os.environ
    else None
)
count = itertools.count()
ROWS = 20_000


@app.get("/row")
def row() -> str:
    """Read one row, and one time in four write it."""
    assert pool is not None
    key = random.randrange(ROWS)
    with pool.connection() as connection:
        item = connection.execute("SELECT text FROM items WHERE id = %s", [key]).fetchone()
        if random.random() < 0.25:
            connection.execute("UPDATE items SET seen = seen + 1 WHERE id = %s", [key])
    return str(item)


@app.get("/prepared")
def prepared() -> str:
    """Prepare a statement under a new name in a kept session, and never deallocate it."""
    assert pool is not None
    name, key = f"find_{next(count)}", random.randrange(ROWS)
    with pool.connection() as connection:
        connection.execute(f"PREPARE {name} AS SELECT text, seen FROM items WHERE id = $1")
        return str(connection.execute(f"EXECUTE {name}({key})").fetchone())


@app.get("/expiring")
def expiring() -> str:
    """A new key that lives for a minute."""
    store.set(f"session:{next(count)}", os.urandom(512).hex(), ex=60)
    return "stored"


@app.get("/ever-new/<int:size>")
def ever_new(size: int) -> str:
    """A new key that stays, unless the server evicts it."""
    store.set(f"page:{next(count)}", os.urandom(size // 2).hex())
    return "stored"


@app.get("/among/<int:keys>")
def among(keys: int) -> str:
    """One of so many keys, stored when it is not there yet."""
    key = f"item:{random.randrange(keys)}"
    if store.get(key) is None:
        store.set(key, os.urandom(512).hex())
    return "stored"


serve(app, host="127.0.0.1", port=int(sys.argv[1]), threads=8)
