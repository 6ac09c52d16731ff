"""One file a rule: from prepared series to findings."""
