"""Pure functions that measure runs, compare two sides, and judge each difference against its tolerance."""
