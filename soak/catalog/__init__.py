"""What every known metric means: data only."""
