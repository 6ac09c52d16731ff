"""Flask under gunicorn: a page from a template, a cache, and a slow page."""

import os
import random
import time

from flask import Flask, render_template_string

app = Flask(__name__)
ENTRIES: dict[int, bytes] = {}
PAGE = "<ul>{% for line in lines %}<li>{{ line }}</li>{% endfor %}</ul>"


@app.get("/items/<int:number>")
def items(number: int) -> str:
    """Some kilobytes of HTML."""
    return render_template_string(
        PAGE, lines=[f"item {number}, line {line}" for line in range(100)]
    )


@app.get("/cached")
def cached() -> str:
    """One of 1,000 entries of four kilobytes, drawn at random and made when it is not there yet."""
    key = random.randrange(1000)
    if key not in ENTRIES:
        ENTRIES[key] = os.urandom(4096)
    return str(len(ENTRIES[key]))


@app.get("/slow")
def slow() -> str:
    """An answer that takes its time, as an overloaded service's does."""
    time.sleep(random.uniform(20, 45))
    return "done"
