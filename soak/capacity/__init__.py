"""The capacity search: which rates to try, when a step is decided, and the overall result. No clock and no I/O."""
