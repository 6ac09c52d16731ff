"""Statistics of series: floors, trends, warm-up shapes, noise models, counts."""
