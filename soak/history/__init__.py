"""The history of a profile's nightly runs: the result of each, what changed, and consecutive nights judged together."""
