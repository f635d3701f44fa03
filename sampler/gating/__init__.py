"""Whether models got worse at equal budget, decided by one verdict that is an exit code."""
