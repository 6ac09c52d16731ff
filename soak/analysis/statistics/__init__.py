"""The statistics: floors, trends, warm-up shapes, noise models, counts."""
