"""What a store says about its models: tables at equal budget, comparisons of two, as text, JSON and CSV."""
