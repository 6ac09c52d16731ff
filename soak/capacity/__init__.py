"""The capacity search: which rates to try, when a step is decided, and what the steps come to; pure, with no clock and no I/O."""
