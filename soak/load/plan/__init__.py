"""What is to be driven, as plain data: the plan, its schedule and its division among processes."""
