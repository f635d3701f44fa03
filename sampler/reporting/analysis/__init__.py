"""Analyse a study beyond its curves: costs of solutions, more samples, and which model to ask at which budget."""
