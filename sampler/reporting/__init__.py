"""Report on the models of a store: tables at equal budget and comparisons of two, as text, JSON and CSV."""
