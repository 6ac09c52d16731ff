"""From a target's profiles and a run's traffic to suspects: what leaks, where, through which endpoint."""
