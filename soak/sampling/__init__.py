"""Poll the target: the sources, and the schedule on which they are polled."""
