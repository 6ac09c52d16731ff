"""From evidence to suspects: class, place, endpoint, amount, remedy."""
