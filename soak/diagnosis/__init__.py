"""Find suspects from a target's profiles and a run's traffic: what leaks, where, and through which endpoint."""
