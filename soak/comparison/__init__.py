"""Pure: runs measured, one side compared with another, and each difference judged against its tolerance."""
