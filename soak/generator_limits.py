"""Limits beyond which the load generator is overloaded, for the generator rule and for a capacity search's steps."""

from __future__ import annotations

#: Share of one core from which a load process is busy: in a queue at 90%, a request waits nine times its own CPU
#: time.
BUSY = 0.9
#: Seconds of event-loop lag from which a load process lags: the interval of its own probe.
LAGGING = 0.05
