"""Decide whether models got worse at equal budget, with one verdict that becomes an exit code."""
