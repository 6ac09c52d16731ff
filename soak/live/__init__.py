"""A run while it goes on: counts in constant memory, the judgement so far, the page and the metrics that show them."""
