"""When the load generator is under pressure, for the rule that judges it and for a capacity search's steps."""

from __future__ import annotations

#: Share of one core from which a load process is busy. Queueing: at 90% a request waits nine times its own CPU time.
BUSY = 0.9
#: Seconds of event-loop lag from which a load process is lagging: as long as its own probe rests between two looks.
LAGGING = 0.05
