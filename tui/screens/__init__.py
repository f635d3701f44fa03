"""Screens: each arranges widgets, takes a snapshot by `show`, and holds what the reader has chosen on it."""
