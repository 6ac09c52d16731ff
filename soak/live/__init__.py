"""Views of a run in progress: counts in constant memory, the judgement so far, and the page and metrics that show them."""
