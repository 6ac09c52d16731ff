"""Locust's own statistics stay small; in a process of its own, since importing Locust patches the process."""

import subprocess
import sys

CODE = """
from types import SimpleNamespace
from unittest import mock
import soak.load.measure.locust_stats as statistics
from soak.load.measure.counting import MAX_ENDPOINTS, MAX_KINDS
stats, runner = statistics.BoundedStatistics(), SimpleNamespace(exceptions={})
for number in range(3000):
    with mock.patch("time.time", return_value=1e9 + number):
        stats.log_request("GET", f"/{number}", 10, 100)
        stats.log_error("GET", f"/{number}", ValueError(f"wrong {number}"))
        runner.exceptions[number] = {}
        if number % 100 == 0:
            stats.prune(runner)
assert stats.total.num_requests == stats.num_failures == 3000
assert sum(entry.num_requests for entry in stats.entries.values()) == 3000
assert sum(error.occurrences for error in stats.errors.values()) == 3000, stats.errors
assert len(stats.entries) == MAX_ENDPOINTS + 1, len(stats.entries)
assert len(stats.errors) == MAX_KINDS + 1, len(stats.errors)
assert len(runner.exceptions) <= 2 * MAX_KINDS
assert len(stats.total.num_reqs_per_sec) <= 200, len(stats.total.num_reqs_per_sec)
"""


def test_names_errors_and_seconds_do_not_pile_up() -> None:
    result = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, result.stderr
