"""What load to drive, as plain data: the plan, its schedule and its division among processes."""
